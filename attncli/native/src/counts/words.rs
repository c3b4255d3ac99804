//! A map from words to counts that keeps all words in one arena.

use crate::error::{Error, Result};
use crate::memory::{collect, filled, grow};

const FREE: u32 = u32::MAX;
const SMALLEST: usize = 1 << 10;

/// 16 bytes and the word itself for each, beside a table of 8 bytes (a `HashMap<Box<[u8]>, u64>` takes 56 and two
/// cache misses).
#[derive(Debug, Clone, Default)]
pub struct Words {
    arena: Vec<u8>,
    ends: Vec<usize>,
    counts: Vec<u64>,
    slots: Vec<Slot>,
}

/// The word's number beside the lower half of its hash: other words are told apart without a look at them.
#[derive(Debug, Clone, Copy)]
struct Slot {
    tag: u32,
    index: u32,
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
        let mut start = 0;
        self.ends
            .iter()
            .zip(&self.counts)
            .map(move |(&end, &count)| {
                let word = &self.arena[start..end];
                start = end;
                (word, count)
            })
    }

    /// Bytes that all this takes.
    pub fn memory(&self) -> usize {
        self.arena.capacity()
            + self.ends.capacity() * size_of::<usize>()
            + self.counts.capacity() * size_of::<u64>()
            + self.slots.capacity() * size_of::<Slot>()
    }

    /// Adds to one word's count.
    pub fn add(&mut self, word: &[u8], count: u64) -> Result<()> {
        let index = self.index(word, hash(word))?;
        self.add_at(index, count);
        Ok(())
    }

    /// Adds to the count of a word whose number is known.
    #[inline]
    pub fn add_at(&mut self, index: u32, count: u64) {
        let total = &mut self.counts[index as usize];
        *total = total.saturating_add(count);
    }

    /// Adds all of another's counts.
    pub fn join(&mut self, other: &Self) -> Result<()> {
        other
            .iter()
            .try_for_each(|(word, count)| self.add(word, count))
    }

    /// The same words without the table: nothing can be added any more.
    pub fn into_list(mut self) -> Self {
        self.slots = Vec::new();
        self
    }

    /// The numbers of the words in the order of their bytes.
    pub fn sorted(&self) -> Result<Vec<u32>> {
        // 2^32 distinct words are refused when they are counted.
        let numbers = 0..u32::try_from(self.len()).unwrap_or(FREE);
        let mut numbers = collect(numbers, self.len())?;
        numbers.sort_unstable_by(|&one, &other| self.word(one).cmp(self.word(other)));
        Ok(numbers)
    }

    /// A word and its count.
    pub fn get(&self, number: u32) -> (&[u8], u64) {
        (self.word(number), self.counts[number as usize])
    }

    /// The number of a word with its `hash`; a new one begins at 0.
    #[allow(clippy::cast_possible_truncation)] // half of a hash
    pub fn index(&mut self, word: &[u8], hash: usize) -> Result<u32> {
        // At most three quarters full.
        if self.slots.len() * 3 <= self.len() * 4 {
            self.grow()?;
        }
        let tag = hash as u32;
        let mask = self.slots.len() - 1;
        let mut at = tag as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot.index == FREE {
                let index = self.push(word)?;
                self.slots[at] = Slot { tag, index };
                return Ok(index);
            }
            if slot.tag == tag && self.word(slot.index) == word {
                return Ok(slot.index);
            }
            at = (at + 1) & mask;
        }
    }

    #[inline]
    fn word(&self, number: u32) -> &[u8] {
        let index = number as usize;
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.arena[start..self.ends[index]]
    }

    fn push(&mut self, word: &[u8]) -> Result<u32> {
        let index = u32::try_from(self.len())
            .ok()
            .filter(|&index| index != FREE);
        let index = index.ok_or_else(|| Error::Invalid("more than 2^32 distinct words".into()))?;
        grow(&mut self.arena, word.len())?;
        grow(&mut self.ends, 1)?;
        grow(&mut self.counts, 1)?;
        self.arena.extend_from_slice(word);
        self.ends.push(self.arena.len());
        self.counts.push(0);
        Ok(index)
    }

    fn grow(&mut self) -> Result<()> {
        let size = (self.slots.len() * 2).max(SMALLEST);
        let free = Slot {
            tag: 0,
            index: FREE,
        };
        let larger = filled(free, size)?;
        for slot in std::mem::replace(&mut self.slots, larger) {
            if slot.index != FREE {
                let mut at = slot.tag as usize & (size - 1);
                while self.slots[at].index != FREE {
                    at = (at + 1) & (size - 1);
                }
                self.slots[at] = slot;
            }
        }
        Ok(())
    }
}

/// A hash of a few instructions for 16 bytes: the two halves of a 128-bit product, folded.
#[allow(clippy::cast_possible_truncation)] // both halves are used
pub fn hash(word: &[u8]) -> usize {
    let mut hash = word.len() as u64;
    for chunk in word.chunks(16) {
        let mut block = [0; 16];
        block[..chunk.len()].copy_from_slice(chunk);
        let block = u128::from_le_bytes(block);
        hash = fold(block as u64 ^ hash, (block >> 64) as u64);
    }
    hash as usize
}

#[inline]
#[allow(clippy::cast_possible_truncation)] // both halves are used
fn fold(one: u64, other: u64) -> u64 {
    let product =
        u128::from(one ^ 0x9e37_79b9_7f4a_7c15) * u128::from(other ^ 0xd1b5_4a32_d192_ed03);
    (product >> 64) as u64 ^ product as u64
}

/// The `hash` of a word of up to 16 bytes, zeros after them.
#[inline]
#[allow(clippy::cast_possible_truncation)] // both halves are used
pub fn hash_short(bytes: u128, length: usize) -> usize {
    fold(bytes as u64 ^ length as u64, (bytes >> 64) as u64) as usize
}
