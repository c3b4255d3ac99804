//! The merging of one word's symbols.

use super::scan::{scan, SHORT};
use crate::pair::{pack, unpack};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Longer words are merged in blocks, of `SHORT` symbols where these meet, of so many times more where they don't: what
/// is merged at once stays in the first-level cache. (One heap over 10 MB of random letters took 28 times as long as over
/// 1 MB, and 200 MB of memory; blocks of 4096 by heap took twice as long as these.)
const GROWTH: usize = 8;
/// Symbols of a block: where small ones have met in a way that later ones contradict, all begins again with large ones.
const BLOCKS: [usize; 2] = [SHORT, 64 * SHORT];
const LARGEST_BLOCK: usize = 1 << 18;
const NONE: u32 = u32::MAX;

/// (left, right) -> rank, rank -> id of the whole.
///
/// Most pairs asked for are no merge, so a slot is just 4 bytes: 8 bits of the pair's hash before the rank. Only
/// where these agree is the merge itself looked at. (A `HashMap<u64, (u32, u32)>` takes four times the memory.)
#[derive(Debug, Clone, Default)]
pub struct Merges {
    slots: Vec<u32>,
    /// Ranks of pairs of ids below `LOW`, the bytes of most byte-level vocabularies: each word begins with these.
    low: Vec<u32>,
    /// (left, right, id of the whole) by rank.
    parts: Vec<(u32, u32, u32)>,
    /// Base symbols that each id covers, where that is known.
    lengths: Option<Vec<usize>>,
}

/// Ids whose pairs are looked up without a hash.
const LOW: u32 = 256;
/// Bits of a rank in a slot.
const RANK: u32 = (1 << 24) - 1;

impl Merges {
    /// Room for this many merges; `lengths` as above.
    pub fn with_capacity(count: usize, lengths: Option<Vec<usize>>) -> Self {
        Self {
            slots: vec![NONE; (count * 2).next_power_of_two()],
            low: vec![NONE; (LOW * LOW) as usize],
            parts: Vec::with_capacity(count),
            lengths,
        }
    }

    /// Tells the base symbols that each id covers.
    pub fn set_lengths(&mut self, lengths: Vec<usize>) {
        self.lengths = Some(lengths);
    }

    /// Base symbols that each id covers, where that is known.
    pub fn lengths(&self) -> Option<&[usize]> {
        self.lengths.as_deref()
    }

    /// Enters the merge of the next rank; of two with the same parts the later one counts, as in Hugging Face's
    /// table. False where there are too many.
    #[must_use]
    pub fn insert(&mut self, left: u32, right: u32, id: u32) -> bool {
        let rank = match u32::try_from(self.parts.len()) {
            Ok(rank) if rank < RANK => rank,
            _ => return false,
        };
        self.parts.push((left, right, id));
        if self.parts.len() * 2 > self.slots.len() {
            self.slots = vec![NONE; self.slots.len() * 4];
            for rank in 0..rank {
                self.enter(rank);
            }
        }
        self.enter(rank);
        true
    }

    /// Room for ranks below `count`, to be entered in any order by `insert_at`. None where there are too many.
    pub fn by_rank(count: usize) -> Option<Self> {
        let mut merges = Self::with_capacity(count, None);
        merges.parts.resize(count, (NONE, NONE, NONE));
        (count <= RANK as usize).then_some(merges)
    }

    /// Enters the merge of this rank, which makes the id of the same number.
    pub fn insert_at(&mut self, rank: u32, left: u32, right: u32) {
        self.parts[rank as usize] = (left, right, rank);
        self.enter(rank);
    }

    fn enter(&mut self, rank: u32) {
        let (left, right, _) = self.parts[rank as usize];
        let (slot, tag, _) = self.find(left, right);
        self.slots[slot] = tag | rank;
        if left | right < LOW {
            self.low[(left * LOW + right) as usize] = rank;
        }
    }

    /// The rank of a pair, or `NONE`.
    #[inline]
    pub(super) fn rank(&self, left: u32, right: u32) -> u32 {
        self.find(left, right).2
    }

    /// `rank`, for pairs that are mostly of ids below `LOW`.
    #[inline]
    pub(super) fn rank_of_bytes(&self, left: u32, right: u32) -> u32 {
        if left | right < LOW {
            self.low[(left * LOW + right) as usize]
        } else {
            self.rank(left, right)
        }
    }

