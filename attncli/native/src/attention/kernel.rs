//! The inner loops, once over `Lanes`, and the table of ways in which they are compiled.
//!
//! A panel is up to 3 vectors of queries (with AVX2 2) side by side, w numbers wide. Its arrays:
//! packed queries (d, w), logits of a tile of keys (keys, w), output (dv, w), peak, total and shrink (w,).

use crate::number::to_f32;
use crate::simd::exp::{exp_beside_one, exp_not_positive, tanh};
use crate::simd::lanes::{Lanes, Plain};
use crate::simd::transpose::transpose;
#[cfg(target_arch = "x86_64")]
use crate::simd::x86::{Avx2, Avx512};

/// The inner loops for one kind of processor. Only `available` makes them, after a look at the processor.
#[derive(Clone, Copy)]
pub struct Kernel {
    /// Numbers in a vector.
    pub lanes: usize,
    /// Vectors in a panel at most.
    vectors: usize,
    scores: unsafe fn(usize, Scores),
    softmax: unsafe fn(usize, Softmax),
    accumulate: unsafe fn(usize, Accumulate),
    softcap: unsafe fn(*mut f32, usize, f32),
    largest: unsafe fn(*const f32, usize) -> f32,
    scale: unsafe fn(&[f32], f64, &mut [f32]),
    transpose: unsafe fn(&[f32], usize, &mut [f32]),
}

/// The kernels that this processor can run, the fastest first.
pub fn available() -> Vec<Kernel> {
    crate::simd::available!(KERNEL)
}

/// The fastest of them.
pub fn fastest() -> Kernel {
    available().first().copied().unwrap_or(plain::KERNEL)
}

impl Kernel {
    /// Queries in a panel at most.
    pub fn panel(&self) -> usize {
        self.vectors * self.lanes
    }

    /// The vectors in `w` lanes, which are whole ones and no more than a panel has.
    fn width(&self, w: usize) -> usize {
        assert!(w > 0 && w <= self.panel() && w.is_multiple_of(self.lanes));
        w / self.lanes
    }

    /// logits[j, lane] = Σ_c keys[j, c] · queries[c, lane].
    pub fn scores(
        &self,
        queries: &[f32],
        keys: &[f32],
        depth: usize,
        logits: &mut [f32],
        w: usize,
    ) {
        let count = logits.len() / w;
        let (queries, keys) = (&queries[..depth * w], &keys[..count * depth]);
        let arguments = Scores {
            queries: queries.as_ptr(),
            keys: keys.as_ptr(),
            depth,
            count,
            logits: logits.as_mut_ptr(),
        };
        // SAFETY: the processor has the features (`available`), and the slices have the lengths that the
        // loops run over: they were cut to them here.
        unsafe { (self.scores)(self.width(w), arguments) }
    }

    /// Logits become e^(logit − peak), with the peaks and totals of all tiles so far brought up to date;
    /// `shrink` is what the earlier tiles' sums must be multiplied by.
    pub fn softmax(
        &self,
        logits: &mut [f32],
        peak: &mut [f32],
        total: &mut [f32],
        shrink: &mut [f32],
    ) {
        let w = peak.len();
        let (total, shrink) = (&mut total[..w], &mut shrink[..w]);
        let arguments = Softmax {
            count: logits.len() / w,
            logits: logits.as_mut_ptr(),
            peak: peak.as_mut_ptr(),
            total: total.as_mut_ptr(),
            shrink: shrink.as_mut_ptr(),
        };
        // SAFETY: as in `scores`.
        unsafe { (self.softmax)(self.width(w), arguments) }
    }

    /// output[c, lane] = output[c, lane] · shrink[lane] + Σ_j values[j, c] · weights[j, lane].
    pub fn accumulate(
        &self,
        weights: &[f32],
        values: &[f32],
        depth: usize,
        shrink: &[f32],
        output: &mut [f32],
    ) {
        let w = shrink.len();
        let count = weights.len() / w;
        let (values, output) = (&values[..count * depth], &mut output[..depth * w]);
        let arguments = Accumulate {
            weights: weights.as_ptr(),
            values: values.as_ptr(),
            depth,
            count,
            shrink: shrink.as_ptr(),
            output: output.as_mut_ptr(),
        };
        // SAFETY: as in `scores`.
        unsafe { (self.accumulate)(self.width(w), arguments) }
    }

