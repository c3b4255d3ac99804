//! The merging of one word's symbols.

use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Words of more symbols go through the heap. A scan is quadratic, but quicker below about this many.
const SHORT: usize = 64;
const NONE: u32 = u32::MAX;

/// (left, right) -> (rank, id of the whole).
#[derive(Debug, Clone, Default)]
pub struct Merges {
    table: FxHashMap<u64, (u32, u32)>,
}

impl Merges {
    /// Room for this many merges.
    pub fn with_capacity(count: usize) -> Self {
        let mut table = FxHashMap::default();
        table.reserve(count);
        Self { table }
    }

    /// Enters a merge; of two with the same parts the later one counts, as in Hugging Face's table.
    pub fn insert(&mut self, left: u32, right: u32, rank: u32, id: u32) {
        self.table.insert(pack(left, right), (rank, id));
    }

    #[inline]
    fn get(&self, left: u32, right: u32) -> (u32, u32) {
        self.table
            .get(&pack(left, right))
            .copied()
            .unwrap_or((NONE, NONE))
    }
}

/// Buffers for merging, kept from word to word.
#[derive(Debug, Default)]
pub struct Merger {
    /// (rank, id) of each symbol and its right neighbour.
    pairs: Vec<(u32, u32)>,
    next: Vec<u32>,
    previous: Vec<u32>,
    heap: BinaryHeap<Reverse<u64>>,
}

impl Merger {
    /// Merges the symbols `ids[from..]` in place, as far as there are merges.
    pub fn merge(&mut self, merges: &Merges, ids: &mut Vec<u32>, from: usize) {
        if ids.len() - from <= SHORT {
            self.scan(merges, ids, from);
        } else {
            self.heap(merges, ids, from);
        }
    }

    pub(super) fn scan(&mut self, merges: &Merges, ids: &mut Vec<u32>, from: usize) {
        self.pairs.clear();
        self.pairs.extend(
            ids[from..]
                .windows(2)
                .map(|pair| merges.get(pair[0], pair[1])),
        );
        // The first of the lowest: leftmost among equals.
        while let Some(at) = (0..self.pairs.len()).min_by_key(|&at| self.pairs[at].0) {
            let (rank, id) = self.pairs[at];
            if rank == NONE {
                return;
            }
            ids[from + at] = id;
            ids.remove(from + at + 1);
            self.pairs.remove(at);
            if at > 0 {
                self.pairs[at - 1] = merges.get(ids[from + at - 1], id);
            }
            if at < self.pairs.len() {
                self.pairs[at] = merges.get(id, ids[from + at + 1]);
            }
        }
    }

    /// A heap of (rank, place) over a linked list: n log n. An entry is out of date where its symbol has gone or
    /// its pair has another rank by now.
    fn heap(&mut self, merges: &Merges, ids: &mut Vec<u32>, from: usize) {
        let symbols = &mut ids[from..];
        let count = match u32::try_from(symbols.len()) {
            Ok(count) if count < NONE => count,
            // The encoder refuses such words.
            _ => return,
        };
        self.next.clear();
        self.next.extend(1..=count);
        self.previous.clear();
        self.previous.push(NONE);
        self.previous.extend(0..count - 1);
        let entries: Vec<_> = (0..count - 1)
            .filter_map(|place| entry(merges, symbols, place, place + 1))
            .collect();
        self.heap = BinaryHeap::from(entries);
        while let Some(Reverse(top)) = self.heap.pop() {
            let (rank, place) = unpack(top);
            let right = self.next[place as usize];
            if symbols[place as usize] == NONE || right == count {
                continue;
            }
            let (now, id) = merges.get(symbols[place as usize], symbols[right as usize]);
            if now != rank {
                continue;
            }
            symbols[place as usize] = id;
            symbols[right as usize] = NONE;
            let after = self.next[right as usize];
            self.next[place as usize] = after;
            if after < count {
                self.previous[after as usize] = place;
                self.heap.extend(entry(merges, symbols, place, after));
            }
            let before = self.previous[place as usize];
            if before != NONE {
                self.heap.extend(entry(merges, symbols, before, place));
            }
        }
        let mut kept = from;
        for at in from..ids.len() {
            if ids[at] != NONE {
                ids[kept] = ids[at];
                kept += 1;
            }
        }
        ids.truncate(kept);
    }
}

fn entry(merges: &Merges, symbols: &[u32], left: u32, right: u32) -> Option<Reverse<u64>> {
    let (rank, _) = merges.get(symbols[left as usize], symbols[right as usize]);
    (rank != NONE).then(|| Reverse(pack(rank, left)))
}

fn pack(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

fn unpack(packed: u64) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = packed.to_be_bytes();
    (
        u32::from_be_bytes([a, b, c, d]),
        u32::from_be_bytes([e, f, g, h]),
    )
}
