//! Words met before and their ids: one table for short words, one for the others.
//!
//! Both are keyed by the whole word, so that an answer is never another word's.

use super::key::Key;
use super::learned::Learned;
use crate::prefetch::{prefetch, with_large_pages};

/// Most ids of a word in the short table.
pub const MOST_IDS: usize = 4;
/// Entries of the short table at first and at most (8 KiB and 16 MiB). It doubles when half full: a word met again
/// moves to where it is looked for first, so that few stand behind others for long.
const ENTRIES: [usize; 2] = [1 << 8, 1 << 19];
/// Slots of the long table at first and at most (12 KiB and 12 MiB); it is at most half full.
const SLOTS: [usize; 2] = [1 << 10, 1 << 20];
/// Bytes kept beside the tables after which both begin anew.
const MOST_KEPT: usize = 40 << 20;
/// The top two bits of the first id hold the number of ids, less one.
const COUNT_SHIFT: u32 = 30;
/// Ids from here on are not kept.
const MOST: u32 = 1 << COUNT_SHIFT;
/// In an entry's word: the ids are too many for the entry, which holds their place and number instead.
const ELSEWHERE: u128 = 1 << 127;

/// A short word and its ids: half a cache line. (A whole one, with twelve ids, took 1.13 times as long on English and
/// 0.9 times on multilingual text.)
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(32))]
pub struct Entry {
    /// The word's bytes, zeros, and in the last byte its length: 0 where there is none.
    word: u128,
    ids: [u32; MOST_IDS],
}

impl Entry {
    /// Numbers of which so many are the word's ids, where they are not elsewhere.
    #[inline(always)]
    fn few(&self) -> ([u32; MOST_IDS], usize) {
        let [first, second, third, fourth] = self.ids;
        (
            [first & (MOST - 1), second, third, fourth],
            1 + (first >> COUNT_SHIFT) as usize,
        )
    }
}

/// A long word.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    hash: u32,
    /// Where its bytes stand, and where its ids do.
    place: u32,
    ids: u32,
    /// 0 in an empty slot.
    length: u8,
    count: u8,
}

/// One thread's words.
#[derive(Debug, Clone)]
pub struct Cache {
    entries: Vec<Entry>,
    /// How many hold a word.
    filled: usize,
    slots: Vec<Slot>,
    taken: usize,
    /// Bytes of long words.
    bytes: Vec<u8>,
    /// Ids that no entry holds.
    ids: Vec<u32>,
    /// Words that were put here since they were last taken, where that is wanted.
    learned: Option<Learned>,
}

/// What is known of a word.
#[derive(Debug)]
pub enum Known<'c> {
    /// The first so many of these numbers are its ids.
    Few([u32; MOST_IDS], usize),
    /// Ids, of which the first so many are its own.
    Many(&'c [u32], usize),
}

impl Known<'_> {
    /// The word's ids.
    #[inline]
    pub fn ids(&self) -> &[u32] {
        match self {
            Self::Few(ids, count) => &ids[..*count],
            Self::Many(ids, count) => &ids[..*count],
        }
    }
}

impl Default for Cache {
    /// Empty, and small until it has met many words.
    fn default() -> Self {
        Self {
            entries: vec![Entry::default(); ENTRIES[0]],
            filled: 0,
            slots: Vec::new(),
            taken: 0,
            bytes: Vec::new(),
            ids: Vec::new(),
            learned: None,
        }
    }
}

impl Cache {
    /// Asks for the memory that the look-up will read first.
    #[inline(always)]
    pub fn prefetch(&self, key: Key) {
        if key.is_long() {
            let mask = self.slots.len().wrapping_sub(1);
            prefetch(&self.slots, key.hash as usize & mask);
        } else {
            prefetch(&self.entries, key.hash as usize & (self.entries.len() - 1));
        }
    }

