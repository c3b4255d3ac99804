//! What stands beside the places of one merge: a count for each neighbouring token.

use crate::error::Result;
use crate::memory::{grow, lengthen};

/// Counts by token id, cleared in the time of what was counted. A merge meets few neighbours many times: adding up
/// here first spares a look-up in the table of pairs for each place.
#[derive(Default)]
pub struct Neighbours {
    counts: Vec<u64>,
    places: Vec<u32>,
    touched: Vec<u32>,
}

impl Neighbours {
    /// Makes room for ids below `tokens`.
    pub fn resize(&mut self, tokens: usize) -> Result<()> {
        lengthen(&mut self.counts, tokens, 0)?;
        lengthen(&mut self.places, tokens, 0)?;
        grow(&mut self.touched, tokens)
    }

    /// One more place beside `id`, of a word that occurs `count` times.
    #[inline]
    pub fn add(&mut self, id: u32, count: u64) {
        let at = id as usize;
        if self.places[at] == 0 {
            self.touched.push(id);
        }
        self.places[at] += 1;
        self.counts[at] = self.counts[at].saturating_add(count);
    }

    /// Takes back some of what was added.
    pub fn take(&mut self, id: u32, (count, places): (u64, u32)) {
        let at = id as usize;
        self.counts[at] = self.counts[at].saturating_sub(count);
        self.places[at] = self.places[at].saturating_sub(places);
    }

    /// (id, count, places) of each neighbour that was met.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u64, u32)> + '_ {
        self.touched
            .iter()
            .map(|&id| (id, self.counts[id as usize], self.places[id as usize]))
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        for id in self.touched.drain(..) {
            self.counts[id as usize] = 0;
            self.places[id as usize] = 0;
        }
    }
}
