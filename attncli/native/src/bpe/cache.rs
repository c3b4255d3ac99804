//! Words met before and their ids: one table for short words, one for the others.
//!
//! Both are keyed by the whole word, so that an answer is never another word's.

use crate::counts::hash;

/// Longest word of the short table: with its length it fills 16 bytes.
const SHORT: usize = 15;
/// Most ids of a word in the short table.
const MOST_IDS: usize = 4;
/// Longest word of the long table, and its most ids.
const LONG: usize = 255;
/// Buckets of the short table at first (16 KiB) and at most (8 MiB).
const BUCKETS: [usize; 2] = [1 << 8, 1 << 17];
/// Slots of the long table at first and at most (256 KiB and 4 MiB).
const SLOTS: [usize; 2] = [1 << 10, 1 << 18];
/// Bytes and ids of long words after which the long table begins anew.
const MOST_KEPT: usize = 1 << 24;
/// The top two bits of the first id hold the number of ids, less one.
const COUNT_SHIFT: u32 = 30;

/// Two words in one cache line.
#[derive(Debug, Clone, Copy, Default)]
#[repr(align(64))]
struct Bucket {
    /// The word's bytes, zeros, and in the last byte its length: 0 where there is none.
    words: [u128; 2],
    ids: [[u32; MOST_IDS]; 2],
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
    buckets: Vec<Bucket>,
    /// Words in the buckets.
    filled: usize,
    slots: Vec<Slot>,
    taken: usize,
    bytes: Vec<u8>,
    ids: Vec<u32>,
}

/// A short word as the table's key.
#[derive(Debug, Clone, Copy)]
pub struct Key(u128);

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
    /// The key of `text[start..end]`; none for a long word.
    #[inline]
    pub fn of(text: &[u8], start: usize, end: usize) -> Option<Self> {
        let length = end - start;
        let keep = KEEP.get(length)?;
        let bytes = match text[start..].first_chunk() {
            Some(sixteen) => u128::from_le_bytes(*sixteen) & keep,
            None => {
                let mut sixteen = [0; 16];
                sixteen[..length].copy_from_slice(&text[start..end]);
                u128::from_le_bytes(sixteen)
            }
        };
        Some(Self(bytes | (length as u128) << 120))
    }

    /// Both halves of a product of two words that each depend on half the key.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // halves of a u128
    fn hash(self) -> usize {
        let (low, high) = (self.0 as u64, (self.0 >> 64) as u64);
        let product = u128::from(low ^ 0x9e37_79b9_7f4a_7c15)
            * u128::from(high.rotate_left(32) ^ 0xe703_7ed1_a0b4_28db);
        (product as u64 ^ (product >> 64) as u64) as usize
    }
}

impl Default for Cache {
    /// Empty, and small until it has met many words.
    fn default() -> Self {
        Self {
            buckets: vec![Bucket::default(); BUCKETS[0]],
            filled: 0,
            slots: Vec::new(),
            taken: 0,
            bytes: Vec::new(),
            ids: Vec::new(),
        }
    }
}

impl Cache {
    /// Appends the ids of a short word; false where it is not here.
    #[inline]
    pub fn append_short(&self, key: Key, to: &mut Vec<u32>) -> bool {
        let bucket = &self.buckets[key.hash() & (self.buckets.len() - 1)];
        let way = usize::from(bucket.words[0] != key.0);
        if bucket.words[way] != key.0 {
            return false;
        }
        let [first, rest @ ..] = bucket.ids[way];
        // Four stores and a shorter length cost less than a copy of as many as there are.
        let from = to.len();
        let [second, third, fourth] = rest;
        to.extend_from_slice(&[first & !(3 << COUNT_SHIFT), second, third, fourth]);
        to.truncate(from + 1 + (first >> COUNT_SHIFT) as usize);
        true
    }

    /// Keeps a short word, in the place of an older one where it must; false where it has too many ids.
    pub fn put_short(&mut self, key: Key, ids: &[u32]) -> bool {
        let Some(count @ 0..=3) = ids.len().checked_sub(1) else {
            return false;
        };
        if ids[0] >> COUNT_SHIFT != 0 {
            return false;
        }
        let mut kept = [0; MOST_IDS];
        kept[..ids.len()].copy_from_slice(ids);
        // At most 3.
        kept[0] |= u32::try_from(count).unwrap_or(0) << COUNT_SHIFT;
        if self.filled > self.buckets.len() && self.buckets.len() < BUCKETS[1] {
            let larger = vec![Bucket::default(); self.buckets.len() * 4];
            self.filled = 0;
            for bucket in std::mem::replace(&mut self.buckets, larger) {
                for way in [1, 0] {
                    if bucket.words[way] != 0 {
                        self.enter(Key(bucket.words[way]), bucket.ids[way]);
                    }
                }
            }
        }
        self.enter(key, kept);
        true
    }

    fn enter(&mut self, key: Key, ids: [u32; MOST_IDS]) {
        let place = key.hash() & (self.buckets.len() - 1);
        let bucket = &mut self.buckets[place];
        self.filled += usize::from(bucket.words[1] == 0);
        bucket.words = [key.0, bucket.words[0]];
        bucket.ids = [ids, bucket.ids[0]];
    }

    /// The ids of a long word, or of a short one of many ids.
    #[inline]
    pub fn long(&self, word: &[u8], hash: u32) -> Option<&[u32]> {
        let slot = self
            .slots
            .get(hash as usize & self.slots.len().wrapping_sub(1))?;
        if slot.hash != hash || usize::from(slot.length) != word.len() {
            return None;
        }
        let bytes = slot.bytes as usize;
        let ids = slot.ids as usize;
        (&self.bytes[bytes..bytes + word.len()] == word)
            .then(|| &self.ids[ids..ids + usize::from(slot.count)])
    }

    /// Keeps a word in the long table.
    pub fn put_long(&mut self, word: &[u8], hash: u32, ids: &[u32]) {
        let (Ok(length @ 1..), Ok(count)) = (u8::try_from(word.len()), u8::try_from(ids.len()))
        else {
            return;
        };
        if self.bytes.len() + word.len() > MOST_KEPT || self.ids.len() + ids.len() > MOST_KEPT / 4 {
            self.slots.fill(Slot::default());
            self.bytes.clear();
            self.ids.clear();
            self.taken = 0;
        }
        if self.taken * 2 >= self.slots.len() && self.slots.len() < SLOTS[1] {
            let larger = vec![Slot::default(); (self.slots.len() * 4).max(SLOTS[0])];
            self.taken = 0;
            for slot in std::mem::replace(&mut self.slots, larger) {
                if slot.length > 0 {
                    self.take(slot);
                }
            }
        }
        // Both lie below MOST_KEPT.
        let place = |length: usize| u32::try_from(length).unwrap_or(0);
        let slot = Slot {
            hash,
            bytes: place(self.bytes.len()),
            ids: place(self.ids.len()),
            length,
            count,
        };
        self.bytes.extend_from_slice(word);
        self.ids.extend_from_slice(ids);
        self.take(slot);
    }

    fn take(&mut self, slot: Slot) {
        let place = slot.hash as usize & (self.slots.len() - 1);
        self.taken += usize::from(self.slots[place].length == 0);
        self.slots[place] = slot;
    }
}

/// The hash for the long table; none for a word that is too long for it.
#[inline]
#[allow(clippy::cast_possible_truncation)] // any bits of a hash will do
pub fn long_hash(word: &[u8]) -> Option<u32> {
    (word.len() <= LONG).then(|| hash(word) as u32)
}
