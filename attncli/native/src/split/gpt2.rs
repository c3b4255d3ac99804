//! GPT-2's pattern: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.

use super::block::{lowest, Masks, Rule};
use super::unicode::{class_at, LETTER, NUMBER, SPACE};
use super::{contraction, is_other, run_of, trailing_space, white_space};

/// The pattern.
#[derive(Debug, Clone, Copy)]
pub struct Gpt2;

impl Rule for Gpt2 {
    #[inline(always)]
    fn leaves(self) -> u8 {
        SPACE
    }

    #[inline(always)]
    fn starts(self, text: &[u8], at: usize, masks: &Masks, length: u32) -> u64 {
        let Masks {
            letter,
            digit,
            white,
            blank,
            ..
        } = *masks;
        let other = masks.other();
        let run = |class: u64| class & class << 1;
        let goes_on = run(letter) | run(digit) | run(other) | run(white);
        let prefixed = blank << 1 & !white;
        let last_white = white & !(white >> 1);
        // The last byte may be white space that goes on.
        let mut starts = (!(goes_on | prefixed) | last_white) & lowest(length - 1);
        let mut quotes = masks.quote & starts;
        while quotes != 0 {
            let quote = quotes.trailing_zeros();
            quotes &= quotes - 1;
            let short = contraction(text, at + quote as usize, false);
            if short == 2 && quote + 2 < length - 1 {
                starts = starts & !(0b10 << quote) | 0b100 << quote;
            } else if short == 3 && quote + 3 < length - 1 {
                starts = starts & !(0b110 << quote) | 0b1000 << quote;
            } else if short > 0 {
                return starts & lowest(quote + 1);
            }
        }
        starts
    }

    #[inline]
    fn end_of_piece(self, text: &[u8], at: usize) -> usize {
        let short = contraction(text, at, false);
        if short > 0 {
            return at + short;
        }
        let from = if text[at] == b' ' { at + 1 } else { at };
        let (length, class) = class_at(text, from);
        if class & LETTER != 0 {
            run_of(text, from + length, |class| class & LETTER != 0)
        } else if class & NUMBER != 0 {
            run_of(text, from + length, |class| class & NUMBER != 0)
        } else if length > 0 && class & SPACE == 0 {
            run_of(text, from + length, is_other)
        } else {
            let (end, last, _) = white_space(text, at);
            trailing_space(text, at, end, last)
        }
    }
}
