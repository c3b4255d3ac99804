//! The loops against plain ones in float64, on every kernel; whole runs; arguments that do not fit.

use super::batch::{Batch, Loss, Rows};
use super::kernel::{available, Kernel};
use super::problem::{Noise, Problem, Settings, Tree};
use super::{jobs, train_with, SENTENCE};
use crate::chance::Random;
use crate::error::Error;
use crate::number::count;
use std::sync::atomic::AtomicBool;

fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut random = Random::new(seed);
    #[allow(clippy::cast_possible_truncation)]
    (0..count).map(|_| (random.draw() - 0.5) as f32).collect()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// One step in float64: inputs and outputs (n, width), which rows, labels, rate.
fn plain_step(
    (inputs, context): (&mut [f64], &[usize]),
    (outputs, wanted): (&mut [f64], &[(usize, f64)]),
    (width, mean, rate): (usize, bool, f64),
) {
    let row = |i: usize| i * width..(i + 1) * width;
    let mut x: Vec<Vec<f64>> = context.iter().map(|&i| inputs[row(i)].to_vec()).collect();
    if mean {
        let sum = |c: usize| x.iter().map(|x| x[c]).sum::<f64>() / count(x.len());
        x = vec![(0..width).map(sum).collect()];
    }
    let y: Vec<Vec<f64>> = wanted
        .iter()
        .map(|&(j, _)| outputs[row(j)].to_vec())
        .collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for (i, x) in x.iter().enumerate() {
        for (y, &(j, label)) in y.iter().zip(wanted) {
            let gradient = rate * (label - sigmoid(dot(x, y)));
            for c in 0..width {
                outputs[j * width + c] += gradient * x[c];
                for (k, &word) in context.iter().enumerate() {
                    if mean || k == i {
                        inputs[word * width + c] += gradient * y[c];
                    }
                }
            }
        }
    }
}

fn step_differs(kernel: Kernel, width: usize, mean: bool, break_it: bool) -> bool {
    let (rows, context) = (9, [3, 1, 4, 1, 5]);
    for targets in 1..9 {
        let (mut inputs, mut outputs) = (numbers(rows * width, 1), numbers(rows * width, 2));
        let wide = |x: &[f32]| x.iter().copied().map(f64::from).collect::<Vec<_>>();
        let (mut wide_in, mut wide_out) = (wide(&inputs), wide(&outputs));
        // Output 2 stands there twice.
        let wanted: Vec<_> = (0..targets)
            .map(|j| ([2, 7, 2, 0, 1, 3, 4, 8][j], f64::from(u8::from(j == 0))))
            .collect();
        plain_step(
            (&mut wide_in, &context),
            (&mut wide_out, &wanted),
            (width, mean, 0.3),
        );
        let (inputs_rows, outputs_rows) = (
            Rows::new(&mut inputs, width).unwrap(),
            Rows::new(&mut outputs, width).unwrap(),
        );
        let mut batch = Batch::new(kernel, width);
        batch.input(&inputs_rows, 99); // no such row
        for word in context {
            batch.input(&inputs_rows, u32::try_from(word).unwrap());
        }
        for &(word, label) in &wanted {
            let label = if label > 0.5 { 1.0 } else { 0.0 };
            batch.output(&outputs_rows, u32::try_from(word).unwrap(), label);
        }
        let mut loss = Loss::default();
        batch.learn(mean, if break_it { 0.299 } else { 0.3 }, Some(&mut loss));
        assert_eq!(loss.pairs, (if mean { 1 } else { 5 }) * targets as u64);
        let near = |a: &[f32], b: &[f64]| {
            a.iter()
                .zip(b)
                .all(|(a, b)| (f64::from(*a) - b).abs() < 2e-6)
        };
        if !near(&inputs, &wide_in) || !near(&outputs, &wide_out) {
            return true;
        }
    }
    false
}

#[test]
fn a_step_is_the_formula_on_every_kernel() {
    for kernel in available() {
        for width in [16, 48, 112] {
            for mean in [false, true] {
                assert!(
                    !step_differs(kernel, width, mean, false),
                    "{} lanes, width {width}",
                    kernel.lanes
                );
                assert!(step_differs(kernel, width, mean, true)); // the comparison can fail
            }
        }
    }
}

const WORDS: usize = 30;
const WIDTH: usize = 32;

struct Run {
    ids: Vec<u32>,
    starts: Vec<u64>,
    vectors: Vec<f32>,
    outputs: Vec<f32>,
    nodes: Vec<f32>,
}

