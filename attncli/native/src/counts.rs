//! Words and how often each occurs: u64 counts, added in parallel.

use crate::error::Result;
use crate::split::unicode::char_at;
use crate::split::Splitter;
use std::collections::BTreeSet;

/// Texts smaller than this are counted on the calling thread: a thread costs more.
const WORTH_A_THREAD: usize = 1 << 18;
const EMPTY: u32 = u32::MAX;

/// A map from words to counts that keeps all words in one arena: 8 bytes and the word itself for each, beside a
/// table of u32 (a `HashMap<Box<[u8]>, u64>` takes 56 and two cache misses).
#[derive(Debug, Clone, Default)]
pub struct Words {
    arena: Vec<u8>,
    ends: Vec<usize>,
    counts: Vec<u64>,
    table: Vec<u32>,
}

impl Words {
    /// Distinct words.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether nothing has been counted.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The words with their counts, in the order of their first occurrence.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], u64)> {
        (0..self.len()).map(|index| (self.word(index), self.counts[index]))
    }

    /// Adds to one word's count.
    pub fn add(&mut self, word: &[u8], count: u64) {
        // At most two thirds full. 2^32 distinct words would be refused by `train` anyway.
        if self.table.len() * 2 <= self.len() * 3 {
            self.grow();
        }
        let slot = self.slot(word);
        if self.table[slot] == EMPTY {
            self.table[slot] = u32::try_from(self.len()).unwrap_or(EMPTY);
            self.arena.extend_from_slice(word);
            self.ends.push(self.arena.len());
            self.counts.push(count);
        } else {
            let total = &mut self.counts[self.table[slot] as usize];
            *total = total.saturating_add(count);
        }
    }

    fn word(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.arena[start..self.ends[index]]
    }

    /// The slot of a word, or the free one where it belongs.
    fn slot(&self, word: &[u8]) -> usize {
        let mask = self.table.len() - 1;
        let mut slot = hash(word) & mask;
        loop {
            let index = self.table[slot];
            if index == EMPTY || self.word(index as usize) == word {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self) {
        self.table = vec![EMPTY; (self.table.len() * 2).max(1024)];
        for index in 0..self.len() {
            let slot = self.slot(self.word(index));
            self.table[slot] = u32::try_from(index).unwrap_or(EMPTY);
        }
    }
}

/// A hash of a few instructions for 8 bytes (the multiply-and-rotate of FxHash, finished by a mix of the high bits).
#[allow(clippy::cast_possible_truncation)] // the low bits of a hash are what is wanted
pub fn hash(word: &[u8]) -> usize {
    const MULTIPLIER: u64 = 0x517c_c1b7_2722_0a95;
    let mut hash = word.len() as u64;
    let mut chunks = word.chunks_exact(8);
    for chunk in &mut chunks {
        let eight = chunk.try_into().map_or(0, u64::from_le_bytes);
        hash = (hash.rotate_left(5) ^ eight).wrapping_mul(MULTIPLIER);
    }
    let mut last = 0u64;
    for &byte in chunks.remainder() {
        last = last << 8 | u64::from(byte);
    }
    hash = (hash.rotate_left(5) ^ last).wrapping_mul(MULTIPLIER);
    (hash ^ hash >> 32) as usize
}

/// Counts the pieces of texts, on several threads where a text is long.
#[derive(Debug, Clone)]
pub struct WordCounts {
    splitter: Splitter,
    threads: usize,
    words: Words,
    total: u64,
}

impl WordCounts {
    /// Nothing counted yet; `threads` is at least 1.
    pub fn new(splitter: Splitter, threads: usize) -> Self {
        Self {
            splitter,
            threads: threads.max(1),
            words: Words::default(),
            total: 0,
        }
    }

    /// The distinct pieces.
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// Pieces counted in all.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Adds a word counted elsewhere.
    pub fn add_count(&mut self, word: &[u8], count: u64) {
        self.words.add(word, count);
        self.total = self.total.saturating_add(count);
    }

    /// Splits a text and counts its pieces.
    pub fn add(&mut self, text: &[u8]) -> Result<()> {
        let parts = self.parts(text);
        if let [only] = parts[..] {
            let total = count_into(&self.splitter, only, &mut self.words)?;
            self.total = self.total.saturating_add(total);
            return Ok(());
        }
        let splitter = &self.splitter;
        let counted: Vec<Result<(Words, u64)>> = std::thread::scope(|scope| {
            let workers: Vec<_> = parts
                .iter()
                .map(|part| {
                    scope.spawn(move || {
                        let mut words = Words::default();
                        let total = count_into(splitter, part, &mut words)?;
                        Ok((words, total))
                    })
                })
                .collect();
            workers
                .into_iter()
                .map(|worker| {
                    worker.join().unwrap_or_else(|_| {
                        Err(crate::error::Error::Invalid(
                            "a counting thread failed".into(),
                        ))
                    })
                })
                .collect()
        });
        for result in counted {
            let (words, total) = result?;
            for (word, count) in words.iter() {
                self.words.add(word, count);
            }
            self.total = self.total.saturating_add(total);
        }
        Ok(())
    }

    /// The text cut at safe places into about as many parts as there are threads.
    fn parts<'text>(&self, text: &'text [u8]) -> Vec<&'text [u8]> {
        let wanted = self.threads.min(text.len() / WORTH_A_THREAD + 1);
        let mut parts = Vec::with_capacity(wanted);
        let mut rest = text;
        for left in (2..=wanted).rev() {
            let cut = self.splitter.safe_cut(&rest[..rest.len() / left]);
            if cut > 0 {
                let (part, after) = rest.split_at(cut);
                parts.push(part);
                rest = after;
            }
        }
        parts.push(rest);
        parts
    }

    /// The distinct characters of all words, in order; an invalid byte is U+FFFD.
    pub fn characters(&self) -> BTreeSet<char> {
        let mut found = BTreeSet::new();
        for (word, _) in self.words.iter() {
            let mut at = 0;
            while at < word.len() {
                let (length, character) = char_at(word, at);
                found.insert(character.unwrap_or(char::REPLACEMENT_CHARACTER));
                at += length;
            }
        }
        found
    }
}

