//! The exponential and tanh themselves, through each kernel.

use super::super::kernel::{available, Kernel};

/// e^x of numbers ≤ 0, as the softmax of a tile whose peak is 0.
fn exp(kernel: &Kernel, xs: &[f32]) -> Vec<f32> {
    let w = kernel.panel();
    let mut powers = xs.to_vec();
    powers.resize(xs.len().div_ceil(w) * w, 0.0);
    let (mut total, mut shrink) = (vec![0.0; w], vec![0.0; w]);
    kernel.softmax(&mut powers, &mut vec![0.0; w], &mut total, &mut shrink);
    powers.truncate(xs.len());
    powers
}

/// The error in units of `want`'s last place.
fn units(got: f32, want: f64) -> f64 {
    let unit = f64::from_bits(want.to_bits() & !((1 << 52) - 1)) / f64::from(1 << 23);
    (f64::from(got) - want).abs() / unit.abs()
}

/// Numbers from `low` to `high`, evenly.
fn grid(low: f64, high: f64) -> impl Iterator<Item = f32> {
    let steps = 100_000;
    (0..=steps)
        .map(move |i| crate::number::to_f32(low + (high - low) * f64::from(i) / f64::from(steps)))
}

/// The error grows with |x|, as x·log2 e is rounded; beside e^0 it is never seen.
#[test]
fn exp_is_right_beside_one() {
    let xs: Vec<f32> = grid(-86.5, 0.0).chain(grid(-1.0, 0.0)).collect();
    for kernel in available() {
        let (mut worst, mut beside_one): (f64, f64) = (0.0, 0.0);
        for (&power, x) in exp(&kernel, &xs)
            .iter()
            .zip(xs.iter().copied().map(f64::from))
        {
            let error = (f64::from(power) - x.exp()).abs();
            let allowed = (2.5 - 1.25 * x) / f64::from(1 << 24);
            worst = worst.max(error / x.exp() / allowed);
            beside_one = beside_one.max(error);
        }
        assert!(worst < 1.0, "{} lanes: {worst}", kernel.lanes);
        assert!(
            worst > 0.25,
            "no rounding at all, {worst}: is this the function?"
        );
        assert!(beside_one < 1.4e-7, "{} lanes: {beside_one}", kernel.lanes);
    }
}

/// What earlier tiles shrink by: e^(peak before − peak now).
#[test]
fn shrink_is_right_to_two_units() {
    let mut xs: Vec<f32> = grid(-86.5, 0.0).chain(grid(-1.0, 0.0)).collect();
    xs.extend([-86.7, f32::MIN, f32::NEG_INFINITY]);
    for kernel in available() {
        let w = kernel.panel();
        for xs in xs.chunks(w) {
            let mut before = xs.to_vec();
            before.resize(w, 0.0);
            let mut shrink = vec![0.0; w];
            kernel.softmax(
                &mut vec![0.0; w],
                &mut before,
                &mut vec![0.0; w],
                &mut shrink,
            );
            for (&power, &x) in shrink.iter().zip(xs) {
                if x < -86.6 {
                    assert_eq!(power, 0.0);
                } else {
                    let worst = units(power, f64::from(x).exp());
                    assert!(worst < 2.0, "{} lanes, e^{x}: {worst}", kernel.lanes);
                }
            }
        }
    }
}

#[test]
fn exp_at_its_ends() {
    for kernel in available() {
        let powers = exp(&kernel, &[-0.0, -86.7, -1e30, f32::MIN, f32::NEG_INFINITY]);
        assert!((powers[0] - 1.0).abs() < 1.3e-7);
        assert_eq!(powers[1..], [0.0; 4]);
    }
}

#[test]
fn tanh_keeps_all_digits() {
    for kernel in available() {
        for cap in [1.0, 30.0, 1e6] {
            let xs: Vec<f32> = grid(-12.0, 12.0).filter(|&x| x != 0.0).collect();
            let mut got = xs.clone();
            got.resize(xs.len().div_ceil(kernel.lanes) * kernel.lanes, 0.0);
            kernel.softcap(&mut got, cap);
            let cap = f64::from(cap);
            let want = xs.iter().map(|&x| cap * (f64::from(x) / cap).tanh());
            let worst = got.iter().zip(want).map(|(&got, want)| units(got, want));
            let worst = worst.fold(0.0, f64::max);
            assert!(worst < 5.0, "{} lanes, cap {cap}: {worst}", kernel.lanes);
        }
    }
}

/// Each number's place tells its row and column; what stands behind the matrix stays.
#[test]
fn matrices_turn_about_their_diagonal() {
    for kernel in available() {
        for (rows, columns) in [(1, 1), (2, 3), (3, 1)] {
            let (rows, columns) = (rows * kernel.lanes, columns * kernel.lanes);
            let from: Vec<f32> = (0u16..).take(rows * columns).map(f32::from).collect();
            let mut to = vec![-1.0; rows * columns + 1];
            kernel.transpose(&from, columns, &mut to);
            for (at, &x) in to[..rows * columns].iter().enumerate() {
                let (column, row) = (at / rows, at % rows);
                assert_eq!(x, from[row * columns + column], "{} lanes", kernel.lanes);
            }
            assert_eq!(to[rows * columns], -1.0);
        }
    }
}
