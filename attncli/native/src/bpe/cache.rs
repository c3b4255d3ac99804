//! Words met before and their ids: one table for short words, one for the others.
//!
//! Both are keyed by the whole word, so that an answer is never another word's.

use super::prefetch::prefetch;
use crate::counts::hash;

/// Longest word of the short table: with its length it fills 16 bytes.
const SHORT: usize = 15;
/// Most ids of a word in the short table.
pub const MOST_IDS: usize = 4;
/// Longest word of the long table, and its most ids.
const LONG: usize = 255;
/// Entries of the short table at first and at most (8 KiB and 16 MiB); it is at most half full.
const ENTRIES: [usize; 2] = [1 << 8, 1 << 19];
/// Slots of the long table at first and at most (16 KiB and 16 MiB); it is at most half full.
const SLOTS: [usize; 2] = [1 << 10, 1 << 20];
/// Bytes and ids of long words after which the long table begins anew.
const MOST_KEPT: [usize; 2] = [1 << 24, 1 << 23];
/// The top two bits of the first id hold the number of ids, less one.
const COUNT_SHIFT: u32 = 30;

/// A short word and its ids: half a cache line.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(32))]
struct Entry {
    /// The word's bytes, zeros, and in the last byte its length: 0 where there is none.
    word: u128,
    ids: [u32; MOST_IDS],
}

/// A long word: where its bytes and its ids stand.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    hash: u32,
    bytes: u32,
    ids: u32,
    /// 0 in an empty slot.
    length: u8,
    count: u8,
}

/// One thread's words.
#[derive(Debug)]
pub struct Cache {
    entries: Vec<Entry>,
    /// How many hold a word.
    filled: usize,
    slots: Vec<Slot>,
    taken: usize,
    bytes: Vec<u8>,
    ids: Vec<u32>,
}

/// A word as the short table's key.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    word: u128,
    hash: u32,
}

/// `KEEP[n]` keeps the first n bytes.
const KEEP: [u128; SHORT + 1] = {
    let mut masks = [0; SHORT + 1];
    let mut length = 1;
    while length <= SHORT {
        masks[length] = masks[length - 1] << 8 | 0xff;
        length += 1;
    }
    masks
};

impl Key {
    /// What no word of the table has.
    pub const NONE: Self = Self {
        word: u128::MAX,
        hash: 0,
    };

    /// The key of `text[start..end]`, which is not empty; `NONE` for a long word.
    #[inline(always)]
    pub fn of(text: &[u8], start: usize, end: usize) -> Self {
        let length = end - start;
        let Some(keep) = KEEP.get(length) else {
            return Self::NONE;
        };
        let bytes = match text[start..].first_chunk() {
            Some(sixteen) => u128::from_le_bytes(*sixteen) & keep,
            None => {
                let mut sixteen = [0; 16];
                sixteen[..length].copy_from_slice(&text[start..end]);
                u128::from_le_bytes(sixteen)
            }
        };
        Self::new(bytes | (length as u128) << 120)
    }

    /// The hash: both halves of a product of two numbers that each depend on half the word.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation)] // halves of a u128
    fn new(word: u128) -> Self {
        let (low, high) = (word as u64, (word >> 64) as u64);
        let product = u128::from(low ^ 0x9e37_79b9_7f4a_7c15)
            * u128::from(high.rotate_left(32) ^ 0xe703_7ed1_a0b4_28db);
        let hash = (product as u64 ^ (product >> 64) as u64) as u32;
        Self { word, hash }
    }

    /// Whether the word is too long for the table.
    pub fn is_none(self) -> bool {
        self.word == u128::MAX
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
        }
    }
}

impl Cache {
    /// Asks for the memory that `short` will read.
    #[inline]
    pub fn prefetch(&self, key: Key) {
        prefetch(&self.entries, key.hash as usize & (self.entries.len() - 1));
    }

