//! The census that a round begins with: which pairs are frequent enough, how often they occur, and where.
//!
//! Most pairs are rare, and a table of all of them would be larger than the corpus. So their counts are first added
//! up in a small array by hash, where several pairs may share a cell (Cormode and Muthukrishnan's count-min sketch,
//! 2005, with one row): a cell below the threshold holds no pair at or above it. Only the others are counted apart.

use super::budget::Budget;
use super::corpus::Corpus;
use super::pairs::{Pair, Pairs};
use super::symbol::Symbol;
use crate::error::Result;
use crate::memory::{collect, filled, reserve};
use crate::pair::{hash, pack, unpack};
use std::cmp::Reverse;

/// The cells fit the second-level cache.
const CELL_BITS: u32 = 18;
const CELLS: usize = 1 << CELL_BITS;
/// 2^64 divided by the root of x⁴ = x + 1. Not the multiplier of the table of pairs: with the same hash, the
/// pairs of some cells at a time would all stand in one heap in the table (100 to 200 s in place of 1 for a million pairs
/// of 3,000 characters).
const MULTIPLIER: u64 = 0xd1b5_4a32_d192_ed03;
/// A round goes down to a threshold this many times lower than the last one's.
const STEP: u64 = 16;
/// Where the next place of a pair goes that is below the threshold: nowhere.
pub const NOWHERE: u32 = u32::MAX;
/// Symbols between two looks at whether to stop.
const BLOCK: usize = 1 << 20;

/// The order of merges: the higher count first, among equals the smaller (left, right).
pub type Rank = (u64, Reverse<u64>);

/// The rank of a packed pair that occurs `count` times.
#[inline]
pub fn rank(count: u64, key: u64) -> Rank {
    (count, Reverse(key))
}

/// Below all that occur `count` times.
fn lowest(count: u64) -> Rank {
    rank(count, u64::MAX)
}

/// The cell of a packed pair.
#[inline]
fn cell(key: u64) -> usize {
    hash(key, MULTIPLIER, 64 - CELL_BITS)
}

/// The pairs that a round may merge.
pub struct Census {
    /// Each at least `threshold` times.
    pub pairs: Pairs,
    /// The pairs' places (of the right part's first symbol), each pair's in ascending order.
    pub places: Vec<u32>,
    /// Pairs below are not looked at in this round.
    pub threshold: Rank,
    /// Whether the round ends above its threshold.
    pub full: bool,
    /// A round ends where the list of places is full.
    budget: Budget,
    min_frequency: u64,
}

