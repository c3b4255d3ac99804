//! Pre-tokenization: text cut into pieces, the words within which BPE merges.
//!
//! The known patterns have a splitter written by hand, each in its own file; all others run through the general
//! regex engine. Both see an invalid byte as one character of its own, U+FFFD.

pub mod block;
mod cl100k;
mod general;
mod gpt2;
mod o200k;
mod prefixed;
pub mod unicode;
mod wide;
#[cfg(target_arch = "x86_64")]
mod x86;

use crate::error::Result;
pub use general::General;
use unicode::{char_before, class_at, LETTER, NEWLINE, NUMBER, SPACE};

/// What is done with pieces. (A method can be made to be compiled into the loop; a closure is called.)
pub trait Pieces {
    /// `text[start..end]` is the next piece.
    fn piece(&mut self, start: usize, end: usize);

    /// Consecutive pieces from `start` on: each set bit says that one ends so many bytes behind it.
    #[inline(always)]
    fn pieces(&mut self, start: usize, mut ends: u64) {
        let mut at = start;
        while ends != 0 {
            let end = start + ends.trailing_zeros() as usize;
            self.piece(at, end);
            at = end;
            ends &= ends - 1;
        }
    }
}

impl<F: FnMut(usize, usize)> Pieces for F {
    #[inline(always)]
    fn piece(&mut self, start: usize, end: usize) {
        self(start, end);
    }
}

/// A pattern, ready to split.
#[derive(Debug, Clone)]
pub struct Splitter {
    rule: Rule,
    drop_gaps: bool,
}

#[derive(Debug, Clone)]
enum Rule {
    /// No pattern: the text is one piece.
    Whole,
    /// `\S+`
    Words,
    Gpt2,
    Cl100k(cl100k::Variant),
    O200k,
    General(Box<General>),
}

/// The sources of GPT-2's pattern: as published, as Hugging Face and as tiktoken spell it.
const GPT2: [&str; 3] = [
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
    r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
];
const O200K: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
);

impl Splitter {
    /// Compiles a pattern's source. Fails with the regex engine's complaint.
    pub fn new(pattern: &str, drop_gaps: bool) -> Result<Self> {
        let rule = if pattern.is_empty() {
            Rule::Whole
        } else if pattern == r"\S+" {
            Rule::Words
        } else if GPT2.contains(&pattern) {
            Rule::Gpt2
        } else if pattern == O200K {
            Rule::O200k
        } else if let Some(variant) = cl100k::Variant::of(pattern) {
            Rule::Cl100k(variant)
        } else {
            Rule::General(Box::new(General::new(pattern)?))
        };
        Ok(Self { rule, drop_gaps })
    }

    /// Whether a hand-written splitter serves the pattern.
    pub fn handwritten(&self) -> bool {
        !matches!(self.rule, Rule::General(_))
    }

    /// Whether what does not match is left out.
    pub fn leaves_gaps(&self) -> bool {
        self.drop_gaps
    }

    /// Calls `piece(start, end)` for each piece in order. Fails where a general regex gives up backtracking.
    pub fn each(&self, text: &[u8], mut piece: impl FnMut(usize, usize)) -> Result<()> {
        self.each_within(text, 0, text.len(), &mut piece)
    }

    /// Tells each piece of `text[start..end]`, with places in `text`. (What stands around changes nothing, but may be
    /// read: blocks are loaded whole.)
    pub fn each_within(
        &self,
        text: &[u8],
        start: usize,
        end: usize,
        sink: &mut impl Pieces,
    ) -> Result<()> {
        let inside = &text[start..end];
        match &self.rule {
            Rule::Gpt2 => block::each(text, start, end, gpt2::Gpt2, sink),
            Rule::O200k => block::each(text, start, end, o200k::O200k, sink),
            Rule::Cl100k(variant) => block::each(text, start, end, *variant, sink),
            Rule::Whole if inside.is_empty() => {}
            Rule::Whole => sink.piece(start, end),
            Rule::Words => self.words(inside, |from, to| sink.piece(start + from, start + to)),
            Rule::General(general) => {
                return general.each(inside, self.drop_gaps, |from, to| {
                    sink.piece(start + from, start + to);
                })
            }
        }
        Ok(())
    }

