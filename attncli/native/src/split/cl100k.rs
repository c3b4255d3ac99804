//! cl100k's pattern and its kin (Llama 3, Qwen 2): prefixed words, digits by one or three, punctuation with its
//! newlines.

use super::block::{Masks, Rule};
use super::prefixed::{self, Traits};
use super::unicode::{class_at, LETTER, NEWLINE, NUMBER, SPACE};
use super::{contraction, is_other, run_of, trailing_space, white_space};

/// How the members of the family differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    /// The most digits in a piece.
    digits: u8,
    /// `\s++$`: white space at the end of the text is one piece, newlines in it or not.
    whole_end: bool,
}

/// tiktoken's source, and the same without `{1,3}+`, which Oniguruma reads as a repetition of a repetition.
const TIKTOKEN: [&str; 2] = [
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s",
];
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

impl Variant {
    /// The member that this source spells.
    pub fn of(pattern: &str) -> Option<Self> {
        let (digits, whole_end) = match pattern {
            LLAMA3 => (3, false),
            QWEN2 => (1, false),
            _ if TIKTOKEN.contains(&pattern) => (3, true),
            _ => return None,
        };
        Some(Self { digits, whole_end })
    }
}

impl Rule for Variant {
    #[inline(always)]
    fn leaves(self) -> u8 {
        SPACE | NUMBER
    }

    #[inline(always)]
    fn starts(self, text: &[u8], at: usize, masks: &Masks, length: u32) -> u64 {
        let traits = Traits {
            cased: false,
            digits: self.digits,
        };
        prefixed::starts(text, at, masks, length, traits)
    }

    #[inline]
    fn end_of_piece(self, text: &[u8], at: usize) -> usize {
        let short = contraction(text, at, true);
        if short > 0 {
            return at + short;
        }
        let (length, class) = class_at(text, at);
        if class & LETTER != 0 {
            return run_of(text, at + length, |class| class & LETTER != 0);
        }
        if class & NUMBER != 0 {
            return digits(text, at, self.digits);
        }
        let (next_length, next) = class_at(text, at + length);
        if class & NEWLINE == 0 && next & LETTER != 0 {
            return run_of(text, at + length + next_length, |class| class & LETTER != 0);
        }
        let from = if text[at] == b' ' { at + 1 } else { at };
        let (first_length, first) = class_at(text, from);
        if first_length > 0 && is_other(first) {
            let end = run_of(text, from + first_length, is_other);
            return run_of(text, end, |class| class & NEWLINE != 0);
        }
        debug_assert!(class & SPACE != 0);
        let (end, last, newline) = white_space(text, at);
        if self.whole_end && end == text.len() {
            end
        } else if newline > 0 {
            newline
        } else {
            trailing_space(text, at, end, last)
        }
    }
}

/// `\p{N}{1,most}`
pub fn digits(text: &[u8], mut at: usize, most: u8) -> usize {
    for _ in 0..most {
        let (length, class) = class_at(text, at);
        if class & NUMBER == 0 {
            break;
        }
        at += length;
    }
    at
}

/// All sources of the family, for the tests.
#[cfg(test)]
pub fn sources() -> [&'static str; 4] {
    [TIKTOKEN[0], TIKTOKEN[1], LLAMA3, QWEN2]
}
