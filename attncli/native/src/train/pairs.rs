//! The pairs of a round: an open-addressed table from (left, right) to count and places.

use super::census::{rank, Rank};
use crate::error::Result;
use crate::memory::filled;
use crate::pair::{hash, pack};

const FREE: u64 = u64::MAX;
const SMALLEST: usize = 1 << 10;
/// 2^64 divided by the golden ratio.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// One pair.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    /// left and right, packed.
    pub key: u64,
    /// How often it occurs, by the words' counts; 0: no more.
    pub count: u64,
    /// Where its places begin in the list of places.
    pub start: u32,
    /// How many places.
    pub places: u32,
}

/// Never full: at most half of the slots are taken.
#[derive(Debug)]
pub struct Pairs {
    slots: Vec<Pair>,
    taken: usize,
    shift: u32,
}

const NOTHING: Pair = Pair {
    key: FREE,
    count: 0,
    start: 0,
    places: 0,
};

impl Pairs {
    /// An empty table.
    pub fn new() -> Self {
        Self {
            slots: vec![NOTHING; SMALLEST],
            taken: 0,
            shift: 64 - SMALLEST.trailing_zeros(),
        }
    }

    /// Pairs in the table, those that occur no more among them.
    pub fn len(&self) -> usize {
        self.taken
    }

    /// A table of those pairs only that stand so high in the order of merges.
    pub fn at_least(&self, threshold: Rank) -> Result<Self> {
        let mut kept = Self::new();
        kept.extend(
            self.iter()
                .filter(|pair| rank(pair.count, pair.key) >= threshold),
        )?;
        Ok(kept)
    }

    /// Adds pairs that are not in it yet, gone through twice: the table grows to its last size first. Another table's
    /// pairs come in the order of the same hash, and in a table that grows on the way each half would be filled to the
    /// brim from its start: runs of thousands of slots (13 to 30 s in place of 2 for a million pairs).
    pub fn extend<'p>(&mut self, pairs: impl Iterator<Item = &'p Pair> + Clone) -> Result<()> {
        let more = pairs.clone().count();
        while (self.taken + more) * 2 > self.slots.len() {
            self.grow()?;
        }
        for pair in pairs {
            *self.entry(pair.key)? = *pair;
        }
        Ok(())
    }

    /// Forgets all pairs, and most of the memory.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// The pairs in no order that matters.
    pub fn iter(&self) -> impl Iterator<Item = &Pair> + Clone {
        self.slots.iter().filter(|pair| pair.key != FREE)
    }

    /// The same, to change.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Pair> {
        self.slots.iter_mut().filter(|pair| pair.key != FREE)
    }

    /// A pair, where it is known.
    #[inline]
    pub fn get_mut(&mut self, left: u32, right: u32) -> Option<&mut Pair> {
        let slot = self.slot(pack(left, right));
        let pair = &mut self.slots[slot];
        (pair.key != FREE).then_some(pair)
    }

    /// A pair, made with no count where it is not known. Fails where the table cannot grow.
    #[inline]
    pub fn entry(&mut self, key: u64) -> Result<&mut Pair> {
        let mut slot = self.slot(key);
        if self.slots[slot].key == FREE {
            if self.taken * 2 >= self.slots.len() {
                self.grow()?;
                slot = self.slot(key);
            }
            self.taken += 1;
            self.slots[slot].key = key;
        }
        Ok(&mut self.slots[slot])
    }

    /// The slot of a pair, or the free one where it belongs.
    #[inline]
    fn slot(&self, key: u64) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = hash(key, MULTIPLIER, self.shift);
        while self.slots[slot].key != key && self.slots[slot].key != FREE {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) -> Result<()> {
        let doubled = filled(NOTHING, self.slots.len() * 2)?;
        self.shift -= 1;
        for pair in std::mem::replace(&mut self.slots, doubled) {
            if pair.key != FREE {
                let slot = self.slot(pair.key);
                self.slots[slot] = pair;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extend_takes_another_table_s_pairs() {
        let mut all = Pairs::new();
        for left in 0..300 {
            for right in 0..300 {
                all.entry(pack(left, right)).unwrap().count = u64::from(left * right) + 1;
            }
        }
        let mut half = Pairs::new();
        half.extend(all.iter().filter(|pair| pair.count % 2 == 0))
            .unwrap();
        assert_eq!(
            half.len(),
            all.iter().filter(|pair| pair.count % 2 == 0).count()
        );
        assert!(half.len() * 2 <= half.slots.len());
        for pair in half.iter() {
            let (left, right) = crate::pair::unpack(pair.key);
            assert_eq!(pair.count, u64::from(left * right) + 1);
        }
    }
}
