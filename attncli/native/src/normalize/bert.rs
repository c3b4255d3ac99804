//! BERT's normalizer (Devlin et al. 2018, `BasicTokenizer` in its tokenization.py), in one pass.

use super::draft::{valid, Draft};
use super::unicode::run_of_ascii;
use serde::Deserialize;
use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::char::{canonical_combining_class, decompose_canonical};
use unicode_normalization_alignments::UnicodeNormalization;

/// What is done; `strip_accents` is as `lowercase` where it is not told.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Bert {
    clean_text: bool,
    handle_chinese_chars: bool,
    strip_accents: Option<bool>,
    lowercase: bool,
}

impl Bert {
    pub(super) fn apply(self, draft: &mut Draft<'_>) {
        for (start, text) in valid(draft.source()) {
            let mut at = 0;
            while at < text.len() {
                let ascii = run_of_ascii(&text[at..]);
                self.ascii(draft, start + at, start + at + ascii);
                at += ascii;
                let rest = &text[at..];
                let length = rest.bytes().position(|byte| byte < 128);
                let run = &rest[..length.unwrap_or(rest.len())];
                self.wide(draft, start + at, run);
                at += run.len();
            }
        }
    }

    fn ascii(self, draft: &mut Draft<'_>, from: usize, to: usize) {
        let text = draft.source();
        let control = |byte: &u8| self.clean_text && is_control(char::from(*byte));
        let mut at = from;
        while at < to {
            let end = text[at..to]
                .iter()
                .position(control)
                .map_or(to, |found| at + found);
            if end > at {
                draft.keep(at);
                draft.map(end, |byte| match byte {
                    b'\t' | b'\n' | b'\r' if self.clean_text => b' ',
                    byte if self.lowercase => byte.to_ascii_lowercase(),
                    byte => byte,
                });
            }
            at = end;
            if at < to {
                draft.keep(at);
                draft.put(b"", at + 1);
                at += 1;
            }
        }
    }

    /// A run of other characters: most change by themselves. Where marks that stay are to be put in order, which
    /// hardly ever happens, the run is written as one.
    fn wide(self, draft: &mut Draft<'_>, start: usize, text: &str) {
        let strip = self.strip_accents.unwrap_or(self.lowercase);
        draft.keep(start);
        if strip && text.chars().any(is_mark_that_stays) {
            let cleaned: String = text.chars().flat_map(|c| self.cleaned(c)).collect();
            let mut written = String::with_capacity(text.len());
            for (character, _) in cleaned.nfd() {
                self.finish(character, strip, &mut written);
            }
            return draft.put(written.as_bytes(), start + text.len());
        }
        let mut written = String::new();
        for (at, character) in text.char_indices() {
            written.clear();
            for cleaned in self.cleaned(character) {
                if strip {
                    decompose_canonical(cleaned, |part| self.finish(part, strip, &mut written));
                } else {
                    self.finish(cleaned, strip, &mut written);
                }
            }
            draft.put(written.as_bytes(), start + at + character.len_utf8());
        }
    }

    /// A character without what `clean_text` removes, and between spaces where it is Chinese.
    fn cleaned(self, character: char) -> impl Iterator<Item = char> {
        let gone = self.clean_text && (character == '\u{fffd}' || is_control(character));
        let character = if self.clean_text && character.is_whitespace() {
            ' '
        } else {
            character
        };
        let padded = self.handle_chinese_chars && is_chinese(character);
        [
            padded.then_some(' '),
            Some(character),
            padded.then_some(' '),
        ]
        .into_iter()
        .flatten()
        .filter(move |_| !gone)
    }

    fn finish(self, character: char, strip: bool, written: &mut String) {
        if strip && character.is_mark_nonspacing() {
            return;
        }
        if self.lowercase {
            written.extend(character.to_lowercase());
        } else {
            written.push(character);
        }
    }
}

/// Combining, but no accent to be stripped: U+302E, U+1D165 and a few more.
fn is_mark_that_stays(character: char) -> bool {
    canonical_combining_class(character) != 0 && !character.is_mark_nonspacing()
}

/// "Other" in Unicode's words, but white space.
fn is_control(character: char) -> bool {
    match character {
        '\t' | '\n' | '\r' => false,
        '\0' => true,
        other => other.is_other(),
    }
}

/// A character of the CJK blocks, as BERT counts them.
fn is_chinese(character: char) -> bool {
    matches!(character,
        '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{20000}'..='\u{2a6df}' | '\u{2a700}'..='\u{2b73f}'
        | '\u{2b740}'..='\u{2b81f}' | '\u{2b920}'..='\u{2ceaf}' | '\u{f900}'..='\u{faff}' | '\u{2f800}'..='\u{2fa1f}')
}

/// ASCII's signs, and Unicode's punctuation.
pub fn is_punctuation(character: char) -> bool {
    if character.is_ascii() {
        return character.is_ascii_punctuation();
    }
    character.is_punctuation()
}
