//! What each row of weights looks like, without the N×M weights: its largest, its entropy, and how much of
//! each head's weight lies at which distance. Once over the keys for peaks and totals, once for the weights.

use super::block::{place, Workspace};
use super::kernel::{fastest, Kernel};
use super::panel::{Panel, Row, Span};
use super::problem::Problem;
use super::sizes::rows_of_blocks;
use super::tile::tiles;
use super::wide::WideRow;
use super::{filled, zeros};
use crate::error::{Error, Result};
use crate::number::{signed, to_f32};
use crate::workers::{check, share, useful};
use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

/// What is wanted of the weights.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// The largest weights of each row, so many.
    pub top: usize,
    /// −Σ p·ln p of each row.
    pub entropy: bool,
    /// The weight at each distance i' − j.
    pub mass: bool,
}

/// What was wanted; what was not is empty.
#[derive(Debug, Default)]
pub struct Summary {
    /// (H, N, top): keys, the largest weight first, the first key among equals; −1 where there is none.
    pub top_keys: Vec<i64>,
    /// (H, N, top): their weights.
    pub top_weights: Vec<f32>,
    /// (H, N)
    pub entropy: Vec<f32>,
    /// (H, N + M − 1): summed over the rows, from distance 1 − N to M − 1.
    pub mass: Vec<f64>,
}

/// Arguments as in `attention`; with `mass` queries stand at the end of the keys.
pub fn summarize(
    problem: &Problem,
    wanted: Wanted,
    threads: usize,
    cancel: &AtomicBool,
) -> Result<Summary> {
    summarize_with(&fastest(), problem, wanted, threads, cancel)
}

pub(super) fn summarize_with(
    kernel: &Kernel,
    problem: &Problem,
    wanted: Wanted,
    threads: usize,
    cancel: &AtomicBool,
) -> Result<Summary> {
    if wanted.mass && problem.options.positions.is_some() {
        let message = "the weight at each distance asks for queries at the end of the keys";
        return Err(Error::Invalid(message.into()));
    }
    let threads = useful(threads, problem.work());
    let (heads, length) = (problem.shape.heads, problem.shape.length);
    let distances = if wanted.mass && heads > 0 {
        (length + problem.shape.keys_length).saturating_sub(1)
    } else {
        0
    };
    let mut top_keys = filled("largest weights", &[heads, length, wanted.top], -1)?;
    let mut top_weights = zeros("largest weights", &[heads, length, wanted.top])?;
    let mut entropy = zeros("entropy", &[heads, length])?;
    let mass = Mutex::new(filled("weights by distance", &[heads, distances], 0.0)?);
    if !entropy.is_empty() {
        let lengths = rows_of_blocks(problem, kernel, threads);
        let rests = (&mut top_keys[..], &mut top_weights[..], &mut entropy[..]);
        let parts = cut(&lengths, wanted, rests);
        share(
            parts,
            threads,
            cancel,
            |workspace: &mut Workspace, mut part| {
                if distances > 0 {
                    part.reach = part.reach(problem);
                    part.mass = vec![0.0; part.heads(problem) * part.reach.len()];
                }
                part.summarize(problem, kernel, workspace, cancel)?;
                let mut mass = mass.lock().unwrap_or_else(PoisonError::into_inner);
                part.add_mass(problem, &mut mass);
                Ok(())
            },
        )?;
    }
    let mass = mass.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Summary {
        top_keys,
        top_weights,
        entropy: if wanted.entropy { entropy } else { vec![] },
        mass,
    })
}

/// Some rows, all of one key head, and what is to be written of them.
struct Part<'a> {
    first: usize,
    wanted: Wanted,
    top_keys: &'a mut [i64],
    top_weights: &'a mut [f32],
    entropy: &'a mut [f32],
    /// The distances at which its rows may see a key, counted from 1 − N, the least.
    reach: Range<usize>,
    /// (heads of the rows, reach), or empty.
    mass: Vec<f64>,
}

fn cut<'a>(
    lengths: &[usize],
    wanted: Wanted,
    (mut keys, mut weights, mut entropy): (&'a mut [i64], &'a mut [f32], &'a mut [f32]),
) -> Vec<Part<'a>> {
    let (mut first, top) = (0, wanted.top);
    let mut parts = Vec::with_capacity(lengths.len());
    for &len in lengths {
        let (top_keys, rest) = keys.split_at_mut(len * top);
        keys = rest;
        let (top_weights, rest) = weights.split_at_mut(len * top);
        weights = rest;
        let (my_entropy, rest) = entropy.split_at_mut(len);
        entropy = rest;
        parts.push(Part {
            first,
            wanted,
            top_keys,
            top_weights,
            entropy: my_entropy,
            reach: 0..0,
            mass: vec![],
        });
        first += len;
    }
    parts
}