impl Census {
    /// For a corpus, which only gets smaller.
    pub fn new(budget: Budget, min_frequency: u64) -> Self {
        Self {
            pairs: Pairs::new(),
            places: Vec::new(),
            threshold: rank(u64::MAX, 0),
            full: false,
            budget,
            min_frequency: min_frequency.max(1),
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
        if self.threshold <= lowest(self.min_frequency) && !self.full {
            return Ok(false);
        }
        let sketch = Sketch::of(corpus, check)?;
        let mut highest = sketch.rank(0)?;
        if !self.full {
            highest = highest.min(self.threshold.0);
        }
        // Pairs for half again as many merges as are wanted are mostly enough; cells of several pairs overstate.
        let enough = sketch.rank(wanted.saturating_add(wanted / 2))?;
        let mut count = (highest / STEP).max(enough.min(highest / 2));
        self.full = false;
        loop {
            count = count.max(self.min_frequency);
            self.threshold = lowest(count);
            self.count(corpus, &sketch, &allowed, check)?;
            if self.pairs.len() > 0 {
                break;
            }
            if count == self.min_frequency {
                return Ok(false);
            }
            count /= 2;
        }
        self.narrow(corpus.places().min(self.budget.places) / 2)?;
        self.find(corpus, check)?;
        Ok(true)
    }

    /// Makes room for the places of a pair that a merge has made, where it reaches the threshold: where they begin.
    pub fn keep(&mut self, left: u32, right: u32, count: u64, places: u32) -> Result<Option<u32>> {
        if self.full || rank(count, pack(left, right)) < self.threshold {
            return Ok(None);
        }
        let end = self.places.len() + places as usize;
        let Ok(start) = u32::try_from(self.places.len()) else {
            return Ok(None);
        };
        if end > self.budget.places || self.pairs.len() >= self.budget.pairs {
            self.full = true;
            return Ok(None);
        }
        self.places.resize(end, 0); // the budget's places have been reserved
        *self.pairs.entry(pack(left, right))? = Pair {
            key: pack(left, right),
            count,
            start,
            places,
        };
        Ok(Some(start))
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

    /// Counts apart the pairs of all cells that may reach the threshold, and keeps those that do. Where they are too
    /// many at once, some cells at a time; where too many reach it, the threshold goes up.
    fn count<S: Symbol>(
        &mut self,
        corpus: &Corpus<S>,
        sketch: &Sketch,
        allowed: &impl Fn(u32, u32) -> bool,
        check: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        let mut kept = Pairs::new();
        let cells: Vec<usize> = (0..CELLS)
            .filter(|&cell| sketch.at(cell) >= self.threshold.0)
            .collect();
        let (mut start, mut size) = (0, cells.len());
        while start < cells.len() {
            let part = &cells[start..cells.len().min(start + size)];
            let frequent = Cells::of(part.iter().copied());
            self.pairs.clear();
            let (mut fits, mut failed) = (true, Ok(()));
            each_pair(corpus, check, |left, right, _, count| {
                let key = pack(left.id(), right.id());
                if frequent.contains(cell(key)) && left != S::END && right != S::END && fits {
                    match self.pairs.entry(key) {
                        Ok(pair) => {
                            pair.count = pair.count.saturating_add(count);
                            pair.places += 1;
                            fits = self.pairs.len() <= self.budget.pairs || size == 1;
                        }
                        Err(error) => (fits, failed) = (false, Err(error)),
                    }
                }
            })?;
            failed?;
            if !fits {
                size /= 2;
                continue;
            }
            let threshold = self.threshold;
            kept.extend(self.pairs.iter().filter(|pair| {
                let (left, right) = unpack(pair.key);
                rank(pair.count, pair.key) >= threshold && allowed(left, right)
            }))?;
            if kept.len() > self.budget.pairs / 2 {
                let ranks = kept.iter().map(|pair| rank(pair.count, pair.key));
                let mut ranks: Vec<Rank> = collect(ranks, kept.len())?;
                ranks.sort_unstable_by(|one, other| other.cmp(one));
                self.threshold = ranks[self.budget.pairs / 4];
                kept = kept.at_least(self.threshold)?;
            }
            start += size;
        }
        self.pairs = kept;
        Ok(())
    }

    /// Raises the threshold until the pairs have at most so many places, or there is one pair left.
    fn narrow(&mut self, most: usize) -> Result<()> {
        let ranks = self
            .pairs
            .iter()
            .map(|pair| (rank(pair.count, pair.key), pair.places));
        let mut ranks: Vec<(Rank, u32)> = collect(ranks, self.pairs.len())?;
        ranks.sort_unstable_by(|one, other| other.cmp(one));
        let mut total = 0;
        for (number, (_, places)) in ranks.iter().enumerate() {
            total += *places as usize;
            if total > most && number > 0 {
                self.threshold = ranks[number - 1].0;
                self.pairs = self.pairs.at_least(self.threshold)?;
                break;
            }
        }
        Ok(())
    }

    /// Writes down the places of all pairs that are left.
    fn find<S: Symbol>(
        &mut self,
        corpus: &Corpus<S>,
        check: &mut dyn FnMut() -> Result<()>,
    ) -> Result<()> {
        let frequent = Cells::of(self.pairs.iter().map(|pair| cell(pair.key)));
        let mut total = 0u32;
        for pair in self.pairs.iter_mut() {
            pair.start = total;
            // No more than there are places, and those are numbered by u32.
            total = total.saturating_add(pair.places);
        }
        self.places.clear();
        reserve(&mut self.places, self.budget.places.max(total as usize))?;
        self.places.resize(total as usize, 0);
        each_pair(corpus, check, |left, right, place, _| {
            let key = pack(left.id(), right.id());
            if frequent.contains(cell(key)) && left != S::END && right != S::END {
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
    fn of(cells: impl Iterator<Item = usize>) -> Self {
        let mut set = vec![0; CELLS / 64];
        for cell in cells {
            set[cell / 64] |= 1 << (cell % 64);
        }
        Self(set)
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
        let mut cells = filled(0u32, CELLS)?;
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
            let sum = &mut cells[cell(pack(left.id(), right.id()))];
            *sum = sum.saturating_add(u32::try_from(counted).unwrap_or(u32::MAX));
        })?;
        Ok(Self { cells, shift })
    }

    /// No less than the count of any pair in this cell.
    fn at(&self, cell: usize) -> u64 {
        u64::from(self.cells[cell]) << self.shift
    }

    /// The largest cell (0), the next (1), and so on; 0 where there are not so many.
    fn rank(&self, rank: usize) -> Result<u64> {
        if rank >= self.cells.len() {
            return Ok(0);
        }
        let mut cells = collect(self.cells.iter().copied(), self.cells.len())?;
        let (_, cell, _) = cells.select_nth_unstable_by_key(rank, |&cell| Reverse(cell));
        Ok(u64::from(*cell) << self.shift)
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
