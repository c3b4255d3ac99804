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

/// Class bits of every code point, in two levels: most of the 4,352 pages are alike and stored once.
struct Table {
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
        Self { page_of, pages }
    }
}

fn table() -> &'static Table {
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
        Some(_) => wide_class_at(text, at),
    }
}

fn wide_class_at(text: &[u8], at: usize) -> (usize, u8) {
    let (length, character) = char_at(text, at);
    match character {
        None => (length, 0),
        Some(character) => {
            let table = table();
            let code = character as usize;
            let page = usize::from(table.page_of[code / PAGE]);
            (length, table.pages[page][code % PAGE])
        }
    }
}

/// Length and value of the character at `at`, which must be inside the text; an invalid byte has no value.
#[inline]
pub fn char_at(text: &[u8], at: usize) -> (usize, Option<char>) {
    let first = text[at];
    let length = match first {
        0..=0x7f => return (1, Some(char::from(first))),
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return (1, None),
    };
    let character = text
        .get(at..at + length)
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .and_then(|valid| valid.chars().next());
    match character {
        Some(character) => (length, Some(character)),
        None => (1, None),
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
