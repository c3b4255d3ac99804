//! The census that a round begins with: which pairs are frequent enough, how often they occur, and where.
//!
//! Most pairs are rare, and a table of all of them would be larger than the corpus. So their counts are first added
//! up in a small array by hash, where several pairs may share a cell (Cormode and Muthukrishnan's count-min sketch,
//! 2005, with one row): a cell below the threshold holds no pair at or above it. Only the others are counted apart.

use super::corpus::Corpus;
use super::pairs::{hash, Pair, Pairs};
use super::symbol::Symbol;
use crate::error::{Error, Result};
use crate::pair::{pack, unpack};
use std::cmp::Reverse;

/// The cells fit the second-level cache.
const CELL_BITS: u32 = 18;
const SHIFT: u32 = 64 - CELL_BITS;
/// A round goes down to a threshold this many times lower than the last one's.
const STEP: u64 = 16;
/// Where the next place of a pair goes that is below the threshold: nowhere.
pub const NOWHERE: u32 = u32::MAX;
/// Symbols between two looks at whether to stop.
const BLOCK: usize = 1 << 20;

/// The pairs that a round may merge.
pub struct Census {
    /// Each at least `threshold` times.
    pub pairs: Pairs,
    /// The pairs' places (of the right part's first symbol), each pair's in ascending order.
    pub places: Vec<u32>,
    /// Pairs below are not looked at in this round.
    pub threshold: u64,
    /// How many places the list may hold; a round ends where it is full.
    pub capacity: usize,
    /// Whether the round ends above its threshold.
    pub full: bool,
    min_frequency: u64,
}

impl Census {
    /// For a corpus of some length.
    pub fn new(min_frequency: u64, corpus_places: usize) -> Self {
        Self {
            pairs: Pairs::new(),
            places: Vec::new(),
            threshold: u64::MAX,
            capacity: corpus_places.max(1024),
            full: false,
            min_frequency,
        }
    }

    /// Counts a compact corpus's pairs anew and chooses the threshold for `wanted` merges; false where there is
    /// nothing left to merge.
    pub fn take<S: Symbol>(
        &mut self,
        corpus: &Corpus<S>,
        wanted: usize,
        allowed: impl Fn(u32, u32) -> bool,
        check: &mut dyn FnMut() -> Result<()>,
    ) -> Result<bool> {
        if self.threshold <= self.min_frequency && !self.full {
            return Ok(false);
        }
        let sketch = Sketch::of(corpus, check)?;
        let mut highest = sketch.rank(0);
        if !self.full {
            highest = highest.min(self.threshold);
        }
        // Pairs for half again as many merges as are wanted are mostly enough; cells of several pairs overstate.
        let enough = sketch.rank(wanted.saturating_add(wanted / 2));
        self.threshold = (highest / STEP).max(enough.min(highest / 2));
        self.full = false;
        loop {
            self.threshold = self.threshold.max(self.min_frequency);
            let frequent = Cells::new(|cell| sketch.at(cell) >= self.threshold);
            self.count(corpus, &frequent, check)?;
            for pair in self.pairs.iter_mut() {
                let (left, right) = unpack(pair.key);
                if pair.count < self.threshold || !allowed(left, right) {
                    pair.count = 0;
                    pair.places = 0;
                }
            }
            if self.pairs.iter().any(|pair| pair.count > 0) {
                break;
            }
            if self.threshold == self.min_frequency {
                return Ok(false);
            }
            self.threshold /= 2;
        }
        self.narrow(corpus.places() / 2);
        self.find(corpus, check)?;
        Ok(true)
    }

    /// Makes room for the places of a pair that a merge has made, where it reaches the threshold: where they begin.
    pub fn keep(&mut self, left: u32, right: u32, count: u64, places: u32) -> Option<u32> {
        if count < self.threshold || self.full {
            return None;
        }
        let end = self.places.len() + places as usize;
        let start = u32::try_from(self.places.len()).ok()?;
        if end > self.capacity {
            self.full = true;
            return None;
        }
        self.places.resize(end, 0);
        *self.pairs.entry(pack(left, right)) = Pair {
            key: pack(left, right),
            count,
            start,
            places,
        };
        Some(start)
    }

    /// Writes one place of a pair, and moves to where the next one goes.
    #[inline]
    pub fn put(&mut self, at: &mut u32, place: u32) {
        if *at != NOWHERE {
            self.places[*at as usize] = place;
            *at += 1;
        }
    }

    /// Ends the round: the next one begins from the highest count that there is.
    pub fn cut_short(&mut self) {
        self.full = true;
    }

    /// Counts apart the pairs of all cells that reach the threshold.
    fn count<S: Symbol>(
        &mut self,
        corpus: &Corpus<S>,
        frequent: &Cells,
        check: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        self.pairs.clear();
        each_pair(corpus, check, |left, right, _, count| {
            let key = pack(left.id(), right.id());
            if frequent.contains(hash(key, SHIFT)) && left != S::END && right != S::END {
                let pair = self.pairs.entry(key);
                pair.count = pair.count.saturating_add(count);
                pair.places += 1;
            }
        })
    }

