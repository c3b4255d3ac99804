//! Any shapes and options, on each kernel.

use super::super::kernel::available;
use super::super::{attention_with, Heads, HeadsMut};
use super::cases::{Case, Random};
use super::oracle::{answer, error, plain_answer, Answer};
use crate::number::to_f32;
use ndarray::{ArrayView3, ArrayViewMut3};
use std::sync::atomic::{AtomicBool, AtomicUsize};

/// The greatest errors of any kernel, of output, log-sum-exp and weights.
fn worst(case: &Case, answer: &Answer) -> [f64; 3] {
    let mut worst = [0.0; 3];
    for kernel in available() {
        for threads in [1, 3] {
            let (output, lse) = case.attention(&kernel, threads);
            let weights = case.weights(&kernel, threads);
            let errors = errors(answer, [&output, &lse, &weights]);
            worst = std::array::from_fn(|i| errors[i].max(worst[i]));
        }
    }
    worst
}

fn errors(want: &Answer, got: [&[f32]; 3]) -> [f64; 3] {
    let want = [&want.output, &want.lse, &want.weights];
    std::array::from_fn(|i| error(got[i], want[i]))
}

/// Twice the error of plain float32, and a few units of rounding where that was lucky.
fn enough(case: &Case, answer: &Answer) -> [f64; 3] {
    let plain = plain_answer(case);
    let rounded = |x: &[f64]| -> Vec<f32> { x.iter().map(|&x| to_f32(x)).collect() };
    let [output, lse, weights] = [&plain.output, &plain.lse, &plain.weights].map(|x| rounded(x));
    errors(answer, [&output, &lse, &weights]).map(|error| 2.0 * error + 4e-7)
}

fn assert_right(case: &Case, name: &str) {
    let answer = answer(case);
    let (worst, enough) = (worst(case, &answer), enough(case, &answer));
    let right = worst
        .iter()
        .zip(&enough)
        .all(|(worst, enough)| worst <= enough);
    assert!(right, "{name}: {worst:?} > {enough:?}");
    assert!(enough[0] < 1e-4, "{name}: {enough:?}");
}

#[test]
fn equals_the_definition() {
    let mut random = Random(1);
    for n in 0..400 {
        assert_right(&Case::any(&mut random), &format!("case {n}"));
    }
}

/// (H, N, d) -> (N, H·d)
fn joined((numbers, [heads, length, depth]): &(Vec<f32>, [usize; 3])) -> Vec<f32> {
    let rows = (0..*length).flat_map(|row| (0..*heads).map(move |head| head * length + row));
    rows.flat_map(|row| &numbers[row * depth..(row + 1) * depth])
        .copied()
        .collect()
}

/// Heads side by side in rows, where they are read and written in place, give the same to the last bit.
#[test]
fn joined_heads_give_the_same() {
    let mut random = Random(6);
    let (going_on, done) = (AtomicBool::new(false), AtomicUsize::new(0));
    for n in 0..100 {
        let case = Case::any(&mut random);
        let arrays = [&case.queries, &case.keys, &case.values].map(|(numbers, shape)| {
            let [heads, length, depth] = *shape;
            (joined(&(numbers.clone(), *shape)), [length, heads, depth])
        });
        let [q, k, v] = arrays.each_ref().map(|(numbers, shape)| {
            let array = ArrayView3::from_shape(*shape, numbers).unwrap();
            Heads::new("vectors", array.permuted_axes([1, 0, 2])).unwrap()
        });
        let mut problem = case.problem().unwrap();
        let shape = [q.shape()[0], q.shape()[1], v.shape()[2]];
        for kernel in available() {
            let (want, want_lse) = case.attention(&kernel, 2);
            (problem.queries, problem.keys, problem.values) = (q, k, v);
            let mut found = vec![f32::NAN; want.len()];
            let rows = ArrayViewMut3::from_shape([shape[1], shape[0], shape[2]], &mut found);
            let output = HeadsMut::new("output", rows.unwrap().permuted_axes([1, 0, 2])).unwrap();
            let lse = attention_with(&kernel, &problem, output, 2, &going_on, &done).unwrap();
            assert_eq!(found, joined(&(want, shape)), "case {n}");
            assert_eq!(lse, want_lse, "case {n}");
        }
    }
}

