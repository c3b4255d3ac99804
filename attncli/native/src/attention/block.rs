//! A block of queries: what one thread takes at a time.

use super::heads::HeadsMut;
use super::kernel::Kernel;
use super::lists::union;
use super::panel::{Aligned, Panel};
use super::problem::Problem;
use super::tile::{tiles, Packed, Tile, TILE};
use super::wide::{self, WideRow};
use crate::error::Result;
use crate::workers::check;
use std::sync::atomic::AtomicBool;

/// Queries in a block at most. A tile of keys and values serves all of their panels from the near caches; with 384 it
/// came from farther off twice as often (119 GFLOP/s in place of 129, Ice Lake).
const QUERIES: usize = 768;

/// Neighbouring queries, all of one key head, with the part of the output that is theirs.
pub struct Block<'a> {
    /// The first of its rows, counted over the queries of all heads one after another.
    first: usize,
    /// The keys that it may look at.
    keys: (usize, usize),
    /// Of the output (H, N, dv), or of the weights (H, N, M).
    output: HeadsMut<'a>,
    /// (rows,)
    lse: &'a mut [f32],
}

impl<'a> Block<'a> {
    /// Cuts output and lse into blocks of so many rows, in this order: each whole heads, or rows of one head.
    pub fn cut(
        rows: &[usize],
        keys: (usize, usize),
        output: HeadsMut<'a>,
        mut lse: &'a mut [f32],
    ) -> Vec<Self> {
        let length = output.shape()[1];
        let mut first = 0;
        let mut blocks = Vec::with_capacity(rows.len());
        // What is left of a head that is cut, and the heads behind it.
        let (mut head, mut output) = output.split_heads(0);
        for &len in rows {
            let mine;
            if len < length {
                if first % length == 0 {
                    (head, output) = output.split_heads(1);
                }
                (mine, head) = head.split_rows(len);
            } else {
                (mine, output) = output.split_heads(len / length);
            }
            let (my_lse, rest) = lse.split_at_mut(len);
            lse = rest;
            blocks.push(Self {
                first,
                keys,
                output: mine,
                lse: my_lse,
            });
            first += len;
        }
        // Heads that stand side by side in rows are read and written while their rows are near.
        blocks.sort_by_key(|block| block.first % length);
        blocks
    }

    /// Its first row, and how many there are.
    fn rows(&self) -> (usize, usize) {
        (self.first, self.lse.len())
    }
}

/// The rows of each block, in order. A block has `QUERIES` rows, or fewer where that would leave threads
/// idle; heads that share keys stand in one panel where their queries leave room for it.
pub fn rows_of_blocks(problem: &Problem, kernel: &Kernel, threads: usize) -> Vec<usize> {
    let panel = kernel.panel();
    let (length, group) = (problem.shape.length, problem.shape.group());
    let lists = problem.options.lists.is_some();
    // Heads in a block of so many rows: whole ones, or a part of one.
    let together = |most: usize| (most / length.max(1)).clamp(1, group.max(1));
    let count = |most: usize| {
        let of_a_key_head = group.div_ceil(together(most)) * length.div_ceil(most);
        problem.shape.kv_heads * of_a_key_head
    };
    let mut panels = QUERIES.div_ceil(panel);
    // Heads that are alike can be shared out evenly, two for each thread, and their keys are gone over once.
    let heads = problem.shape.heads;
    let even_heads = group == 1 && !lists && heads >= 2 * threads && heads.is_multiple_of(threads);
    if !(even_heads && length <= panels * panel) {
        while panels > 1 && threads > 1 && count(panels * panel) < 4 * threads {
            panels /= 2;
        }
    }
    let most = panels * panel;
    // In panels of 48, 256 rows are 144 and 112, not 192 and 64. Lists of keys are for blocks of queries of their own.
    let parts = length.div_ceil(most).max(1);
    let part = if lists {
        most
    } else {
        length.div_ceil(parts).next_multiple_of(panel)
    };
    let mut rows = Vec::new();
    for _ in 0..problem.shape.kv_heads {
        let mut left = group;
        while left > 0 {
            let heads = together(most).min(left);
            let mut queries = heads * length;
            while queries > 0 {
                let len = if heads > 1 {
                    queries
                } else {
                    queries.min(part)
                };
                rows.push(len);
                queries -= len;
            }
            left -= heads;
        }
    }
    rows
}

/// What a thread keeps from block to block.
#[derive(Default)]
pub struct Workspace {
    pub panels: Vec<Panel>,
    pub packed: Packed,
    /// (keys, w): one panel's at a time, so that they stay in the first cache.
    pub logits: Aligned,
}

impl Workspace {
    /// Writes the block's output and log-sum-exp.
    pub fn attend(
        &mut self,
        problem: &Problem,
        kernel: &Kernel,
        mut block: Block,
        cancel: &AtomicBool,
    ) -> Result<()> {
        if self.attend_narrow(problem, kernel, &mut block, cancel)? {
            return Ok(());
        }
        for (n, lse) in block.lse.iter_mut().enumerate() {
            check(cancel)?;
            let (head, query) = place(problem, block.first + n);
            let output = block.output.row(head, query);
            *lse = WideRow::new(problem, head, query).finish(problem, head, output);
        }
        Ok(())
    }

