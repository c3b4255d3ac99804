//! Words and how often each occurs: u64 counts, added in parallel.

mod counter;
mod words;
mod workers;

use crate::error::Result;
use crate::split::unicode::char_at;
use crate::split::Splitter;
use counter::Counter;
use std::collections::BTreeSet;
use std::sync::Arc;
pub use words::{hash, Words};
use workers::Workers;

/// Texts smaller than this are counted on the calling thread: handing them over costs more.
const WORTH_A_THREAD: usize = 1 << 16;
/// Longer texts are cut.
const PART: usize = 1 << 20;

/// Counts the pieces of texts, on several threads where they are long.
#[derive(Debug)]
pub struct WordCounts {
    splitter: Splitter,
    threads: usize,
    /// What was counted on the calling thread, and all when the workers have been joined.
    counter: Counter,
    workers: Option<Workers>,
}

impl WordCounts {
    /// Nothing counted yet; `threads` is at least 1.
    pub fn new(splitter: Splitter, threads: usize) -> Self {
        Self {
            splitter,
            threads: threads.max(1),
            counter: Counter::new(),
            workers: None,
        }
    }

    /// The distinct pieces, and how many there were in all. Fails where a text given before could not be split.
    pub fn words(&mut self) -> Result<(&Words, u64)> {
        if let Some(workers) = self.workers.take() {
            for counter in workers.join()? {
                self.counter.join(counter);
            }
        }
        Ok(self.counter.settled())
    }

    /// Adds a word counted elsewhere.
    pub fn add_count(&mut self, word: &[u8], count: u64) {
        self.counter.add(word, count);
    }

    /// Splits a text and counts its pieces; with several threads it may be counted later, while the caller reads on.
    pub fn add(&mut self, text: impl AsRef<[u8]> + Send + Sync + 'static) -> Result<()> {
        let bytes = text.as_ref();
        if self.threads == 1 || bytes.len() < WORTH_A_THREAD {
            return self.counter.count(&self.splitter, bytes);
        }
        let text: workers::Text = Arc::new(text);
        let workers = self
            .workers
            .get_or_insert_with(|| Workers::start(&self.splitter, self.threads));
        let mut start = 0;
        let bytes = (*text).as_ref();
        while start < bytes.len() {
            let part = &bytes[start..bytes.len().min(start + PART)];
            let cut = self.splitter.safe_cut(part);
            // Without a safe cut in it, the rest stays whole.
            let last = start + part.len() == bytes.len() || cut == 0;
            let end = if last { bytes.len() } else { start + cut };
            if !workers.send(Arc::clone(&text), start..end) {
                return self.words().map(drop);
            }
            start = end;
        }
        Ok(())
    }

    /// The distinct characters of all words, in order; an invalid byte is U+FFFD.
    pub fn characters(&mut self) -> Result<BTreeSet<char>> {
        let mut found = BTreeSet::new();
        for (word, _) in self.words()?.0.iter() {
            let mut at = 0;
            while at < word.len() {
                let (length, character) = char_at(word, at);
                found.insert(character.unwrap_or(char::REPLACEMENT_CHARACTER));
                at += length;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
