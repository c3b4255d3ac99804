//! What happens to a tile's logits between q·k and the softmax: cap, bias, ALiBi, mask, causality, window.

use super::kernel::Kernel;
use super::number::difference;
use super::panel::Row;
use super::problem::{Broadcast, Problem};

/// Keys at a time where rows of the bias turn into columns: one cache line of each row.
const CHUNK: usize = 16;

/// Edits the logits (keys, w) of the keys from `first` on; lanes past the rows are padding.
pub fn edit(
    problem: &Problem,
    kernel: &Kernel,
    rows: &[Row],
    first: usize,
    logits: &mut [f32],
    w: usize,
) {
    let options = &problem.options;
    if options.softcap > 0.0 {
        kernel.softcap(logits, super::number::to_f32(options.softcap));
    }
    if let Some(bias) = &options.bias {
        apply(bias, rows, first, logits, w, |logit, bias| logit + bias);
    }
    if let Some(slopes) = options.alibi_slopes {
        add_alibi(problem, slopes, rows, first, logits, w);
    }
    if let Some(mask) = &options.mask {
        apply(mask, rows, first, logits, w, |logit, may| {
            if may {
                logit
            } else {
                f32::NEG_INFINITY
            }
        });
    }
    hide_outside(rows, first, logits, w);
}

/// logit = f(logit, element of the broadcast array) for each row and key.
#[inline(always)]
fn apply<T: Copy>(
    array: &Broadcast<T>,
    rows: &[Row],
    first: usize,
    logits: &mut [f32],
    w: usize,
    f: impl Fn(f32, T) -> f32,
) {
    let start = |row: &Row| array.start(row.head, row.query);
    let one_for_all = rows
        .windows(2)
        .all(|pair| start(&pair[0]) == start(&pair[1]));
    if array.shape[2] == 1 {
        for (lane, row) in rows.iter().enumerate() {
            let x = array.at(row.head, row.query, 0);
            for logit in logits.iter_mut().skip(lane).step_by(w) {
                *logit = f(*logit, x);
            }
        }
    } else if one_for_all {
        let row = &array.row(rows[0].head, rows[0].query)[first..];
        for (logits, &x) in logits.chunks_exact_mut(w).zip(row) {
            for logit in logits {
                *logit = f(*logit, x);
            }
        }
    } else {
        for (chunk, logits) in logits.chunks_mut(CHUNK * w).enumerate() {
            let from = first + chunk * CHUNK;
            for (lane, row) in rows.iter().enumerate() {
                let xs = &array.row(row.head, row.query)[from..];
                for (logits, &x) in logits.chunks_exact_mut(w).zip(xs) {
                    logits[lane] = f(logits[lane], x);
                }
            }
        }
    }
}

/// − slope·|i' − j| (Press et al. 2022).
fn add_alibi(
    problem: &Problem,
    slopes: &[f32],
    rows: &[Row],
    first: usize,
    logits: &mut [f32],
    w: usize,
) {
    let mut slope = vec![0.0; w];
    let mut distance = vec![0.0; w]; // i' − j
    for (lane, row) in rows.iter().enumerate() {
        slope[lane] = slopes[row.head];
        distance[lane] = difference(row.query + problem.keys_length, problem.length + first);
    }
    for logits in logits.chunks_exact_mut(w) {
        for ((logit, distance), slope) in logits.iter_mut().zip(&mut distance).zip(&slope) {
            *logit -= slope * distance.abs();
            *distance -= 1.0;
        }
    }
}

/// −inf outside each row's keys.
fn hide_outside(rows: &[Row], first: usize, logits: &mut [f32], w: usize) {
    let count = logits.len() / w;
    for (lane, row) in rows.iter().enumerate() {
        let from = row.from.saturating_sub(first).min(count);
        let to = row.to.saturating_sub(first).clamp(from, count);
        for j in (0..from).chain(to..count) {
            logits[j * w + lane] = f32::NEG_INFINITY;
        }
    }
}
