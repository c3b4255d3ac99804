//! Encoding of texts: split, each word looked up or merged, texts spread over threads.

use super::cache::{Cache, Key, Known};
use super::merge::Merger;
use super::{Bpe, NONE};
use crate::error::{Error, Result};
use crate::split::block::BLOCK;
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
        let first = states.first().map(|state| state.cache.clone());
        states.resize_with(count, || State {
            cache: first.clone().unwrap_or_default(),
            ..State::default()
        });
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

/// Words between being cut and being looked up: meanwhile the memory that tells their ids arrives.
const PENDING: usize = 64;
/// Room for them, and for one more block's.
const ROOM: usize = PENDING + BLOCK;
/// Ids of a word that are copied whole.
const AT_ONCE: usize = 16;
/// Ids that are gathered before they go to the end of a vector.
const FOUND: usize = 1024;

/// Words, and the ends of texts as empty ones.
pub struct Pending<'t> {
    keys: [Key; ROOM],
    words: [&'t [u8]; ROOM],
    count: usize,
}

impl Default for Pending<'_> {
    fn default() -> Self {
        Self {
            keys: [Key::NONE; ROOM],
            words: [&[]; ROOM],
            count: 0,
        }
    }
}

impl<'t> Pending<'t> {
    #[inline(always)]
    fn push(&mut self, key: Key, word: &'t [u8]) {
        self.keys[self.count % ROOM] = key;
        self.words[self.count % ROOM] = word;
        self.count += 1;
    }

    /// Whether there may be no room for the words of a block.
    #[inline(always)]
    fn is_full(&self) -> bool {
        self.count >= PENDING
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
        pending.push(Key::NONE, &[]);
        if pending.is_full() {
            self.look_up(pending, to);
        }
    }

    /// Appends the ids of one word, as the pattern cut it.
    pub fn word(&mut self, word: &[u8], ids: &mut Vec<u32>) {
        if word.is_empty() {
            return;
        }
        let key = self.state.cache.key(word, 0, word.len());
        match self.state.cache.get(key, word) {
            Some(known) => ids.extend_from_slice(known.ids()),
            None => self.merge(word, key, ids),
        }
    }

    /// Appends the ids of the pending words.
    #[inline(never)]
    pub fn look_up(&mut self, pending: &mut Pending<'_>, to: &mut Encoded) {
        let keys = &pending.keys[..pending.count];
        let words = &pending.words[..pending.count];
        let mut at = 0;
        loop {
            let State { cache, found, .. } = &mut self.state;
            let (known, ids) = cache.leading(&keys[at..], &mut found.ids[found.count..]);
            found.count += ids;
            at += known;
            let (Some(&key), Some(&word)) = (keys.get(at), words.get(at)) else {
                break;
            };
            at += 1;
            if word.is_empty() {
                found.flush(&mut to.ids);
                to.ids.extend(self.end_of_text);
                to.ends.push(to.ids.len());
            } else if let Some(known) = cache.get(key, word) {
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
        self.state.found.flush(&mut to.ids);
        pending.count = 0;
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

impl Words<'_, '_, '_> {
    #[inline(always)]
    fn look_up(&mut self) {
        if self.pending.is_full() {
            self.encoder.look_up(self.pending, self.to);
        }
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
        let key = self.encoder.state.cache.key(self.text, start, end);
        self.pending.push(key, &self.text[start..end]);
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
        let cache = &self.encoder.state.cache;
        let mut from = 0;
        while ends != 0 {
            let to = ends.trailing_zeros() as usize;
            ends &= ends - 1;
            let key = cache.key_inside(window, from, to);
            self.pending.push(key, &window[from..to]);
            from = to;
        }
        self.look_up();
    }
}

/// A block, and as much behind it as is read at once.
const WINDOW: usize = BLOCK + 16;
