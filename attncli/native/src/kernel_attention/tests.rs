//! Every machine against the definition in float64.

use super::machine::{available, Machine};
use super::problem::{FeatureMap, Problem};
use crate::attention::{Heads, HeadsMut};
use crate::error::Error;
use crate::number::{count, to_f32};
use std::sync::atomic::{AtomicBool, AtomicUsize};

/// Numbers by xorshift.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.bits() % u64::try_from(n).unwrap()).unwrap()
    }

    /// About normal: the sum of 12 uniform numbers.
    fn normals(&mut self, n: usize, size: f32) -> Vec<f32> {
        let mut uniform = || to_f32(count(self.below(1 << 20)) / count(1 << 20));
        (0..n)
            .map(|_| ((0..12).map(|_| uniform()).sum::<f32>() - 6.0) * size)
            .collect()
    }
}

#[derive(Clone)]
struct Case {
    q: (Vec<f32>, [usize; 3]),
    k: (Vec<f32>, [usize; 3]),
    v: (Vec<f32>, [usize; 3]),
    /// Empty for elu.
    projection: Vec<f32>,
    scale: f64,
    causal: bool,
}

impl Case {
    fn new(
        random: &mut Random,
        [kv, group, n, m, d, dv]: [usize; 6],
        features: usize,
        size: f32,
    ) -> Self {
        let mut array = |shape: [usize; 3]| (random.normals(shape.iter().product(), size), shape);
        let (q, k, v) = (
            array([kv * group, n, d]),
            array([kv, m, d]),
            array([kv, m, dv]),
        );
        let projection = random.normals(features * d, 1.0);
        let (scale, causal) = (0.4, random.below(2) == 0);
        Self {
            q,
            k,
            v,
            projection,
            scale,
            causal,
        }
    }

    fn any(random: &mut Random) -> Self {
        let sizes = [
            1 + random.below(2),
            1 + random.below(2),
            random.below(150),
            random.below(150),
            1 + random.below(20),
            random.below(40),
        ];
        let features = if random.below(2) == 0 {
            0
        } else {
            1 + random.below(40)
        };
        Self::new(random, sizes, features, 0.8)
    }

    fn answer_of(&self, machine: &Machine, threads: usize) -> (Vec<f32>, Vec<f32>) {
        let map = if self.projection.is_empty() {
            FeatureMap::Elu
        } else {
            FeatureMap::Positive {
                projection: &self.projection,
                features: self.projection.len() / self.q.1[2],
                scale: self.scale,
            }
        };
        let [q, k, v] = [&self.q, &self.k, &self.v]
            .map(|(numbers, shape)| Heads::of("vectors", numbers, *shape).unwrap());
        let problem = Problem::new(q, k, v, map, self.causal).unwrap();
        let shape = [q.shape()[0], q.shape()[1], v.shape()[2]];
        // What is there before does not count.
        let mut numbers = vec![f32::NAN; shape.iter().product()];
        let output = HeadsMut::of("output", &mut numbers, shape).unwrap();
        let (cancel, done) = (AtomicBool::new(false), AtomicUsize::new(0));
        let lse =
            super::attention_with(machine, &problem, output, threads, &cancel, &done).unwrap();
        assert_eq!(done.into_inner(), lse.len());
        (numbers, lse)
    }

    /// φ(x), the logarithm of each.
    fn log_features(&self, x: &[f32]) -> Vec<f64> {
        if self.projection.is_empty() {
            return x
                .iter()
                .map(|&x| {
                    if x > 0.0 {
                        f64::from(x + 1.0).ln()
                    } else {
                        f64::from(x)
                    }
                })
                .collect();
        }
        let m = self.projection.len() / x.len();
        let norm: f64 = x
            .iter()
            .map(|&x| f64::from(x).powi(2) * self.scale / 2.0)
            .sum();
        let dot = |w: &[f32]| {
            w.iter()
                .zip(x)
                .map(|(w, x)| f64::from(*w) * f64::from(*x))
                .sum::<f64>()
        };
        let row = |w| dot(w) * self.scale.sqrt() - norm - count(m).ln() / 2.0;
        self.projection.chunks_exact(x.len()).map(row).collect()
    }

    /// Output and log of the sums of weights, by the definition.
    fn definition(&self) -> (Vec<f64>, Vec<f64>) {
        let ([heads, n, d], [kv, m, dv]) = (self.q.1, self.v.1);
        let (mut output, mut lse) = (Vec::new(), Vec::new());
        for head in 0..heads {
            let kv_head = head / (heads / kv);
            let row = |j: usize| kv_head * m + j;
            let keys: Vec<_> = (0..m)
                .map(|j| self.log_features(&self.k.0[row(j) * d..(row(j) + 1) * d]))
                .collect();
            for i in 0..n {
                let query =
                    self.log_features(&self.q.0[(head * n + i) * d..(head * n + i + 1) * d]);
                let seen = if self.causal {
                    (i + m + 1).saturating_sub(n)
                } else {
                    m
                };
                let logs: Vec<Vec<f64>> = keys[..seen]
                    .iter()
                    .map(|key| key.iter().zip(&query).map(|(a, b)| a + b).collect())
                    .collect();
                let peak = logs
                    .iter()
                    .flatten()
                    .copied()
                    .fold(f64::NEG_INFINITY, f64::max);
                let weights: Vec<f64> = logs
                    .iter()
                    .map(|logs| logs.iter().map(|log| (log - peak).exp()).sum())
                    .collect();
                let total: f64 = weights.iter().sum();
                lse.push(if seen == 0 {
                    f64::NEG_INFINITY
                } else {
                    peak + total.ln()
                });
                for c in 0..dv {
                    let value = |j: usize| f64::from(self.v.0[row(j) * dv + c]);
                    let sum: f64 = weights.iter().enumerate().map(|(j, w)| w * value(j)).sum();
                    output.push(if seen == 0 { 0.0 } else { sum / total });
                }
            }
        }
        (output, lse)
    }