    /// cap · tanh(logit / cap) for each logit; their number is a multiple of `lanes`.
    pub fn softcap(&self, logits: &mut [f32], cap: f32) {
        let vectors = logits.len() / self.lanes;
        // SAFETY: as in `scores`.
        unsafe { (self.softcap)(logits.as_mut_ptr(), vectors, cap) }
    }

    /// The greatest magnitude.
    pub fn largest(&self, numbers: &[f32]) -> f32 {
        let vectors = numbers.chunks_exact(self.lanes);
        let rest = vectors
            .remainder()
            .iter()
            .fold(0.0, |most: f32, x| most.max(x.abs()));
        // SAFETY: as in `scores`.
        rest.max(unsafe { (self.largest)(numbers.as_ptr(), vectors.len()) })
    }

    /// numbers · scale, rounded once, as far as both slices reach.
    pub fn scale(&self, numbers: &[f32], scale: f64, scaled: &mut [f32]) {
        // SAFETY: as in `scores`.
        unsafe { (self.scale)(numbers, scale, scaled) }
    }

    /// from (rows, columns) into to (columns, rows), both of them multiples of `lanes`.
    pub fn transpose(&self, from: &[f32], columns: usize, to: &mut [f32]) {
        // SAFETY: as in `scores`; `transpose` itself looks at the sizes.
        unsafe { (self.transpose)(from, columns, to) }
    }
}

#[derive(Clone, Copy)]
struct Scores {
    queries: *const f32,
    keys: *const f32,
    depth: usize,
    count: usize,
    logits: *mut f32,
}

#[derive(Clone, Copy)]
struct Softmax {
    count: usize,
    logits: *mut f32,
    peak: *mut f32,
    total: *mut f32,
    shrink: *mut f32,
}

#[derive(Clone, Copy)]
struct Accumulate {
    weights: *const f32,
    values: *const f32,
    depth: usize,
    count: usize,
    shrink: *const f32,
    output: *mut f32,
}

/// Rows first, first + R, …: `all` rounded down to R of them at a time, then the rest in powers of two.
macro_rules! in_groups {
    ($all:expr, $rows:ident, |$first:ident| $call:ident::<$v:ident, R, $w:ident>($($argument:expr),*)) => {{
        let mut $first = 0;
        while $first + $rows <= $all {
            $call::<$v, $rows, $w>($($argument),*);
            $first += $rows;
        }
        if $rows > 4 && $first + 4 <= $all {
            $call::<$v, 4, $w>($($argument),*);
            $first += 4;
        }
        if $first + 2 <= $all {
            $call::<$v, 2, $w>($($argument),*);
            $first += 2;
        }
        if $first < $all {
            $call::<$v, 1, $w>($($argument),*);
        }
    }};
}

/// The step for each of 0..count, four in a row written out: turn by turn the loop's end was guessed wrong more often
/// (1.03 to 1.08 times as long, Ice Lake). No closure, for one that is not inlined would be compiled for no set of
/// features.
macro_rules! by_fours {
    ($count:expr, |$i:ident| $step:block) => {{
        let fours = $count / 4 * 4;
        for first in (0..fours).step_by(4) {
            let $i = first;
            $step
            let $i = first + 1;
            $step
            let $i = first + 2;
            $step
            let $i = first + 3;
            $step
        }
        for $i in fours..$count {
            $step
        }
    }};
}

// SAFETY of all that follows: the callers above vouch for the features of `V` and for arrays of the sizes
// named in `Scores`, `Softmax` and `Accumulate`; no index below passes them.

#[inline(always)]
unsafe fn scores<V: Lanes, const R: usize, const W: usize>(a: Scores) {
    unsafe { in_groups!(a.count, R, |first| score_rows::<V, R, W>(a, first)) }
}

#[inline(always)]
unsafe fn score_rows<V: Lanes, const R: usize, const W: usize>(a: Scores, first: usize) {
    unsafe {
        let keys = a.keys.add(first * a.depth);
        let mut sums = [[V::splat(0.0); W]; R];
        by_fours!(a.depth, |c| {
            let queries = load::<V, W>(a.queries.add(c * W * V::LANES));
            for (r, sums) in sums.iter_mut().enumerate() {
                let key = V::splat(*keys.add(r * a.depth + c));
                for (sum, query) in sums.iter_mut().zip(queries) {
                    *sum = query.fma(key, *sum);
                }
            }
        });
        for (r, sums) in sums.into_iter().enumerate() {
            store::<V, W>(sums, a.logits.add((first + r) * W * V::LANES));
        }
    }
}

