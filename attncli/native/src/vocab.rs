//! Tokens and their ids: a hash table over their bytes.

use crate::counts::{hash, hash_short};
use crate::error::{Error, Result};
use crate::prefetch::prefetch;
use crate::tokens::Tokens;

const FREE: u32 = u32::MAX;
const FREE_SLOT: u64 = u64::MAX;
/// Tokens between the one whose slot is asked for and the one that is looked up: a table of 200,000 is larger than the
/// second-level cache.
const AHEAD: usize = 16;

/// Tokens, some of which can be looked up.
#[derive(Debug, Clone)]
pub struct Vocab {
    tokens: Tokens,
    /// The upper half of the token's hash, and its id: other tokens are seldom looked at.
    slots: Vec<u64>,
}

impl Vocab {
    /// No token can be looked up yet.
    pub fn new(tokens: Tokens) -> Result<Self> {
        if tokens.len() >= (FREE / 4) as usize {
            return Err(Error::Invalid("too many tokens".into()));
        }
        let slots = vec![FREE_SLOT; (tokens.len() * 2 + 1).next_power_of_two()];
        Ok(Self { tokens, slots })
    }

    /// All can be looked up; None where two are the same, empty ones aside, or where they are too many.
    pub fn of_distinct(tokens: Tokens) -> Option<Self> {
        let mut vocab = Self::new(tokens).ok()?;
        vocab.enter_all(|_| true).then_some(vocab)
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

    /// The tokens themselves.
    pub fn into_tokens(self) -> Tokens {
        self.tokens
    }

    /// Lets a token be looked up, unless it is empty; false where another of the same bytes is there already, which stays.
    pub fn enter(&mut self, id: u32) -> bool {
        self.enter_hashed(id, hash(self.token(id)) as u64)
    }

    /// The same of all ids that are `wanted`, in order; whether no two of them were the same.
    pub fn enter_all(&mut self, wanted: impl Fn(u32) -> bool) -> bool {
        let hashes = hashes(&self.tokens);
        let mut distinct = true;
        for id in self.ids() {
            if let Some(&hash) = hashes.get(id as usize + AHEAD) {
                prefetch(&self.slots, self.place(hash));
            }
            distinct &= !wanted(id) || self.enter_hashed(id, hashes[id as usize]);
        }
        distinct
    }

    fn enter_hashed(&mut self, id: u32, hash: u64) -> bool {
        if self.token(id).is_empty() {
            return true;
        }
        match self.find(self.token(id), hash) {
            (_, Some(_)) => false,
            (slot, None) => {
                self.slots[slot] = upper(hash) | u64::from(id);
                true
            }
        }
    }

    /// The id of a token that was entered.
    pub fn id(&self, token: &[u8]) -> Option<u32> {
        self.find(token, hash(token) as u64).1
    }

    /// The ids of many tokens.
    pub fn ids_of<'a>(&'a self, tokens: &'a Tokens) -> impl Iterator<Item = Option<u32>> + 'a {
        let hashes = hashes(tokens);
        (0..tokens.len()).map(move |index| {
            if let Some(&hash) = hashes.get(index + AHEAD) {
                prefetch(&self.slots, self.place(hash));
            }
            self.find(tokens.get(index), hashes[index]).1
        })
    }

    /// The slot of a token, or the free one where it belongs, and its id if it was entered.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // the lower half is the id
    fn find(&self, token: &[u8], hash: u64) -> (usize, Option<u32>) {
        let mut slot = self.place(hash);
        loop {
            let found = self.slots[slot];
            if found == FREE_SLOT {
                return (slot, None);
            }
            let id = found as u32;
            if upper(found) == upper(hash) && self.token(id) == token {
                return (slot, Some(id));
            }
            slot = (slot + 1) & (self.slots.len() - 1);
        }
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation)] // bits of a hash
    fn place(&self, hash: u64) -> usize {
        (hash ^ hash >> 32) as usize & (self.slots.len() - 1)
    }
}

/// The upper half; no id is `FREE`, so that it never makes a slot that is free.
#[inline]
fn upper(hash: u64) -> u64 {
    hash >> 32 << 32
}

/// `hash` of each.
fn hashes(tokens: &Tokens) -> Vec<u64> {
    let bytes = tokens.bytes();
    let mut start = 0;
    let hash_of = |&end: &u32| {
        let token = start..end as usize;
        start = end as usize;
        let hash = match (token.len(), bytes[token.start..].first_chunk()) {
            // Read with what stands behind it, which is cut off: a copy of a length that is not known takes longer.
            (length @ 1..=16, Some(&block)) => hash_short(
                u128::from_le_bytes(block) << (128 - 8 * length) >> (128 - 8 * length),
                length,
            ),
            _ => hash(&bytes[token]),
        };
        hash as u64
    };
    tokens.ends().iter().map(hash_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_are_hashed_as_each() {
        let mut tokens = Tokens::default();
        for length in (0..40).chain([0, 1, 15, 16, 17, 2]) {
            let token: Vec<u8> = (1..).take(length).collect();
            tokens.push(&token).unwrap();
        }
        let each: Vec<_> = tokens.iter().map(|token| hash(token) as u64).collect();
        assert_eq!(hashes(&tokens), each);
    }

    #[test]
    fn the_first_of_two_that_are_the_same_is_found() {
        let mut tokens = Tokens::default();
        let names: [&[u8]; 6] = [b"a", b"", b"bc", b"a", b"", b"cb"];
        names.iter().for_each(|name| tokens.push(name).unwrap());
        assert!(Vocab::of_distinct(tokens.clone()).is_none());
        let mut vocab = Vocab::new(tokens.clone()).unwrap();
        assert!(vocab.enter_all(|id| id != 0 && id != 5));
        let found: Vec<_> = vocab.ids_of(&tokens).collect();
        assert_eq!(found, [Some(3), None, Some(2), Some(3), None, None]);
        assert!(!vocab.enter(0));
        assert!(vocab.enter(5));
        assert_eq!((vocab.id(b"a"), vocab.id(b"cb")), (Some(3), Some(5)));
    }
}
