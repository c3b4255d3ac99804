//! The base symbols of a word: its bytes or its characters as ids, as Hugging Face's `BPE::merge_word` finds them.

use super::{Tables, NONE};
use crate::error::{Error, Result};
use crate::lost::Lost;
use crate::split::unicode::char_at;
use crate::vocab::Vocab;
use rustc_hash::FxHashMap;

/// Ids of single bytes or characters.
#[derive(Debug, Clone)]
enum Base {
    Bytes(Box<[u32; 256]>),
    Characters(FxHashMap<char, u32>),
}

impl Base {
    fn ids(&self) -> Vec<u32> {
        match self {
            Self::Bytes(ids) => ids.to_vec(),
            Self::Characters(ids) => ids.values().copied().collect(),
        }
    }
}

/// How a word becomes symbols.
#[derive(Debug, Clone)]
pub struct Symbols {
    /// By place: in the middle of a word; its first; its last; its only one. Only one table, where all are alike.
    bases: Vec<Base>,
    /// Ids of <0xNN>.
    fallback: Option<Box<[u32; 256]>>,
    prefix: Vec<u8>,
    suffix: Vec<u8>,
    unknown: Option<u32>,
    fuse_unknown: bool,
    /// Characters that became unknown, or vanished.
    pub lost: Lost,
}

impl Symbols {
    /// Fails where a byte is missing under a byte-level model.
    pub fn new(vocab: &Vocab, tables: &Tables) -> Result<Self> {
        let prefix = tables.continuing_subword_prefix.as_bytes();
        let suffix = tables.end_of_word_suffix.as_bytes();
        let places = if prefix.is_empty() && suffix.is_empty() {
            1
        } else {
            4
        };
        let bases = (0..places).map(|place| {
            let before = if place & 1 == 0 { prefix } else { &[] };
            let behind = if place & 2 == 0 { &[] } else { suffix };
            if tables.byte_level {
                bytes(vocab, before, behind)
            } else {
                characters(vocab, before, behind)
            }
        });
        let found = Self {
            bases: bases.collect(),
            fallback: tables.byte_fallback.then(|| {
                Box::new(std::array::from_fn(|byte| {
                    vocab
                        .id(format!("<0x{byte:02X}>").as_bytes())
                        .unwrap_or(NONE)
                }))
            }),
            prefix: prefix.to_vec(),
            suffix: suffix.to_vec(),
            unknown: tables.unknown,
            fuse_unknown: tables.fuse_unknown,
            lost: Lost::default(),
        };
        if let Base::Bytes(ids) = &found.bases[0] {
            if let Some(byte) = ids.iter().position(|&id| id == NONE) {
                return Err(Error::Invalid(format!(
                    "byte {byte:#04x} is not in the vocabulary"
                )));
            }
        }
        Ok(found)
    }

    /// Whether every word is the ids of its bytes.
    pub fn are_plain_bytes(&self) -> bool {
        matches!(&self.bases[..], [Base::Bytes(_)])
    }

    /// Whether every character leaves a symbol: where one vanishes, its neighbours meet.
    pub fn say_all(&self) -> bool {
        let complete = |ids: &[u32; 256]| !ids.contains(&NONE);
        self.unknown.is_some() || self.fallback.as_deref().is_some_and(complete)
    }

    /// How many symbols each id stands for: one that is a symbol for itself, any other for those that it is spelled
    /// with (if it is ever made: merges tell whether all of that adds up).
    pub fn lengths(&self, vocab: &Vocab) -> Vec<usize> {
        let by_bytes = matches!(self.bases[0], Base::Bytes(_));
        let spelled = |id| {
            let token = vocab.token(id);
            let token = token.strip_prefix(&self.prefix[..]).unwrap_or(token);
            let token = token.strip_suffix(&self.suffix[..]).unwrap_or(token);
            if by_bytes {
                token.len()
            } else {
                characters_of(token)
            }
        };
        let mut lengths: Vec<usize> = vocab.ids().map(spelled).collect();
        let fallback = self.fallback.iter().flat_map(|ids| ids.iter().copied());
        for id in self
            .bases
            .iter()
            .flat_map(Base::ids)
            .chain(fallback)
            .chain(self.unknown)
        {
            if let Some(length) = lengths.get_mut(id as usize) {
                *length = 1;
            }
        }
        lengths
    }