impl Part<'_> {
    fn heads(&self, problem: &Problem) -> usize {
        let last = self.first + self.entropy.len() - 1;
        place(problem, last).0 - place(problem, self.first).0 + 1
    }

    fn reach(&self, problem: &Problem) -> Range<usize> {
        let rows = self.first..self.first + self.entropy.len();
        let seen = rows.map(|row| {
            let query = place(problem, row).1;
            let (from, to) = problem.key_range(query);
            query + problem.shape.keys_length - to..query + problem.shape.keys_length - from
        });
        let seen = seen.filter(|distances| !distances.is_empty());
        seen.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end))
            .unwrap_or_default()
    }

    /// Adds its mass to that of all heads, (H, N + M − 1).
    fn add_mass(&self, problem: &Problem, all: &mut [f64]) {
        if self.mass.is_empty() {
            return;
        }
        let size = problem.shape.length + problem.shape.keys_length - 1;
        let first = place(problem, self.first).0;
        for (head, mine) in (first..).zip(self.mass.chunks_exact(self.reach.len())) {
            let all = &mut all[head * size..][self.reach.clone()];
            for (all, mine) in all.iter_mut().zip(mine) {
                *all += mine;
            }
        }
    }

    fn summarize(
        &mut self,
        problem: &Problem,
        kernel: &Kernel,
        workspace: &mut Workspace,
        cancel: &AtomicBool,
    ) -> Result<()> {
        let (keys, rows) = ((0, problem.shape.keys_length), self.entropy.len());
        if !workspace.run(
            problem,
            kernel,
            (self.first, rows),
            keys,
            cancel,
            Panel::weigh,
        )? {
            return self.summarize_wide(problem, cancel);
        }
        let mut row = 0;
        let kv_head = problem.shape.kv_head(place(problem, self.first).0);
        for panel in &mut workspace.panels {
            for (from, to) in tiles(&panel.spans.clone()) {
                check(cancel)?;
                let tile = workspace.packed.tile(problem, kv_head, (from, to));
                let span = Span::new(problem, kernel, tile, (from, to));
                panel.weigh_again(span, &mut workspace.logits);
                self.take_tile(problem, panel, workspace.logits.get(), row, from);
            }
            let parts: Vec<f32> = panel.parts().collect();
            for (n, part) in parts.iter().enumerate() {
                let top = (row + n) * self.wanted.top..(row + n + 1) * self.wanted.top;
                self.top_weights[top].iter_mut().for_each(|x| *x *= part);
            }
            row += panel.rows.len();
        }
        Ok(())
    }

    /// Takes a tile of a panel's weights, not yet divided by their totals.
    fn take_tile(
        &mut self,
        problem: &Problem,
        panel: &Panel,
        logits: &[f32],
        row: usize,
        from: usize,
    ) {
        let w = panel.peak.get().len();
        let parts: Vec<f32> = panel.parts().collect();
        let mut sums = vec![0.0; w];
        let peak = panel.peak.get();
        let logarithm: Vec<f32> = panel.total.get().iter().map(|x| x.ln()).collect();
        let tile = panel.weighed.get().chunks_exact(w);
        for (key, (powers, logits)) in (from..).zip(tile.zip(logits.chunks_exact(w))) {
            if self.wanted.top > 0 {
                for (n, &power) in powers[..parts.len()].iter().enumerate() {
                    self.take_top(row + n, key, power);
                }
            }
            let told = if self.wanted.entropy { powers } else { &[] };
            for (lane, (sum, &power)) in sums.iter_mut().zip(told).enumerate() {
                // A logit of −inf weighs nothing, and 0·inf is no number. −ln p in this order keeps its digits
                // where logits are large.
                let below = if logits[lane] == peak[lane] {
                    0.0 // of +inf too
                } else {
                    peak[lane] - logits[lane]
                };
                let less = below + logarithm[lane];
                *sum += if power > 0.0 { power * less } else { 0.0 };
            }
            if !self.mass.is_empty() {
                self.take_mass(problem, &panel.rows, key, powers, &parts);
            }
        }
        for (n, (sum, part)) in sums.iter().zip(&parts).enumerate() {
            self.entropy[row + n] += sum * part;
        }
    }

    /// Keys come in order, so that among equals the first stays before the later.
    fn take_top(&mut self, row: usize, key: usize, weight: f32) {
        let top = row * self.wanted.top..(row + 1) * self.wanted.top;
        let weights = &mut self.top_weights[top.clone()];
        if weight <= weights[self.wanted.top - 1] {
            return;
        }
        let at = weights.partition_point(|&other| other >= weight);
        weights[at..].rotate_right(1);
        weights[at] = weight;
        let keys = &mut self.top_keys[top];
        keys[at..].rotate_right(1);
        keys[at] = signed(key);
    }

    fn take_mass(
        &mut self,
        problem: &Problem,
        rows: &[Row],
        key: usize,
        powers: &[f32],
        parts: &[f32],
    ) {
        let head = place(problem, self.first).0;
        for ((row, power), part) in rows.iter().zip(powers).zip(parts) {
            // A panel's rows see not all the same keys, and where a row sees none there is nothing to add.
            let distance = row.query + problem.shape.keys_length - 1 - key;
            if self.reach.contains(&distance) {
                let at = (row.head - head) * self.reach.len() + distance - self.reach.start;
                self.mass[at] += rounded(power * part);
            }
        }
    }

    fn summarize_wide(&mut self, problem: &Problem, cancel: &AtomicBool) -> Result<()> {
        let mut weights = vec![0.0; problem.shape.keys_length];
        let first = place(problem, self.first).0;
        for row in 0..self.entropy.len() {
            check(cancel)?;
            let (head, query) = place(problem, self.first + row);
            WideRow::new(problem, head, query).write_weights(&mut weights);
            let mut entropy = 0.0;
            for (key, &weight) in weights
                .iter()
                .enumerate()
                .filter(|(_, weight)| **weight > 0.0)
            {
                entropy -= f64::from(weight) * f64::from(weight).ln();
                if self.wanted.top > 0 {
                    self.take_top(row, key, weight);
                }
                if !self.mass.is_empty() {
                    let distance = query + problem.shape.keys_length - 1 - key - self.reach.start;
                    self.mass[(head - first) * self.reach.len() + distance] += rounded(weight);
                }
            }
            self.entropy[row] = to_f32(entropy);
        }
        Ok(())
    }
}

/// A weight to the next multiple of 2^-34: such numbers add up to the same in any order, and so on any number
/// of threads, as long as the sum is below 2^18.
fn rounded(weight: f32) -> f64 {
    const ROUND: f64 = 393_216.0; // 1.5·2^18
    (f64::from(weight) + ROUND) - ROUND
}
