//! e^x and tanh on vectors, within two units in the last place, and e^x a little faster for weights.
//!
//! x = n·ln 2 + r with |r| ≤ ln 2 / 2; e^r by a polynomial (Remez), times 2^n. For weights x·log2 e = n + f, and 2^f.

use super::lanes::{Lanes, ROUND};

const LOG2_E: f32 = std::f32::consts::LOG2_E;
/// ln 2 in two parts, the first of few bits, so that n times it is exact.
const LN2_HIGH: f32 = 0.693_359_4;
const LN2_LOW: f32 = -2.121_944_4e-4;
/// Below it e^x is under 2^-125 and counts as nothing: denormals are slow and would change no sum.
const SMALLEST: f32 = -86.6;
/// e^r on |r| ≤ ln 2 / 2, relative error 2e-9, the highest power first.
const EXP: [f32; 7] = [
    0.001_383_684_6,
    0.008_374_816,
    0.041_668_225,
    0.166_664_2,
    0.499_999_9,
    1.0,
    1.0,
];

/// e^min(x, 0); NaN counts as 0, so that +inf − (+inf) is "as large as the largest".
///
/// # Safety
/// As `Lanes` asks.
#[inline(always)]
pub unsafe fn exp_not_positive<V: Lanes>(x: V) -> V {
    // SAFETY: the caller vouches for V's features.
    unsafe {
        let x = x.min(V::splat(0.0));
        let (n, r) = reduce(x);
        polynomial(&EXP, r)
            .scale(n.split().0)
            .keep_where_at_least(x, V::splat(SMALLEST))
    }
}

/// 2^f on −1/2 ≤ f ≤ 1, relative error 4.3e-8, the highest power first (the range of both ways in which `Lanes::split`
/// rounds).
const EXP2: [f32; 7] = [
    0.000_179_883_92,
    0.001_332_177_1,
    0.009_607_92,
    0.055_505_23,
    0.240_227_52,
    std::f32::consts::LN_2,
    1.0,
];

/// e^x, x ≤ 0, as a weight beside e^0 = 1 (of NaN 0): the relative error grows with |x|, as x·log2 e is rounded, up to
/// (2.5 + 1.25|x|)·2^−24, and the result is never more than 1.4e-7 from e^x. With AVX-512 it takes three quarters of the
/// instructions of `exp_not_positive` (attention 1.05 to 1.08 times as fast, Ice Lake).
///
/// # Safety
/// As `Lanes` asks.
#[inline(always)]
pub unsafe fn exp_beside_one<V: Lanes>(x: V) -> V {
    // SAFETY: the caller vouches for V's features.
    unsafe {
        let (n, f) = x.mul(V::splat(LOG2_E)).split();
        polynomial(&EXP2, f)
            .scale(n)
            .keep_where_at_least(x, V::splat(SMALLEST))
    }
}

/// By Horner's rule.
#[inline(always)]
unsafe fn polynomial<V: Lanes, const TERMS: usize>(terms: &[f32; TERMS], x: V) -> V {
    // SAFETY: the caller vouches for V's features.
    unsafe {
        let mut sum = V::splat(terms[0]);
        for term in &terms[1..] {
            sum = sum.fma(x, V::splat(*term));
        }
        sum
    }
}

/// n and r.
#[inline(always)]
unsafe fn reduce<V: Lanes>(x: V) -> (V, V) {
    // SAFETY: the caller vouches for V's features.
    unsafe {
        let n = x
            .fma(V::splat(LOG2_E), V::splat(ROUND))
            .sub(V::splat(ROUND));
        let r = n.fma(V::splat(-LN2_HIGH), x);
        (n, n.fma(V::splat(-LN2_LOW), r))
    }
}

/// (e^r − 1 − r) / r² on |r| ≤ ln 2 / 2, the highest power first (Taylor; the next term is below 2e-8).
const EXPM1: [f32; 6] = [
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    0.5,
];

/// tanh(x) = −t / (t + 2) with t = e^(−2|x|) − 1, which keeps all digits near 0 too.
///
/// # Safety
/// As `Lanes` asks.
#[inline(always)]
pub unsafe fn tanh<V: Lanes>(x: V) -> V {
    // SAFETY: the caller vouches for V's features.
    unsafe {
        // tanh(20) is 1 in float32.
        let magnitude = x.copy_sign(V::splat(1.0)).min(V::splat(20.0));
        let (n, r) = reduce(magnitude.mul(V::splat(-2.0)));
        let grown = polynomial(&EXPM1, r).mul(r).fma(r, r); // e^r − 1
        let power = V::splat(1.0).scale(n.split().0); // 2^n
        let t = grown.fma(power, power.sub(V::splat(1.0)));
        t.div(t.add(V::splat(2.0))).copy_sign(x)
    }
}
