//! e^x and tanh on vectors, within two units in the last place.
//!
//! x = n·ln 2 + r with |r| ≤ ln 2 / 2; e^r by a polynomial (Remez), and 2^n added to the exponent's bits.

use super::lanes::Lanes;

/// Adding it to a small number rounds that to an integer, which then stands in the low bits.
const ROUND: f32 = 12_582_912.0; // 1.5·2^23
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
        let mut power = V::splat(EXP[0]);
        for c in &EXP[1..] {
            power = power.fma(r, V::splat(*c));
        }
        power.scale(n).keep_where_at_least(x, V::splat(SMALLEST))
    }
}

/// n (as `Lanes::scale` takes it) and r.
#[inline(always)]
unsafe fn reduce<V: Lanes>(x: V) -> (V, V) {
    // SAFETY: the caller vouches for V's features.
    unsafe {
        let n = x.fma(V::splat(LOG2_E), V::splat(ROUND));
        let whole = n.sub(V::splat(ROUND));
        let r = whole.fma(V::splat(-LN2_HIGH), x);
        (n, whole.fma(V::splat(-LN2_LOW), r))
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
        let mut tail = V::splat(EXPM1[0]);
        for c in &EXPM1[1..] {
            tail = tail.fma(r, V::splat(*c));
        }
        let grown = tail.mul(r).fma(r, r); // e^r − 1
        let power = V::splat(1.0).scale(n); // 2^n
        let t = grown.fma(power, power.sub(V::splat(1.0)));
        t.div(t.add(V::splat(2.0))).copy_sign(x)
    }
}
