//! Encoding of texts: split, each word looked up or merged, texts spread over threads.

use super::cache::{long_hash, Cache, Key, MOST_IDS};
use super::merge::Merger;
use super::{Bpe, NONE};
use crate::error::{Error, Result};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes of text for which another thread pays.
const WORTH_A_THREAD: usize = 1 << 16;

impl Bpe {
    /// Encodes one text.
    pub fn encode(&self, text: &[u8]) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        self.encoder().encode(text, &mut ids)?;
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
        let mut encoder = self.encoder();
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

    /// An encoder for one thread, with what an earlier one learned.
    pub fn encoder(&self) -> Encoder<'_> {
        Encoder {
            bpe: self,
            state: self.idle.lock().pop().unwrap_or_default(),
        }
    }
}

/// What encoders at rest have learned: a later call goes on with it.
#[derive(Debug, Default)]
pub struct Idle(Mutex<Vec<State>>);

impl Idle {
    fn lock(&self) -> MutexGuard<'_, Vec<State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for Idle {
    /// A clone learns anew.
    fn clone(&self) -> Self {
        Self::default()
    }
}

#[derive(Debug, Default)]
struct State {
    cache: Cache,
    merger: Merger,
}

/// The ids of several texts, one after another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encoded {
    /// All ids.
    pub ids: Vec<u32>,
    /// Where each text's ids end.
    pub ends: Vec<usize>,
}

/// Words between being cut and being looked up: meanwhile the memory that tells their ids arrives.
const PENDING: usize = 64;

struct Pending {
    words: [(Key, usize, u32); PENDING],
    count: usize,
}

impl Default for Pending {
    fn default() -> Self {
        Self {
            words: [(Key::NONE, 0, 0); PENDING],
            count: 0,
        }
    }
}

impl Pending {
    /// Whether there is no more room after this one.
    #[inline]
    fn push(&mut self, start: usize, end: usize, key: Key) -> bool {
        if let Some(word) = self.words.get_mut(self.count) {
            *word = (key, start, u32::try_from(end - start).unwrap_or(NONE));
            self.count += 1;
        }
        self.count == PENDING
    }
}

/// One thread's working state; it goes back to the tokenizer when dropped.
pub struct Encoder<'a> {
    bpe: &'a Bpe,
    state: State,
}

impl Drop for Encoder<'_> {
    fn drop(&mut self) {
        self.bpe.idle.lock().push(std::mem::take(&mut self.state));
    }
}

impl Encoder<'_> {
    /// Appends a text's ids.
    pub fn encode(&mut self, text: &[u8], ids: &mut Vec<u32>) -> Result<()> {
        let bpe = self.bpe;
        let mut too_long = false;
        let mut pending = Pending::default();
        bpe.splitter.each(text, |start, end| {
            let key = Key::of(text, start, end);
            self.state.cache.prefetch(key);
            // Places in a word are u32.
            too_long |= end - start >= NONE as usize;
            if pending.push(start, end, key) && !too_long {
                self.look_up(text, &mut pending, ids);
            }
        })?;
        if too_long {
            return Err(Error::Invalid(
                "a word of 4 GiB or more; use a pattern that splits it".into(),
            ));
        }
        self.look_up(text, &mut pending, ids);
        Ok(())
    }

    /// Appends the ids of one word, as the pattern cut it.
    pub fn word(&mut self, word: &[u8], ids: &mut Vec<u32>) {
        if word.is_empty() {
            return self.bpe.symbols(word, ids);
        }
        let key = Key::of(word, 0, word.len());
        match self.state.cache.short(key) {
            Some((known, count)) => ids.extend_from_slice(&known[..count]),
            None => self.not_short(word, key, ids),
        }
    }

    /// Appends the ids of the pending words.
    #[inline(never)]
    fn look_up(&mut self, text: &[u8], pending: &mut Pending, ids: &mut Vec<u32>) {
        // Four ids are stored for each word, of which as many stay as it has: a copy of a length that is not known
        // costs more.
        let mut found = [0; PENDING * MOST_IDS];
        let mut count = 0;
        for &(key, start, length) in &pending.words[..pending.count] {
            match self.state.cache.short(key) {
                Some((known, more)) => {
                    found[count..count + MOST_IDS].copy_from_slice(&known);
                    count += more;
                }
                None => {
                    ids.extend_from_slice(&found[..count]);
                    count = 0;
                    self.not_short(&text[start..start + length as usize], key, ids);
                }
            }
        }
        ids.extend_from_slice(&found[..count]);
        pending.count = 0;
    }

    /// A word that the short table does not hold.
    #[inline(never)]
    fn not_short(&mut self, word: &[u8], key: Key, ids: &mut Vec<u32>) {
        let State { cache, merger } = &mut self.state;
        let hash = long_hash(word);
        if let Some(known) = hash.and_then(|hash| cache.long(word, hash)) {
            ids.extend_from_slice(known);
            return;
        }
        let from = ids.len();
        self.bpe.symbols(word, ids);
        merger.merge(&self.bpe.merges, ids, from);
        let kept = cache.put_short(key, &ids[from..]);
        if let (false, Some(hash)) = (kept, hash) {
            cache.put_long(word, hash, &ids[from..]);
        }
    }
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
