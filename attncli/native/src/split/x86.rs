//! Classes of a block's bytes by AVX2 and AVX-512, characters beyond ASCII by AVX-512, and the loop over blocks compiled
//! for each.

use super::block::{drive, Masks, Rule, BLOCK};
use super::unicode::{wide_classes, LETTER, NUMBER, UPPER};
use super::{wide, Pieces};
use std::arch::x86_64::*;

/// Whether `each_avx512` may be called. (Processors with AVX-512 before Ice Lake lack VBMI2; by AVX2, English takes up to
/// 1.06 times as long.)
pub fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vbmi2")
        && has_bits()
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
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,bmi1,bmi2,lzcnt")]
pub fn each_avx512(text: &[u8], start: usize, end: usize, rule: impl Rule, sink: &mut impl Pieces) {
    let ways = (
        |block: &_| classify_avx512(block),
        |text: &[u8], at, masks: &mut Masks, length| enter_avx512(text, at, masks, length, rule),
    );
    drive(text, start, end, rule, ways, sink);
}

/// `block::each` by AVX2.
#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt")]
pub fn each_avx2(text: &[u8], start: usize, end: usize, rule: impl Rule, sink: &mut impl Pieces) {
    let ways = (
        |block: &_| classify_avx2(block),
        |text: &[u8], at, masks: &mut Masks, length| wide::enter(text, at, masks, length, rule),
    );
    drive(text, start, end, rule, ways, sink);
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

/// `wide::enter` by AVX-512: all characters of two and three bytes at once; where there are others, as that does it. (On
/// 34 MB of multilingual text the loop over characters took a quarter of all the time of encoding.)
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,bmi2")]
#[inline]
pub fn enter_avx512(
    text: &[u8],
    at: usize,
    masks: &mut Masks,
    length: u32,
    rule: impl Rule,
) -> u32 {
    let known = enter_at_once(text, at, masks, rule);
    known.unwrap_or_else(|| wide::enter(text, at, masks, length, rule))
}

/// The same of a whole block in which no character has four bytes, or is none; else `None`, and the masks as they were.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,bmi2")]
#[inline]
pub fn enter_at_once(text: &[u8], at: usize, masks: &mut Masks, rule: impl Rule) -> Option<u32> {
    const LAST: u64 = 1 << (BLOCK - 1);
    let window = text[at..].first_chunk::<{ BLOCK + 2 }>()?;
    // SAFETY: the array has 64 bytes from each of these places on, and the loads ask for no alignment.
    let [first, second, third] =
        [0, 1, 2].map(|place| unsafe { _mm512_loadu_si512(window.as_ptr().add(place).cast()) });
    let all = |byte: u8| _mm512_set1_epi8(byte.cast_signed());
    let words = |word: u16| _mm512_set1_epi16(word.cast_signed());
    let goes_on = |bytes| _mm512_cmplt_epi8_mask(bytes, all(0xc0));
    let least = |bytes, byte| _mm512_cmpge_epu8_mask(bytes, all(byte));
    let equal = |byte| _mm512_cmpeq_epi8_mask(first, all(byte));
    let more = goes_on(second);
    let two = least(first, 0xc2) & !least(first, 0xe0) & more;
    let three = least(first, 0xe0) & !least(first, 0xf0) & more & goes_on(third);
    let whole = |starts: u64| starts | starts << 1 | (starts & three) << 2;
    // Too long for what they say, and surrogates.
    let wrong = three & (equal(0xe0) & !least(second, 0xa0) | equal(0xed) & least(second, 0xa0));
    let starts = two | three;
    if masks.high & !whole(starts) != 0 || wrong != 0 {
        return None;
    }
    // A character that the block cuts is the next one's.
    let cut = starts & LAST | three & LAST >> 1;
    let starts = starts & !cut;

    // At most 32 of them, one a lane of 16 bits: their code points, and the class of each.
    let lanes = |bytes| {
        let packed = _mm512_maskz_compress_epi8(starts, bytes);
        _mm512_cvtepu8_epi16(_mm512_castsi512_si256(packed))
    };
    let [first, second, third] = [lanes(first), lanes(second), lanes(third)];
    let six = |word| _mm512_and_si512(word, words(0x3f));
    let of_two = _mm512_or_si512(
        _mm512_slli_epi16(_mm512_and_si512(first, words(0x1f)), 6),
        six(second),
    );
    let of_three = _mm512_or_si512(
        _mm512_slli_epi16(first, 12),
        _mm512_or_si512(_mm512_slli_epi16(six(second), 6), six(third)),
    );
    let is_three = _mm512_cmpge_epu16_mask(first, words(0xe0));
    let mut codes = [0u16; 32];
    let mut found = [0u8; BLOCK];
    // SAFETY: the array has 64 bytes, and the store asks for no alignment.
    unsafe {
        let code = _mm512_mask_blend_epi16(is_three, of_two, of_three);
        _mm512_storeu_si512(codes.as_mut_ptr().cast(), code);
    }
    let classes = wide_classes();
    let count = starts.count_ones() as usize;
    for (found, codes) in found
        .chunks_exact_mut(8)
        .zip(codes.chunks_exact(8))
        .take(count.div_ceil(8))
    {
        for (found, &code) in found.iter_mut().zip(codes) {
            *found = classes.of_plane(code);
        }
    }
    // SAFETY: the array has 64 bytes, and the load asks for no alignment.
    let found = unsafe { _mm512_loadu_si512(found.as_ptr().cast()) };
    let has = |class| {
        let these = _mm512_test_epi8_mask(found, all(class));
        whole(_pdep_u64(these, starts))
    };
    masks.letter |= has(LETTER);
    masks.upper |= has(UPPER);
    masks.digit |= has(NUMBER);
    masks.inner |= whole(starts) & !starts;
    masks.high &= !whole(starts);
    Some((cut | has(rule.leaves())).trailing_zeros())
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
