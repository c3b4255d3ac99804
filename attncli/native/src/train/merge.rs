//! One round of merges, from the highest count down to the threshold.

use super::census::{rank, Census, Rank, NOWHERE};
use super::corpus::{Corpus, Counts};
use super::neighbours::Neighbours;
use super::symbol::Symbol;
use crate::error::Result;
use crate::memory::{collect, grow, lengthen, reserve, with_room};
use crate::pair::{pack, unpack};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Places that are looked at together.
const BLOCK: usize = 256;

/// A place of a new token.
struct Merged<S> {
    start: u32,
    previous: S,
    /// END also where the new token follows on itself: that pair belongs to the second one's `previous`.
    next: S,
}

/// A round under way.
pub struct Round<'a, S> {
    corpus: &'a mut Corpus<S>,
    census: &'a mut Census,
    /// Highest count first, among equals the smaller (left, right). An entry may be out of date.
    queue: BinaryHeap<Rank>,
    /// Where the token that was made last stands.
    merged: Vec<Merged<S>>,
    before: Neighbours,
    after: Neighbours,
    /// Where the next place of (neighbour, new) and of (new, neighbour) goes, by neighbour.
    before_at: Vec<u32>,
    after_at: Vec<u32>,
}

impl<'a, S: Symbol> Round<'a, S> {
    /// The census has just been taken of this corpus.
    pub fn new(corpus: &'a mut Corpus<S>, census: &'a mut Census) -> Result<Self> {
        let pairs = census.pairs.iter().map(|pair| rank(pair.count, pair.key));
        let queue = collect(pairs, census.pairs.len())?;
        Ok(Self {
            corpus,
            census,
            queue: BinaryHeap::from(queue),
            merged: Vec::new(),
            before: Neighbours::default(),
            after: Neighbours::default(),
            before_at: Vec::new(),
            after_at: Vec::new(),
        })
    }

    /// (left, right, count) of the pair to merge next; none at the end of the round. Counts only shrink between
    /// updates of the queue, so an entry that is out of date stands too high: it goes back where it belongs.
    pub fn best(&mut self) -> Option<(u32, u32, u64)> {
        if self.census.full {
            return None;
        }
        while let Some((count, Reverse(key))) = self.queue.pop() {
            let (left, right) = unpack(key);
            let now = self
                .census
                .pairs
                .get_mut(left, right)
                .map_or(0, |pair| pair.count);
            if rank(now, key) < self.census.threshold {
                continue;
            }
            if now == count {
                return Some((left, right, count));
            }
            if now < count {
                self.queue.push(rank(now, key));
            }
            // Where `now` is larger, a newer entry stands in the queue.
        }
        None
    }

    /// Leaves a pair alone for the rest of the round.
    pub fn forget(&mut self, left: u32, right: u32) {
        if let Some(pair) = self.census.pairs.get_mut(left, right) {
            pair.count = 0;
        }
    }

    /// Merges a pair into a token with the next free id, wherever it stands, and brings all counts up to date.
    pub fn merge(&mut self, left: u32, right: u32) -> Result<()> {
        let lengths = &mut self.corpus.lengths;
        // Ids are u32 already.
        let new = u32::try_from(lengths.len()).unwrap_or(NOWHERE);
        grow(lengths, 1)?;
        lengths.push(lengths[left as usize] + lengths[right as usize]);
        for beside in [&mut self.before, &mut self.after] {
            beside.resize(lengths.len())?;
        }
        for places in [&mut self.before_at, &mut self.after_at] {
            lengthen(places, lengths.len(), NOWHERE)?;
        }
        let touching = self.replace(left, right, new)?;
        self.lose(left, right);
        // `new` `new` was counted as new and left, too, before the second one was made.
        self.after.take(left, touching);
        self.win(new)?;
        self.before.clear();
        self.after.clear();
        Ok(())
    }

