//! Encoding of texts: split, each word looked up or merged, texts spread over threads.

use super::cache::{Cache, Entry, Key, MOST_IDS};
use super::merge::Merger;
use super::{Bpe, NONE};
use crate::error::{Error, Result};
use crate::split::Pieces;
use std::sync::{Mutex, MutexGuard, PoisonError};

impl Bpe {
    /// Encodes one text.
    pub fn encode(&self, text: &[u8]) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        self.encoder().encode(text, &mut ids)?;
        Ok(ids)
    }

    /// An encoder for one thread, with what an earlier one learned.
    pub fn encoder(&self) -> Encoder<'_> {
        Encoder {
            bpe: self,
            state: self.idle.lock().pop().unwrap_or_default(),
            end_of_text: None,
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

/// Words, and the ends of texts as empty ones.
pub struct Pending<'t> {
    words: [(Key, &'t [u8]); PENDING],
    count: usize,
}

impl Default for Pending<'_> {
    fn default() -> Self {
        Self {
            words: [(Key::NONE, &[]); PENDING],
            count: 0,
        }
    }
}

impl<'t> Pending<'t> {
    /// Whether there is no more room after this one.
    #[inline(always)]
    fn push(&mut self, key: Key, word: &'t [u8]) -> bool {
        if let Some(place) = self.words.get_mut(self.count) {
            *place = (key, word);
            self.count += 1;
        }
        self.count == PENDING
    }
}

/// One thread's working state; it goes back to the tokenizer when dropped.
pub struct Encoder<'a> {
    bpe: &'a Bpe,
    state: State,
    /// An id after each text.
    pub end_of_text: Option<u32>,
}

impl Drop for Encoder<'_> {
    fn drop(&mut self) {
        self.bpe.idle.lock().push(std::mem::take(&mut self.state));
    }
}

impl<'a> Encoder<'a> {
    /// The tables.
    pub(super) fn bpe(&self) -> &'a Bpe {
        self.bpe
    }

    /// Whether texts are cut here, and not words as they come.
    pub fn splits(&self) -> bool {
        self.bpe.splits()
    }

    /// Appends a text's ids.
    pub fn encode(&mut self, text: &[u8], ids: &mut Vec<u32>) -> Result<()> {
        let mut to = Encoded {
            ids: std::mem::take(ids),
            ends: Vec::new(),
        };
        let mut pending = Pending::default();
        let done = self.split(text, 0, text.len(), &mut pending, &mut to);
        self.look_up(&mut pending, &mut to);
        *ids = to.ids;
        done
    }

    /// Appends the ids of `text[start..end]`; its last words may stay pending.
    #[inline]
    pub fn split<'t>(
        &mut self,
        text: &'t [u8],
        start: usize,
        end: usize,
        pending: &mut Pending<'t>,
        to: &mut Encoded,
    ) -> Result<()> {
        let splitter = &self.bpe.splitter;
        let mut words = Words {
            text,
            encoder: self,
            pending,
            to,
            too_long: false,
        };
        splitter.each_within(text, start, end, &mut words)?;
        if words.too_long {
            return Err(Error::Invalid(
                "a word of 4 GiB or more; use a pattern that splits it".into(),
            ));
        }
        Ok(())
    }

    /// A text ends here.
    #[inline]
    pub fn end(&mut self, pending: &mut Pending<'_>, to: &mut Encoded) {
        if pending.push(Key::NONE, &[]) {
            self.look_up(pending, to);
        }
    }

    /// Appends the ids of one word, as the pattern cut it.
    pub fn word(&mut self, word: &[u8], ids: &mut Vec<u32>) {
        if word.is_empty() {
            return;
        }
        let cache = &self.state.cache;
        let key = cache.key(word, 0, word.len());
        match cache.short(key).map(|entry| (entry.few(), entry)) {
            Some((Some((few, count)), _)) => ids.extend_from_slice(&few[..count]),
            Some((None, entry)) => ids.extend_from_slice(cache.many(entry)),
            None => self.not_short(word, key, ids),
        }
    }

    /// Appends the ids of the pending words.
    #[inline(never)]
    pub fn look_up(&mut self, pending: &mut Pending<'_>, to: &mut Encoded) {
        // Four ids are stored for each word, of which as many stay as it has: a copy of a length that is not known
        // costs more.
        let mut found = [0; PENDING * MOST_IDS];
        let mut count = 0;
        for &(key, word) in &pending.words[..pending.count] {
            let entry = self.state.cache.short(key);
            if let Some((few, more)) = entry.and_then(Entry::few) {
                found[count..count + MOST_IDS].copy_from_slice(&few);
                count += more;
                continue;
            }
            to.ids.extend_from_slice(&found[..count]);
            count = 0;
            if let Some(entry) = entry {
                to.ids.extend_from_slice(self.state.cache.many(entry));
            } else if word.is_empty() {
                to.ids.extend(self.end_of_text);
                to.ends.push(to.ids.len());
            } else {
                self.not_short(word, key, &mut to.ids);
            }
        }
        to.ids.extend_from_slice(&found[..count]);
        pending.count = 0;
    }

    /// A word that the short table does not hold.
    #[inline(never)]
    fn not_short(&mut self, word: &[u8], key: Key, ids: &mut Vec<u32>) {
        let State { cache, merger } = &mut self.state;
        if let Some(known) = cache.long(key, word) {
            ids.extend_from_slice(known);
            return;
        }
        let from = ids.len();
        self.bpe.symbols(word, ids);
        merger.merge(&self.bpe.merges, ids, from);
        cache.put(key, word, &ids[from..]);
    }
}

/// Pieces on their way to the pending words.
struct Words<'e, 'b, 't> {
    text: &'t [u8],
    encoder: &'e mut Encoder<'b>,
    pending: &'e mut Pending<'t>,
    to: &'e mut Encoded,
    too_long: bool,
}

impl Pieces for Words<'_, '_, '_> {
    #[inline(always)]
    fn piece(&mut self, start: usize, end: usize) {
        let key = self.encoder.state.cache.key(self.text, start, end);
        // Places in a word are u32.
        self.too_long |= end - start >= NONE as usize;
        if self.pending.push(key, &self.text[start..end]) && !self.too_long {
            self.encoder.look_up(self.pending, self.to);
        }
    }
}