    /// Asks for the memory that the look-up of a long word reads second.
    #[inline]
    pub fn prefetch_long(&self, hash: u32) {
        let mask = self.slots.len().wrapping_sub(1);
        if let Some(slot) = self.slots.get(hash as usize & mask) {
            prefetch(&self.bytes, slot.place as usize);
            prefetch(&self.ids, slot.ids as usize);
        }
    }

    /// Where short words are looked for.
    #[inline(always)]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Writes the ids of the first of these words to `found` as long as each stands where it is looked for first and
    /// has few. How many words that were, and how many ids.
    #[inline(always)]
    pub fn leading(&self, words: &[u128], hashes: &[u32], found: &mut [u32]) -> (usize, usize) {
        let entries = &self.entries[..];
        let mut count = 0;
        for (index, (&word, &hash)) in words.iter().zip(hashes).enumerate() {
            let entry = &entries[hash as usize & (entries.len() - 1)];
            let place = found.get_mut(count..count + MOST_IDS);
            match place {
                Some(place) if entry.word == word => {
                    // All four are stored, of which as many stay as the word has: a copy of a length that is not
                    // known costs more.
                    let (few, more) = entry.few();
                    place.copy_from_slice(&few);
                    count += more;
                }
                _ => return (index, count),
            }
        }
        (words.len(), count)
    }

    /// Puts a short word where it is looked for first, and the one that was there in its place: that one is still found,
    /// for all entries between are taken. So the words met most often come to stand where `leading` looks.
    #[inline]
    pub fn promote(&mut self, key: Key) {
        let mask = self.entries.len() - 1;
        let first = key.hash as usize & mask;
        let mut place = first;
        while self.entries[place].word != 0 {
            if self.entries[place].word == key.word {
                return self.entries.swap(first, place);
            }
            place = (place + 1) & mask;
        }
    }

