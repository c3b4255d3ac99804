//! Unicode's normalization forms, lower case, accents and white space. Bytes that are no UTF-8 stay as they are.

use super::draft::{valid, Draft};
use unicode_normalization_alignments::char::{
    canonical_combining_class, decompose_canonical, decompose_compatible, is_combining_mark,
};
use unicode_normalization_alignments::{
    is_nfc_quick, is_nfd_quick, is_nfkc_quick, is_nfkd_quick, IsNormalized, UnicodeNormalization,
};

/// A normalization form.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// Composed.
    C,
    /// Decomposed.
    D,
    /// Composed, compatible characters being one.
    KC,
    /// Decomposed, compatible characters being one.
    KD,
}

impl Form {
    /// ASCII is the same in all forms, and nothing before an ASCII character composes with it: what lies from one
    /// up to the next is normalized by itself, and most of that is found normal at a glance.
    pub(super) fn apply(self, draft: &mut Draft<'_>) {
        for (start, text) in valid(draft.source()) {
            let mut at = 0;
            while let Some(wide) = text.as_bytes()[at..].iter().position(|byte| *byte >= 128) {
                let from = (at + wide).saturating_sub(1).max(at);
                let length = text.as_bytes()[at + wide..]
                    .iter()
                    .position(|byte| *byte < 128)
                    .unwrap_or(text.len() - at - wide);
                at += wide + length;
                let part = &text[from..at];
                if !self.is_normal(part) {
                    self.rewrite(draft, start + from, part);
                }
            }
        }
    }

    fn is_normal(self, text: &str) -> bool {
        let quick = match self {
            Self::C => is_nfc_quick(text.chars()),
            Self::D => is_nfd_quick(text.chars()),
            Self::KC => is_nfkc_quick(text.chars()),
            Self::KD => is_nfkd_quick(text.chars()),
        };
        matches!(quick, IsNormalized::Yes)
    }

    /// Each segment by itself: it begins with a character that joins nothing before it.
    fn rewrite(self, draft: &mut Draft<'_>, start: usize, text: &str) {
        draft.keep(start);
        let mut from = 0;
        let begins = text.char_indices().skip(1);
        let begins = begins.filter(|(_, character)| self.begins_segment(*character));
        for end in begins.map(|(at, _)| at).chain([text.len()]) {
            let segment = &text[from..end];
            let normal: String = match self {
                Self::C => segment.nfc().map(|(character, _)| character).collect(),
                Self::D => segment.nfd().map(|(character, _)| character).collect(),
                Self::KC => segment.nfkc().map(|(character, _)| character).collect(),
                Self::KD => segment.nfkd().map(|(character, _)| character).collect(),
            };
            draft.put(normal.as_bytes(), start + end);
            from = end;
        }
    }

    fn begins_segment(self, character: char) -> bool {
        let mut first = None;
        let mut note = |part| first = first.or(Some(part));
        match self {
            Self::C | Self::D => decompose_canonical(character, &mut note),
            Self::KC | Self::KD => decompose_compatible(character, &mut note),
        }
        let first = first.unwrap_or(character);
        let composes = matches!(self, Self::C | Self::KC)
            && matches!(is_nfc_quick(std::iter::once(first)), IsNormalized::Maybe);
        canonical_combining_class(first) == 0 && !composes
    }
}

pub(super) fn lowercase(draft: &mut Draft<'_>) {
    for (start, text) in valid(draft.source()) {
        let mut at = 0;
        while at < text.len() {
            let ascii = run_of_ascii(&text[at..]);
            let run = &text.as_bytes()[at..at + ascii];
            if run.iter().any(u8::is_ascii_uppercase) {
                draft.keep(start + at);
                draft.map(start + at + ascii, |byte| byte.to_ascii_lowercase());
            }
            at += ascii;
            let Some(character) = text[at..].chars().next() else {
                break;
            };
            draft.keep(start + at);
            at += character.len_utf8();
            let mut lower = String::with_capacity(4);
            lower.extend(character.to_lowercase());
            draft.put(lower.as_bytes(), start + at);
        }
    }
}

/// Bytes before the first that is not ASCII.
pub(super) fn run_of_ascii(text: &str) -> usize {
    text.bytes()
        .position(|byte| byte >= 128)
        .unwrap_or(text.len())
}

pub(super) fn strip_accents(draft: &mut Draft<'_>) {
    map(draft, |character| {
        (!is_combining_mark(character)).then_some(character)
    });
}

pub(super) fn nmt(draft: &mut Draft<'_>) {
    map(draft, |character| match character {
        '\u{1}'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1f}' | '\u{7f}' | '\u{8f}' | '\u{9f}' => None,
        '\t'
        | '\n'
        | '\u{c}'
        | '\r'
        | '\u{1680}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'
        | '\u{2029}'
        | '\u{2581}'
        | '\u{feff}'
        | '\u{fffd}' => Some(' '),
        other => Some(other),
    });
}

/// Changes or leaves out single characters.
fn map(draft: &mut Draft<'_>, change: impl Fn(char) -> Option<char>) {
    for (start, text) in valid(draft.source()) {
        for (at, character) in text.char_indices() {
            let changed = change(character);
            if changed != Some(character) {
                draft.keep(start + at);
                let mut buffer = [0; 4];
                let written = changed.map_or("", |changed| changed.encode_utf8(&mut buffer));
                draft.put(written.as_bytes(), start + at + character.len_utf8());
            }
        }
    }
}

pub(super) fn strip(draft: &mut Draft<'_>, left: bool, right: bool) {
    let source = draft.source();
    let start = match valid(source).next() {
        Some((_, text)) if left => text.len() - text.trim_start().len(),
        _ => 0,
    };
    draft.put(b"", start);
    // After the last invalid byte, or from the beginning.
    if let (true, Some((at, text))) = (right, valid(source).last()) {
        if at + text.len() == source.len() {
            let end = at + text.trim_end().len();
            draft.keep(end.max(start));
            draft.put(b"", source.len());
        }
    }
}
