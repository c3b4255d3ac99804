//! Exact attention, softmax(QKᵀ·scale + bias)V, in tiles: memory O(N), never N×M.
//!
//! A block of queries runs over its keys tile by tile with a running maximum and sum (the online softmax;
//! FlashAttention, Dao et al. 2022). Blocks of all heads are spread over threads. What each file holds:
//! `problem` the arguments, `heads` vectors as they lie in arrays, `lists` sparse patterns, `block` one block, `sizes`
//! how large blocks and panels are, `tile` a few keys, `magnitudes` how large they are, `panel` a few vectors of queries,
//! `edit` mask and bias, `summary` what the weights look like, `kernel` the inner loops, `split` few queries over many
//! keys, `wide` numbers beyond float32.

mod block;
mod edit;
mod heads;
mod kernel;
mod lists;
mod magnitudes;
mod panel;
mod problem;
mod rope;
mod sizes;
mod split;
mod summary;
#[cfg(test)]
mod tests;
mod tile;
mod wide;

use crate::error::{Error, Result};
use crate::prefetch::filled_in_large_pages;
use crate::workers::{share, useful};
use block::{Block, Workspace};
pub use heads::{Heads, HeadsMut};
use kernel::Kernel;
pub use lists::KeyLists;
pub(crate) use problem::{check_length, invalid, Shape};
pub use problem::{Broadcast, Options, Problem};
pub use rope::rotate;
use sizes::rows_of_blocks;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
pub use summary::{summarize, Summary, Wanted};

/// Writes the output (H, N, dv), and gives each row's log-sum-exp (H, N). A row that may attend to nothing gives
/// zeros and −inf. `threads` = 0 is one a core. Fails with `Interrupted` soon after `cancel` is set. `done` counts the
/// rows that are written, the last ones of all heads first.
pub fn attention(
    problem: &Problem,
    output: HeadsMut,
    threads: usize,
    cancel: &AtomicBool,
    done: &AtomicUsize,
) -> Result<Vec<f32>> {
    attention_with(&kernel::fastest(), problem, output, threads, cancel, done)
}

/// The weights (H, N, M): each row's softmax. Arguments as in `attention`.
pub fn attention_weights(
    problem: &Problem,
    threads: usize,
    cancel: &AtomicBool,
) -> Result<Vec<f32>> {
    weights_with(&kernel::fastest(), problem, threads, cancel)
}

fn attention_with(
    kernel: &Kernel,
    problem: &Problem,
    mut output: HeadsMut,
    threads: usize,
    cancel: &AtomicBool,
    done: &AtomicUsize,
) -> Result<Vec<f32>> {
    let threads = useful(threads, problem.work());
    problem.shape.check_output(&output)?;
    let mut lse = zeros("log-sum-exp", &output.shape()[..2])?;
    if lse.is_empty() {
        return Ok(lse);
    }
    let blocks = rows_of_blocks(problem, kernel, threads);
    if let Some(parts) = split::parts(problem, blocks.len(), threads) {
        let parts = (parts, threads);
        if split::attention(kernel, problem, parts, cancel, &mut output, &mut lse)? {
            done.store(lse.len(), Ordering::Relaxed);
            return Ok(lse);
        }
    }
    let keys = (0, problem.shape.keys_length);
    let blocks = Block::cut(&blocks, keys, output.reborrow(), &mut lse);
    share(
        blocks,
        threads,
        cancel,
        |workspace: &mut Workspace, block| {
            let rows = block.rows().1;
            workspace.attend(problem, kernel, block, cancel)?;
            done.fetch_add(rows, Ordering::Relaxed);
            Ok(())
        },
    )?;
    Ok(lse)
}

fn weights_with(
    kernel: &Kernel,
    problem: &Problem,
    threads: usize,
    cancel: &AtomicBool,
) -> Result<Vec<f32>> {
    let threads = useful(threads, problem.work());
    let (heads, length, keys) = (
        problem.shape.heads,
        problem.shape.length,
        problem.shape.keys_length,
    );
    let mut weights = zeros("weights", &[heads, length, keys])?;
    if weights.is_empty() {
        return Ok(weights);
    }
    let mut lse = zeros("log-sum-exp", &[heads, length])?;
    let blocks = rows_of_blocks(problem, kernel, threads);
    let rows = HeadsMut::of("weights", &mut weights, [heads, length, keys])?;
    let blocks = Block::cut(&blocks, (0, keys), rows, &mut lse);
    share(
        blocks,
        threads,
        cancel,
        |workspace: &mut Workspace, block| workspace.weigh(problem, kernel, block, cancel),
    )?;
    Ok(weights)
}

/// An array all of zeros, or an error where there is no room for it.
pub fn zeros(name: &str, shape: &[usize]) -> Result<Vec<f32>> {
    filled(name, shape, 0.0)
}

/// An array all of one number, or an error where there is no room for it.
fn filled<T: Clone>(name: &str, shape: &[usize], x: T) -> Result<Vec<T>> {
    let all = filled_in_large_pages(x, problem::size(name, shape)?);
    all.ok_or_else(|| Error::Invalid(format!("no memory for the {name} of shape {shape:?}")))
}
