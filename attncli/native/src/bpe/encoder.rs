//! Encoding of texts: split, each word looked up or merged, texts spread over threads.

use super::cache::{Cache, Known};
use super::key::{Key, Keys, WINDOW};
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
        self.encoder_with(self.idle.lock().pop().unwrap_or_default())
    }

    /// As many, each with what an earlier one learned.
    pub fn encoders(&self, count: usize) -> Vec<Encoder<'_>> {
        let mut idle = self.idle.lock();
        let from = idle.len().saturating_sub(count);
        let mut states = idle.split_off(from);
        drop(idle);
        while states.len() < count {
            let known = states.first().map(|first| first.cache.clone());
            states.push(State {
                cache: known.unwrap_or_default(),
                ..State::default()
            });
        }
        states
            .into_iter()
            .map(|state| self.encoder_with(state))
            .collect()
    }

    fn encoder_with(&self, state: State) -> Encoder<'_> {
        Encoder {
            bpe: self,
            state,
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
    found: Found,
}

/// Ids on their way, and how many.
#[derive(Debug)]
struct Found {
    ids: Box<[u32; FOUND]>,
    count: usize,
}

impl Default for Found {
    fn default() -> Self {
        Self {
            ids: Box::new([0; FOUND]),
            count: 0,
        }
    }
}

impl Found {
    /// Adds a word's ids.
    #[inline(always)]
    fn add(&mut self, known: &Known<'_>, to: &mut Vec<u32>) {
        match *known {
            Known::Few(ids, count) => self.write(&ids, count, to),
            Known::Many(ids, count) => match ids.first_chunk::<AT_ONCE>() {
                Some(ids) if count <= AT_ONCE => self.write(ids, count, to),
                _ => {
                    self.flush(to);
                    to.extend_from_slice(&ids[..count]);
                }
            },
        }
    }

    /// All of `ids` are stored, of which as many stay as the word has: a copy of a length that is not known costs
    /// more.
    #[inline(always)]
    fn write<const N: usize>(&mut self, ids: &[u32; N], count: usize, to: &mut Vec<u32>) {
        if self.count > FOUND - N {
            self.flush(to);
        }
        self.ids[self.count..self.count + N].copy_from_slice(ids);
        self.count += count;
    }

    #[inline]
    fn flush(&mut self, to: &mut Vec<u32>) {
        to.extend_from_slice(&self.ids[..self.count]);
        self.count = 0;
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

impl Encoded {
    /// Adds the ids of the texts that follow.
    pub fn append(&mut self, next: &Self) {
        let before = self.ids.len();
        self.ids.extend_from_slice(&next.ids);
        self.ends.extend(next.ends.iter().map(|&end| before + end));
    }

    /// Whether nothing was encoded.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.ends.is_empty()
    }

    /// Forgets all, and keeps the memory.
    pub fn clear(&mut self) {
        self.ids.clear();
        self.ends.clear();
    }
}

/// Ids of a word that are copied whole.
const AT_ONCE: usize = 16;
/// Ids that are gathered before they go to the end of a vector.
const FOUND: usize = 1024;

/// Words that are to be looked up, and ends of texts.
#[derive(Default)]
pub struct Pending<'t> {
    keys: Keys,
    /// The long ones among them, and their hashes.
    long: Vec<(&'t [u8], u32)>,
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
        self.state.cache.note_learned(false);
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

    /// The words that it knows.
    pub(super) fn cache(&mut self) -> &mut Cache {
        &mut self.state.cache
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
        pending.keys.push(Key::END);
        if pending.keys.are_full() {
            self.look_up(pending, to);
        }
    }

    /// Appends the ids of one word, as the pattern cut it.
    pub fn word(&mut self, word: &[u8], ids: &mut Vec<u32>) {
        if word.is_empty() {
            return;
        }
        let key = Key::of(word);
        match self.state.cache.get(key, word) {
            Some(known) => ids.extend_from_slice(known.ids()),
            None => self.merge(word, key, ids),
        }
    }

    /// Appends the ids of the pending words.
    #[inline(never)]
    pub fn look_up(&mut self, pending: &mut Pending<'_>, to: &mut Encoded) {
        let count = pending.keys.count;
        let words = &pending.keys.words[..count];
        let hashes = &pending.keys.hashes[..count];
        for &(_, hash) in &pending.long {
            self.state.cache.prefetch_long(hash);
        }
        let mut long = pending.long.drain(..).map(|(word, _)| word);
        let mut at = 0;
        loop {
            let State { cache, found, .. } = &mut self.state;
            let (known, ids) =
                cache.leading(&words[at..], &hashes[at..], &mut found.ids[found.count..]);
            found.count += ids;
            at += known;
            let (Some(&word), Some(&hash)) = (words.get(at), hashes.get(at)) else {
                break;
            };
            at += 1;
            let key = Key { word, hash };
            if key == Key::END {
                found.flush(&mut to.ids);
                to.ids.extend(self.end_of_text);
                to.ends.push(to.ids.len());
                continue;
            }
            let (bytes, length) = key.bytes();
            let word = if key.is_long() {
                long.next().unwrap_or_default()
            } else {
                &bytes[..length]
            };
            if let Some(known) = cache.get(key, word) {
                let few = matches!(known, Known::Few(..));
                found.add(&known, &mut to.ids);
                if few {
                    cache.promote(key);
                }
            } else {
                found.flush(&mut to.ids);
                self.merge(word, key, &mut to.ids);
            }
        }
        drop(long);
        self.state.found.flush(&mut to.ids);
        pending.keys.count = 0;
    }

    /// A word that the cache does not hold.
    #[inline(never)]
    fn merge(&mut self, word: &[u8], key: Key, ids: &mut Vec<u32>) {
        let State { cache, merger, .. } = &mut self.state;
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

impl<'t> Words<'_, '_, 't> {
    #[inline(always)]
    fn look_up(&mut self) {
        if self.pending.keys.are_full() {
            self.encoder.look_up(self.pending, self.to);
        }
    }

    #[inline]
    fn push(&mut self, word: &'t [u8]) {
        let key = Key::of(word);
        self.encoder.state.cache.prefetch(key);
        if key.is_long() {
            self.pending.long.push((word, key.hash));
        }
        self.pending.keys.push(key);
    }
}

impl Pieces for Words<'_, '_, '_> {
    #[inline(always)]
    fn piece(&mut self, start: usize, end: usize) {
        // Places in a word are u32.
        if end - start >= NONE as usize {
            self.too_long = true;
            return;
        }
        self.push(&self.text[start..end]);
        self.look_up();
    }

    #[inline(always)]
    fn pieces(&mut self, start: usize, mut ends: u64) {
        // Words within a block and 16 bytes behind it need no look at the text's end.
        let Some(window) = self.text[start..].first_chunk::<WINDOW>() else {
            let mut at = start;
            while ends != 0 {
                let end = start + ends.trailing_zeros() as usize;
                self.piece(at, end);
                at = end;
                ends &= ends - 1;
            }
            return;
        };
        let mut from = 0;
        loop {
            let entries = self.encoder.state.cache.entries();
            (from, ends) = self.pending.keys.push_short(window, from, ends, entries);
            if ends == 0 {
                break;
            }
            let to = ends.trailing_zeros() as usize;
            self.push(&window[from..to]);
            ends &= ends - 1;
            from = to;
        }
        self.look_up();
    }
}
