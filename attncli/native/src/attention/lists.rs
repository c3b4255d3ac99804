//! Sparse patterns as lists of keys: each block of queries has its own few ranges of keys, and no other is
//! looked at. Work and memory follow the kept pairs.

use super::problem::size;
use crate::error::{Error, Result};
use crate::number::count;

/// For each block of `block` neighbouring queries a sorted list of ranges of keys.
///
/// Two blocks of two queries; the first keeps keys 0 and 1, the second 0 and 3 to 4 (x):
///
/// ```text
///      j 0 1 2 3 4
/// i 0    x x . . .      block = 2
///   1    x x . . .      starts = [0, 1, 3]
///   2    x . . x x      ranges = [0, 2,  0, 1,  3, 5]
///   3    x . . x x
/// ```
#[derive(Debug, Clone, Copy)]
pub struct KeyLists<'a> {
    /// Queries that share a list.
    pub block: usize,
    /// Where each list starts among the ranges, and the end: (lists + 1,). ⌈N / block⌉ lists serve every
    /// head, or H times as many, one head after another.
    pub starts: &'a [u32],
    /// (from, to) of each range, flat: (2 · ranges,).
    pub ranges: &'a [u32],
}

impl<'a> KeyLists<'a> {
    /// Checks that each query of (heads, queries, keys) has a list, sorted and inside the keys.
    pub(super) fn check(&self, [heads, length, keys]: [usize; 3]) -> Result<()> {
        if self.block == 0 {
            return invalid("a list of keys serves no queries".into());
        }
        let blocks = length.div_ceil(self.block);
        let lists = self.starts.len().wrapping_sub(1);
        if lists != blocks && lists != size("key lists", &[heads, blocks])? {
            return invalid(format!(
                "{lists} lists of keys for {blocks} blocks of queries and {heads} heads"
            ));
        }
        let total = self.ranges.len() / 2;
        let bounds = (
            self.starts.first().copied(),
            self.starts.last().copied().map(wide),
        );
        if bounds != (Some(0), Some(total)) || self.ranges.len() != 2 * total {
            return invalid(format!(
                "the lists of keys do not cover their {total} ranges"
            ));
        }
        for (list, pair) in self.starts.windows(2).enumerate() {
            let sorted = pair[0] <= pair[1] && wide(pair[1]) <= total;
            if !sorted || !in_order(&self.ranges[2 * wide(pair[0])..2 * wide(pair[1])], keys) {
                return invalid(format!(
                    "list {list} is not sorted, disjoint ranges of {keys} keys"
                ));
            }
        }
        Ok(())
    }

    /// The ranges [from, to) of a query's list, flat.
    pub(super) fn of(&self, head: usize, query: usize, length: usize) -> &'a [u32] {
        let blocks = length.div_ceil(self.block);
        let list = if self.shared(blocks) {
            0
        } else {
            head * blocks
        } + query / self.block;
        &self.ranges[2 * wide(self.starts[list])..2 * wide(self.starts[list + 1])]
    }

    fn shared(&self, blocks: usize) -> bool {
        self.starts.len() == blocks + 1
    }

    /// Pairs of a query and a key that are kept, about.
    pub(super) fn pairs(&self, heads: usize, length: usize) -> f64 {
        let keys: f64 = self
            .ranges
            .chunks_exact(2)
            .map(|range| f64::from(range[1] - range[0]))
            .sum();
        let times = if self.shared(length.div_ceil(self.block)) {
            heads
        } else {
            1
        };
        keys * count(self.block) * count(times)
    }
}

fn in_order(ranges: &[u32], keys: usize) -> bool {
    let mut end = 0;
    ranges.chunks_exact(2).all(|range| {
        let right = end <= range[0] && range[0] < range[1] && wide(range[1]) <= keys;
        end = range[1];
        right
    })
}

/// The first range of a list that reaches beyond `key`.
pub fn first_after(list: &[u32], key: usize) -> usize {
    let (mut low, mut high) = (0, list.len() / 2);
    while low < high {
        let middle = (low + high) / 2;
        if wide(list[2 * middle + 1]) <= key {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// Sorted, disjoint ranges of all `spans` together; where no more than `gap` keys lie between two, one.
pub fn union(spans: &mut Vec<(usize, usize)>, gap: usize) {
    spans.retain(|(from, to)| from < to);
    spans.sort_unstable();
    let mut kept = 0;
    for n in 1..spans.len() {
        if spans[n].0 <= spans[kept].1.saturating_add(gap) {
            spans[kept].1 = spans[kept].1.max(spans[n].1);
        } else {
            kept += 1;
            spans[kept] = spans[n];
        }
    }
    spans.truncate(kept + 1);
}

/// No sequence is longer than the address space.
pub fn wide(n: u32) -> usize {
    n as usize
}

fn invalid<T>(message: String) -> Result<T> {
    Err(Error::Invalid(message))
}
