//! What happens to a tile's logits between q·k and the softmax: cap, biases, mask, causality, window, lists.

use super::kernel::Kernel;
use super::panel::Row;
use super::problem::{Broadcast, Problem};
use super::tile::TILE;
use crate::number::{count, distance, signed, to_f32, unsigned};

/// Keys at a time where rows of the bias turn into columns: one cache line of each row.
const CHUNK: usize = 16;

/// Farther off, float32 has no number for each distance of a tile.
const FAR: u64 = (1 << 24) - 2 * TILE as u64;

/// Cap, biases and mask on the logits (keys, w) of the keys from `first` on; lanes past the rows are padding.
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
        kernel.softcap(logits, crate::number::to_f32(options.softcap));
    }
    if let Some(bias) = &options.bias {
        apply(bias, rows, first, logits, w, |logit, bias| logit + bias);
    }
    if let Some(slopes) = options.alibi_slopes {
        add_alibi(problem, slopes, rows, first, logits, w);
    }
    if let Some(bias) = options.relative_bias {
        add_relative(problem, bias, rows, first, logits, w);
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
    let behind = |row: &Row| problem.position(row.query) - signed(first); // i' − j at the first key
    if rows.iter().any(|row| behind(row).unsigned_abs() > FAR) {
        for (lane, row) in rows.iter().enumerate() {
            let slope = f64::from(slopes[row.head]);
            let logits = logits.iter_mut().skip(lane).step_by(w);
            for (key, logit) in (0..).zip(logits) {
                let away = unsigned((behind(row) - key).abs());
                *logit = to_f32(f64::from(*logit) - slope * count(away));
            }
        }
        return;
    }
    let mut slope = vec![0.0; w];
    let mut away = vec![0.0; w];
    for (lane, row) in rows.iter().enumerate() {
        slope[lane] = slopes[row.head];
        away[lane] = distance(behind(row));
    }
    for logits in logits.chunks_exact_mut(w) {
        for ((logit, away), slope) in logits.iter_mut().zip(&mut away).zip(&slope) {
            *logit -= slope * away.abs();
            *away -= 1.0;
        }
    }
}

/// + bias at j − i', as far as it reaches (T5's relative bias, Raffel et al. 2020, section 2.1).
fn add_relative(
    problem: &Problem,
    bias: &[f32],
    rows: &[Row],
    first: usize,
    logits: &mut [f32],
    w: usize,
) {
    let size = bias.len() / problem.shape.heads;
    let reach = signed(size / 2);
    for (lane, row) in rows.iter().enumerate() {
        let bias = &bias[row.head * size..(row.head + 1) * size];
        // j − i' + R at the first key, and one more at each.
        let start = signed(first) - problem.position(row.query) + reach;
        let logits = logits.iter_mut().skip(lane).step_by(w);
        for (at, logit) in (start..).zip(logits) {
            *logit += bias[unsigned(at).min(size - 1)];
        }
    }
}

/// −inf outside each row's keys.
pub fn hide_outside(problem: &Problem, rows: &[Row], first: usize, logits: &mut [f32], w: usize) {
    let count = logits.len() / w;
    let end = first + count;
    for (lane, row) in rows.iter().enumerate() {
        let mut hide = |from: usize, to: usize| {
            for j in from..to {
                logits[(j - first) * w + lane] = f32::NEG_INFINITY;
            }
        };
        let mut kept = first;
        if problem.options.lists.is_none() {
            let from = row.from.clamp(first, end);
            hide(first, from);
            kept = row.to.clamp(from, end);
        } else {
            for (from, to) in problem.ranges(row.head, row.query, (first, end)) {
                hide(kept, from);
                kept = to;
            }
        }
        hide(kept, end);
    }
}
