//! Splitting by blocks of 64 bytes: one bit a byte for each class of ASCII, boundaries by bit operations.
//!
//! A block begins where a piece begins, and no known pattern looks back from there: so every block is split as if
//! the text began with it, and nothing is carried from one to the next. (Blocks at fixed places, with what they
//! need to know of the one before, would read no byte twice, but need that state for every rule.) A rule says only
//! what it is sure of: pieces that reach to the end of the block, or to a character that the rule does not take
//! beyond ASCII (white space, mostly), are left to the next block, or to the rule's own walk over characters where a
//! block begins with one.

use super::unicode::class_at;
use super::{wide, Pieces};
use crate::prefetch::prefetch;

/// Bytes in a block.
pub const BLOCK: usize = 64;
/// Text is asked for so many bytes ahead. (Without that the load of a block waited longer than anything else here: 1.25
/// times as long for English text in all. With 512 or 2048 it takes as long as with 1024.)
const AHEAD: usize = 1024;

/// Classes of the bytes of a block: bit i for byte i.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Masks {
    /// `[A-Za-z]`
    pub letter: u64,
    /// `[A-Z]`
    pub upper: u64,
    /// `[0-9]`
    pub digit: u64,
    /// `[ \t\n\v\f\r]`
    pub white: u64,
    /// `[\r\n]`
    pub newline: u64,
    /// A blank.
    pub blank: u64,
    /// `'`
    pub quote: u64,
    /// `/`
    pub slash: u64,
    /// No ASCII, and nothing more is said of these bytes.
    pub high: u64,
    /// Bytes of a character behind its first.
    pub inner: u64,
}

impl Masks {
    /// Neither letter, digit nor white space.
    #[inline]
    pub fn other(&self) -> u64 {
        !(self.letter | self.digit | self.white | self.high)
    }
}

/// What a pattern knows of its boundaries.
pub trait Rule: Copy {
    /// The classes of characters beyond ASCII of which the masks do not say all that the rule must know.
    fn leaves(self) -> u8;

    /// Places in the block at `at` where pieces begin, as far as its first `length` bytes (all in the masks) tell;
    /// bit 0 does not matter.
    fn starts(self, text: &[u8], at: usize, masks: &Masks, length: u32) -> u64;

    /// End of the piece that begins at `at`, by a walk over characters.
    fn end_of_piece(self, text: &[u8], at: usize) -> usize;
}

/// Tells each piece of `text[start..end]`.
#[inline]
pub fn each(text: &[u8], start: usize, end: usize, rule: impl Rule, sink: &mut impl Pieces) {
    #[cfg(target_arch = "x86_64")]
    {
        if super::x86::has_avx512() {
            // SAFETY: the features were just found.
            return unsafe { super::x86::each_avx512(text, start, end, rule, sink) };
        }
        if super::x86::has_avx2() {
            // SAFETY: the features were just found.
            return unsafe { super::x86::each_avx2(text, start, end, rule, sink) };
        }
    }
    each_portable(text, start, end, rule, sink);
}

/// `each` on any processor.
pub fn each_portable(
    text: &[u8],
    start: usize,
    end: usize,
    rule: impl Rule,
    sink: &mut impl Pieces,
) {
    let ways = (classify, |text: &[u8], at, masks: &mut Masks, length| {
        wide::enter(text, at, masks, length, rule)
    });
    drive(text, start, end, rule, ways, sink);
}

/// `each` with one way of classifying a block's bytes, and of entering its characters beyond ASCII (`wide::enter`).
#[inline(always)]
pub fn drive(
    text: &[u8],
    start: usize,
    end: usize,
    rule: impl Rule,
    ways: (
        impl Fn(&[u8; BLOCK]) -> Masks,
        impl Fn(&[u8], usize, &mut Masks, u32) -> u32,
    ),
    sink: &mut impl Pieces,
) {
    let inside = &text[..end];
    let (mut at, mut before, mut waiting) = (start, start, 0);
    loop {
        let starts = if at < end {
            look(text, at, end, rule, &ways)
        } else {
            0
        };
        // A block is looked at before the pieces of the one before are told: the end of that loop is often predicted
        // wrongly, and what comes after it would wait.
        if waiting != 0 {
            sink.pieces(before, waiting);
        }
        (before, waiting) = (at, starts);
        if starts != 0 {
            at += starts.ilog2() as usize;
        } else if at < end {
            at = walk(inside, rule, at, sink);
        } else {
            return;
        }
    }
}

