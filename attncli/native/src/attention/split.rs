//! Few queries over many keys (one new token after a long text): the keys are cut into parts, one thread
//! takes some of them, and the parts' outputs are joined by their log-sum-exp (as FlashDecoding does).

use super::block::{place, Block, Workspace};
use super::heads::HeadsMut;
use super::kernel::Kernel;
use super::problem::Problem;
use super::sizes::rows_of_blocks;
use super::zeros;
use crate::error::Result;
use crate::number::to_f32;
use crate::workers::share;
use std::sync::atomic::{AtomicBool, Ordering};

/// Keys in a part at least.
const KEYS: usize = 1024;

/// How many parts to cut the keys into, where that keeps more threads busy than the blocks of queries do.
pub fn parts(problem: &Problem, blocks: usize, threads: usize) -> Option<usize> {
    let parts = threads
        .div_ceil(blocks.max(1))
        .min(problem.shape.keys_length / KEYS);
    (blocks < threads && parts > 1).then_some(parts)
}

/// As `attention`, over `parts` parts of the keys; false, with nothing written, where float32 is too narrow
/// on the way (the parts' log-sum-exp then too).
pub fn attention(
    kernel: &Kernel,
    problem: &Problem,
    (parts, threads): (usize, usize),
    cancel: &AtomicBool,
    output: &mut HeadsMut,
    lse: &mut [f32],
) -> Result<bool> {
    let rows = lse.len();
    let (shape, depth) = (output.shape(), problem.shape.value_depth);
    let mut outputs = zeros("partial outputs", &[parts, rows, depth])?;
    let mut sums = zeros("partial sums", &[parts, rows])?;
    let lengths = rows_of_blocks(problem, kernel, threads);
    let step = problem.shape.keys_length.div_ceil(parts);
    let mut blocks = Vec::new();
    let (mut output_left, mut sums_left) = (&mut outputs[..], &mut sums[..]);
    for part in 0..parts {
        let (mine, rest) = output_left.split_at_mut(rows * depth);
        output_left = rest;
        let (my_sums, rest) = sums_left.split_at_mut(rows);
        sums_left = rest;
        let keys = (
            part * step,
            ((part + 1) * step).min(problem.shape.keys_length),
        );
        let mine = HeadsMut::of("partial output", mine, shape)?;
        blocks.extend(Block::cut(&lengths, keys, mine, my_sums));
    }
    let narrow = AtomicBool::new(true);
    share(
        blocks,
        threads,
        cancel,
        |workspace: &mut Workspace, mut block| {
            if !workspace.attend_narrow(problem, kernel, &mut block, cancel)? {
                narrow.store(false, Ordering::Relaxed);
            }
            Ok(())
        },
    )?;
    if !narrow.into_inner() {
        return Ok(false);
    }
    for row in 0..rows {
        let part = |p: usize| f64::from(sums[p * rows + row]);
        let peak = (0..parts).map(part).fold(f64::NEG_INFINITY, f64::max);
        // Equal infinities weigh the same, and nothing weighs nothing.
        let weight = |p: usize| match part(p) {
            x if x == f64::NEG_INFINITY => 0.0,
            x if x == peak => 1.0,
            x => (x - peak).exp(),
        };
        let total: f64 = (0..parts).map(weight).sum();
        lse[row] = to_f32(peak + total.ln());
        let (head, query) = place(problem, row);
        for (c, x) in output.row(head, query).iter_mut().enumerate() {
            let sum = |p| weight(p) * f64::from(outputs[(p * rows + row) * depth + c]);
            *x = if total > 0.0 {
                to_f32((0..parts).map(sum).sum::<f64>() / total)
            } else {
                0.0
            };
        }
    }
    Ok(true)
}