    /// The same, or false where float32 is too narrow on the way.
    pub fn attend_narrow(
        &mut self,
        problem: &Problem,
        kernel: &Kernel,
        block: &mut Block,
        cancel: &AtomicBool,
    ) -> Result<bool> {
        if !self.run(
            problem,
            kernel,
            block.rows(),
            block.keys,
            cancel,
            Panel::attend,
        )? {
            return Ok(false);
        }
        let mut first = 0;
        for panel in &mut self.panels {
            let end = first + panel.rows.len();
            panel.finish(&mut block.output, &mut block.lse[first..end]);
            first = end;
        }
        Ok(true)
    }

    /// Writes the block's weights: once over the keys for peaks and totals, once for the weights.
    pub fn weigh(
        &mut self,
        problem: &Problem,
        kernel: &Kernel,
        mut block: Block,
        cancel: &AtomicBool,
    ) -> Result<()> {
        if !self.run(
            problem,
            kernel,
            block.rows(),
            block.keys,
            cancel,
            Panel::weigh,
        )? {
            for row in block.first..block.first + block.lse.len() {
                check(cancel)?;
                let (head, query) = place(problem, row);
                let weights = block.output.row(head, query);
                WideRow::new(problem, head, query).write_weights(weights);
            }
            return Ok(());
        }
        let kv_head = problem.shape.kv_head(place(problem, block.first).0);
        for panel in &mut self.panels {
            for span in tiles(&panel.spans.clone()) {
                check(cancel)?;
                let tile = self.packed.tile(problem, kv_head, span);
                let room = (&mut self.logits, &mut block.output);
                panel.write_weights(problem, kernel, &tile, span, room);
            }
        }
        Ok(())
    }

    /// Packs the queries and takes each tile of keys to each panel; false where float32 is too narrow.
    pub fn run(
        &mut self,
        problem: &Problem,
        kernel: &Kernel,
        (first, rows): (usize, usize),
        keys: (usize, usize),
        cancel: &AtomicBool,
        step: impl Fn(&mut Panel, &Problem, &Kernel, &Tile, (usize, usize), &mut Aligned),
    ) -> Result<bool> {
        if problem.wide {
            return Ok(false);
        }
        let lengths = rows_of_panels(problem, kernel, first, rows);
        self.panels.resize_with(lengths.len(), Panel::default);
        self.logits.fill(TILE * kernel.panel(), 0.0);
        let mut next = first;
        for (panel, len) in self.panels.iter_mut().zip(lengths) {
            panel.start(problem, kernel, (next, len), keys);
            next += len;
        }
        let query = self
            .panels
            .iter()
            .map(|p| p.largest_query(kernel))
            .fold(0.0, f32::max);
        let kv_head = problem.shape.kv_head(place(problem, first).0);
        let mut spans: Vec<_> = self.panels.iter().flat_map(|p| p.spans.clone()).collect();
        union(&mut spans, 0);
        for (from, to) in tiles(&spans) {
            check(cancel)?;
            let tile = self.packed.tile(problem, kv_head, (from, to));
            let (keys, values) = tile.all();
            let (key, value) = (kernel.largest(keys), kernel.largest(values));
            if !wide::narrow_enough(problem, query, key, value) {
                return Ok(false);
            }
            for panel in &mut self.panels {
                for n in panel.spans_in(from, to) {
                    let (start, end) = panel.spans[n];
                    let span = (start.max(from), end.min(to));
                    step(panel, problem, kernel, &tile, span, &mut self.logits);
                }
            }
        }
        Ok(true)
    }
}

/// The rows of each panel of a block that begins at row `first`: as many as fit, but where blocks of queries
/// have lists of keys in common, rows of one list alone, so that no other block's keys are looked at.
fn rows_of_panels(problem: &Problem, kernel: &Kernel, first: usize, rows: usize) -> Vec<usize> {
    let most = kernel.panel();
    let lists = problem.options.lists.map_or(1, |lists| lists.block);
    let mut lengths = Vec::new();
    let mut left = rows;
    while left > 0 {
        let query = (first + rows - left) % problem.shape.length;
        let alike = if lists < kernel.lanes {
            left
        } else {
            left.min(lists - query % lists)
                .min(problem.shape.length - query)
        };
        // Alike in vectors: 64 rows in lanes of 16 are 32 and 32, not 48 and 16.
        let even = alike.div_ceil(alike.div_ceil(most));
        let len = alike.min(even.next_multiple_of(kernel.lanes));
        lengths.push(len);
        left -= len;
    }
    lengths
}

/// (head, query) of a row counted over all heads.
pub fn place(problem: &Problem, row: usize) -> (usize, usize) {
    (row / problem.shape.length, row % problem.shape.length)
}
