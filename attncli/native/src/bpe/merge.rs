//! The merging of one word's symbols.

use crate::pair::{pack, unpack};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Words of more symbols go through the heap. A scan is quadratic, but quicker below about this many.
const SHORT: usize = 64;
/// Words of more symbols are merged block by block: the heap of a block stays in the second-level cache. (One heap
/// over 10 MB of random letters took 28 times as long as over 1 MB, and 200 MB of memory.)
const BLOCK: usize = 4096;
/// How much of a block is merged again at the beginning of the next one.
const OVERLAP: usize = 512;
const NONE: u32 = u32::MAX;

/// (left, right) -> (rank, id of the whole).
#[derive(Debug, Clone, Default)]
pub struct Merges {
    table: FxHashMap<u64, (u32, u32)>,
    /// Base symbols that each id covers, where that is known (the base is bytes).
    lengths: Option<Vec<usize>>,
}

impl Merges {
    /// Room for this many merges; `lengths` as above.
    pub fn with_capacity(count: usize, lengths: Option<Vec<usize>>) -> Self {
        let mut table = FxHashMap::default();
        table.reserve(count);
        Self { table, lengths }
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
        } else if ids.len() - from <= BLOCK || !self.blocks(merges, ids, from) {
            self.heap(merges, ids, from);
        }
    }

    /// Merges a long word in overlapping blocks; false, and nothing changed, where two of them don't meet.
    ///
    /// Why that is exact: tokens t1 … tn are the encoding of a word if and only if each neighbouring pair ti, ti+1
    /// is the encoding of its own bytes. For suppose that they are, and look at the first merge in the whole word
    /// that crosses the boundary of some ti, ti+1. All steps until then kept to the insides of tokens, and those
    /// inside ti and ti+1 were, in this order, the steps of merging the pair alone: each was the lowest of all, so
    /// the lowest of these. But then merging the pair alone would take the crossing step too. (Conversely, what is
    /// next to each other in an encoding encodes as itself.) So where two blocks have one token in common, the
    /// tokens of one up to it and those of the other after it are the encoding of both: every pair of neighbours
    /// stands in one of them.
    pub(super) fn blocks(&mut self, merges: &Merges, ids: &mut Vec<u32>, from: usize) -> bool {
        let Some(lengths) = &merges.lengths else {
            return false;
        };
        let symbols = &ids[from..];
        let mut merged: Vec<u32> = Vec::with_capacity(symbols.len() / 2);
        let mut block: Vec<u32> = Vec::with_capacity(BLOCK);
        let mut start = 0;
        // The token that the block before found at `start`.
        let mut common = None;
        loop {
            let end = symbols.len().min(start + BLOCK);
            block.clear();
            block.extend_from_slice(&symbols[start..end]);
            self.heap(merges, &mut block, 0);
            if common.is_some_and(|id| block.first() != Some(&id)) {
                return false;
            }
            if end == symbols.len() {
                merged.extend_from_slice(&block);
                break;
            }
            // Keep the tokens that end well before the block does; the first of the others is the one in common.
            let (mut kept, mut at) = (0, start);
            while kept + 1 < block.len() && at + OVERLAP < end {
                at += lengths[block[kept] as usize];
                kept += 1;
            }
            if at - start < BLOCK / 4 {
                return false; // tokens nearly as long as a block
            }
            merged.extend_from_slice(&block[..kept]);
            common = Some(block[kept]);
            start = at;
        }
        ids.truncate(from);
        ids.extend_from_slice(&merged);
        true
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
    pub(super) fn heap(&mut self, merges: &Merges, ids: &mut Vec<u32>, from: usize) {
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
