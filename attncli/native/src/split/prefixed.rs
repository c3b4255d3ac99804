//! Boundaries within a block under cl100k's pattern and its kin, and under o200k's: words with one character before
//! them, digits by three, punctuation that takes the newlines after it along.

use super::block::{lowest, Masks};
use super::contraction;

/// The length of a contraction at this bit of a block, or 0.
#[inline(always)]
fn contraction_at(text: &[u8], at: usize, bit: u32) -> u32 {
    // At most 3.
    u32::try_from(contraction(text, at + bit as usize, true)).unwrap_or(0)
}

/// Where the two families differ, and Qwen's digits.
#[derive(Debug, Clone, Copy)]
pub struct Traits {
    /// Whether a word ends where upper case follows lower case, keeps its contraction, and punctuation takes `/`
    /// along too (o200k).
    pub cased: bool,
    /// The most digits in a piece: 1 or 3.
    pub digits: u8,
}

/// `Rule::starts`
#[inline(always)]
pub fn starts(text: &[u8], at: usize, masks: &Masks, length: u32, traits: Traits) -> u64 {
    let known = lowest(length);
    let Masks {
        letter,
        digit,
        white,
        newline,
        ..
    } = *masks;
    // What punctuation takes along: after it a newline, and all that follows without a gap.
    let tail = if traits.cased {
        newline | masks.slash
    } else {
        newline
    };
    let mut taken = 0;
    let mut first = newline & masks.other() << 1;
    while first != 0 {
        let run = first & first.wrapping_neg();
        taken |= tail & !tail.wrapping_add(run) & run.wrapping_neg();
        first &= first - 1;
    }
    let other = masks.other() & !taken;
    let white = white & !taken;
    let space = white & !newline;

    // A blank goes with punctuation; any one character but a newline goes with a word, unless a blank took it.
    let other_start = other & !(other << 1 | masks.blank << 1);
    // Behind the one character: the sum carries through its bytes.
    let after_other = masks.inner.wrapping_add(other_start << 1) & !masks.inner;
    let word_start = letter & !((letter | space) << 1 | after_other);
    let digit_start = digit & !(digit << 1);
    let white_start = white & !(white << 1);
    let last_space = space & !(white >> 1);
    let after_taken = taken << 1 & !taken;
    let mut starts =
        other_start | word_start | digit_start | white_start | last_space | after_taken;
    starts |= if traits.digits == 1 {
        digit
    } else {
        by_three(digit, digit_start)
    };
    if traits.cased {
        starts |= masks.upper & (letter & !masks.upper) << 1;
    }

    // The last newline of white space ends a piece, where what follows it is known.
    let mut newlines = white & newline & !(newline >> 1);
    while newlines != 0 {
        let next = newlines.trailing_zeros() + 1;
        newlines &= newlines - 1;
        let follows = (space >> (next & 63)).trailing_ones() + next;
        if next < 64 && follows < 64 && newline >> follows & 1 == 0 {
            starts |= 1 << next;
        }
    }
    // White space that may go on: only where it begins is sure.
    let mut sure = known;
    if white >> (length - 1) & 1 == 1 {
        let begins = 64 - (!white & known).leading_zeros();
        sure = lowest(begins + 1);
    }
    starts &= sure;
    if traits.cased {
        kept_contractions(text, at, starts, sure, masks.quote & letter << 1)
    } else {
        own_contractions(text, at, starts, sure, masks.quote & other_start)
    }
}

/// The third digit after each start, and so on.
#[inline(always)]
fn by_three(digit: u64, starts: u64) -> u64 {
    let third = digit & digit << 1 & digit << 2;
    let (mut all, mut last) = (0, starts);
    while last != 0 {
        last = last << 3 & third;
        all |= last;
    }
    all
}

/// Contractions that are pieces (cl100k): `quotes` stand at the beginning of one.
#[inline(always)]
fn own_contractions(text: &[u8], at: usize, mut starts: u64, sure: u64, quotes: u64) -> u64 {
    let mut quotes = quotes & sure;
    while quotes != 0 {
        let quote = quotes.trailing_zeros();
        quotes &= quotes - 1;
        let short = contraction_at(text, at, quote);
        if short > 0 {
            let end = 1u64.checked_shl(quote + short).unwrap_or(0) & sure;
            if end == 0 {
                return starts & lowest(quote + 1);
            }
            starts |= end;
        }
    }
    starts
}

/// Contractions that stay with their word (o200k): `quotes` stand after a letter.
#[inline(always)]
fn kept_contractions(text: &[u8], at: usize, mut starts: u64, sure: u64, quotes: u64) -> u64 {
    let mut quotes = quotes & sure;
    // One that stands right after another belongs to the next word.
    let mut before = 0;
    while quotes != 0 {
        let quote = quotes.trailing_zeros();
        quotes &= quotes - 1;
        let short = contraction_at(text, at, quote);
        if short > 0 && quote != before {
            before = quote + short;
            let end = 1u64.checked_shl(before).unwrap_or(0) & sure;
            if end == 0 {
                // The word goes on beyond what is known.
                return starts & lowest(quote);
            }
            starts = starts & !(end - (1 << quote)) | end;
        }
    }
    starts
}
