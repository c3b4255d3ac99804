//! A vector of float32 lanes: what the kernels need of the processor, in three ways.
//!
//! Lanes are queries: every row of a tile holds one key's logits for neighbouring queries. So the running
//! maximum and sum are plain lane-wise operations, and keys and values are read as they lie in memory, one
//! number at a time, spread over all lanes.

/// Adding it to a small number rounds that to an integer, which then stands in the low bits.
pub const ROUND: f32 = 12_582_912.0; // 1.5·2^23

/// One vector register.
///
/// Every method asks for the processor features of the type that implements it: it may only be reached from
/// a function compiled with these features, on a processor that was seen to have them.
pub trait Lanes: Copy {
    /// Numbers in one vector.
    const LANES: usize;
    /// The same number in each lane.
    unsafe fn splat(x: f32) -> Self;
    /// Reads `LANES` numbers, at any alignment.
    unsafe fn load(from: *const f32) -> Self;
    /// Writes `LANES` numbers, at any alignment.
    unsafe fn store(self, to: *mut f32);
    /// self + b.
    unsafe fn add(self, b: Self) -> Self;
    /// self − b.
    unsafe fn sub(self, b: Self) -> Self;
    /// self · b.
    unsafe fn mul(self, b: Self) -> Self;
    /// self / b.
    unsafe fn div(self, b: Self) -> Self;
    /// self · b + c, rounded once where the processor can.
    unsafe fn fma(self, b: Self, c: Self) -> Self;
    /// The greater one; `b` where self is NaN.
    unsafe fn max(self, b: Self) -> Self;
    /// The smaller one; `b` where self is NaN.
    unsafe fn min(self, b: Self) -> Self;
    /// Where |self| < 2^22: a whole number, in the form that `scale` takes, and f with self = it + f, −1/2 ≤ f ≤ 1.
    unsafe fn split(self) -> (Self, Self);
    /// self · 2^n for an n that `split` gave, where self is near 1 and the result is normal.
    unsafe fn scale(self, n: Self) -> Self;
    /// self where x ≥ limit, else 0.
    unsafe fn keep_where_at_least(self, x: Self, limit: Self) -> Self;
    /// The size of self with the sign of `sign`.
    unsafe fn copy_sign(self, sign: Self) -> Self;
    /// The sum of all lanes.
    unsafe fn sum(self) -> f32;
    /// All lanes of both by turns, self's first: the first half of them, and the second.
    unsafe fn interleave(self, b: Self) -> (Self, Self);
}

/// Four lanes in plain Rust, which compilers turn into whatever vectors the target always has.
#[derive(Clone, Copy)]
pub struct Plain([f32; 4]);

impl Plain {
    #[inline(always)]
    fn map(self, b: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        Self(std::array::from_fn(|i| f(self.0[i], b.0[i])))
    }
}

impl Lanes for Plain {
    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        Self([x; 4])
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller vouches for LANES readable numbers.
        Self(unsafe { from.cast::<[f32; 4]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller vouches for LANES writable numbers.
        unsafe { to.cast::<[f32; 4]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn add(self, b: Self) -> Self {
        self.map(b, |a, b| a + b)
    }

    #[inline(always)]
    unsafe fn sub(self, b: Self) -> Self {
        self.map(b, |a, b| a - b)
    }

    #[inline(always)]
    unsafe fn mul(self, b: Self) -> Self {
        self.map(b, |a, b| a * b)
    }

    #[inline(always)]
    unsafe fn div(self, b: Self) -> Self {
        self.map(b, |a, b| a / b)
    }

    #[inline(always)]
    unsafe fn fma(self, b: Self, c: Self) -> Self {
        // Where the target has no such instruction `mul_add` is a slow library call.
        if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
            Self(std::array::from_fn(|i| self.0[i].mul_add(b.0[i], c.0[i])))
        } else {
            Self(std::array::from_fn(|i| self.0[i] * b.0[i] + c.0[i]))
        }
    }

    #[inline(always)]
    unsafe fn max(self, b: Self) -> Self {
        self.map(b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    unsafe fn min(self, b: Self) -> Self {
        self.map(b, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    unsafe fn split(self) -> (Self, Self) {
        let n = Self(self.0.map(|x| x + ROUND));
        (n, self.map(n, |x, n| x - (n - ROUND)))
    }

    #[inline(always)]
    unsafe fn scale(self, n: Self) -> Self {
        self.map(n, |x, n| {
            f32::from_bits(x.to_bits().wrapping_add(n.to_bits() << 23))
        })
    }

    #[inline(always)]
    unsafe fn keep_where_at_least(self, x: Self, limit: Self) -> Self {
        Self(std::array::from_fn(|i| {
            if x.0[i] >= limit.0[i] {
                self.0[i]
            } else {
                0.0
            }
        }))
    }

    #[inline(always)]
    unsafe fn copy_sign(self, sign: Self) -> Self {
        self.map(sign, f32::copysign)
    }

    #[inline(always)]
    unsafe fn sum(self) -> f32 {
        let [a, b, c, d] = self.0;
        (a + c) + (b + d)
    }

    #[inline(always)]
    unsafe fn interleave(self, b: Self) -> (Self, Self) {
        let ([a0, a1, a2, a3], [b0, b1, b2, b3]) = (self.0, b.0);
        (Self([a0, b0, a1, b1]), Self([a2, b2, a3, b3]))
    }
}
