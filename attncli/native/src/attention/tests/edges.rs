//! Empty sizes, infinities, numbers at the ends of float32, wrong arguments, and stopping.

use super::super::kernel::available;
use super::super::{attention, attention_weights, rotate, HeadsMut};
use super::cases::{Case, Random};
use super::oracle::{answer, error};
use crate::error::Error;
use std::sync::atomic::{AtomicBool, AtomicUsize};

fn assert_right(case: &Case, enough: f64) {
    let want = answer(case);
    for kernel in available() {
        let (output, lse) = case.attention(&kernel, 2);
        let lanes = kernel.lanes;
        let worst = error(&output, &want.output);
        assert!(worst < enough, "{lanes} lanes, output: {worst:e}");
        assert!(error(&lse, &want.lse) < enough, "{lanes} lanes, lse");
        assert!(
            error(&case.weights(&kernel, 2), &want.weights) < enough,
            "{lanes} lanes, weights"
        );
    }
}

#[test]
fn empty_sizes() {
    let mut random = Random(10);
    let sizes = [
        [1, 0, 4, 4, 4],
        [2, 3, 0, 4, 4],
        [2, 3, 5, 0, 4],
        [2, 3, 5, 4, 0],
        [0, 3, 5, 4, 4],
    ];
    for [h, n, m, d, dv] in sizes {
        let case = Case::plain(&mut random, [h, n, d], [1, m, dv]);
        assert_right(&case, 1e-6);
    }
    let no_keys = Case::plain(&mut random, [1, 2, 4], [1, 0, 3]);
    let (output, lse) = no_keys.attention(&available()[0], 1);
    assert_eq!(output, [0.0; 6]);
    assert_eq!(lse, [f32::NEG_INFINITY; 2]);
}

#[test]
fn rows_with_nothing_to_attend_to_are_zeros() {
    let mut random = Random(11);
    let mut case = Case::plain(&mut random, [2, 40, 8], [2, 20, 8]);
    case.causal = true; // the first 20 queries stand before every key
    assert_right(&case, 1e-6);
    let (output, lse) = case.attention(&available()[0], 1);
    assert!(output[..20 * 8].iter().all(|&x| x == 0.0) && output[20 * 8] != 0.0);
    assert!(lse[..20].iter().all(|&x| x == f32::NEG_INFINITY) && lse[20].is_finite());
    case.causal = false;
    case.bias = Some((vec![f32::NEG_INFINITY; 40], [1, 40, 1]));
    assert_right(&case, 1e-6);
    case.bias = None;
    case.mask = Some((vec![false], [1, 1, 1]));
    assert_right(&case, 1e-6);
}

/// These keys share each row equally, and no other weighs.
fn assert_shared(case: &Case, keys: &[usize]) {
    let share = 1.0 / crate::number::to_f32(crate::number::count(keys.len()));
    let value = |key: usize| case.values.0[key * 8];
    let mean = share * keys.iter().map(|&key| value(key)).sum::<f32>();
    for kernel in available() {
        let weights = case.weights(&kernel, 1);
        let (output, lse) = case.attention(&kernel, 1);
        for query in 0..4 {
            let row = &weights[query * 600..(query + 1) * 600];
            for (key, &weight) in row.iter().enumerate() {
                assert_eq!(weight, if keys.contains(&key) { share } else { 0.0 });
            }
            assert_eq!(lse[query], f32::INFINITY);
            assert!((output[query * 8] - mean).abs() < 1e-6);
        }
    }
}

/// Keys whose bias is +inf share the row equally; the lowest finite bias on all keys changes nothing.
#[test]
fn infinite_and_lowest_bias() {
    let mut random = Random(12);
    let mut case = Case::plain(&mut random, [1, 4, 8], [1, 600, 8]);
    let mut bias = vec![0.0; 600];
    bias[7] = f32::MAX;
    bias[500] = f32::INFINITY;
    let with = |bias: &Vec<f32>| Some((bias.clone(), [1, 1, 600]));
    // The largest number met before +inf, as a key's bias and as a sink, is forgotten.
    for sinks in [None, Some(vec![f32::MAX])] {
        case.sinks = sinks;
        case.bias = with(&bias);
        assert_shared(&case, &[500]);
    }
    case.sinks = None;
    bias[3] = f32::INFINITY;
    case.bias = with(&bias);
    assert_shared(&case, &[3, 500]);
    case.bias = Some((vec![f32::MIN], [1, 1, 1]));
    for kernel in available() {
        let weights = case.weights(&kernel, 1);
        assert!(weights.iter().all(|&x| (x - 1.0 / 600.0).abs() < 1e-8));
    }
}

