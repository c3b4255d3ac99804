//! Hugging Face's `tokenizer.json`: the two large tables of its model, lifted out of the rest.

use super::LARGEST_HOLE;
use crate::tokens::Tokens;
use crate::vocab::Vocab;

/// What was lifted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifted {
    /// The file with `null` for the two tables.
    pub rest: Vec<u8>,
    /// `model.vocab`: the spelling of each id in UTF-8, empty where an id is left out.
    pub vocab: Tokens,
    /// `model.merges`: ids of (left, right) by rank.
    pub merges: Vec<(u32, u32)>,
}

/// Lifts `model.vocab` and `model.merges` out of a file.
///
/// None where either is not in order or stands twice: which counts is for the plain reader to say. Nothing is said of the
/// rest: its reader sees all of it but the two tables.
pub fn lift(data: &[u8]) -> Option<Lifted> {
    simdutf8::basic::from_utf8(data).ok()?;
    let mut scanner = Scanner { data, at: 0 };
    let (mut names, mut parts, mut models) = (None, None, 0);
    let (mut vocab, mut merges) = ((0, 0), (0, 0));
    scanner.object(|scanner, key| {
        if key != b"model" {
            return scanner.skip();
        }
        models += 1;
        scanner.object(|scanner, key| {
            let start = scanner.at;
            match key {
                b"vocab" => {
                    let first = names.replace(read_names(scanner)?).is_none();
                    vocab = (start, scanner.at);
                    first.then_some(())
                }
                b"merges" => {
                    let first = parts.replace(read_parts(scanner)?).is_none();
                    merges = (start, scanner.at);
                    first.then_some(())
                }
                _ => scanner.skip(),
            }
        })
    })?;
    scanner.at_end()?;
    if models != 1 {
        return None;
    }
    let names = Vocab::of_distinct(names?)?;
    let parts = parts?;
    let mut ids = names.ids_of(&parts);
    let mut pairs = Vec::with_capacity(parts.len() / 2);
    while let Some(left) = ids.next() {
        pairs.push((left?, ids.next()??));
    }
    drop(ids);
    let (first, second) = (vocab.min(merges), vocab.max(merges));
    let kept = [
        &data[..first.0],
        &data[first.1..second.0],
        &data[second.1..],
    ];
    Some(Lifted {
        rest: kept.join(&b"null"[..]),
        vocab: names.into_tokens(),
        merges: pairs,
    })
}

/// An object of tokens and ids, and nothing else: the spelling of each id. None where it is empty or not in order.
pub fn read_vocab(data: &[u8]) -> Option<Tokens> {
    let mut scanner = Scanner { data, at: 0 };
    scanner.space();
    let names = read_names(&mut scanner)?;
    scanner.at_end()?;
    Some(names)
}

/// The same, where other things may follow.
fn read_names(scanner: &mut Scanner) -> Option<Tokens> {
    let size = scanner.data.len() - scanner.at;
    let mut names = Vec::with_capacity(size);
    let mut spans = Vec::with_capacity(size / 16);
    if scanner.peek()? != b'{' {
        return None;
    }
    scanner.members(b'}', |scanner| {
        let start = names.len();
        scanner.string(&mut names)?;
        if names.len() == start {
            return None; // an empty name: it could not be told from a hole
        }
        scanner.expect(b':')?;
        let id = scanner.number()?;
        spans.push((
            id,
            u32::try_from(start).ok()?,
            u32::try_from(names.len()).ok()?,
        ));
        Some(())
    })?;
    Tokens::by_id(&names, spans, LARGEST_HOLE).filter(|vocab| !vocab.is_empty())
}