    /// The largest known p at which text can be cut whatever follows it; 0 where none is known.
    ///
    /// No known pattern has a piece in which white space follows a letter or a digit, and what stands before such
    /// a place is matched without a look beyond it (only runs of white space look ahead). So `p` right after a
    /// letter or digit and before white space is always a boundary. Under GPT-2's pattern that holds after any
    /// non-space, under the others only if no newline follows, which punctuation takes along. Under those, a
    /// newline before a character that is neither white space nor `/` ends its piece too, in any text.
    pub fn safe_cut(&self, text: &[u8]) -> usize {
        let rule = match &self.rule {
            Rule::Whole | Rule::General(_) => return 0,
            rule => rule,
        };
        let mut at = text.len();
        while at > 1 {
            at -= 1;
            let byte = text[at];
            let here = if byte < 128 { class_at(text, at).1 } else { 0 };
            if here & SPACE != 0 {
                let before = class_at(text, char_before(text, at)).1;
                let cut = match rule {
                    Rule::Words if self.drop_gaps => true,
                    Rule::Words | Rule::Gpt2 => before & SPACE == 0,
                    _ => {
                        before & (LETTER | NUMBER) != 0
                            || (before & SPACE == 0 && here & NEWLINE == 0)
                    }
                };
                if cut {
                    return at;
                }
            } else if matches!(rule, Rule::Cl100k(_) | Rule::O200k)
                && text[at - 1] == b'\n'
                && byte != b'/'
                && starts_whole_non_space(text, at)
            {
                return at;
            }
        }
        0
    }

    fn words(&self, text: &[u8], mut piece: impl FnMut(usize, usize)) {
        let mut at = 0;
        while at < text.len() {
            let end = run_of(text, at, |class| class & SPACE != 0);
            if end > at && !self.drop_gaps {
                piece(at, end);
            }
            at = run_of(text, end, |class| class & SPACE == 0);
            if at > end {
                piece(end, at);
            }
        }
    }
}

/// Whether a character that is all there, and no white space, begins at `at`.
fn starts_whole_non_space(text: &[u8], at: usize) -> bool {
    // A cut character at the end of what is known so far may yet become anything.
    (text[at] < 128 || at + 4 <= text.len()) && class_at(text, at).1 & SPACE == 0
}

/// End of the longest run of characters of the wanted classes that begins at `at`.
#[inline]
fn run_of(text: &[u8], mut at: usize, wanted: impl Fn(u8) -> bool) -> usize {
    loop {
        let (length, class) = class_at(text, at);
        if length == 0 || !wanted(class) {
            return at;
        }
        at += length;
    }
}

/// Letters, numbers and white space aside.
#[inline]
fn is_other(class: u8) -> bool {
    class & (LETTER | NUMBER | SPACE) == 0
}

/// A run of white space: its end, the start of its last character, and the end of its last newline (or 0).
fn white_space(text: &[u8], at: usize) -> (usize, usize, usize) {
    let (mut end, mut last, mut newline) = (at, at, 0);
    loop {
        let (length, class) = class_at(text, end);
        if length == 0 || class & SPACE == 0 {
            return (end, last, newline);
        }
        last = end;
        end += length;
        if class & NEWLINE != 0 {
            newline = end;
        }
    }
}

/// `\s+(?!\S)|\s+` on a run of white space: all of it at the end of the text, else all but its last character,
/// which may belong to the word that follows; that last character where it is alone.
fn trailing_space(text: &[u8], at: usize, end: usize, last: usize) -> usize {
    if end == text.len() || last == at {
        end
    } else {
        last
    }
}

/// Length of `'s 't 're 've 'm 'll 'd` at `at`, in any case where `ignore_case`; 0 where there is none.
fn contraction(text: &[u8], at: usize, ignore_case: bool) -> usize {
    let rest = &text[at..];
    if rest.first() != Some(&b'\'') {
        return 0;
    }
    let fold = |byte: &u8| {
        if ignore_case {
            byte.to_ascii_lowercase()
        } else {
            *byte
        }
    };
    match (rest.get(1).map(fold), rest.get(2).map(fold)) {
        (Some(b's' | b'd' | b'm' | b't'), _) => 2,
        (Some(b'l'), Some(b'l')) | (Some(b'v' | b'r'), Some(b'e')) => 3,
        // U+017F, the long s, is an s to a regex that ignores case.
        (Some(0xc5), Some(_)) if ignore_case && rest[2] == 0xbf => 3,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