#[inline(always)]
unsafe fn softmax<V: Lanes, const W: usize>(a: Softmax) {
    unsafe {
        let w = W * V::LANES;
        let before = load::<V, W>(a.peak);
        let mut peak = before;
        for j in 0..a.count {
            let logits = load::<V, W>(a.logits.add(j * w));
            for (peak, logit) in peak.iter_mut().zip(logits) {
                *peak = logit.max(*peak);
            }
        }
        store::<V, W>(peak, a.peak);
        for lane in 0..w {
            if *a.peak.add(lane) == f32::INFINITY {
                keep_infinite(a, lane, w);
            }
        }
        // Where all is −inf so far, less the lowest finite number it stays −inf, and not NaN.
        let peak = peak.map(|peak| peak.max(V::splat(f32::MIN)));
        // Where it is +inf, `keep_infinite` has made the largest number of all that weighs.
        let floor = peak.map(|peak| peak.min(V::splat(f32::MAX)));
        let mut sums = [V::splat(0.0); W];
        for j in 0..a.count {
            let row = a.logits.add(j * w);
            for (v, sum) in sums.iter_mut().enumerate() {
                let at = row.add(v * V::LANES);
                let power = exp_beside_one(V::load(at).sub(floor[v]));
                power.store(at);
                *sum = sum.add(power);
            }
        }
        let totals = load::<V, W>(a.total);
        for v in 0..W {
            // +inf less +inf, which is NaN, leaves what was infinite before; the largest number less +inf is forgotten.
            let shrink = exp_not_positive(before[v].sub(peak[v]));
            shrink.store(a.shrink.add(v * V::LANES));
            totals[v]
                .fma(shrink, sums[v])
                .store(a.total.add(v * V::LANES));
        }
    }
}

/// In a lane whose peak is +inf only logits of +inf weigh, all alike: they become the largest number, all others −inf.
#[cold]
unsafe fn keep_infinite(a: Softmax, lane: usize, w: usize) {
    for j in 0..a.count {
        unsafe {
            let logit = a.logits.add(j * w + lane);
            *logit = if *logit == f32::INFINITY {
                f32::MAX
            } else {
                f32::NEG_INFINITY
            };
        }
    }
}

#[inline(always)]
unsafe fn accumulate<V: Lanes, const R: usize, const W: usize>(a: Accumulate) {
    unsafe { in_groups!(a.depth, R, |first| accumulate_rows::<V, R, W>(a, first)) }
}

#[inline(always)]
unsafe fn accumulate_rows<V: Lanes, const R: usize, const W: usize>(a: Accumulate, first: usize) {
    unsafe {
        let w = W * V::LANES;
        let mut sums = [[V::splat(0.0); W]; R];
        by_fours!(a.count, |j| {
            let weights = load::<V, W>(a.weights.add(j * w));
            let values = a.values.add(j * a.depth + first);
            for (r, sums) in sums.iter_mut().enumerate() {
                let value = V::splat(*values.add(r));
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum = weight.fma(value, *sum);
                }
            }
        });
        // Sums of each tile by itself: no number is added to one much larger than a tile's.
        let shrink = load::<V, W>(a.shrink);
        for (r, sums) in sums.into_iter().enumerate() {
            let at = a.output.add((first + r) * w);
            for (v, sum) in sums.into_iter().enumerate() {
                let at = at.add(v * V::LANES);
                V::load(at).fma(shrink[v], sum).store(at);
            }
        }
    }
}

#[inline(always)]
unsafe fn softcap<V: Lanes>(logits: *mut f32, vectors: usize, cap: f32) {
    unsafe {
        let cap = V::splat(cap);
        for i in 0..vectors {
            let at = logits.add(i * V::LANES);
            tanh(V::load(at).div(cap)).mul(cap).store(at);
        }
    }
}

