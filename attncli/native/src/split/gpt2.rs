//! GPT-2's pattern: `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`.

use super::unicode::{class_at, LETTER, NUMBER, SPACE};
use super::{contraction, is_other, run_of, trailing_space, white_space};

/// End of the piece that begins at `at`.
#[inline]
pub fn end_of_piece(text: &[u8], at: usize) -> usize {
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
