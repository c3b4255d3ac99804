//! BPE encoding: at each step the adjacent pair of lowest rank merges, the leftmost first.
//!
//! Short words merge by a scan for the lowest rank, long ones by a heap over a linked list; the words of running
//! text come from a cache.

mod cache;
mod merge;

use crate::counts::hash;
use crate::error::{Error, Result};
use crate::split::unicode::char_at;
use crate::split::Splitter;
use cache::Cache;
use merge::{Merger, Merges};
use rustc_hash::FxHashMap;

const NONE: u32 = u32::MAX;
/// Texts shorter than this are encoded with no cache: to clear it costs more than it saves.
const WORTH_A_CACHE: usize = 1 << 12;
/// Bytes of text for which another thread pays.
const WORTH_A_THREAD: usize = 1 << 16;

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
            merges.insert(left, right, rank, id);
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
        })
    }

    /// Encodes one text.
    pub fn encode(&self, text: &[u8]) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        self.encoder(text.len()).encode(text, &mut ids)?;
        Ok(ids)
    }

    /// Encodes many texts on up to `threads` threads: a list of (ids, end of each text in them), in order.
    pub fn encode_batch<T: AsRef<[u8]> + Sync>(
        &self,
        texts: &[T],
        threads: usize,
    ) -> Result<Vec<Encoded>> {
        let total: usize = texts.iter().map(|text| text.as_ref().len()).sum();
        let workers = threads.clamp(1, total / WORTH_A_THREAD + 1);
        if workers == 1 {
            return Ok(vec![self.encode_part(texts, total)?]);
        }
        let parts = split_evenly(texts, total, workers);
        std::thread::scope(|scope| {
            let running: Vec<_> = parts
                .into_iter()
                .map(|part| scope.spawn(move || self.encode_part(part, total / workers)))
                .collect();
            running
                .into_iter()
                .map(|worker| {
                    worker
                        .join()
                        .unwrap_or_else(|_| Err(Error::Invalid("an encoding thread failed".into())))
                })
                .collect()
        })
    }

    fn encode_part<T: AsRef<[u8]>>(&self, texts: &[T], size: usize) -> Result<Encoded> {
        let mut encoder = self.encoder(size);
        let mut encoded = Encoded {
            ids: Vec::with_capacity(size / 3),
            ends: Vec::with_capacity(texts.len()),
        };
        for text in texts {
            encoder.encode(text.as_ref(), &mut encoded.ids)?;
            encoded.ends.push(encoded.ids.len());
        }
        Ok(encoded)
    }

    fn encoder(&self, size: usize) -> Encoder<'_> {
        Encoder {
            bpe: self,
            cache: (size >= WORTH_A_CACHE).then(Cache::new),
            merger: Merger::default(),
        }
    }
}

/// The ids of several texts, one after another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoded {
    /// All ids.
    pub ids: Vec<u32>,
    /// Where each text's ids end.
    pub ends: Vec<usize>,
}

/// One thread's working state.
struct Encoder<'a> {
    bpe: &'a Bpe,
    cache: Option<Cache>,
    merger: Merger,
}

impl Encoder<'_> {
    fn encode(&mut self, text: &[u8], ids: &mut Vec<u32>) -> Result<()> {
        let bpe = self.bpe;
        let mut too_long = false;
        bpe.splitter.each(text, |start, end| {
            // Places in a word are u32.
            too_long |= end - start >= NONE as usize;
            if !too_long {
                self.word(&text[start..end], ids);
            }
        })?;
        if too_long {
            return Err(Error::Invalid(
                "a word of 4 GiB or more; use a pattern that splits it".into(),
            ));
        }
        Ok(())
    }

    fn word(&mut self, word: &[u8], ids: &mut Vec<u32>) {
        let bpe = self.bpe;
        if let (&[byte], None, None) = (word, &bpe.char_ids, bpe.end_of_word) {
            ids.push(bpe.byte_ids[usize::from(byte)]);
            return;
        }
        let from = ids.len();
        let place = hash(word);
        if let Some(cache) = &self.cache {
            if let Some(known) = cache.get(place, word) {
                ids.extend_from_slice(known);
                return;
            }
        }
        bpe.symbols(word, ids);
        self.merger.merge(&bpe.merges, ids, from);
        if let Some(cache) = &mut self.cache {
            cache.put(place, word, &ids[from..]);
        }
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

/// Consecutive parts of about the same number of bytes.
fn split_evenly<T: AsRef<[u8]>>(texts: &[T], total: usize, parts: usize) -> Vec<&[T]> {
    let mut found = Vec::with_capacity(parts);
    let (mut start, mut size) = (0, 0);
    for (index, text) in texts.iter().enumerate() {
        size += text.as_ref().len();
        if size > total / parts && found.len() + 1 < parts {
            found.push(&texts[start..=index]);
            (start, size) = (index + 1, 0);
        }
    }
    found.push(&texts[start..]);
    found
}

#[cfg(test)]
mod tests;
