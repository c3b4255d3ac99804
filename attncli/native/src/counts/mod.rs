//! Words and how often each occurs: u64 counts, added in parallel; in runs outside where memory is short.

mod counter;
mod runs;
mod words;
mod workers;

use crate::error::Result;
use crate::split::unicode::char_at;
use crate::split::Splitter;
use crate::train::WordSource;
use counter::Counter;
use std::collections::BTreeSet;
use std::sync::Arc;
use workers::Workers;

pub use runs::{Read, Run};
pub use words::{hash, hash_short, Words};

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
    runs: Vec<Run>,
    /// Pieces in the runs.
    spilled: u64,
}

/// Counted words that can be gone through: in no order where they are all in memory, else sorted.
#[derive(Debug)]
pub struct Counted {
    table: Words,
    runs: Vec<Run>,
}

impl WordSource for Counted {
    fn each(&self, word: &mut dyn FnMut(&[u8], u64) -> Result<()>) -> Result<()> {
        if self.runs.is_empty() {
            return self
                .table
                .iter()
                .try_for_each(|(bytes, count)| word(bytes, count));
        }
        runs::merge(&self.runs, std::slice::from_ref(&self.table), word)
    }
}

impl WordCounts {
    /// Nothing counted yet; `threads` is at least 1.
    pub fn new(splitter: Splitter, threads: usize) -> Self {
        Self {
            splitter,
            threads: threads.max(1),
            counter: Counter::new(),
            workers: None,
            runs: Vec::new(),
            spilled: 0,
        }
    }

    /// Splits a text and counts its pieces; with several threads it may be counted later, while the caller reads on.
    pub fn add(&mut self, text: impl AsRef<[u8]> + Send + Sync + 'static) -> Result<()> {
        let bytes = text.as_ref();
        if self.threads == 1 || bytes.len() < WORTH_A_THREAD {
            return self.counter.count(&self.splitter, bytes);
        }
        let text: workers::Text = Arc::new(text);
        let workers = match &mut self.workers {
            Some(workers) => workers,
            none => none.insert(Workers::start(&self.splitter, self.threads)?),
        };
        let mut start = 0;
        let bytes = (*text).as_ref();
        while start < bytes.len() {
            let part = &bytes[start..bytes.len().min(start + PART)];
            let cut = self.splitter.safe_cut(part);
            // Without a safe cut in it, the rest stays whole.
            let last = start + part.len() == bytes.len() || cut == 0;
            let end = if last { bytes.len() } else { start + cut };
            if !workers.send(Arc::clone(&text), start..end) {
                return self.join();
            }
            start = end;
        }
        Ok(())
    }

    /// Adds a word counted elsewhere.
    pub fn add_count(&mut self, word: &[u8], count: u64) -> Result<()> {
        self.counter.add(word, count)
    }

    /// Adds the words of a run that `spill` has written, and the number of pieces in it.
    pub fn add_run(&mut self, run: Run, pieces: u64) {
        self.runs.push(run);
        self.spilled = self.spilled.saturating_add(pieces);
    }

    /// Bytes that the words take which are in memory.
    pub fn memory(&self) -> usize {
        self.counter.memory() + self.workers.as_ref().map_or(0, Workers::memory)
    }

    /// Writes the words which are in memory as one sorted run, and forgets them: (bytes, pieces).
    pub fn spill(&mut self, out: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<(u64, u64)> {
        let mut counters = vec![std::mem::replace(&mut self.counter, Counter::new())];
        if let Some(workers) = self.workers.take() {
            counters.extend(workers.join()?);
        }
        let (tables, totals): (Vec<_>, Vec<_>) = counters
            .into_iter()
            .map(|counter| {
                let (words, total) = counter.into_words();
                (words.into_list(), total)
            })
            .unzip();
        let pieces = totals.into_iter().fold(0, u64::saturating_add);
        Ok((runs::write(&tables, out)?, pieces))
    }

    /// Goes through all words, each once; sorted where `sorted` or where there are runs. Fails where a text given
    /// before could not be split.
    pub fn each(
        &mut self,
        sorted: bool,
        word: &mut dyn FnMut(&[u8], u64) -> Result<()>,
    ) -> Result<()> {
        self.join()?;
        let words = self.counter.words();
        if self.runs.is_empty() && !sorted {
            return words
                .iter()
                .try_for_each(|(bytes, count)| word(bytes, count));
        }
        runs::merge(&self.runs, std::slice::from_ref(words), word)
    }

    /// The distinct pieces.
    pub fn distinct(&mut self) -> Result<usize> {
        self.join()?;
        if self.runs.is_empty() {
            return Ok(self.counter.words().len());
        }
        let mut distinct = 0;
        self.each(false, &mut |_, _| {
            distinct += 1;
            Ok(())
        })?;
        Ok(distinct)
    }

    /// Pieces counted in all.
    pub fn total(&mut self) -> Result<u64> {
        self.join()?;
        Ok(self.counter.total().saturating_add(self.spilled))
    }

    /// All that was counted; nothing stays.
    pub fn take(&mut self) -> Result<Counted> {
        self.join()?;
        let counter = std::mem::replace(&mut self.counter, Counter::new());
        self.spilled = 0;
        Ok(Counted {
            table: counter.into_words().0.into_list(),
            runs: std::mem::take(&mut self.runs),
        })
    }

    /// The distinct characters of all words, in order; an invalid byte is U+FFFD.
    pub fn characters(&mut self) -> Result<BTreeSet<char>> {
        let mut found = BTreeSet::new();
        self.each(false, &mut |word, _| {
            let mut at = 0;
            while at < word.len() {
                let (length, character) = char_at(word, at);
                found.insert(character.unwrap_or(char::REPLACEMENT_CHARACTER));
                at += length;
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Waits for the workers and adds up what they have counted.
    fn join(&mut self) -> Result<()> {
        if let Some(workers) = self.workers.take() {
            for counter in workers.join()? {
                self.counter.join(counter)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