#[inline(always)]
unsafe fn largest<V: Lanes>(numbers: *const f32, vectors: usize) -> f32 {
    unsafe {
        let mut most = [V::splat(0.0); 4];
        let magnitude = |i: usize| V::load(numbers.add(i * V::LANES)).copy_sign(V::splat(1.0));
        // Four in registers: indexed by i % 4 they went through memory (3 % of the time of attention).
        for i in 0..vectors / 4 {
            for (n, most) in most.iter_mut().enumerate() {
                *most = magnitude(4 * i + n).max(*most);
            }
        }
        for i in vectors / 4 * 4..vectors {
            most[0] = magnitude(i).max(most[0]);
        }
        let most = most[0].max(most[1]).max(most[2].max(most[3]));
        let mut lanes = [0.0; 16];
        most.store(lanes.as_mut_ptr());
        lanes.into_iter().fold(0.0, f32::max)
    }
}

#[inline(always)]
fn scale(numbers: &[f32], scale: f64, scaled: &mut [f32]) {
    for (scaled, &x) in scaled.iter_mut().zip(numbers) {
        *scaled = to_f32(f64::from(x) * scale);
    }
}

#[inline(always)]
unsafe fn load<V: Lanes, const W: usize>(from: *const f32) -> [V; W] {
    unsafe { std::array::from_fn(|v| V::load(from.add(v * V::LANES))) }
}

#[inline(always)]
unsafe fn store<V: Lanes, const W: usize>(vectors: [V; W], to: *mut f32) {
    for (v, vector) in vectors.into_iter().enumerate() {
        unsafe { vector.store(to.add(v * V::LANES)) }
    }
}

/// The loops above compiled for one set of features: for panels of so many vectors, so many rows at a time, which keep
/// the sums in registers and enough of them in flight.
macro_rules! compiled {
    ($module:ident, $lanes:ident, [$most:literal => $first:literal $(, $width:literal => $rows:literal)*]
     $(, $feature:literal)?) => {
        mod $module {
            use super::*;

            pub const KERNEL: Kernel = Kernel {
                lanes: $lanes::LANES,
                vectors: $most,
                scores,
                softmax,
                accumulate,
                softcap,
                largest,
                scale,
                transpose,
            };

            $(#[target_feature(enable = $feature)])?
            unsafe fn scores(width: usize, a: Scores) {
                unsafe {
                    match width {
                        $($width => super::scores::<$lanes, $rows, $width>(a),)*
                        _ => super::scores::<$lanes, $first, $most>(a),
                    }
                }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn softmax(width: usize, a: Softmax) {
                unsafe {
                    match width {
                        $($width => super::softmax::<$lanes, $width>(a),)*
                        _ => super::softmax::<$lanes, $most>(a),
                    }
                }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn accumulate(width: usize, a: Accumulate) {
                unsafe {
                    match width {
                        $($width => super::accumulate::<$lanes, $rows, $width>(a),)*
                        _ => super::accumulate::<$lanes, $first, $most>(a),
                    }
                }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn softcap(logits: *mut f32, vectors: usize, cap: f32) {
                unsafe { super::softcap::<$lanes>(logits, vectors, cap) }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn largest(numbers: *const f32, vectors: usize) -> f32 {
                unsafe { super::largest::<$lanes>(numbers, vectors) }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn scale(numbers: &[f32], scale: f64, scaled: &mut [f32]) {
                super::scale(numbers, scale, scaled);
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn transpose(from: &[f32], columns: usize, to: &mut [f32]) {
                unsafe { super::transpose::<$lanes, { $lanes::LANES }>(from, columns, to) }
            }
        }
    };
}

compiled!(plain, Plain, [3 => 4, 2 => 4, 1 => 8]);
// 12 sums, 2 vectors of queries and a number spread over a third: 15 of 16 registers. With 3 vectors and 4 rows all 16
// are taken, LLVM moves sums about and through memory, and the rate is less than half (scores alone 43 GFLOP/s of 96,
// Ice Lake).
#[cfg(target_arch = "x86_64")]
compiled!(avx2, Avx2, [2 => 6, 1 => 8], "avx2,fma");
// 24 sums of 32 registers; a step of the inner loop loads 11 numbers or vectors for 24 products.
#[cfg(target_arch = "x86_64")]
compiled!(avx512, Avx512, [3 => 8, 2 => 8, 1 => 8], "avx512f,avx512dq");
