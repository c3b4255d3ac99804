//! The inner loops, once over `Lanes`, and the table of ways in which they are compiled.

use crate::simd::exp::exp_not_positive;
use crate::simd::lanes::{Lanes, Plain};
#[cfg(target_arch = "x86_64")]
use crate::simd::x86::{Avx2, Avx512};

/// Rows are a multiple of it wide, and so of every kind of vector: no loop has a tail.
pub const WIDTH: usize = 16;

/// The inner loops for one kind of processor. Only `available` makes them, after a look at the processor.
#[derive(Debug, Clone, Copy)]
pub struct Kernel {
    /// inputs (I, W) and outputs (J, W) → scores (I, J), all pairs' dot products.
    pub(super) score: unsafe fn(Loops),
    /// numbers (n) and a rate → −rate·σ(number), in place, n vectors of numbers.
    pub(super) sigmoid: unsafe fn(*mut f32, usize, f32),
    /// scores G (I, J): change = G·outputs, outputs += Gᵀ·inputs, from the values before either.
    pub(super) spread: unsafe fn(Loops),
    /// inputs (I, W) and 1/I → their mean, in `change` (W).
    pub(super) mean: unsafe fn(Loops, f32),
    /// a row += another: (to, from, W).
    pub(super) add: unsafe fn(*mut f32, *const f32, usize),
    /// Numbers in a vector.
    pub(super) lanes: usize,
}

/// The kernels that this processor can run, the fastest first.
pub fn available() -> Vec<Kernel> {
    crate::simd::available!(KERNEL)
}

/// The fastest of them.
pub fn fastest() -> Kernel {
    available().first().copied().unwrap_or(plain::KERNEL)
}

/// What the loops run over. Rows are `width` long, a multiple of `WIDTH`.
#[derive(Debug, Clone, Copy)]
pub struct Loops {
    pub inputs: *const *mut f32,
    pub input_count: usize,
    pub outputs: *const *mut f32,
    pub output_count: usize,
    pub width: usize,
    /// (I, J)
    pub scores: *mut f32,
    /// (I, W)
    pub change: *mut f32,
}

/// Outputs at a time: with 2 inputs their sums take 12 of 16 registers, 6 rows and their sums 12.
const TILE: usize = 6;

/// All outputs in tiles of `TILE`, the rest in one tile of its own size.
macro_rules! in_tiles {
    ($all:expr, |$first:ident| $call:ident::<$v:ident, J>($($argument:expr),*)) => {{
        let mut $first = 0;
        while $first + TILE <= $all {
            $call::<$v, TILE>($($argument),*);
            $first += TILE;
        }
        match $all - $first {
            5 => $call::<$v, 5>($($argument),*),
            4 => $call::<$v, 4>($($argument),*),
            3 => $call::<$v, 3>($($argument),*),
            2 => $call::<$v, 2>($($argument),*),
            1 => $call::<$v, 1>($($argument),*),
            _ => {}
        }
    }};
}

// SAFETY of all that follows: the callers vouch for the features of `V` and for arrays of the sizes named in
// `Loops` and `Kernel`; no index below passes them.

#[inline(always)]
unsafe fn score<V: Lanes>(a: Loops) {
    unsafe { in_tiles!(a.output_count, |first| score_tile::<V, J>(a, first)) }
}

#[inline(always)]
unsafe fn score_tile<V: Lanes, const J: usize>(a: Loops, first: usize) {
    unsafe {
        let mut i = 0;
        while i + 2 <= a.input_count {
            score_rows::<V, 2, J>(a, i, first);
            i += 2;
        }
        if i < a.input_count {
            score_rows::<V, 1, J>(a, i, first);
        }
    }
}

#[inline(always)]
unsafe fn score_rows<V: Lanes, const I: usize, const J: usize>(a: Loops, i: usize, first: usize) {
    unsafe {
        let inputs: [*mut f32; I] = std::array::from_fn(|r| *a.inputs.add(i + r));
        let outputs: [*mut f32; J] = std::array::from_fn(|j| *a.outputs.add(first + j));
        let mut sums = [[V::splat(0.0); J]; I];
        for c in (0..a.width).step_by(V::LANES) {
            let inputs = inputs.map(|row| V::load(row.add(c)));
            for (j, row) in outputs.iter().enumerate() {
                let output = V::load(row.add(c));
                for (sums, input) in sums.iter_mut().zip(inputs) {
                    sums[j] = input.fma(output, sums[j]);
                }
            }
        }
        for (r, sums) in sums.into_iter().enumerate() {
            let scores = a.scores.add((i + r) * a.output_count + first);
            for (j, sum) in sums.into_iter().enumerate() {
                *scores.add(j) = sum.sum();
            }
        }
    }
}