    /// The greatest error of any machine.
    fn worst(&self, (output, lse): &(Vec<f64>, Vec<f64>)) -> f64 {
        let mut worst: f64 = 0.0;
        for machine in available() {
            for threads in [1, 3] {
                let found = self.answer_of(&machine, threads);
                worst = worst.max(error(&found.0, output)).max(error(&found.1, lse));
            }
        }
        worst
    }
}

/// The greatest difference, relative to numbers above 1.
fn error(found: &[f32], wanted: &[f64]) -> f64 {
    assert_eq!(found.len(), wanted.len());
    let far = |(found, wanted): (&f32, &f64)| {
        if f64::from(*found) == *wanted {
            return 0.0;
        }
        let far = (f64::from(*found) - wanted).abs() / wanted.abs().max(1.0);
        if far.is_nan() {
            f64::INFINITY
        } else {
            far
        }
    };
    found.iter().zip(wanted).map(far).fold(0.0, f64::max)
}

/// float32 knows an exponent of about 10 to 1e-6.
const ENOUGH: f64 = 1e-5;

#[test]
fn equals_the_definition() {
    let mut random = Random(1);
    for n in 0..200 {
        let case = Case::any(&mut random);
        let worst = case.worst(&case.definition());
        assert!(
            worst < ENOUGH,
            "case {n}: {worst} of {:?} {:?}",
            case.q.1,
            case.k.1
        );
    }
}

/// Negative control: each change is seen.
#[test]
fn sees_a_wrong_answer() {
    let mut random = Random(2);
    let mut case = Case::new(&mut random, [1, 2, 90, 100, 7, 5], 9, 0.8);
    case.causal = true;
    let right = case.definition();
    assert!(case.worst(&right) < ENOUGH);
    let changes: [fn(&mut Case); 5] = [
        |case| case.causal = false,
        |case| case.scale = 0.401,
        |case| case.projection[3] += 0.01,
        |case| case.projection.clear(),
        |case| case.k.0[40] += 0.1,
    ];
    for (n, change) in changes.iter().enumerate() {
        let mut other = case.clone();
        change(&mut other);
        assert!(other.worst(&right) > 3.0 * ENOUGH, "change {n}");
    }
}

/// Several segments, and lengths that no chunk divides.
#[test]
fn joins_segments() {
    let mut random = Random(3);
    for features in [0, 6] {
        for causal in [false, true] {
            let mut case = Case::new(
                &mut random,
                [1, 1, 40, 2 * super::SEGMENT + 77, 4, 3],
                features,
                0.8,
            );
            case.causal = causal;
            assert!(case.worst(&case.definition()) < ENOUGH);
            case.q.1 = [1, 20, 4]; // fewer queries than the last chunk has keys
            case.q.0.truncate(80);
            assert!(case.worst(&case.definition()) < ENOUGH);
        }
    }
}

/// Exponents far beyond float32's range, with the largest keys last: each prefix keeps its digits.
#[test]
fn keeps_small_sums_before_large_ones() {
    let mut random = Random(4);
    let mut case = Case::new(&mut random, [1, 1, 130, 130, 3, 2], 5, 1.0);
    case.causal = true;
    for (j, key) in case.k.0.chunks_exact_mut(3).enumerate() {
        let size = 30.0 - to_f32(count(j)) * 0.2; // |k|²/2·scale from 180 down
        for x in key {
            *x = x.signum() * size;
        }
    }
    let found = case.worst(&case.definition());
    assert!(found < 1e-3, "{found}");
}

#[test]
fn refuses_what_does_not_fit() {
    let x = [0.0; 12];
    let new = |q, k, v, map| {
        let [q, k, v] = [q, k, v].map(|shape| Heads::of("vectors", &x, shape).ok());
        match (q, k, v) {
            (Some(q), Some(k), Some(v)) => Problem::new(q, k, v, map, false).err(),
            _ => Some(Error::Invalid("a shape".into())),
        }
    };
    let shape = [2, 3, 2];
    assert_eq!(new(shape, shape, shape, FeatureMap::Elu), None);
    for (q, k, v) in [
        ([2, 2, 3], shape, shape),
        (shape, shape, [2, 2, 3]),
        (shape, [3, 2, 2], [3, 2, 2]),
        ([2, 3, 1], [2, 3, 1], shape),
    ] {
        assert!(new(q, k, v, FeatureMap::Elu).is_some());
    }
    for (features, scale) in [(0, 1.0), (5, 1.0), (6, 0.0), (6, f64::NAN)] {
        let projection = &x[..features.min(6) * 2 - usize::from(features == 5)];
        let map = FeatureMap::Positive {
            projection,
            features,
            scale,
        };
        assert!(new(shape, shape, shape, map).is_some(), "{features}");
    }
}