    /// What is known of a word.
    #[inline]
    pub fn get(&self, key: Key, word: &[u8]) -> Option<Known<'_>> {
        if key.is_long() {
            return self.long(key, word);
        }
        let mask = self.entries.len() - 1;
        let mut place = key.hash as usize & mask;
        loop {
            let entry = &self.entries[place];
            if entry.word == key.word {
                let (few, count) = entry.few();
                return Some(Known::Few(few, count));
            }
            if entry.word == key.word | ELSEWHERE {
                let [from, count, ..] = entry.ids;
                return Some(Known::Many(&self.ids[from as usize..], count as usize));
            }
            if entry.word == 0 {
                return None;
            }
            place = (place + 1) & mask;
        }
    }

    #[inline]
    fn long(&self, key: Key, word: &[u8]) -> Option<Known<'_>> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut place = key.hash as usize & mask;
        loop {
            let slot = self.slots.get(place)?;
            if slot.length == 0 {
                return None;
            }
            if slot.hash == key.hash
                && self.bytes[slot.place as usize..].get(..usize::from(slot.length)) == Some(word)
            {
                let ids = &self.ids[slot.ids as usize..];
                return Some(Known::Many(ids, usize::from(slot.count)));
            }
            place = (place + 1) & mask;
        }
    }

    /// Appends the ids of a word that is here; whether it is.
    #[inline]
    pub fn append(&self, key: Key, word: &[u8], ids: &mut Vec<u32>) -> bool {
        let known = self.get(key, word);
        known
            .inspect(|known| ids.extend_from_slice(known.ids()))
            .is_some()
    }

    /// Keeps the ids of a word that is not here, unless either is too long.
    pub fn put(&mut self, key: Key, word: &[u8], ids: &[u32]) {
        let (Ok(length), Ok(count)) = (u8::try_from(word.len()), u8::try_from(ids.len())) else {
            return;
        };
        if ids.iter().any(|&id| id >= MOST) {
            return;
        }
        if let Some(learned) = &mut self.learned {
            learned.add(word, ids, length, count);
        }
        self.keep(key, word, ids, length, count);
    }

    /// Whether words that are put here are noted for others.
    pub fn note_learned(&mut self, wanted: bool) {
        self.learned = wanted.then(Learned::default);
    }

    /// What has been noted so far.
    pub fn take_learned(&mut self) -> Learned {
        self.learned
            .as_mut()
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// Keeps a word and its ids as another cache did, unless it is here.
    pub fn learn(&mut self, word: &[u8], ids: &[u32]) {
        let key = Key::of(word);
        let sizes = (u8::try_from(word.len()), u8::try_from(ids.len()));
        if let (None, (Ok(length), Ok(count))) = (self.get(key, word), sizes) {
            self.keep(key, word, ids, length, count);
        }
    }

    fn keep(&mut self, key: Key, word: &[u8], ids: &[u32], length: u8, count: u8) {
        let kept = self.bytes.len() + self.ids.len() * size_of::<u32>();
        if kept > MOST_KEPT || self.taken == SLOTS[1] / 2 {
            self.entries.fill(Entry::default());
            self.slots.fill(Slot::default());
            self.bytes.clear();
            self.ids.clear();
            (self.filled, self.taken) = (0, 0);
        }
        // Below MOST_KEPT and the longest word.
        let end = |length: usize| u32::try_from(length).unwrap_or(0);
        let from = end(self.ids.len());
        if key.is_long() {
            let place = end(self.bytes.len());
            self.bytes.extend_from_slice(word);
            self.ids.extend_from_slice(ids);
            self.put_long(Slot {
                hash: key.hash,
                place,
                ids: from,
                length,
                count,
            });
            return;
        }
        let (mut word, mut few) = (key.word, [0; MOST_IDS]);
        match ids.len() {
            1..=MOST_IDS => {
                few[..ids.len()].copy_from_slice(ids);
                few[0] |= u32::from(count - 1) << COUNT_SHIFT;
            }
            _ => {
                word |= ELSEWHERE;
                (few[0], few[1]) = (from, u32::from(count));
                self.ids.extend_from_slice(ids);
            }
        }
        self.put_short(Entry { word, ids: few });
    }

    fn put_short(&mut self, entry: Entry) {
        let room = self.entries.len();
        if self.filled * 2 >= room && room < ENTRIES[1] {
            let larger = empty(room * 2);
            for entry in std::mem::replace(&mut self.entries, larger) {
                if entry.word != 0 {
                    self.enter(entry);
                }
            }
        } else if self.filled * 4 >= room * 3 {
            // In the place of another: what was entered further on because of that one is still found.
            let place = Key::short(entry.word & !ELSEWHERE).hash as usize & (room - 1);
            self.filled += usize::from(self.entries[place].word == 0);
            self.entries[place] = entry;
            return;
        }
        self.filled += 1;
        self.enter(entry);
    }

    fn enter(&mut self, entry: Entry) {
        let mask = self.entries.len() - 1;
        let mut place = Key::short(entry.word & !ELSEWHERE).hash as usize & mask;
        while self.entries[place].word != 0 {
            place = (place + 1) & mask;
        }
        self.entries[place] = entry;
    }

    fn put_long(&mut self, slot: Slot) {
        if self.taken * 2 >= self.slots.len() {
            let larger = empty((self.slots.len() * 2).max(SLOTS[0]));
            for slot in std::mem::replace(&mut self.slots, larger) {
                if slot.length > 0 {
                    self.take(slot);
                }
            }
        }
        self.taken += 1;
        self.take(slot);
    }

    fn take(&mut self, slot: Slot) {
        let mask = self.slots.len() - 1;
        let mut place = slot.hash as usize & mask;
        while self.slots[place].length > 0 {
            place = (place + 1) & mask;
        }
        self.slots[place] = slot;
    }
}

/// A table with nothing in it.
fn empty<T: Clone + Default>(size: usize) -> Vec<T> {
    let mut table = with_large_pages(size);
    table.resize(size, T::default());
    table
}
