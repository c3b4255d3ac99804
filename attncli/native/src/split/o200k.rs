//! o200k's pattern: words split where lower case is followed by upper case, contractions kept with their word.

use super::block::{Masks, Rule};
use super::cl100k::digits;
use super::prefixed::{self, Traits};
use super::unicode::{class_at, CASELESS, LETTER, LOWER, NEWLINE, NUMBER, SPACE, UPPER};
use super::{contraction, is_other, run_of, trailing_space, white_space};

/// The pattern.
#[derive(Debug, Clone, Copy)]
pub struct O200k;

impl Rule for O200k {
    #[inline(always)]
    fn leaves(self) -> u8 {
        SPACE | NUMBER | CASELESS
    }

    #[inline(always)]
    fn starts(self, text: &[u8], at: usize, masks: &Masks, length: u32) -> u64 {
        let traits = Traits {
            cased: true,
            digits: 3,
        };
        prefixed::starts(text, at, masks, length, traits)
    }

    #[inline]
    fn end_of_piece(self, text: &[u8], at: usize) -> usize {
        let (length, class) = class_at(text, at);
        // `[^\r\n\p{L}\p{N}]?` takes this character first, and gives it back where no word follows.
        let prefixed = if class & (NEWLINE | LETTER | NUMBER) == 0 {
            at + length
        } else {
            at
        };
        if let Some(end) = word(text, at, prefixed) {
            return end + contraction(text, end, true);
        }
        if class & NUMBER != 0 {
            return digits(text, at, 3);
        }
        let from = if text[at] == b' ' { at + 1 } else { at };
        let (first_length, first) = class_at(text, from);
        if first_length > 0 && is_other(first) {
            let mut end = run_of(text, from + first_length, is_other);
            while let Some(b'\r' | b'\n' | b'/') = text.get(end) {
                end += 1;
            }
            return end;
        }
        let (end, last, newline) = white_space(text, at);
        if newline > 0 {
            newline
        } else {
            trailing_space(text, at, end, last)
        }
    }
}

/// The two word alternatives, each with the prefix and without, in the order in which a regex tries them.
fn word(text: &[u8], at: usize, prefixed: usize) -> Option<usize> {
    lower_ended(text, prefixed)
        .or_else(|| {
            if prefixed > at {
                lower_ended(text, at)
            } else {
                None
            }
        })
        .or_else(|| upper(text, prefixed))
        .or_else(|| if prefixed > at { upper(text, at) } else { None })
}

/// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`: the first run is greedy, and where no lower
/// case follows it gives back as much as the second run needs: up to its last caseless character.
fn lower_ended(text: &[u8], start: usize) -> Option<usize> {
    let (mut at, mut after_caseless) = (start, 0);
    loop {
        let (length, class) = class_at(text, at);
        if length == 0 || class & (UPPER | CASELESS) == 0 {
            let end = run_of(text, at, |class| class & (LOWER | CASELESS) != 0);
            return if end > at {
                Some(end)
            } else if after_caseless > 0 {
                Some(after_caseless)
            } else {
                None
            };
        }
        at += length;
        if class & CASELESS != 0 {
            after_caseless = at;
        }
    }
}

/// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*` where the first alternative has failed, so that
/// nothing but upper case is left.
fn upper(text: &[u8], start: usize) -> Option<usize> {
    let end = run_of(text, start, |class| class & (UPPER | CASELESS) != 0);
    (end > start).then_some(end)
}