    /// The ids of a short word and how many they are; none where it is not here.
    #[inline]
    pub fn short(&self, key: Key) -> Option<([u32; MOST_IDS], usize)> {
        let mask = self.entries.len() - 1;
        let mut place = key.hash as usize & mask;
        loop {
            let entry = &self.entries[place];
            if entry.word == key.word {
                let mut ids = entry.ids;
                ids[0] &= !(3 << COUNT_SHIFT);
                return Some((ids, 1 + (entry.ids[0] >> COUNT_SHIFT) as usize));
            }
            if entry.word == 0 {
                return None;
            }
            place = (place + 1) & mask;
        }
    }

    /// Keeps a short word that is not here yet; false where it is too long or has too many ids.
    pub fn put_short(&mut self, key: Key, ids: &[u32]) -> bool {
        if key.is_none() {
            return false;
        }
        let Some(count @ 0..=3) = ids.len().checked_sub(1) else {
            return false;
        };
        if ids[0] >> COUNT_SHIFT != 0 {
            return false;
        }
        let mut entry = Entry {
            word: key.word,
            ids: [0; MOST_IDS],
        };
        entry.ids[..ids.len()].copy_from_slice(ids);
        // At most 3.
        entry.ids[0] |= u32::try_from(count).unwrap_or(0) << COUNT_SHIFT;
        if self.filled * 2 >= self.entries.len() {
            if self.entries.len() >= ENTRIES[1] {
                // In the place of another: what was entered further on because of that one is still found.
                let place = key.hash as usize & (self.entries.len() - 1);
                self.filled += usize::from(self.entries[place].word == 0);
                self.entries[place] = entry;
                return true;
            }
            let larger = vec![Entry::default(); (self.entries.len() * 4).min(ENTRIES[1])];
            for entry in std::mem::replace(&mut self.entries, larger) {
                if entry.word != 0 {
                    self.enter(entry);
                }
            }
        }
        self.filled += 1;
        self.enter(entry);
        true
    }

    fn enter(&mut self, entry: Entry) {
        let mask = self.entries.len() - 1;
        let mut place = Key::new(entry.word).hash as usize & mask;
        while self.entries[place].word != 0 {
            place = (place + 1) & mask;
        }
        self.entries[place] = entry;
    }

    /// The ids of a long word, or of a short one of many ids.
    #[inline]
    pub fn long(&self, word: &[u8], hash: u32) -> Option<&[u32]> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut place = hash as usize & mask;
        loop {
            let slot = self.slots.get(place)?;
            if slot.length == 0 {
                return None;
            }
            if slot.hash == hash && usize::from(slot.length) == word.len() {
                let (bytes, ids) = (slot.bytes as usize, slot.ids as usize);
                if &self.bytes[bytes..bytes + word.len()] == word {
                    return Some(&self.ids[ids..ids + usize::from(slot.count)]);
                }
            }
            place = (place + 1) & mask;
        }
    }

    /// Keeps a word that is not in the long table yet.
    pub fn put_long(&mut self, word: &[u8], hash: u32, ids: &[u32]) {
        let (Ok(length @ 1..), Ok(count)) = (u8::try_from(word.len()), u8::try_from(ids.len()))
        else {
            return;
        };
        if self.taken == SLOTS[1] / 2
            || self.bytes.len() + word.len() > MOST_KEPT[0]
            || self.ids.len() + ids.len() > MOST_KEPT[1]
        {
            self.slots.fill(Slot::default());
            self.bytes.clear();
            self.ids.clear();
            self.taken = 0;
        }
        if self.taken * 2 >= self.slots.len() {
            let larger = vec![Slot::default(); (self.slots.len() * 4).max(SLOTS[0])];
            for slot in std::mem::replace(&mut self.slots, larger) {
                if slot.length > 0 {
                    self.take(slot);
                }
            }
        }
        // Both lie below the most that is kept.
        let place = |length: usize| u32::try_from(length).unwrap_or(0);
        self.take(Slot {
            hash,
            bytes: place(self.bytes.len()),
            ids: place(self.ids.len()),
            length,
            count,
        });
        self.taken += 1;
        self.bytes.extend_from_slice(word);
        self.ids.extend_from_slice(ids);
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

/// The hash for the long table; none for a word that is too long for it.
#[inline]
#[allow(clippy::cast_possible_truncation)] // any bits of a hash will do
pub fn long_hash(word: &[u8]) -> Option<u32> {
    (word.len() <= LONG).then(|| hash(word) as u32)
}