/// Places in the block at `at` where pieces begin; none where it can tell none. (A function that is always compiled into
/// the loop: as a closure it was called, and the masks went through memory.)
#[inline(always)]
fn look(
    text: &[u8],
    at: usize,
    end: usize,
    rule: impl Rule,
    (classify, enter): &(
        impl Fn(&[u8; BLOCK]) -> Masks,
        impl Fn(&[u8], usize, &mut Masks, u32) -> u32,
    ),
) -> u64 {
    let inside = &text[..end];
    let mut last = [0x80; BLOCK];
    let block = match text[at..].first_chunk() {
        Some(block) => block,
        None => {
            let rest = &text[at..];
            last[..rest.len()].copy_from_slice(rest);
            &last
        }
    };
    prefetch(text, at + AHEAD);
    let mut masks = classify(block);
    let left = end - at;
    if masks.high == 0 && left >= BLOCK {
        return rule.starts(inside, at, &masks, 64) & !1;
    }
    let mut length = u32::try_from(left).map_or(64, |left| left.min(64));
    if masks.high & lowest(length) != 0 {
        length = enter(inside, at, &mut masks, length);
    }
    if length > 1 {
        rule.starts(inside, at, &masks, length) & !1
    } else {
        0
    }
}

/// A piece that no block can tell, and those after it that begin with a character that the rule does not take.
#[inline(never)]
fn walk(text: &[u8], rule: impl Rule, mut at: usize, sink: &mut impl Pieces) -> usize {
    let beyond = |place: usize| {
        let high = text.get(place).is_some_and(|&byte| byte >= 0x80);
        high && class_at(text, place).1 & rule.leaves() != 0
    };
    loop {
        let end = rule.end_of_piece(text, at);
        sink.piece(at, end);
        at = end;
        // What comes after a blank counts too: most words begin with one.
        if !beyond(at) && !beyond(at + 1) {
            return at;
        }
    }
}

/// The masks, eight bytes at a time in plain integers.
pub fn classify(block: &[u8; BLOCK]) -> Masks {
    let mut masks = Masks::default();
    for (index, eight) in block.chunks_exact(8).enumerate() {
        let bytes = eight.try_into().map_or(0, u64::from_le_bytes);
        let high = bytes & HIGHS;
        let low = Low(bytes & !HIGHS, !high & HIGHS);
        let newline = low.equal(b'\n') | low.equal(b'\r');
        let blank = low.equal(b' ');
        let upper = low.between(b'A', b'Z');
        let put = |mask: &mut u64, bits: u64| *mask |= gather(bits) << (8 * index);
        put(&mut masks.letter, upper | low.between(b'a', b'z'));
        put(&mut masks.upper, upper);
        put(&mut masks.digit, low.between(b'0', b'9'));
        put(&mut masks.white, low.between(b'\t', b'\r') | blank);
        put(&mut masks.newline, newline);
        put(&mut masks.blank, blank);
        put(&mut masks.quote, low.equal(b'\''));
        put(&mut masks.slash, low.equal(b'/'));
        put(&mut masks.high, high);
    }
    masks
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The low seven bits of eight bytes, and the high bit of each byte that counts.
#[derive(Clone, Copy)]
struct Low(u64, u64);

impl Low {
    /// The high bit of each byte of at least this value (no byte borrows from the next: each has its high bit).
    fn at_least(self, value: u8) -> u64 {
        (self.0 | HIGHS) - u64::from(value) * ONES
    }

    fn between(self, first: u8, last: u8) -> u64 {
        self.at_least(first) & !self.at_least(last + 1) & self.1
    }

    fn equal(self, value: u8) -> u64 {
        self.between(value, value)
    }
}

/// The high bit of byte i as bit i.
fn gather(bits: u64) -> u64 {
    (bits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// The lowest `count` bits.
#[inline]
pub fn lowest(count: u32) -> u64 {
    if count < 64 {
        (1 << count) - 1
    } else {
        u64::MAX
    }
}
