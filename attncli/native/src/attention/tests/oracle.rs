//! The definition, one number after another, in float64 or rounded to float32 at every step.

use super::cases::Case;
use crate::number::to_f32;

/// What the kernels should give.
pub struct Answer {
    pub output: Vec<f64>,
    pub lse: Vec<f64>,
    pub weights: Vec<f64>,
}

/// The answer in float64.
pub fn answer(case: &Case) -> Answer {
    Oracle { case, round: |x| x }.answer()
}

/// What plain float32 makes of it: the measure of how exact a kernel can be.
pub fn plain_answer(case: &Case) -> Answer {
    let round = |x| f64::from(to_f32(x));
    Oracle { case, round }.answer()
}

struct Oracle<'a, R> {
    case: &'a Case,
    round: R,
}

impl<R: Fn(f64) -> f64> Oracle<'_, R> {
    fn answer(&self) -> Answer {
        let ([h, n, _], [hkv, m, dv]) = (self.case.queries.1, self.case.values.1);
        let (mut output, mut lse, mut weights) = (vec![], vec![], vec![]);
        for (head, query) in (0..h).flat_map(|head| (0..n).map(move |query| (head, query))) {
            let logits: Vec<f64> = (0..m).map(|key| self.logit(head, query, key)).collect();
            let sink = self.case.sinks.as_ref().map(|sinks| f64::from(sinks[head]));
            let lowest = sink.unwrap_or(f64::NEG_INFINITY);
            let peak = logits.iter().copied().fold(lowest, f64::max);
            let powers: Vec<f64> = match peak {
                f64::NEG_INFINITY => vec![0.0; m],
                _ => logits.iter().map(|x| self.exp(x - peak)).collect(),
            };
            let sink = sink.map(|sink| self.exp(sink - peak));
            let total = self.sum(sink.into_iter().chain(powers.iter().copied()));
            let weight = |power: &f64| (self.round)(power / total.max(f64::MIN_POSITIVE));
            let row: Vec<f64> = powers.iter().map(weight).collect();
            let kv_head = head / (h / hkv);
            for c in 0..dv {
                let value =
                    |key: usize| f64::from(self.case.values.0[(kv_head * m + key) * dv + c]);
                output.push(self.sum((0..m).map(|key| row[key] * value(key))));
            }
            lse.push((self.round)(peak + total.ln()));
            weights.extend(row);
        }
        Answer {
            output,
            lse,
            weights,
        }
    }

    fn exp(&self, x: f64) -> f64 {
        (self.round)((self.round)(x).exp())
    }

    fn sum(&self, terms: impl Iterator<Item = f64>) -> f64 {
        terms.fold(0.0, |sum, x| (self.round)(sum + (self.round)(x)))
    }

    fn logit(&self, head: usize, query: usize, key: usize) -> f64 {
        let (case, round) = (self.case, &self.round);
        let ([h, n, d], [hkv, m, _]) = (case.queries.1, case.keys.1);
        let q = &case.queries.0[(head * n + query) * d..][..d];
        let k = &case.keys.0[(head / (h / hkv) * m + key) * d..][..d];
        let products = q.iter().zip(k).map(|(&q, &k)| f64::from(q) * f64::from(k));
        let mut logit = round(self.sum(products) * case.scale);
        if case.softcap > 0.0 {
            let part = round(round(logit / case.softcap).tanh());
            logit = round(case.softcap * part);
        }
        if let Some((bias, shape)) = &case.bias {
            logit = round(logit + f64::from(bias[index(*shape, [head, query, key])]));
        }
        // How far the key lies behind the query's place, i' − j.
        let [i, j, n, m] = [query, key, n, m].map(|x| i64::try_from(x).unwrap());
        let place = case.positions.as_ref().map_or(i + m - n, |at| at[query]);
        let behind = place - j;
        if let Some(slopes) = &case.slopes {
            let distance = f64::from(i32::try_from(behind.abs()).unwrap());
            logit = round(logit - round(f64::from(slopes[head]) * distance));
        }
        if let Some(bias) = &case.relative {
            let size = bias.len() / h;
            let last = i64::try_from(size - 1).unwrap();
            let at = usize::try_from((last / 2 - behind).clamp(0, last)).unwrap();
            logit = round(logit + f64::from(bias[head * size + at]));
        }
        let side = |side: Option<usize>| side.map_or(i64::MAX, |side| i64::try_from(side).unwrap());
        let masked = |(mask, shape): &(Vec<bool>, _)| !mask[index(*shape, [head, query, key])];
        let hidden = (case.causal && behind < 0)
            || behind > side(case.left)
            || -behind > side(case.right)
            || case.mask.as_ref().is_some_and(masked)
            || !self.listed(head, query, key);
        if hidden {
            f64::NEG_INFINITY
        } else {
            logit
        }
    }
}

impl<R> Oracle<'_, R> {
    fn listed(&self, head: usize, query: usize, key: usize) -> bool {
        let Some((block, starts, ranges)) = &self.case.lists else {
            return true;
        };
        let blocks = self.case.queries.1[1].div_ceil(*block);
        let shared = starts.len() == blocks + 1;
        let list = query / block + if shared { 0 } else { head * blocks };
        let at = |n: u32| usize::try_from(n).unwrap();
        ranges[2 * at(starts[list])..2 * at(starts[list + 1])]
            .chunks_exact(2)
            .any(|range| (at(range[0])..at(range[1])).contains(&key))
    }
}

/// Where an element of a broadcast array stands.
fn index(shape: [usize; 3], at: [usize; 3]) -> usize {
    let pick = |axis: usize| if shape[axis] == 1 { 0 } else { at[axis] };
    (pick(0) * shape[1] + pick(1)) * shape[2] + pick(2)
}

/// The greatest difference, relative to 1 or the number where that is more; infinite where only one of the
/// two is finite or they differ in number.
pub fn error(got: &[f32], want: &[f64]) -> f64 {
    if got.len() != want.len() {
        return f64::INFINITY;
    }
    let difference = |(&got, &want): (&f32, &f64)| {
        let got = f64::from(got);
        if got == want {
            0.0
        } else if got.is_finite() && want.is_finite() {
            (got - want).abs() / want.abs().max(1.0)
        } else {
            f64::INFINITY
        }
    };
    got.iter().zip(want).map(difference).fold(0.0, f64::max)
}
