//! Tokens and their ids: a hash table over their bytes.

use crate::counts::hash;
use crate::error::{Error, Result};
use crate::tokens::Tokens;

const FREE: u32 = u32::MAX;

/// Tokens, some of which can be looked up.
#[derive(Debug, Clone)]
pub struct Vocab {
    tokens: Tokens,
    slots: Vec<u32>,
}

impl Vocab {
    /// No token can be looked up yet.
    pub fn new(tokens: Tokens) -> Result<Self> {
        if tokens.len() >= (FREE / 4) as usize {
            return Err(Error::Invalid("too many tokens".into()));
        }
        let slots = vec![FREE; (tokens.len() * 2 + 1).next_power_of_two()];
        Ok(Self { tokens, slots })
    }

    /// How many ids there are.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// All ids.
    pub fn ids(&self) -> impl Iterator<Item = u32> + use<> {
        (0..FREE).take(self.tokens.len())
    }

    /// The bytes of an id; none of an id that there is not.
    pub fn token(&self, id: u32) -> &[u8] {
        if (id as usize) < self.tokens.len() {
            self.tokens.get(id as usize)
        } else {
            &[]
        }
    }

    /// Lets a token be looked up, unless it is empty or another of the same bytes is there already.
    pub fn enter(&mut self, id: u32) {
        let token = self.token(id);
        if token.is_empty() {
            return;
        }
        let mask = self.slots.len() - 1;
        let mut slot = place(token) & mask;
        while self.slots[slot] != FREE {
            if self.token(self.slots[slot]) == self.token(id) {
                return;
            }
            slot = (slot + 1) & mask;
        }
        self.slots[slot] = id;
    }

    /// The id of a token that was entered.
    pub fn id(&self, token: &[u8]) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut slot = place(token) & mask;
        loop {
            match self.slots[slot] {
                FREE => return None,
                id if self.token(id) == token => return Some(id),
                _ => slot = (slot + 1) & mask,
            }
        }
    }
}

fn place(token: &[u8]) -> usize {
    let hash = hash(token);
    hash ^ hash >> 32
}