fn count_into(splitter: &Splitter, text: &[u8], words: &mut Words) -> Result<u64> {
    let mut total = 0;
    splitter.each(text, |start, end| {
        words.add(&text[start..end], 1);
        total += 1;
    })?;
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(threads: usize, text: &[u8]) -> Vec<(Vec<u8>, u64)> {
        let splitter = Splitter::new(r"\S+", true).unwrap();
        let mut counts = WordCounts::new(splitter, threads);
        counts.add(text).unwrap();
        let mut found: Vec<_> = counts
            .words()
            .iter()
            .map(|(word, n)| (word.to_vec(), n))
            .collect();
        found.sort();
        found
    }

    #[test]
    fn threads_change_nothing() {
        let text: Vec<u8> = (0..300_000u32)
            .flat_map(|n| format!("w{} ", n * n % 1009).into_bytes())
            .collect();
        assert_eq!(counts(1, &text), counts(3, &text));
        assert_eq!(
            counts(1, &text).iter().map(|(_, n)| n).sum::<u64>(),
            300_000
        );
    }

    #[test]
    fn a_word_more_is_seen() {
        assert_ne!(counts(1, b"a b a"), counts(1, b"a b a a"));
    }

    #[test]
    fn characters_hold_invalid_bytes_as_one() {
        let mut counts = WordCounts::new(Splitter::new("", false).unwrap(), 1);
        counts.add("bé\u{4e2d}".as_bytes()).unwrap();
        counts.add(b"\xff\xe4").unwrap();
        assert_eq!(
            counts.characters().into_iter().collect::<String>(),
            "bé中\u{fffd}"
        );
    }
}
