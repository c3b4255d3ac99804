//! A block of queries: what one thread takes at a time.

use super::heads::HeadsMut;
use super::kernel::Kernel;
use super::lists::union;
use super::panel::{Aligned, Panel, Span};
use super::problem::Problem;
use super::sizes::rows_of_panels;
use super::tile::{tiles, Packed, TILE};
use super::wide::{self, WideRow};
use crate::error::Result;
use crate::workers::check;
use std::sync::atomic::AtomicBool;

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
    pub fn rows(&self) -> (usize, usize) {
        (self.first, self.lse.len())
    }
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
            panel.finish(kernel, &mut block.output, &mut block.lse[first..end]);
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
            for (from, to) in tiles(&panel.spans.clone()) {
                check(cancel)?;
                let tile = self.packed.tile(problem, kv_head, (from, to));
                let span = Span::new(problem, kernel, tile, (from, to));
                panel.write_weights(span, &mut self.logits, &mut block.output);
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
        step: impl Fn(&mut Panel, Span, &mut Aligned),
    ) -> Result<bool> {
        if problem.wide {
            return Ok(false);
        }
        let lengths = rows_of_panels(problem, kernel, first, rows);
        self.panels.resize_with(lengths.len(), Panel::default);
        self.logits.make_room(TILE * kernel.panel());
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
            let magnitudes = &problem.magnitudes;
            let (key, value) = magnitudes.of(kernel, kv_head, (from, to), &tile);
            if !wide::narrow_enough(problem, query, key, value) {
                return Ok(false);
            }
            for panel in &mut self.panels {
                for n in panel.spans_in(from, to) {
                    let (start, end) = panel.spans[n];
                    let keys = (start.max(from), end.min(to));
                    let span = Span::new(problem, kernel, tile, keys);
                    step(panel, span, &mut self.logits);
                }
            }
        }
        Ok(true)
    }
}

/// (head, query) of a row counted over all heads.
pub fn place(problem: &Problem, row: usize) -> (usize, usize) {
    (row / problem.shape.length, row % problem.shape.length)
}