    /// Appends a word's symbols.
    #[inline]
    pub fn append(&self, word: &[u8], ids: &mut Vec<u32>) {
        match &self.bases[..] {
            [Base::Bytes(bytes)] => {
                ids.extend(word.iter().map(|&byte| bytes[usize::from(byte)]));
            }
            _ => self.each(word, |id, _, _| ids.push(id)),
        }
    }

    /// Calls `symbol(id, start, end)` for each.
    pub fn each(&self, word: &[u8], mut symbol: impl FnMut(u32, usize, usize)) {
        let by_bytes = matches!(self.bases[0], Base::Bytes(_));
        let mut waiting = None;
        let mut at = 0;
        while at < word.len() {
            let (length, character) = if by_bytes {
                (1, None)
            } else {
                char_at(word, at)
            };
            let end = at + length;
            let place = usize::from(at == 0) | usize::from(end == word.len()) << 1;
            let id = match self.bases.get(place).unwrap_or(&self.bases[0]) {
                Base::Bytes(ids) => Some(ids[usize::from(word[at])]).filter(|&id| id != NONE),
                // A byte that is no character is one, U+FFFD, where there is no better way.
                Base::Characters(ids) if character.is_some() || self.fallback.is_none() => ids
                    .get(&character.unwrap_or(char::REPLACEMENT_CHARACTER))
                    .copied(),
                Base::Characters(_) => None,
            };
            match id {
                Some(id) => {
                    if let Some((from, to)) = waiting.take() {
                        symbol(self.unknown.unwrap_or(NONE), from, to);
                    }
                    symbol(id, at, end);
                }
                None if self.bytes_instead(&word[at..end], place, end, &mut symbol) => {}
                None if self.unknown.is_none() => self.lost.note(&word[at..end]),
                None => {
                    self.lost.note(&word[at..end]);
                    waiting = match waiting {
                        Some((from, _)) if self.fuse_unknown => Some((from, end)),
                        Some((from, to)) => {
                            symbol(self.unknown.unwrap_or(NONE), from, to);
                            Some((at, end))
                        }
                        None => Some((at, end)),
                    };
                }
            }
            at = end;
        }
        if let Some((from, to)) = waiting {
            symbol(self.unknown.unwrap_or(NONE), from, to);
        }
    }

    /// The bytes of an unknown character as tokens; false where one is missing.
    fn bytes_instead(
        &self,
        character: &[u8],
        place: usize,
        end: usize,
        symbol: &mut impl FnMut(u32, usize, usize),
    ) -> bool {
        let Some(fallback) = &self.fallback else {
            return false;
        };
        let before = if place & 1 == 0 {
            &self.prefix[..]
        } else {
            &[]
        };
        let behind = if place & 2 == 0 {
            &[]
        } else {
            &self.suffix[..]
        };
        let id = |byte: &u8| fallback[usize::from(*byte)];
        let all = || before.iter().chain(character).chain(behind);
        if all().any(|byte| id(byte) == NONE) {
            return false;
        }
        let start = end - character.len();
        let covered =
            |bytes: usize| start + bytes.saturating_sub(before.len()).min(character.len());
        for (done, byte) in all().enumerate() {
            symbol(id(byte), covered(done), covered(done + 1));
        }
        true
    }
}

fn characters_of(token: &[u8]) -> usize {
    let (mut at, mut count) = (0, 0);
    while at < token.len() {
        at += char_at(token, at).0;
        count += 1;
    }
    count
}

fn bytes(vocab: &Vocab, before: &[u8], behind: &[u8]) -> Base {
    Base::Bytes(Box::new(std::array::from_fn(|byte| {
        let byte = [u8::try_from(byte).unwrap_or(0)];
        vocab.id(&[before, &byte, behind].concat()).unwrap_or(NONE)
    })))
}

fn characters(vocab: &Vocab, before: &[u8], behind: &[u8]) -> Base {
    let mut found = FxHashMap::default();
    for id in vocab.ids() {
        let token = vocab.token(id);
        let symbol = token
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(behind));
        let Some(symbol @ [_, ..]) = symbol else {
            continue;
        };
        if let (length, Some(character)) = char_at(symbol, 0) {
            // Only those that text can become.
            if length == symbol.len() && vocab.id(token) == Some(id) {
                found.insert(character, id);
            }
        }
    }
    Base::Characters(found)
}