#[test]
fn large_logits() {
    let mut random = Random(13);
    for scale in [1e2, 1e4, 1e8, 1e20, 1e37, 1e300] {
        let mut case = Case::plain(&mut random, [2, 20, 8], [1, 300, 8]);
        case.scale = scale;
        let want = answer(&case);
        for kernel in available() {
            let (output, _) = case.attention(&kernel, 1);
            // Rows whose first two logits differ by less than rounding may go to either.
            let wrong = output
                .chunks(8)
                .zip(want.output.chunks(8))
                .filter(|(a, b)| error(a, b) > 1e-2);
            assert!(wrong.count() <= 1, "scale {scale:e}");
            let weights = case.weights(&kernel, 1);
            assert!(weights
                .chunks(300)
                .all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-5));
        }
    }
}

/// Products beyond float32 whose scaled sum, or whose softmax, is not.
#[test]
fn numbers_at_the_ends_of_float32() {
    let mut random = Random(14);
    let times = |x: &mut Vec<f32>, by: f32| x.iter_mut().for_each(|x| *x *= by);
    for (q, k, v, scale) in [
        (1e20, 1e20, 1.0, 1e-41),
        (1e37, 1e37, 1.0, 1e-74),
        (1e-38, 1e37, 1.0, 1.0),
        (1e-30, 1e37, 1.0, 1e-8),
        (1e-42, 1e-42, 1.0, 1.0),
        (1.0, 1.0, 3e37, 1.0),
        (1e37, 1e-37, 1.0, 30.0),
    ] {
        let mut case = Case::plain(&mut random, [1, 9, 8], [1, 70, 8]);
        times(&mut case.queries.0, q);
        times(&mut case.keys.0, k);
        times(&mut case.values.0, v);
        case.scale = scale;
        assert_right(&case, 2e-6);
        case.sinks = Some(vec![0.5]);
        case.relative = Some(random.normals(7));
        case.positions = Some((20..29).collect());
        case.lists = Some((
            2,
            vec![0, 1, 3, 3, 4, 6],
            vec![0, 70, 1, 9, 30, 31, 5, 6, 0, 1, 2, 3],
        ));
        assert_right(&case, 2e-6);
    }
    for cap in [1e-45, 1e-20, 1e3, 1e20, 1e40] {
        let mut case = Case::plain(&mut random, [1, 9, 8], [1, 70, 8]);
        case.softcap = cap;
        assert_right(&case, 2e-6);
    }
}

/// From queries that stand 2^24 and more outside the keys, where float32 has no number for each distance.
#[test]
fn alibi_far_outside_the_keys() {
    let mut random = Random(16);
    for at in [1 << 24, (1 << 24) + 901, 1 << 30, -(1 << 25) - 1] {
        let mut case = Case::plain(&mut random, [2, 3, 4], [1, 600, 4]);
        case.slopes = Some(vec![0.01, 0.5]);
        case.positions = Some((at..at + 3).collect());
        let want = answer(&case);
        for kernel in available() {
            let (output, _) = case.attention(&kernel, 1);
            assert!(error(&output, &want.output) < 1e-5, "{at}, output");
            let weights = case.weights(&kernel, 1);
            assert!(error(&weights, &want.weights) < 1e-5, "{at}, weights");
        }
    }
}

/// The same among the keys: the last query of 2^24 + 900 looks at the first 600. Vectors of no width take no room.
#[test]
fn alibi_far_among_the_keys() {
    let m = (1 << 24) + 900;
    let mut case = Case::plain(&mut Random(17), [1, 1, 0], [1, m, 0]);
    case.slopes = Some(vec![1.0 / 512.0]);
    case.lists = Some((1, vec![0, 1], vec![0, 600]));
    let last = f64::from(u32::try_from(m - 1).unwrap());
    let sum: f64 = (0..600).map(|key| (f64::from(key) / 512.0).exp()).sum();
    let want = sum.ln() - last / 512.0;
    for kernel in available() {
        let (_, lse) = case.attention(&kernel, 1);
        let off = (f64::from(lse[0]) - want).abs();
        assert!(off < 0.005, "off by {off}"); // the numbers near −32768 are 1/512 apart
    }
}

