//! Summaries on each kernel, against the weights of the definition.

use super::super::kernel::available;
use super::super::summary::{summarize_with, Summary, Wanted};
use super::cases::{Case, Random};
use super::oracle::{answer, Answer};
use std::sync::atomic::AtomicBool;

const WANTED: Wanted = Wanted {
    top: 3,
    entropy: true,
    mass: true,
};

/// The greatest error of entropy, largest weights and mass by distance.
fn worst(case: &Case, answer: &Answer, found: &Summary) -> f64 {
    let ([h, n, _], m) = (case.queries.1, case.keys.1[1]);
    let mut worst: f64 = 0.0;
    let mut mass = vec![0.0; h * (n + m - 1)];
    for (row, weights) in answer.weights.chunks_exact(m).enumerate() {
        let entropy: f64 = weights
            .iter()
            .filter(|p| **p > 0.0)
            .map(|p| -p * p.ln())
            .sum();
        worst = worst.max((entropy - f64::from(found.entropy[row])).abs());
        let mut sorted = weights.to_vec();
        sorted.sort_by(|a, b| b.total_cmp(a));
        sorted.resize(3.max(m), 0.0);
        for (want, got) in sorted.iter().zip(&found.top_weights[3 * row..3 * row + 3]) {
            worst = worst.max((want - f64::from(*got)).abs());
        }
        let first = row / n * (n + m - 1) + row % n + m - 1;
        for (key, weight) in weights.iter().enumerate() {
            mass[first - key] += weight;
        }
    }
    let differences = mass.iter().zip(&found.mass).map(|(a, b)| (a - b).abs());
    differences.fold(worst, f64::max)
}

#[test]
fn equals_what_the_weights_say() {
    let mut random = Random(21);
    let going_on = AtomicBool::new(false);
    for n in 0..60 {
        let mut case = Case::any(&mut random);
        case.positions = None;
        if case.keys.1[1] == 0 {
            continue;
        }
        let mut other = case.clone();
        other.scale *= 1.01;
        let (want, wrong) = (answer(&case), answer(&other));
        let mut seen: f64 = 0.0;
        for kernel in available() {
            for threads in [1, 3] {
                let problem = case.problem().unwrap();
                let found = summarize_with(&kernel, &problem, WANTED, threads, &going_on).unwrap();
                let error = worst(&case, &want, &found);
                assert!(error < 2e-5, "case {n}: {error}");
                seen = seen.max(worst(&case, &wrong, &found));
            }
        }
        // Negative control: another scale is seen where there is anything to scale.
        let [_, length, depth] = case.queries.1;
        let undecided = |p: &&f64| (0.1..0.9).contains(*p);
        if length > 20 && depth > 8 && want.weights.iter().filter(undecided).count() > length {
            assert!(seen > 2e-5, "case {n}: {seen}");
        }
    }
}
