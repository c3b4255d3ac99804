//! The same in float64, row by row, for numbers so large (or so uneven) that float32 would overflow on the
//! way to an answer that it can hold. Slow, and rarely needed.

use super::problem::{Options, Problem};
use crate::number::{count, signed, to_f32, unsigned};

/// Logits below this may have any finite bias added without leaving float32: it is less than half the
/// distance of the two largest float32 numbers.
const LARGEST_LOGIT: f64 = 1e30;
/// Larger keys times the rounding of denormal queries could be seen; larger values might not add up.
const LARGEST_INPUT: f64 = 1e30;

/// What ALiBi may take from all of a row's logits: with more, their differences would be lost in its rounding.
const LARGEST_SHIFT: f64 = 4096.0;

/// Whether the options alone ask for this path. It looks at all positions: `Problem` asks once.
pub fn needed(options: &Options, [length, keys]: [usize; 2]) -> bool {
    let cap = options.softcap;
    if cap > 0.0 && !(1e-30..=1e30).contains(&cap) {
        return true;
    }
    let Some(slopes) = options.alibi_slopes else {
        return false;
    };
    // The farthest that a query stands from the first or the last key, on their outer side.
    let outside = match options.positions {
        Some(positions) => positions.iter().fold(0, |most, &at| {
            most.max(unsigned(-at)).max(unsigned(at - signed(keys)))
        }),
        None => length.saturating_sub(keys),
    };
    let slope = slopes
        .iter()
        .fold(0.0, |most: f64, &x| most.max(f64::from(x).abs()));
    slope * count(outside) > LARGEST_SHIFT || slope * (count(outside) + count(keys)) > LARGEST_LOGIT
}

/// Whether float32 holds what comes of scaled queries, keys and values up to these magnitudes.
pub fn narrow_enough(problem: &Problem, query: f32, key: f32, value: f32) -> bool {
    let (query, key, value) = (f64::from(query), f64::from(key), f64::from(value));
    let key = key * count(problem.shape.depth);
    query <= LARGEST_INPUT
        && key <= LARGEST_INPUT
        && query * key <= LARGEST_LOGIT
        && value * count(problem.shape.keys_length) <= LARGEST_INPUT
}

/// One row's weights, not yet divided by their total, for all keys.
pub struct WideRow {
    weights: Vec<f64>,
    peak: f64,
    total: f64,
}

impl WideRow {
    /// e^(logit − peak) for each key of one query.
    pub fn new(problem: &Problem, head: usize, query: usize) -> Self {
        let mut weights = vec![f64::NEG_INFINITY; problem.shape.keys_length];
        for (from, to) in problem.ranges(head, query, (0, problem.shape.keys_length)) {
            for (key, weight) in (from..to).zip(&mut weights[from..to]) {
                *weight = logit(problem, head, query, key);
            }
        }
        let sink = problem.options.sinks.map(|sinks| f64::from(sinks[head]));
        let peak = weights
            .iter()
            .copied()
            .fold(sink.unwrap_or(f64::NEG_INFINITY), f64::max);
        let mut total = sink.map_or(0.0, |sink| (sink - peak).exp());
        for weight in &mut weights {
            *weight = if *weight == peak {
                f64::from(u8::from(peak > f64::NEG_INFINITY))
            } else {
                (*weight - peak).exp()
            };
            total += *weight;
        }
        Self {
            weights,
            peak,
            total,
        }
    }

    /// The output (dv,); returns the log-sum-exp.
    pub fn finish(&self, problem: &Problem, head: usize, output: &mut [f32]) -> f32 {
        let kv_head = problem.shape.kv_head(head);
        let mut sums = vec![0.0; problem.shape.value_depth];
        for (key, &weight) in self.weights.iter().enumerate() {
            if weight != 0.0 {
                for (sum, &x) in sums.iter_mut().zip(problem.values.row(kv_head, key)) {
                    *sum += weight / self.total * f64::from(x);
                }
            }
        }
        for (x, sum) in output.iter_mut().zip(sums) {
            *x = to_f32(sum);
        }
        to_f32(self.peak + self.total.ln())
    }

    /// The weights (M,) themselves.
    pub fn write_weights(&self, weights: &mut [f32]) {
        for (x, weight) in weights.iter_mut().zip(&self.weights) {
            *x = if *weight == 0.0 {
                0.0
            } else {
                to_f32(weight / self.total)
            };
        }
    }
}

fn logit(problem: &Problem, head: usize, query: usize, key: usize) -> f64 {
    let options = &problem.options;
    let q = problem.queries.row(head, query);
    let k = problem.keys.row(problem.shape.kv_head(head), key);
    let product: f64 = q
        .iter()
        .zip(k)
        .map(|(&q, &k)| f64::from(q) * f64::from(k))
        .sum();
    let mut logit = product * options.scale;
    if options.softcap > 0.0 {
        logit = options.softcap * (logit / options.softcap).tanh();
    }
    if let Some(bias) = &options.bias {
        logit += f64::from(bias.at(head, query, key));
    }
    if let Some(slopes) = options.alibi_slopes {
        let distance = (problem.position(query) - signed(key)).abs();
        logit -= f64::from(slopes[head]) * count(unsigned(distance));
    }
    if let Some(bias) = options.relative_bias {
        let size = bias.len() / problem.shape.heads;
        let at = signed(key) - problem.position(query) + signed(size / 2);
        logit += f64::from(bias[head * size + unsigned(at).min(size - 1)]);
    }
    match &options.mask {
        Some(mask) if !mask.at(head, query, key) => f64::NEG_INFINITY,
        _ => logit,
    }
}