    /// Raises the threshold until the pairs have at most so many places (though not above the highest count).
    fn narrow(&mut self, most: usize) {
        let mut sizes: Vec<(u64, u32)> = self
            .pairs
            .iter()
            .filter(|pair| pair.count > 0)
            .map(|pair| (pair.count, pair.places))
            .collect();
        sizes.sort_unstable_by(|one, other| other.cmp(one));
        let mut places = 0;
        for (count, here) in &sizes {
            places += *here as usize;
            if places > most && *count < sizes[0].0 {
                self.threshold = self.threshold.max(count + 1);
                break;
            }
        }
        for pair in self.pairs.iter_mut() {
            if pair.count < self.threshold {
                pair.count = 0;
                pair.places = 0;
            }
        }
    }

    /// Writes down the places of all pairs that are left.
    fn find<S: Symbol>(
        &mut self,
        corpus: &Corpus<S>,
        check: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        let mut frequent = Cells::new(|_| false);
        let mut total = 0u32;
        for pair in self.pairs.iter_mut() {
            if pair.places > 0 {
                frequent.insert(hash(pair.key, SHIFT));
            }
            pair.start = total;
            // No more than there are places, and those are numbered by u32.
            total = total.saturating_add(pair.places);
        }
        self.places.clear();
        self.places
            .try_reserve_exact(self.capacity.max(total as usize))
            .map_err(|_| Error::Memory(self.capacity.saturating_mul(4)))?;
        self.places.resize(total as usize, 0);
        each_pair(corpus, check, |left, right, place, _| {
            let key = pack(left.id(), right.id());
            if frequent.contains(hash(key, SHIFT)) && left != S::END && right != S::END {
                if let Some(pair) = self.pairs.get_mut(left.id(), right.id()) {
                    if pair.count > 0 {
                        self.places[pair.start as usize] = place;
                        pair.start += 1;
                    }
                }
            }
        })?;
        for pair in self.pairs.iter_mut() {
            pair.start -= pair.places;
        }
        Ok(())
    }
}

/// A set of cells that fits the first-level cache.
struct Cells(Vec<u64>);

impl Cells {
    fn new(has: impl Fn(usize) -> bool) -> Self {
        let mut cells = Self(vec![0; 1 << (CELL_BITS - 6)]);
        for cell in (0..1 << CELL_BITS).filter(|&cell| has(cell)) {
            cells.insert(cell);
        }
        cells
    }

    fn insert(&mut self, cell: usize) {
        self.0[cell / 64] |= 1 << (cell % 64);
    }

    #[inline]
    fn contains(&self, cell: usize) -> bool {
        self.0[cell / 64] >> (cell % 64) & 1 == 1
    }
}

/// All pairs' counts added up by hash.
struct Sketch {
    cells: Vec<u32>,
    /// A cell counts in units of 2^shift, rounded up, so that no sum passes 2^32.
    shift: u32,
}

impl Sketch {
    fn of<S: Symbol>(corpus: &Corpus<S>, check: &mut dyn FnMut() -> Result<()>) -> Result<Self> {
        let total: u128 = corpus
            .by_class()
            .map(|(symbols, count)| symbols.len() as u128 * u128::from(count))
            .sum();
        // Rounding up may double what is counted.
        let shift = if total >> 32 == 0 {
            0
        } else {
            97 - total.leading_zeros()
        };
        let mut cells = vec![0u32; 1 << CELL_BITS];
        each_pair(corpus, check, |left, right, _, count| {
            let unit = if shift == 0 {
                count
            } else {
                (count >> shift) + 1
            };
            // No branch: where words end cannot be foretold.
            let counted = if left == S::END || right == S::END {
                0
            } else {
                unit
            };
            let cell = &mut cells[hash(pack(left.id(), right.id()), SHIFT)];
            *cell = cell.saturating_add(u32::try_from(counted).unwrap_or(u32::MAX));
        })?;
        Ok(Self { cells, shift })
    }

    /// No less than the count of any pair in this cell.
    fn at(&self, cell: usize) -> u64 {
        u64::from(self.cells[cell]) << self.shift
    }

    /// The largest cell (0), the next (1), and so on; 0 where there are not so many.
    fn rank(&self, rank: usize) -> u64 {
        if rank >= self.cells.len() {
            return 0;
        }
        let mut cells = self.cells.clone();
        let (_, cell, _) = cells.select_nth_unstable_by_key(rank, |&cell| Reverse(cell));
        u64::from(*cell) << self.shift
    }
}

/// Calls `pair(left, right, place of right, count)` for all neighbours, ENDs among them.
#[inline]
fn each_pair<S: Symbol>(
    corpus: &Corpus<S>,
    check: &mut dyn FnMut() -> Result<()>,
    mut pair: impl FnMut(S, S, u32, u64),
) -> Result<()> {
    let mut since = 0;
    let mut place = 1;
    for (symbols, count) in corpus.by_class() {
        let mut left = S::END;
        for block in symbols.chunks(BLOCK) {
            for &right in block {
                pair(left, right, place, count);
                left = right;
                place += 1;
            }
            since += block.len();
            if since >= BLOCK {
                since = 0;
                check()?;
            }
        }
    }
    Ok(())
}
