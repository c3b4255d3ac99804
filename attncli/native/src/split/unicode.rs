//! Character classes, and text as characters where it may not be valid UTF-8.

use regex_syntax::hir::{Class, HirKind};
use regex_syntax::Parser;
use std::sync::OnceLock;

/// `\p{L}`
pub const LETTER: u8 = 1;
/// `\p{N}`
pub const NUMBER: u8 = 2;
/// `\s`, the property White_Space
pub const SPACE: u8 = 4;
/// `\p{Lu}` or `\p{Lt}`
pub const UPPER: u8 = 8;
/// `\p{Ll}`
pub const LOWER: u8 = 16;
/// `\p{Lm}`, `\p{Lo}` or `\p{M}`: neither upper nor lower case
pub const CASELESS: u8 = 32;
/// `\r` or `\n`
pub const NEWLINE: u8 = 64;

const PAGE: usize = 256;
const CODE_POINTS: usize = 0x11_0000;
/// Code points below this have their classes in one flat array.
const PLANE: usize = 0x1_0000;

/// Class bits of every code point: the first plane flat, the others in two levels, since most of their pages are
/// alike and stored once.
pub struct Table {
    plane: Box<[u8; PLANE]>,
    page_of: Vec<u16>,
    pages: Vec<[u8; PAGE]>,
}

impl Table {
    /// From regex-syntax's Unicode tables, so that these classes are those of the `\p{…}` of its regexes.
    fn build() -> Self {
        let mut flat = vec![0u8; CODE_POINTS];
        let classes = [
            (r"\p{L}", LETTER),
            (r"\p{N}", NUMBER),
            (r"\s", SPACE),
            (r"[\p{Lu}\p{Lt}]", UPPER),
            (r"\p{Ll}", LOWER),
            (r"[\p{Lm}\p{Lo}\p{M}]", CASELESS),
            (r"[\r\n]", NEWLINE),
        ];
        for (pattern, bit) in classes {
            let hir = Parser::new().parse(pattern);
            if let Ok(HirKind::Class(Class::Unicode(class))) = hir.as_ref().map(|hir| hir.kind()) {
                for range in class.ranges() {
                    for classes in &mut flat[range.start() as usize..=range.end() as usize] {
                        *classes |= bit;
                    }
                }
            }
        }
        let mut pages: Vec<[u8; PAGE]> = Vec::new();
        let mut page_of = Vec::with_capacity(CODE_POINTS / PAGE);
        for chunk in flat.chunks_exact(PAGE) {
            let found = pages.iter().position(|page| page == chunk);
            let index = found.unwrap_or_else(|| {
                let mut page = [0; PAGE];
                page.copy_from_slice(chunk);
                pages.push(page);
                pages.len() - 1
            });
            // At most 4,352 pages: never saturates.
            page_of.push(u16::try_from(index).unwrap_or(u16::MAX));
        }
        let mut plane = Box::new([0; PLANE]);
        plane.copy_from_slice(&flat[..PLANE]);
        Self {
            plane,
            page_of,
            pages,
        }
    }

    /// Length and class of the character that begins at `at` in the text with a byte beyond ASCII.
    #[inline(always)]
    pub fn at(&self, text: &[u8], at: usize) -> (usize, u8) {
        // Most have two or three bytes, and others behind them.
        if let Some(&[first, second, third, _]) = text[at..].first_chunk() {
            let (more, most) = (second ^ 0x80, third ^ 0x80);
            if first < 0xe0 {
                if first >= 0xc2 && more < 0x40 {
                    let code = usize::from(first & 0x1f) << 6 | usize::from(more);
                    return (2, self.plane[code]);
                }
            } else if first < 0xf0 && more | most < 0x40 {
                let code =
                    usize::from(first & 0x0f) << 12 | usize::from(more) << 6 | usize::from(most);
                if code >= 0x800 && code & 0xf800 != 0xd800 {
                    return (3, self.plane[code]);
                }
            }
        }
        self.at_any(text, at)
    }

    /// Class of a code point of the first plane.
    #[inline(always)]
    pub fn of_plane(&self, code: u16) -> u8 {
        self.plane[usize::from(code)]
    }