impl Run {
    fn new() -> Self {
        let mut random = Random::new(5);
        let ids = (0..25_000)
            .map(|_| u32::try_from(random.bits() % 31).unwrap())
            .collect();
        Self {
            ids,
            starts: vec![0, 4, 4, 5, 9_000, 25_000],
            vectors: numbers(WORDS * WIDTH, 6),
            outputs: vec![0.0; WORDS * WIDTH],
            nodes: vec![0.0; WORDS * WIDTH],
        }
    }

    fn train(&mut self, kernel: Kernel, threads: usize, cancel: bool) -> Result<Loss, Error> {
        let slots: Vec<u32> = (0..30).collect();
        let problem = Problem {
            vectors: Rows::new(&mut self.vectors, WIDTH)?,
            outputs: Some((
                Rows::new(&mut self.outputs, WIDTH)?,
                Noise {
                    thresholds: &[1 << 31; WORDS],
                    aliases: &slots,
                },
            )),
            nodes: Some((
                Rows::new(&mut self.nodes, WIDTH)?,
                Tree {
                    starts: &(0..=30).map(|word| word * 2).collect::<Vec<_>>(),
                    nodes: &(0..60).map(|at| at % 30).collect::<Vec<_>>(),
                    turns: &[1, 0].repeat(30),
                },
            )),
            ids: &self.ids,
            starts: &self.starts,
            keep: &[u32::MAX; WORDS],
            settings: Settings {
                window: 4,
                negative: 5,
                cbow: false,
                rates: (0.05, 0.01),
                seed: 3,
            },
        };
        train_with(kernel, &problem, threads, &AtomicBool::new(cancel))
    }
}

#[test]
fn kernels_and_threads_agree() {
    let kernels = available();
    let mut first = Run::new();
    let loss = first.train(kernels[0], 1, false).unwrap();
    assert!(loss.pairs > 1_000 && loss.sum < 0.7 * count(usize::try_from(loss.pairs).unwrap()));
    for &kernel in &kernels {
        let (mut one, mut two) = (Run::new(), Run::new());
        one.train(kernel, 1, false).unwrap();
        two.train(kernel, 1, false).unwrap();
        assert_eq!(one.vectors, two.vectors);
        let far = |a: &Run, b: &Run| {
            let pairs = a.vectors.iter().zip(&b.vectors);
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        };
        assert!(far(&one, &first) < 1e-4, "{}", far(&one, &first));
        let mut many = Run::new();
        many.train(kernel, 3, false).unwrap();
        assert!(many.vectors.iter().all(|x| x.is_finite()));
        assert!(far(&many, &first) < 0.5);
        assert!(far(&Run::new(), &first) > 0.1); // the comparison can fail
    }
}

#[test]
fn it_stops_when_told_to() {
    assert!(matches!(
        Run::new().train(available()[0], 2, true),
        Err(Error::Interrupted)
    ));
}

#[test]
fn what_does_not_fit_is_refused() {
    type Change = (&'static str, fn(&mut Run));
    let changes: [Change; 5] = [
        ("starts", |run| run.starts[1] = 30_000),
        ("starts", |run| run.starts.clear()),
        ("shape", |run| run.outputs.truncate(WIDTH)),
        ("nodes", |run| run.nodes.truncate(WIDTH)),
        ("keep", |run| run.vectors.truncate(WIDTH)),
    ];
    for (complaint, change) in changes {
        let mut run = Run::new();
        change(&mut run);
        let error = run.train(available()[0], 1, false).unwrap_err();
        assert!(error.to_string().contains(complaint), "{error}");
    }
    assert!(Rows::new(&mut [0.0; 24], 24).is_err());
    assert!(Rows::new(&mut [0.0; 24], 16).is_err());
    assert!(Rows::new(&mut [], 0).is_err());
}

#[test]
fn every_id_is_in_one_sentence() {
    let long = 9 * SENTENCE as u64 + 5;
    let starts = [0, 3, 3, 3 + long, 4 + long];
    let (found, other) = (jobs(&starts, 1), jobs(&starts, 2));
    let mut before = 0;
    for (number, job) in found.iter().enumerate() {
        assert_eq!((job.number, job.first), (number as u64, before));
        before += job
            .sentences
            .iter()
            .map(ExactSizeIterator::len)
            .sum::<usize>();
    }
    let order = |jobs: &[super::Job]| {
        jobs.iter()
            .flat_map(|job| job.sentences.clone())
            .collect::<Vec<_>>()
    };
    assert_ne!(order(&found), order(&other));
    let mut sentences = order(&found);
    sentences.sort_by_key(|sentence| sentence.start);
    let mut next = 0;
    for sentence in sentences {
        assert_eq!(sentence.start, next);
        assert!(!sentence.is_empty() && sentence.len() <= SENTENCE);
        next = sentence.end;
    }
    assert_eq!(next as u64, 4 + long);
    assert!(jobs(&[0], 1).is_empty());
}
