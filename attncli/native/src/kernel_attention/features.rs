//! φ on vectors of numbers.

use crate::simd::exp::exp_not_positive;
use crate::simd::lanes::Lanes;

/// elu(x) + 1 = max(x, 0) + e^min(x, 0) in place; whole vectors.
///
/// # Safety
/// As `Lanes` asks.
#[inline(always)]
pub unsafe fn elu<V: Lanes>(numbers: &mut [f32]) {
    for x in numbers.chunks_exact_mut(V::LANES) {
        // SAFETY: a whole vector; the caller vouches for V's features.
        unsafe {
            let v = V::load(x.as_ptr());
            v.max(V::splat(0.0))
                .add(exp_not_positive(v))
                .store(x.as_mut_ptr());
        }
    }
}

/// e^(x − less) in place, x ≤ less; whole vectors.
///
/// # Safety
/// As `Lanes` asks.
#[inline(always)]
pub unsafe fn exp_less<V: Lanes>(numbers: &mut [f32], less: f32) {
    for x in numbers.chunks_exact_mut(V::LANES) {
        // SAFETY: a whole vector; the caller vouches for V's features.
        unsafe {
            let v = V::load(x.as_ptr()).sub(V::splat(less));
            exp_not_positive(v).store(x.as_mut_ptr());
        }
    }
}

/// x + more for each pair, and the greatest of them.
#[inline(always)]
pub fn add_and_peak(numbers: &mut [f32], more: &[f32]) -> f32 {
    for (x, more) in numbers.iter_mut().zip(more) {
        *x += more;
    }
    peak(numbers)
}

/// The greatest number, 16 candidates side by side.
#[inline(always)]
pub fn peak(numbers: &[f32]) -> f32 {
    let greater = |a: f32, b: f32| if a > b { a } else { b };
    let chunks = numbers.chunks_exact(16);
    let rest = chunks.remainder();
    let mut most = [f32::NEG_INFINITY; 16];
    for chunk in chunks {
        for (most, &x) in most.iter_mut().zip(chunk) {
            *most = greater(x, *most);
        }
    }
    most.iter()
        .chain(rest)
        .fold(f32::NEG_INFINITY, |most, &x| greater(x, most))
}