/// Left and right part of each merge, one after the other. They stand as `["a", "b"]`, in older files as `"a b"`.
fn read_parts(scanner: &mut Scanner) -> Option<Tokens> {
    if scanner.peek()? != b'[' {
        return None;
    }
    let size = scanner.data.len() - scanner.at;
    let mut parts = Tokens::with_capacity(size / 8, size);
    let mut part = Vec::new();
    scanner.members(b']', |scanner| {
        part.clear();
        if scanner.peek()? == b'[' {
            scanner.at += 1;
            scanner.space();
            scanner.string(&mut part)?;
            parts.push(&part)?;
            scanner.expect(b',')?;
            part.clear();
            scanner.string(&mut part)?;
            scanner.space();
            scanner.take(b']')?;
            return parts.push(&part);
        }
        scanner.string(&mut part)?;
        let space = part.iter().position(|&byte| byte == b' ')?;
        let (left, right) = (&part[..space], &part[space + 1..]);
        if right.contains(&b' ') {
            return None;
        }
        parts.push(left)?;
        parts.push(right)
    })?;
    Some(parts)
}

/// A place in JSON text.
struct Scanner<'a> {
    data: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.data.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// One byte with white space around it.
    fn expect(&mut self, byte: u8) -> Option<()> {
        self.space();
        self.take(byte)?;
        self.space();
        Some(())
    }

    fn at_end(&mut self) -> Option<()> {
        self.space();
        self.peek().is_none().then_some(())
    }

    /// What stands between brackets: the opening one is here, `each` reads what stands between two commas.
    fn members(&mut self, close: u8, mut each: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.at += 1;
        self.space();
        if self.take(close).is_some() {
            return Some(());
        }
        loop {
            each(self)?;
            self.space();
            if self.take(close).is_some() {
                return Some(());
            }
            self.expect(b',')?;
        }
    }

    /// The members of an object: `value` reads what stands behind each key.
    fn object(&mut self, mut value: impl FnMut(&mut Self, &[u8]) -> Option<()>) -> Option<()> {
        self.space();
        if self.peek()? != b'{' {
            return None;
        }
        let mut key = Vec::new();
        self.members(b'}', |scanner| {
            key.clear();
            scanner.string(&mut key)?;
            scanner.expect(b':')?;
            value(scanner, &key)
        })
    }

    /// Passes over a value of any kind: brackets are counted, not matched.
    fn skip(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            match self.peek()? {
                b'"' => self.skip_string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' if depth == 0 => return None,
                _ => self.at += 1,
            }
            if depth == 0
                && matches!(
                    self.peek()?,
                    b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'
                )
            {
                return Some(());
            }
        }
    }

    fn skip_string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
    }

    /// A string's text, appended in UTF-8. None for half a surrogate pair too.
    fn string(&mut self, text: &mut Vec<u8>) -> Option<()> {
        self.take(b'"')?;
        loop {
            let from = self.at;
            while !matches!(self.peek()?, b'"' | b'\\' | 0..=0x1f) {
                self.at += 1;
            }
            text.extend_from_slice(&self.data[from..self.at]);
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Some(());
                }
                b'\\' => {
                    self.at += 1;
                    let character = self.escaped()?;
                    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                _ => return None,
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        let kind = self.peek()?;
        self.at += 1;
        Some(match kind {
            b'"' | b'\\' | b'/' => char::from(kind),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = self.hexadecimal()?;
                if !(0xd800..0xdc00).contains(&high) {
                    return char::from_u32(high);
                }
                self.take(b'\\')?;
                self.take(b'u')?;
                let low = self.hexadecimal()?.checked_sub(0xdc00)?;
                if low >= 0x400 {
                    return None;
                }
                return char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + low);
            }
            _ => return None,
        })
    }

    fn hexadecimal(&mut self) -> Option<u32> {
        let mut value = 0;
        for _ in 0..4 {
            value = value * 16 + char::from(self.peek()?).to_digit(16)?;
            self.at += 1;
        }
        Some(value)
    }

    /// A whole number below 2^31, as JSON writes it.
    fn number(&mut self) -> Option<u32> {
        let from = self.at;
        let mut value = 0u32;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            value = value
                .checked_mul(10)?
                .checked_add(u32::from(digit - b'0'))?;
            self.at += 1;
        }
        let leading_zero = self.data[from..self.at].starts_with(b"0") && self.at > from + 1;
        (self.at > from && !leading_zero && value < 1 << 31).then_some(value)
    }
}
