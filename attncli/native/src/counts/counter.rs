//! One thread's counting.

use super::words::{hash_short, Words};
use crate::error::{Error, Result};
use crate::memory::filled;
use crate::split::Splitter;

/// Longer words are rare, and go to the large table at once.
const SHORT: usize = 15;
const RECENT_BITS: u32 = 14;

/// A table of all words, and before it a small one of recent words that stays in the second-level cache: most pieces
/// are found there.
#[derive(Debug)]
pub struct Counter {
    words: Words,
    recent: Vec<Recent>,
    total: u64,
    /// What went wrong inside a splitter's loop, which cannot be left.
    failed: Option<Error>,
}

/// A short word, how often it was met since it came here, and its number in the large table.
#[derive(Debug, Clone, Copy, Default)]
struct Recent {
    /// The bytes, zeros, and in the last byte the length; all zero where nothing is here.
    key: [u64; 2],
    count: u32,
    index: u32,
}

impl Counter {
    /// Nothing counted yet.
    pub fn new() -> Self {
        Self {
            words: Words::default(),
            recent: Vec::new(),
            total: 0,
            failed: None,
        }
    }

    /// Splits a text and counts its pieces.
    pub fn count(&mut self, splitter: &Splitter, text: &[u8]) -> Result<()> {
        if self.recent.is_empty() {
            self.recent = filled(Recent::default(), 1 << RECENT_BITS)?;
        }
        splitter.each(text, |start, end| self.piece(text, start, end))?;
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Adds a word counted elsewhere.
    pub fn add(&mut self, word: &[u8], count: u64) -> Result<()> {
        self.total = self.total.saturating_add(count);
        self.words.add(word, count)
    }

    /// Adds all that another has counted.
    pub fn join(&mut self, other: Self) -> Result<()> {
        let (words, total) = other.into_words();
        self.total = self.total.saturating_add(total);
        self.words.join(&words)
    }

    /// The words, all counts up to date.
    pub fn words(&mut self) -> &Words {
        self.settle();
        &self.words
    }

    /// How many pieces were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The words themselves, and how many pieces were counted.
    pub fn into_words(mut self) -> (Words, u64) {
        self.settle();
        (self.words, self.total)
    }

    /// Bytes that the words take.
    pub fn memory(&self) -> usize {
        self.words.memory()
    }

    fn settle(&mut self) {
        for recent in std::mem::take(&mut self.recent) {
            if recent.count > 0 {
                self.words.add_at(recent.index, u64::from(recent.count));
            }
        }
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation)] // halves and the low bits of a hash
    fn piece(&mut self, text: &[u8], start: usize, end: usize) {
        self.total += 1;
        let length = end - start;
        if length > SHORT {
            if let Err(error) = self.words.add(&text[start..end], 1) {
                self.failed = Some(error);
            }
            return;
        }
        let bytes = short(text, start, length);
        let key = [bytes as u64, (bytes >> 64) as u64 | (length as u64) << 56];
        let hash = hash_short(bytes, length);
        let at = hash >> (usize::BITS - RECENT_BITS);
        let recent = &mut self.recent[at];
        if recent.key == key && recent.count < u32::MAX {
            recent.count += 1;
            return;
        }
        self.replace(at, key, &text[start..end], hash);
    }

    /// Puts a word in another's place.
    #[inline(never)]
    fn replace(&mut self, at: usize, key: [u64; 2], word: &[u8], hash: usize) {
        let old = self.recent[at];
        if old.count > 0 {
            self.words.add_at(old.index, u64::from(old.count));
        }
        match self.words.index(word, hash) {
            Ok(index) => {
                self.recent[at] = Recent {
                    key,
                    count: 1,
                    index,
                }
            }
            Err(error) => {
                self.recent[at] = Recent::default();
                self.failed = Some(error);
            }
        }
    }
}

/// Up to 15 bytes of a text, zeros after them.
#[inline]
fn short(text: &[u8], start: usize, length: usize) -> u128 {
    if let Some(&block) = text[start..].first_chunk::<16>() {
        return u128::from_le_bytes(block) & ((1 << (8 * length)) - 1);
    }
    let mut block = [0; 16];
    block[..length].copy_from_slice(&text[start..start + length]);
    u128::from_le_bytes(block)
}
