//! The tokens known so far: their bytes and ids.

use super::Goal;
use crate::error::{Error, Result};
use crate::memory::{collect, grow, with_room};
use rustc_hash::FxHashMap;

/// Base symbols first, then what merges made.
pub struct Tokens {
    bytes: Vec<Vec<u8>>,
    ids: FxHashMap<Vec<u8>, u32>,
    by_bytes: bool,
}

impl Tokens {
    /// The alphabet. Fails where it holds a symbol twice, or lacks the end-of-word marker.
    pub fn new(goal: &Goal<'_>) -> Result<Self> {
        let mut ids = FxHashMap::default();
        for (id, symbol) in goal.alphabet.iter().enumerate() {
            let id = u32::try_from(id)
                .map_err(|_| Error::Invalid("the alphabet is too large".into()))?;
            if ids.insert(symbol.to_vec(), id).is_some() {
                return Err(Error::Invalid("the alphabet holds a symbol twice".into()));
            }
        }
        if goal
            .end_of_word
            .is_some_and(|marker| !ids.contains_key(marker))
        {
            return Err(Error::Invalid(
                "the end-of-word marker is not in the alphabet".into(),
            ));
        }
        Ok(Self {
            bytes: goal.alphabet.iter().map(|symbol| symbol.to_vec()).collect(),
            ids,
            by_bytes: is_byte_alphabet(&goal.alphabet),
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether words are bytes, else characters.
    pub fn by_bytes(&self) -> bool {
        self.by_bytes
    }

    /// The id of these bytes.
    pub fn id(&self, bytes: &[u8]) -> Option<u32> {
        self.ids.get(bytes).copied()
    }

    /// Whether the two together are no longer than allowed.
    pub fn fits(&self, left: u32, right: u32, most: Option<usize>) -> bool {
        most.is_none_or(|most| self.length(left) + self.length(right) <= most)
    }

    fn length(&self, id: u32) -> usize {
        let bytes = &self.bytes[id as usize];
        if self.by_bytes {
            bytes.len()
        } else {
            bytes.iter().filter(|&&byte| byte & 0xc0 != 0x80).count()
        }
    }

    /// The id of two tokens in one, and whether it is new: as Hugging Face's trainer does, a token that was made
    /// before in another way keeps its id.
    pub fn join(&mut self, left: u32, right: u32) -> Result<(u32, bool)> {
        // A token may be as long as the text.
        let [left, right] = [left, right].map(|id| &self.bytes[id as usize]);
        let length = left.len() + right.len();
        let whole = collect(left.iter().chain(right).copied(), length)?;
        if let Some(&id) = self.ids.get(&whole) {
            return Ok((id, false));
        }
        let id = u32::try_from(self.bytes.len())
            .map_err(|_| Error::Invalid("more than 2^32 tokens".into()))?;
        if self.ids.len() == self.ids.capacity() {
            with_room::<(Vec<u8>, u32)>(self.ids.try_reserve(1), self.ids.len() + 1)?;
        }
        grow(&mut self.bytes, 1)?;
        let key = collect(whole.iter().copied(), length)?;
        self.ids.insert(key, id);
        self.bytes.push(whole);
        Ok((id, true))
    }
}

/// Whether the alphabet is the 256 single bytes: then words are bytes, else characters.
pub fn is_byte_alphabet(alphabet: &[&[u8]]) -> bool {
    alphabet.len() == 256 && alphabet.iter().all(|symbol| symbol.len() == 1) && {
        let mut seen = [false; 256];
        for symbol in alphabet {
            seen[usize::from(symbol[0])] = true;
        }
        seen.iter().all(|&byte| byte)
    }
}