#[test]
fn rotation_stops_too() {
    let angles = ([1.0; 2].as_slice(), [0.0; 2].as_slice());
    let turned = |stop| rotate(&[1.0; 8], 2, angles, 1, (false, 1), &AtomicBool::new(stop));
    assert_eq!(turned(false).unwrap(), [1.0; 8]);
    assert!(matches!(turned(true), Err(Error::Interrupted)));
}

/// Makes a right case wrong.
type Change = fn(&mut Case);

#[test]
fn refuses_what_does_not_fit() {
    let mut random = Random(15);
    let right = Case::plain(&mut random, [4, 6, 8], [2, 5, 3]);
    assert!(right.problem().is_ok());
    let changes: [(Change, &str); 18] = [
        (
            |case| case.keys = (vec![0.0; 70], [2, 5, 7]),
            "queries have 8 numbers a head, keys 7",
        ),
        (
            |case| case.values = (vec![0.0; 36], [2, 6, 3]),
            "differ in their heads or their length",
        ),
        (
            |case| case.queries = (vec![0.0; 144], [3, 6, 8]),
            "3 query heads cannot share 2 key heads",
        ),
        (
            |case| case.queries.0.truncate(5),
            "the queries hold 5 numbers",
        ),
        (
            |case| case.queries.1[1] = usize::MAX / 2,
            "would not fit in memory",
        ),
        (
            |case| case.mask = Some((vec![true; 2], [2, 1, 1])),
            "the mask's shape [2, 1, 1]",
        ),
        (
            |case| case.bias = Some((vec![0.0; 2], [1, 1, 5])),
            "the bias hold 2 numbers",
        ),
        (
            |case| case.slopes = Some(vec![1.0]),
            "1 ALiBi slopes for 4 heads",
        ),
        (|case| case.scale = f64::NAN, "the scale is NaN"),
        (
            |case| case.positions = Some(vec![0, 0, 0, 0, 0, i64::MIN]),
            "the position -9223372036854775808 is beyond 2^53",
        ),
        (
            |case| case.positions = Some(vec![(1 << 53) + 1; 6]),
            "the position 9007199254740993 is beyond 2^53",
        ),
        (
            |case| case.sinks = Some(vec![f32::NAN; 4]),
            "the sink NaN is not a finite number",
        ),
        (
            |case| case.relative = Some(vec![0.0; 8]),
            "8 numbers of relative bias",
        ),
        (
            |case| case.positions = Some(vec![0; 5]),
            "5 positions for 6 queries",
        ),
        (
            |case| case.lists = Some((0, vec![0], vec![])),
            "serves no queries",
        ),
        (
            |case| case.lists = Some((4, vec![0, 0], vec![])),
            "1 lists of keys for 2 blocks",
        ),
        (
            |case| case.lists = Some((6, vec![0, 1], vec![0, 6])),
            "list 0 is not sorted",
        ),
        (
            |case| case.lists = Some((6, vec![0, 2], vec![0, 3, 2, 4])),
            "list 0 is not sorted",
        ),
    ];
    for (change, message) in changes {
        let mut case = right.clone();
        change(&mut case);
        let error = case.problem().unwrap_err();
        assert!(error.to_string().contains(message), "{error}");
    }
}

#[test]
fn stops_when_asked() {
    let mut random = Random(16);
    let case = Case::plain(&mut random, [1, 300, 8], [1, 300, 8]);
    let (problem, stop) = (case.problem().unwrap(), AtomicBool::new(true));
    let done = AtomicUsize::new(0);
    let mut output = vec![0.0; 300 * 8];
    let output = HeadsMut::of("output", &mut output, [1, 300, 8]).unwrap();
    assert_eq!(
        attention(&problem, output, 2, &stop, &done),
        Err(Error::Interrupted)
    );
    assert_eq!(
        attention_weights(&problem, 2, &stop),
        Err(Error::Interrupted)
    );
}