#[inline(always)]
unsafe fn sigmoid<V: Lanes>(numbers: *mut f32, vectors: usize, rate: f32) {
    unsafe {
        let (one, zero) = (V::splat(1.0), V::splat(0.0));
        for n in 0..vectors {
            let at = numbers.add(n * V::LANES);
            let x = V::load(at);
            // σ(x) = e^min(x, 0) / (1 + e^−|x|): neither overflows.
            let above = exp_not_positive(x);
            let below = exp_not_positive(zero.sub(x.copy_sign(one)));
            above.div(below.add(one)).mul(V::splat(-rate)).store(at);
        }
    }
}

#[inline(always)]
unsafe fn spread<V: Lanes>(a: Loops) {
    unsafe { in_tiles!(a.output_count, |first| spread_tile::<V, J>(a, first)) }
}

#[inline(always)]
unsafe fn spread_tile<V: Lanes, const J: usize>(a: Loops, first: usize) {
    unsafe {
        let outputs: [*mut f32; J] = std::array::from_fn(|j| *a.outputs.add(first + j));
        for c in (0..a.width).step_by(V::LANES) {
            let rows = outputs.map(|row| V::load(row.add(c)));
            let mut sums = [V::splat(0.0); J];
            for i in 0..a.input_count {
                let input = V::load((*a.inputs.add(i)).add(c));
                let gradients = a.scores.add(i * a.output_count + first);
                let at = a.change.add(i * a.width + c);
                let mut change = if first == 0 {
                    V::splat(0.0)
                } else {
                    V::load(at)
                };
                for j in 0..J {
                    let gradient = V::splat(*gradients.add(j));
                    change = gradient.fma(rows[j], change);
                    sums[j] = gradient.fma(input, sums[j]);
                }
                change.store(at);
            }
            // Read anew: a row may stand here twice.
            for (row, sum) in outputs.into_iter().zip(sums) {
                V::load(row.add(c)).add(sum).store(row.add(c));
            }
        }
    }
}

#[inline(always)]
unsafe fn mean<V: Lanes>(a: Loops, share: f32) {
    unsafe {
        for c in (0..a.width).step_by(V::LANES) {
            let mut sum = V::splat(0.0);
            for i in 0..a.input_count {
                sum = sum.add(V::load((*a.inputs.add(i)).add(c)));
            }
            sum.mul(V::splat(share)).store(a.change.add(c));
        }
    }
}

#[inline(always)]
unsafe fn add<V: Lanes>(to: *mut f32, from: *const f32, width: usize) {
    unsafe {
        for c in (0..width).step_by(V::LANES) {
            let sum = V::load(to.add(c)).add(V::load(from.add(c)));
            sum.store(to.add(c));
        }
    }
}

/// The loops above compiled for one set of features.
macro_rules! compiled {
    ($module:ident, $lanes:ident $(, $feature:literal)?) => {
        mod $module {
            use super::*;

            pub const KERNEL: Kernel = Kernel {
                score,
                sigmoid,
                spread,
                mean,
                add,
                lanes: $lanes::LANES,
            };

            $(#[target_feature(enable = $feature)])?
            unsafe fn score(a: Loops) {
                unsafe { super::score::<$lanes>(a) }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn sigmoid(numbers: *mut f32, vectors: usize, rate: f32) {
                unsafe { super::sigmoid::<$lanes>(numbers, vectors, rate) }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn spread(a: Loops) {
                unsafe { super::spread::<$lanes>(a) }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn mean(a: Loops, share: f32) {
                unsafe { super::mean::<$lanes>(a, share) }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn add(to: *mut f32, from: *const f32, width: usize) {
                unsafe { super::add::<$lanes>(to, from, width) }
            }
        }
    };
}

compiled!(plain, Plain);
#[cfg(target_arch = "x86_64")]
compiled!(avx2, Avx2, "avx2,fma");
#[cfg(target_arch = "x86_64")]
compiled!(avx512, Avx512, "avx512f,avx512dq");