#[test]
fn refuses_vectors_whose_numbers_stand_apart() {
    let array = ArrayView3::from_shape([2, 3, 2], &[0.0; 12]).unwrap();
    assert!(Heads::new("keys", array).is_ok());
    let error = Heads::new("keys", array.permuted_axes([0, 2, 1])).unwrap_err();
    assert!(error
        .to_string()
        .contains("of the keys must stand side by side"));
}

/// Negative control: each option changed a little, or one key changed, is seen.
#[test]
fn sees_a_wrong_answer() {
    let mut random = Random(2);
    let mut case = Case::plain(&mut random, [4, 30, 8], [2, 40, 5]);
    case.causal = true;
    case.left = Some(6);
    case.softcap = 2.0;
    case.slopes = Some(vec![0.1, 0.2, 0.3, 0.4]);
    case.bias = Some((random.normals(30 * 40), [1, 30, 40]));
    case.mask = Some((vec![true; 4 * 40], [4, 1, 40]));
    case.sinks = Some(vec![0.1, 0.2, 0.3, 0.4]);
    case.relative = Some(random.normals(4 * 5));
    case.positions = Some((10..40).collect());
    case.lists = Some((30, vec![0, 2], vec![0, 21, 22, 40]));
    let right = answer(&case);
    let enough = enough(&case, &right);
    let far = |case: &Case, times: f64| worst(case, &right)[0] > times * enough[0];
    assert!(!far(&case, 1.0));
    let changes: [fn(&mut Case); 12] = [
        |case| case.causal = false,
        |case| case.left = Some(5),
        |case| case.right = Some(0),
        |case| case.softcap = 2.1,
        |case| case.scale = 0.31,
        |case| case.slopes = Some(vec![0.1, 0.2, 0.4, 0.3]),
        |case| case.bias.as_mut().unwrap().0[704] += 0.1,
        |case| case.mask.as_mut().unwrap().0[60] = false,
        |case| case.sinks.as_mut().unwrap()[3] = 0.3,
        |case| case.relative.as_mut().unwrap()[2] += 0.1,
        |case| case.positions.as_mut().unwrap()[7] = 18,
        |case| case.lists.as_mut().unwrap().2[2] = 23,
    ];
    for (n, change) in changes.iter().enumerate() {
        let mut other = case.clone();
        change(&mut other);
        let seen = far(&other, 10.0);
        // Causal already bounds the right side by 0.
        assert_eq!(seen, n != 2, "change {n}");
    }
}

#[test]
fn many_tiles_and_blocks() {
    let mut random = Random(3);
    for (n, m, causal) in [(500, 900, true), (900, 500, true), (700, 700, false)] {
        let mut case = Case::plain(&mut random, [2, n, 16], [1, m, 12]);
        case.causal = causal;
        assert_right(&case, &format!("{n} {m} {causal}"));
    }
}

/// One query over many keys: the keys are shared by the threads.
#[test]
fn few_queries_over_many_keys() {
    let mut random = Random(4);
    for (h, n, causal) in [(1, 1, true), (4, 2, true), (1, 5, false)] {
        let mut case = Case::plain(&mut random, [h, n, 16], [1, 9000, 8]);
        case.causal = causal;
        assert_right(&case, &format!("{h} {n}"));
    }
}

/// A different order of keys, with the bias and values in that order too, changes rounding only.
#[test]
fn order_of_keys_does_not_matter() {
    let mut random = Random(5);
    let (m, d) = (300, 8);
    let mut case = Case::plain(&mut random, [1, 50, d], [1, m, d]);
    case.bias = Some((random.normals(m), [1, 1, m]));
    let mut order: Vec<usize> = (0..m).collect();
    for i in (1..m).rev() {
        order.swap(i, random.below(i + 1));
    }
    let rows = |x: &[f32], d: usize| -> Vec<f32> {
        order
            .iter()
            .flat_map(|&j| x[j * d..(j + 1) * d].to_vec())
            .collect()
    };
    let mut shuffled = case.clone();
    shuffled.keys.0 = rows(&case.keys.0, d);
    shuffled.values.0 = rows(&case.values.0, d);
    for kernel in available() {
        let want: Vec<f64> = case
            .attention(&kernel, 1)
            .0
            .into_iter()
            .map(f64::from)
            .collect();
        shuffled.bias = Some((rows(&case.bias.as_ref().unwrap().0, 1), [1, 1, m]));
        assert!(error(&shuffled.attention(&kernel, 1).0, &want) < 2e-6);
        shuffled.bias = case.bias.clone();
        assert!(error(&shuffled.attention(&kernel, 1).0, &want) > 0.01);
    }
}
