//! A few keys and their values, which stay in the near caches while all panels of a block look at them.

use super::problem::Problem;

/// Keys in a tile: keys or values, a panel's logits and its queries or output stay in the first cache together where
/// d is 64. With 256 keys the logits alone fill it (microbenchmark on Ice Lake, 48 KB: 117 GFLOP/s, 128 keys 130, 64
/// keys 157).
pub const TILE: usize = 64;

/// Keys from `from` on of one key head, and their values, side by side.
#[derive(Clone, Copy)]
pub struct Tile<'a> {
    from: usize,
    keys: &'a [f32],
    values: &'a [f32],
}

impl<'a> Tile<'a> {
    /// All keys, and all values.
    pub fn all(&self) -> (&'a [f32], &'a [f32]) {
        (self.keys, self.values)
    }

    /// Keys `from..to`, (keys, d).
    pub fn keys(&self, problem: &Problem, from: usize, to: usize) -> &'a [f32] {
        let depth = problem.shape.depth;
        &self.keys[(from - self.from) * depth..(to - self.from) * depth]
    }

    /// Their values, (keys, dv).
    pub fn values(&self, problem: &Problem, from: usize, to: usize) -> &'a [f32] {
        let depth = problem.shape.value_depth;
        &self.values[(from - self.from) * depth..(to - self.from) * depth]
    }
}

/// Room for a tile that does not stand side by side already.
#[derive(Default)]
pub struct Packed {
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl Packed {
    /// Keys `from..to` of one key head and their values.
    pub fn tile<'a>(
        &'a mut self,
        problem: &'a Problem,
        kv_head: usize,
        (from, to): (usize, usize),
    ) -> Tile<'a> {
        let keys = problem.keys.rows(kv_head, (from, to), &mut self.keys);
        let values = if problem.keys.same(&problem.values) {
            keys
        } else {
            problem.values.rows(kv_head, (from, to), &mut self.values)
        };
        Tile { from, keys, values }
    }
}

/// The spans cut into tiles.
pub fn tiles(spans: &[(usize, usize)]) -> impl Iterator<Item = (usize, usize)> + use<'_> {
    spans.iter().flat_map(|&(from, to)| {
        let starts = (from..to).step_by(TILE);
        starts.map(move |start| (start, to.min(start + TILE)))
    })
}
