//! Attention with a kernel φ(q)·φ(k) in place of exp(q·k·scale), in time and memory O(N).
//!
//! Σ_j φ(q)·φ(k_j) v_j = φ(q)·S with S = Σ_j φ(k_j) v_jᵀ: keys and values are summed up once (Katharopoulos et
//! al. 2020, eq. 5 to 7), or as far as each query sees (eq. 8 to 12). What each file holds: `problem` the
//! arguments, `features` φ, `state` S, `chunk` a few rows on their way, `product` the matrix product, `machine`
//! the ways in which they are compiled.

mod chunk;
mod features;
mod machine;
mod problem;
mod state;
#[cfg(test)]
mod tests;

use crate::attention::HeadsMut;
use crate::error::{Error, Result};
use crate::workers::{share, useful};
use chunk::{Queries, Workspace};
use machine::Machine;
pub use problem::{FeatureMap, Problem};
use state::State;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Keys, and queries, in a piece of work. Fixed, so that the answer does not depend on the number of threads.
const SEGMENT: usize = 8192;

/// Writes the output (H, N, dv), and gives (H, N) log Σ_j φ(q)·φ(k_j). A query that sees no key gives zeros and −inf, one
/// whose sums or features are beyond float32 NaN. `threads` = 0 is one a core. Fails with `Interrupted` soon after
/// `cancel` is set. `done` counts the rows that are written, the last ones of all heads first.
pub fn attention(
    problem: &Problem,
    output: HeadsMut,
    threads: usize,
    cancel: &AtomicBool,
    done: &AtomicUsize,
) -> Result<Vec<f32>> {
    attention_with(&machine::fastest(), problem, output, threads, cancel, done)
}

fn attention_with(
    machine: &Machine,
    problem: &Problem,
    mut output: HeadsMut,
    threads: usize,
    cancel: &AtomicBool,
    done: &AtomicUsize,
) -> Result<Vec<f32>> {
    problem.shape.check_output(&output)?;
    let rows = problem.shape.heads * problem.shape.length;
    let mut lse = filled(rows, f32::NEG_INFINITY)?;
    if rows == 0 || problem.shape.keys_length == 0 {
        output.clear();
        done.store(rows, Ordering::Relaxed);
        return Ok(lse);
    }
    let threads = useful(threads, problem.work());
    let states = states(machine, problem, threads, cancel)?;
    let mut items = Vec::new();
    let mut unseeing = 0;
    let mut left = output.reborrow();
    for (head, mut sums) in lse.chunks_exact_mut(problem.shape.length).enumerate() {
        let (mut outputs, rest) = left.split_heads(1);
        left = rest;
        let mut at = 0;
        for (segment, range) in query_segments(problem) {
            // Queries before the first key give zeros.
            let (mut before, rest) = outputs.split_rows(range.start - at);
            before.clear();
            unseeing += range.start - at;
            let (mine, rest) = rest.split_rows(range.len());
            outputs = rest;
            let (my_sums, rest) = sums[range.start - at..].split_at_mut(range.len());
            sums = rest;
            at = range.end;
            let queries = Queries {
                head,
                range,
                output: mine,
                lse: my_sums,
            };
            items.push((segment, queries));
        }
    }
    // Heads that stand side by side in rows are read and written while their rows are near.
    items.sort_by_key(|(segment, _)| *segment);
    let kv_states = states.len() / problem.shape.kv_heads;
    share(
        items,
        threads,
        cancel,
        |workspace: &mut Workspace, (segment, queries)| {
            let kv_head = problem.shape.kv_head(queries.head);
            let place = if problem.causal { segment } else { 0 };
            let before = &states[kv_head * kv_states + place];
            let rows = queries.range.len();
            machine.attend(
                workspace,
                problem,
                queries,
                segment_of_keys(problem, segment),
                before,
            );
            done.fetch_add(rows, Ordering::Relaxed);
            Ok(())
        },
    )?;
    done.fetch_add(unseeing, Ordering::Relaxed);
    Ok(lse)
}

/// Of each key head: the sum of all keys; where causal one for each segment, of the keys before it.
fn states(
    machine: &Machine,
    problem: &Problem,
    threads: usize,
    cancel: &AtomicBool,
) -> Result<Vec<State>> {
    let segments = problem.shape.keys_length.div_ceil(SEGMENT);
    // Nothing stands behind the last segment.
    let summed = if problem.causal {
        segments - 1
    } else {
        segments
    };
    let mut parts = Vec::with_capacity(problem.shape.kv_heads * summed);
    for _ in 0..problem.shape.kv_heads * summed {
        parts.push(State::new(problem, machine.lanes)?);
    }
    let items: Vec<_> = parts.iter_mut().enumerate().collect();
    share(
        items,
        threads,
        cancel,
        |workspace: &mut Workspace, (place, state)| {
            let range = segment_of_keys(problem, place % summed);
            machine.absorb(workspace, problem, place / summed, range, state);
            Ok(())
        },
    )?;
    let mut parts = parts.into_iter();
    let mut states = Vec::new();
    for _ in 0..problem.shape.kv_heads {
        let mut all = State::new(problem, machine.lanes)?;
        for part in parts.by_ref().take(summed) {
            if problem.causal {
                states.push(all.clone());
            }
            all.merge(&part);
        }
        states.push(all);
    }
    Ok(states)
}

/// The queries of one head cut into (number of the segment, rows); where causal, those that stand at the keys
/// of that segment.
fn query_segments(problem: &Problem) -> Vec<(usize, Range<usize>)> {
    let (n, m) = (problem.shape.length, problem.shape.keys_length);
    if !problem.causal {
        let starts = (0..n).step_by(SEGMENT).enumerate();
        return starts
            .map(|(i, start)| (i, start..n.min(start + SEGMENT)))
            .collect();
    }
    (0..m.div_ceil(SEGMENT))
        .map(|segment| {
            (
                segment,
                problem.queries_at(&segment_of_keys(problem, segment)),
            )
        })
        .filter(|(_, range)| !range.is_empty())
        .collect()
}

fn segment_of_keys(problem: &Problem, segment: usize) -> Range<usize> {
    let start = segment * SEGMENT;
    start.min(problem.shape.keys_length)..problem.shape.keys_length.min(start + SEGMENT)
}

/// So many equal numbers, or an error where there is no room for them.
fn filled(size: usize, value: f32) -> Result<Vec<f32>> {
    let room = Vec::<f32>::new().try_reserve_exact(size);
    room.map_err(|_| Error::Memory(size.saturating_mul(size_of::<f32>())))?;
    Ok(vec![value; size])
}