    /// The slot of a pair or the free one where it belongs, its tag, and its rank.
    #[inline]
    #[allow(clippy::cast_possible_truncation)] // bits of a hash
    fn find(&self, left: u32, right: u32) -> (usize, u32, u32) {
        let hash = pack(left, right).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hash = hash ^ hash >> 32;
        let tag = (hash >> 32) as u32 & !RANK;
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let found = self.slots[slot];
            if found == NONE {
                return (slot, tag, NONE);
            }
            if found & !RANK == tag {
                let rank = found & RANK;
                let (known_left, known_right, _) = self.parts[rank as usize];
                if (known_left, known_right) == (left, right) {
                    return (slot, tag, rank);
                }
            }
            slot = (slot + 1) & mask;
        }
    }

    #[inline]
    pub(super) fn id(&self, rank: u32) -> u32 {
        self.parts[rank as usize].2
    }
}

/// Buffers for merging, kept from word to word.
#[derive(Debug, Default)]
pub struct Merger {
    next: Vec<u32>,
    previous: Vec<u32>,
    heap: BinaryHeap<Reverse<u64>>,
}

impl Merger {
    /// Merges the symbols `ids[from..]` in place, as far as there are merges.
    pub fn merge(&mut self, merges: &Merges, ids: &mut Vec<u32>, from: usize) {
        if ids.len() - from <= SHORT {
            scan(merges, ids, from);
        } else if !BLOCKS
            .iter()
            .any(|&size| self.blocks(merges, ids, from, size))
        {
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
    pub(super) fn blocks(
        &mut self,
        merges: &Merges,
        ids: &mut Vec<u32>,
        from: usize,
        mut size: usize,
    ) -> bool {
        let Some(lengths) = &merges.lengths else {
            return false;
        };
        let symbols = &ids[from..];
        let mut merged: Vec<u32> = Vec::with_capacity(symbols.len() / 2);
        let mut block: Vec<u32> = Vec::with_capacity(SHORT);
        let mut before: &[u32] = &[];
        let (mut start, mut growth) = (0, 1);
        // The token that the block before found at `start`.
        let mut common = None;
        // Where the block before started, with how many tokens before it, the token in common there, and its growth.
        let mut last = None;
        loop {
            let end = symbols.len().min(start + size * growth);
            let part = &symbols[start..end];
            // In a run of one letter all blocks are alike.
            if before != part {
                block.clear();
                block.extend_from_slice(part);
                if block.len() <= SHORT {
                    scan(merges, &mut block, 0);
                } else {
                    self.heap(merges, &mut block, 0);
                }
                before = part;
            }
            if common.is_some_and(|id| block.first() != Some(&id)) {
                // The block before ended too early, or this one does: the former once more with more of what follows,
                // each time more, and the one after it larger too.
                let Some((at, tokens, token, grown)) = last.take() else {
                    return false;
                };
                merged.truncate(tokens);
                (start, common, growth) = (at, token, grown * GROWTH);
                if size * growth > LARGEST_BLOCK {
                    return false;
                }
                continue;
            }
            if end == symbols.len() {
                merged.extend_from_slice(&block);
                break;
            }
            // Keep the tokens that end well before the block does; the first of the others is the one in common.
            let overlap = 8 + part.len() / 8;
            let (mut kept, mut at) = (0, start);
            while kept + 1 < block.len() && at + overlap < end {
                at += lengths[block[kept] as usize];
                kept += 1;
            }
            if at - start < part.len() / 4 {
                // Tokens nearly as long as a block.
                (size, growth) = (size * GROWTH, 1);
                if size > LARGEST_BLOCK {
                    return false;
                }
                continue;
            }
            last = Some((start, merged.len(), common, growth));
            merged.extend_from_slice(&block[..kept]);
            (common, start, growth) = (Some(block[kept]), at, (growth / GROWTH).max(1));
        }
        ids.truncate(from);
        ids.extend_from_slice(&merged);
        true
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
            if merges.rank(symbols[place as usize], symbols[right as usize]) != rank {
                continue;
            }
            symbols[place as usize] = merges.id(rank);
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
    let rank = merges.rank(symbols[left as usize], symbols[right as usize]);
    (rank != NONE).then(|| Reverse(pack(rank, left)))
}
