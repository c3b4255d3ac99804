//! BPE encoding: at each step the adjacent pair of lowest rank merges, the leftmost first.
//!
//! Short words merge by a scan for the lowest rank, long ones by a heap over a linked list; the words of running
//! text come from a cache.

pub mod batch;
mod cache;
pub mod derive;
mod encoder;
mod merge;
mod prefetch;

use crate::error::{Error, Result};
use crate::split::unicode::char_at;
use crate::split::Splitter;
use encoder::Idle;
use merge::Merges;
use rustc_hash::FxHashMap;

pub use encoder::Encoded;

const NONE: u32 = u32::MAX;
/// A BPE tokenizer's tables.
#[derive(Debug, Clone)]
pub struct Bpe {
    splitter: Splitter,
    merges: Merges,
    /// Id of each byte that is a symbol of its own.
    byte_ids: [u32; 256],
    /// Ids of the other base symbols (characters), where the base is not bytes.
    char_ids: Option<FxHashMap<char, u32>>,
    end_of_word: Option<u32>,
    unknown: Option<u32>,
    entries: usize,
    idle: Idle,
}

/// What a tokenizer file says.
#[derive(Debug, Clone)]
pub struct Tables<'a> {
    /// Bytes of each id.
    pub tokens: Vec<&'a [u8]>,
    /// (left, right) by rank.
    pub merges: Vec<(u32, u32)>,
    /// Whether the base symbols are the 256 bytes (else characters).
    pub byte_level: bool,
    /// One more symbol after each piece.
    pub end_of_word: Option<&'a [u8]>,
    /// What an unknown character becomes.
    pub unknown: Option<u32>,
    /// Ids that plain text never encodes to.
    pub special: Vec<u32>,
}

impl Bpe {
    /// Checks and compiles the tables.
    pub fn new(splitter: Splitter, tables: &Tables<'_>) -> Result<Self> {
        let count = u32::try_from(tables.tokens.len())
            .map_err(|_| Error::Invalid("too many tokens".into()))?;
        let mut ids: FxHashMap<&[u8], u32> = FxHashMap::default();
        ids.reserve(tables.tokens.len());
        let mut special = tables.special.clone();
        special.sort_unstable();
        for (id, token) in (0..count).zip(&tables.tokens) {
            if !token.is_empty() && special.binary_search(&id).is_err() {
                ids.entry(token).or_insert(id);
            }
        }
        let lengths = tables
            .byte_level
            .then(|| tables.tokens.iter().map(|token| token.len()).collect());
        let mut merges = Merges::with_capacity(tables.merges.len(), lengths);
        for (rank, &(left, right)) in (0..u32::MAX).zip(&tables.merges) {
            if left >= count || right >= count {
                return Err(Error::Invalid(format!(
                    "merge {rank} names an id that is not in the vocabulary"
                )));
            }
            let whole = [tables.tokens[left as usize], tables.tokens[right as usize]].concat();
            let Some(&id) = ids.get(&whole[..]) else {
                return Err(Error::Invalid(format!(
                    "merge {rank} makes '{}', which is not in the vocabulary",
                    String::from_utf8_lossy(&whole)
                )));
            };
            if !merges.insert(left, right, id) {
                return Err(Error::Invalid("too many merges".into()));
            }
        }
        let mut byte_ids = [NONE; 256];
        for (byte, slot) in (0..=255u8).zip(&mut byte_ids) {
            *slot = ids.get(&[byte][..]).copied().unwrap_or(NONE);
            if tables.byte_level && *slot == NONE {
                return Err(Error::Invalid(format!(
                    "byte {byte:#04x} is not in the vocabulary"
                )));
            }
        }
        let char_ids = (!tables.byte_level).then(|| characters(&ids));
        let end_of_word = match tables.end_of_word {
            None => None,
            Some(marker) => Some(*ids.get(marker).ok_or_else(|| {
                Error::Invalid("the end-of-word marker is not in the vocabulary".into())
            })?),
        };
        Ok(Self {
            splitter,
            merges,
            byte_ids,
            char_ids,
            end_of_word,
            unknown: tables.unknown,
            entries: tables.tokens.len(),
            idle: Idle::default(),
        })
    }
}

impl Bpe {
    /// Appends a word's base symbols.
    fn symbols(&self, word: &[u8], ids: &mut Vec<u32>) {
        match &self.char_ids {
            None => ids.extend(word.iter().map(|&byte| self.byte_ids[usize::from(byte)])),
            Some(char_ids) => {
                let mut at = 0;
                while at < word.len() {
                    let (length, character) = char_at(word, at);
                    let character = character.unwrap_or(char::REPLACEMENT_CHARACTER);
                    ids.extend(char_ids.get(&character).copied().or(self.unknown));
                    at += length;
                }
            }
        }
        ids.extend(self.end_of_word);
    }
}

/// The tokens that are one character.
fn characters(ids: &FxHashMap<&[u8], u32>) -> FxHashMap<char, u32> {
    ids.iter()
        .filter_map(|(token, &id)| match char_at(token, 0) {
            (length, Some(character)) if length == token.len() => Some((character, id)),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests;
