//! Classes of a block's bytes by AVX2 and AVX-512, and the loop over blocks compiled for each.

use super::block::{drive, Masks, Rule, BLOCK};
use super::Pieces;
use std::arch::x86_64::*;

/// Whether `each_avx512` may be called.
pub fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw") && has_bits()
}

/// Whether `each_avx2` may be called.
pub fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && has_bits()
}

fn has_bits() -> bool {
    is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
}

/// `block::each` by AVX-512.
#[target_feature(enable = "avx512f,avx512bw,bmi1,bmi2,lzcnt")]
pub fn each_avx512(text: &[u8], start: usize, end: usize, rule: impl Rule, sink: &mut impl Pieces) {
    drive(text, start, end, rule, |block| classify_avx512(block), sink);
}

/// `block::each` by AVX2.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub fn each_avx2(text: &[u8], start: usize, end: usize, rule: impl Rule, sink: &mut impl Pieces) {
    drive(text, start, end, rule, |block| classify_avx2(block), sink);
}

/// `block::classify` by AVX-512.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
pub fn classify_avx512(block: &[u8; BLOCK]) -> Masks {
    // SAFETY: the array has 64 bytes, and the load asks for no alignment.
    let bytes = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
    let all = |byte: u8| _mm512_set1_epi8(byte.cast_signed());
    let equal = |byte| _mm512_cmpeq_epi8_mask(bytes, all(byte));
    let within = |bytes, first, count| {
        _mm512_cmplt_epu8_mask(_mm512_sub_epi8(bytes, all(first)), all(count))
    };
    let blank = equal(b' ');
    Masks {
        letter: within(_mm512_or_si512(bytes, all(0x20)), b'a', 26),
        upper: within(bytes, b'A', 26),
        digit: within(bytes, b'0', 10),
        white: within(bytes, b'\t', 5) | blank,
        newline: equal(b'\n') | equal(b'\r'),
        blank,
        quote: equal(b'\''),
        slash: equal(b'/'),
        high: _mm512_movepi8_mask(bytes),
        inner: 0,
    }
}

/// `block::classify` by AVX2.
#[target_feature(enable = "avx2")]
#[inline]
pub fn classify_avx2(block: &[u8; BLOCK]) -> Masks {
    // SAFETY: both halves of 32 bytes lie in the array, and the loads ask for no alignment.
    let halves = unsafe {
        [
            _mm256_loadu_si256(block.as_ptr().cast()),
            _mm256_loadu_si256(block.as_ptr().add(32).cast()),
        ]
    };
    let all = |byte: u8| _mm256_set1_epi8(byte.cast_signed());
    let bits = |lanes: [__m256i; 2]| {
        let [low, high] = lanes.map(|lane| u64::from(_mm256_movemask_epi8(lane).cast_unsigned()));
        high << 32 | low
    };
    let equal = |byte| bits(halves.map(|lane| _mm256_cmpeq_epi8(lane, all(byte))));
    // Unsigned x < count is min(x, count - 1) == x.
    let within = |lanes: [__m256i; 2], first, last: u8| {
        bits(lanes.map(|lane| {
            let moved = _mm256_sub_epi8(lane, all(first));
            _mm256_cmpeq_epi8(_mm256_min_epu8(moved, all(last - first)), moved)
        }))
    };
    let blank = equal(b' ');
    let folded = halves.map(|lane| _mm256_or_si256(lane, all(0x20)));
    Masks {
        letter: within(folded, b'a', b'z'),
        upper: within(halves, b'A', b'Z'),
        digit: within(halves, b'0', b'9'),
        white: within(halves, b'\t', b'\r') | blank,
        newline: equal(b'\n') | equal(b'\r'),
        blank,
        quote: equal(b'\''),
        slash: equal(b'/'),
        high: bits(halves),
        inner: 0,
    }
}