    /// Writes the new token over the pair's places, and counts what stands beside it. Returns how often, and at
    /// how many places, it now follows on itself.
    fn replace(&mut self, left: u32, right: u32, new: u32) -> Result<(u64, u32)> {
        self.merged.clear();
        let mut touching = (0u64, 0);
        let Some(pair) = self.census.pairs.get_mut(left, right) else {
            return Ok(touching);
        };
        pair.count = 0;
        let (first, many) = (pair.start as usize, pair.places as usize);
        reserve(&mut self.merged, many)?;
        let symbols = &mut self.corpus.symbols;
        let to_start = self.corpus.lengths[left as usize];
        let to_after = self.corpus.lengths[right as usize];
        let (left, right, new) = (S::of(left), S::of(right), S::of(new));
        let mut counts = Counts::new(&self.corpus.classes);
        let mut last_after = 0;
        let mut live = [0; BLOCK];
        for block in self.census.places[first..first + many].chunks(BLOCK) {
            // A place is out of date where another merge has taken one of the parts. Looking at a whole block first
            // brings it into the cache, many places at once.
            let mut count = 0;
            for &place in block {
                live[count % BLOCK] = place;
                count += usize::from(
                    symbols[place as usize - 1] == left && symbols[place as usize] == right,
                );
            }
            for &place in &live[..count] {
                let middle = place as usize;
                // Only a pair of equals can overlap itself, and then the leftmost place wins.
                if symbols[middle - 1] != left || symbols[middle] != right {
                    continue;
                }
                let (start, after) = (place - to_start, place + to_after);
                let count = counts.of(start);
                let (previous, next) = (symbols[start as usize - 1], symbols[after as usize]);
                if previous != S::END {
                    self.before.add(previous.id(), count);
                }
                if next != S::END {
                    self.after.add(next.id(), count);
                }
                if start == last_after {
                    touching = (touching.0.saturating_add(count), touching.1 + 1);
                    if let Some(last) = self.merged.last_mut() {
                        last.next = S::END;
                    }
                }
                // What is inside must never again be taken for one of the parts.
                symbols[middle - 1] = S::INSIDE;
                symbols[middle] = S::INSIDE;
                symbols[start as usize] = new;
                symbols[after as usize - 1] = new;
                self.merged.push(Merged {
                    start,
                    previous,
                    next,
                });
                last_after = after;
            }
        }
        Ok(touching)
    }

    /// Takes what was counted from the pairs of left and right.
    fn lose(&mut self, left: u32, right: u32) {
        for (id, count, _) in self.before.iter() {
            if let Some(pair) = self.census.pairs.get_mut(id, left) {
                pair.count = pair.count.saturating_sub(count);
            }
        }
        for (id, count, _) in self.after.iter() {
            if let Some(pair) = self.census.pairs.get_mut(right, id) {
                pair.count = pair.count.saturating_sub(count);
            }
        }
    }

    /// Keeps those pairs of the new token that reach the threshold.
    fn win(&mut self, new: u32) -> Result<()> {
        let known = self.census.places.len();
        let before = self.before.iter().map(|(id, n, at)| (id, new, n, at));
        let after = self.after.iter().map(|(id, n, at)| (new, id, n, at));
        for (left, right, count, places) in before.chain(after) {
            let kept = self.census.keep(left, right, count, places)?;
            if kept.is_some() {
                if self.queue.len() == self.queue.capacity() {
                    with_room::<Rank>(self.queue.try_reserve(1), self.queue.len() + 1)?;
                }
                self.queue.push(rank(count, pack(left, right)));
            }
            let (ids, id) = if right == new {
                (&mut self.before_at, left)
            } else {
                (&mut self.after_at, right)
            };
            ids[id as usize] = kept.unwrap_or(NOWHERE);
        }
        if self.census.places.len() == known {
            return Ok(());
        }
        let length = self.corpus.lengths[new as usize];
        for merged in &self.merged {
            if merged.previous != S::END {
                let at = &mut self.before_at[merged.previous.id() as usize];
                self.census.put(at, merged.start);
            }
            if merged.next != S::END {
                let at = &mut self.after_at[merged.next.id() as usize];
                self.census.put(at, merged.start + length);
            }
        }
        Ok(())
    }
}
