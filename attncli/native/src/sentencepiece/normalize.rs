//! `NormalizerSpec`: the character map, and what becomes of spaces.

use super::Space;
use crate::charsmap::Charsmap;
use crate::error::Result;
use crate::lost::Lost;
use crate::split::unicode::char_at;
use crate::trie::Trie;
use serde::Deserialize;

/// What a file says.
#[derive(Debug, Clone, Deserialize)]
pub struct Spec {
    /// In base64; empty: no map.
    pub precompiled_charsmap: String,
    /// One space before the text.
    pub add_dummy_prefix: bool,
    /// Spaces at the ends go, and all but one of a run.
    pub remove_extra_whitespaces: bool,
    /// Spaces become U+2581.
    pub escape_whitespaces: bool,
}

/// A checked spec, with what it needs to know of its model.
#[derive(Debug, Clone)]
pub struct Normalizer {
    charsmap: Option<Charsmap>,
    dummy: bool,
    remove: bool,
    /// What a space becomes.
    pub space: Space,
    /// The dummy prefix is a suffix.
    suffix: bool,
    /// What is no UTF-8 stays.
    any_bytes: bool,
    /// Bytes that were none, and became U+FFFD.
    pub invalid: Lost,
    /// User-defined pieces, which the map leaves alone.
    user_defined: Trie,
    /// Bytes that stay as they are, whatever follows.
    plain: Box<[bool; 256]>,
}

impl Normalizer {
    /// Checks the character map.
    pub fn new(spec: &Spec, user_defined: Trie, suffix: bool, any_bytes: bool) -> Result<Self> {
        let charsmap = match spec.precompiled_charsmap.as_str() {
            "" => None,
            encoded => Some(Charsmap::from_base64(encoded)?),
        };
        let mut plain = Box::new([false; 256]);
        for (byte, plain) in (0..0x80u8).zip(plain.iter_mut()) {
            let mapped = charsmap.as_ref().is_some_and(|map| map.starts_with(byte));
            *plain = byte != b' ' && !mapped && !user_defined.starts_with(byte);
        }
        Ok(Self {
            charsmap,
            dummy: spec.add_dummy_prefix,
            remove: spec.remove_extra_whitespaces,
            space: if spec.escape_whitespaces {
                "\u{2581}".as_bytes()
            } else {
                b" "
            },
            suffix,
            any_bytes,
            invalid: Lost::default(),
            user_defined,
            plain,
        })
    }

    /// Writes the normalized text.
    pub fn normalize(&self, text: &[u8], out: &mut Vec<u8>) {
        out.clear();
        out.reserve(text.len() + text.len() / 2);
        self.write(text, out, None, usize::MAX);
    }

    /// The normalized text; none where it has more bytes than `most`, of which it then took few more.
    pub fn within(&self, text: &[u8], most: usize) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.write(text, &mut out, None, most).then_some(out)
    }

    /// The normalized text, and for each of its bytes and its end the place in `text` that it comes from.
    pub fn traced(&self, text: &[u8]) -> (Vec<u8>, Vec<usize>) {
        let (mut out, mut origins) = (Vec::new(), Vec::new());
        self.write(text, &mut out, Some(&mut origins), usize::MAX);
        (out, origins)
    }

    /// Whether there was room: it stops when more than `most` bytes stand there.
    fn write(
        &self,
        text: &[u8],
        out: &mut Vec<u8>,
        mut origins: Option<&mut Vec<usize>>,
        most: usize,
    ) -> bool {
        let mut at = self.leading(text);
        if at == text.len() {
            if let Some(origins) = origins {
                origins.push(at);
            }
            return true;
        }
        if self.dummy && !self.suffix {
            out.extend_from_slice(self.space);
            mark(out.len(), &mut origins, at);
        }
        let mut after_space = self.remove;
        while at < text.len() && out.len() <= most {
            let rest = text[at..].iter();
            let plain = rest
                .take_while(|&&byte| self.plain[usize::from(byte)])
                .count();
            if plain > 0 {
                out.extend_from_slice(&text[at..at + plain]);
                if let Some(origins) = &mut origins {
                    origins.extend(at..at + plain);
                }
                at += plain;
                after_space = false;
                continue;
            }
            let (length, mut becomes) = self.prefix(text, at);
            while let (true, Some((b' ', rest))) = (after_space, becomes.split_first()) {
                becomes = rest;
            }
            if let Some(&last) = becomes.last() {
                after_space = self.remove && last == b' ';
                for &byte in becomes {
                    if byte == b' ' {
                        out.extend_from_slice(self.space);
                    } else {
                        out.push(byte);
                    }
                }
                mark(out.len(), &mut origins, at);
            }
            at += length;
        }
        if out.len() > most {
            return false;
        }
        while self.remove && out.ends_with(self.space) {
            out.truncate(out.len() - self.space.len());
            if let Some(origins) = &mut origins {
                at = origins.get(out.len()).copied().unwrap_or(at);
                origins.truncate(out.len());
            }
        }
        if self.dummy && self.suffix {
            out.extend_from_slice(self.space);
        }
        mark(out.len(), &mut origins, at);
        if let Some(origins) = origins {
            origins.push(at);
        }
        true
    }

    /// Bytes of the spaces at the start, where these go.
    fn leading(&self, text: &[u8]) -> usize {
        let mut at = 0;
        while self.remove && at < text.len() {
            let (length, becomes) = self.prefix(text, at);
            if becomes != b" " {
                break;
            }
            at += length;
        }
        at
    }

    /// (length, what it becomes) of what stands at a place.
    fn prefix<'a>(&'a self, text: &'a [u8], at: usize) -> (usize, &'a [u8]) {
        let length = self.user_defined.longest(&text[at..]);
        if length > 0 {
            return (length, &text[at..at + length]);
        }
        if let Some(found) = self
            .charsmap
            .as_ref()
            .and_then(|map| map.longest(&text[at..]))
        {
            return found;
        }
        match char_at(text, at) {
            (length, Some(_)) => (length, &text[at..at + length]),
            (_, None) if self.any_bytes => (1, &text[at..=at]),
            (_, None) => {
                self.invalid.note(&text[at..=at]);
                (1, "\u{fffd}".as_bytes())
            }
        }
    }
}

/// All that was written since the last mark comes from `at`.
#[inline]
fn mark(length: usize, origins: &mut Option<&mut Vec<usize>>, at: usize) {
    if let Some(origins) = origins {
        origins.resize(length, at);
    }
}