    /// `at`, of any length.
    #[inline(never)]
    fn at_any(&self, text: &[u8], at: usize) -> (usize, u8) {
        match decode(text, at) {
            (length, Some(code)) => (length, self.class(code as usize)),
            (length, None) => (length, 0),
        }
    }

    #[inline]
    fn class(&self, code: usize) -> u8 {
        match self.plane.get(code) {
            Some(&class) => class,
            None => self.pages[usize::from(self.page_of[code / PAGE])][code % PAGE],
        }
    }
}

/// The classes of all characters.
#[inline]
pub fn wide_classes() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(Table::build)
}

/// Classes of the 128 ASCII characters, for texts that need no more.
const ASCII: [u8; 128] = {
    let mut classes = [0u8; 128];
    let mut code = 0usize;
    let mut byte = 0u8;
    while code < 128 {
        classes[code] = match byte {
            b'A'..=b'Z' => LETTER | UPPER,
            b'a'..=b'z' => LETTER | LOWER,
            b'0'..=b'9' => NUMBER,
            b'\r' | b'\n' => SPACE | NEWLINE,
            b' ' | b'\t' | 0x0b | 0x0c => SPACE,
            _ => 0,
        };
        code += 1;
        byte += 1;
    }
    classes
};

/// Length and class of the character that begins at `at`; `(0, 0)` at the end of the text.
///
/// A byte that is no part of valid UTF-8 is one character with no class, as U+FFFD has none of them.
#[inline]
pub fn class_at(text: &[u8], at: usize) -> (usize, u8) {
    match text.get(at) {
        None => (0, 0),
        Some(&byte) if byte < 128 => (1, ASCII[usize::from(byte)]),
        Some(_) => wide_classes().at(text, at),
    }
}

/// Length and value of the character at `at`, which must be inside the text; an invalid byte has no value.
#[inline]
pub fn char_at(text: &[u8], at: usize) -> (usize, Option<char>) {
    let (length, code) = decode(text, at);
    (length, code.and_then(char::from_u32))
}

/// `char_at`, the value as a number.
#[inline]
fn decode(text: &[u8], at: usize) -> (usize, Option<u32>) {
    let first = text[at];
    if first < 0x80 {
        return (1, Some(u32::from(first)));
    }
    // The six bits of a continuation byte; more than those where it is none.
    let more = |place: usize| u32::from(text.get(at + place).map_or(0xff, |&byte| byte ^ 0x80));
    let (second, third) = (more(1), more(2));
    let (length, code, fits) = match first {
        0xc2..=0xdf => (2, u32::from(first & 0x1f) << 6 | second, second < 0x40),
        0xe0..=0xef => {
            let code = u32::from(first & 0x0f) << 12 | second << 6 | third;
            let surrogate = code & 0xf800 == 0xd800;
            (
                3,
                code,
                second | third < 0x40 && code >= 0x800 && !surrogate,
            )
        }
        0xf0..=0xf4 => {
            let fourth = more(3);
            let code = u32::from(first & 0x07) << 18 | second << 12 | third << 6 | fourth;
            (
                4,
                code,
                second | third | fourth < 0x40 && (0x1_0000..0x11_0000).contains(&code),
            )
        }
        _ => (1, 0, false),
    };
    if fits {
        (length, Some(code))
    } else {
        (1, None)
    }
}

/// Start of the character that ends right before `end` (`end` > 0, at a character's boundary).
pub fn char_before(text: &[u8], end: usize) -> usize {
    for length in 1..=end.min(4) {
        let start = end - length;
        if text[start] & 0xc0 != 0x80 {
            return if char_at(text, start).0 == length {
                start
            } else {
                end - 1
            };
        }
    }
    end - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_decode_as_the_standard_library_decodes_them() {
        let edges = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff];
        for first in 0..=255u8 {
            for second in 0..=255u8 {
                for third in edges {
                    for fourth in edges {
                        let text = [first, second, third, fourth];
                        for length in 1..=4 {
                            let valid = (1..=length).find_map(|end| {
                                let found = std::str::from_utf8(&text[..end]).ok()?.chars().next();
                                Some((end, found))
                            });
                            assert_eq!(
                                char_at(&text[..length], 0),
                                valid.unwrap_or((1, None)),
                                "{text:x?} cut at {length}"
                            );
                        }
                    }
                }
            }
        }
    }
}
