//! Ids to text: spaces back, the dummy prefix off, bytes joined.

use super::{byte_of, Normalizer, Settings, Tables, BYTE, CONTROL, UNKNOWN};
use crate::decode::{most, too_long, GROWTH};
use crate::error::Result;
use crate::split::unicode::char_at;
use crate::trie::Trie;

const SPACE: &[u8] = "\u{2581}".as_bytes();

/// What each id says.
#[derive(Debug, Clone)]
pub struct Decoder {
    blob: Vec<u8>,
    ends: Vec<usize>,
    kinds: Vec<Kind>,
    unk_surface: Vec<u8>,
    /// A space that begins the text goes.
    strip: bool,
    /// And so do those of the pieces behind it, while there is no text.
    strip_all: bool,
    any_bytes: bool,
    /// Whether a text may be far longer than its pieces: by a long `unk_surface`, or a map.
    grows: bool,
    denormalizer: Option<Normalizer>,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Text { spaced: bool },
    Nothing,
    Unknown,
    Byte(u8),
}

impl Decoder {
    /// Prepares the pieces.
    pub fn new(tables: &Tables<'_>, settings: &Settings) -> Result<Self> {
        let mut decoder = Self {
            blob: Vec::new(),
            ends: Vec::with_capacity(tables.tokens.len()),
            kinds: Vec::with_capacity(tables.tokens.len()),
            unk_surface: settings.unk_surface.clone().into_bytes(),
            strip: settings.normalizer.add_dummy_prefix
                || settings.normalizer.remove_extra_whitespaces,
            strip_all: settings.normalizer.remove_extra_whitespaces,
            any_bytes: settings.any_bytes,
            grows: false,
            denormalizer: match &settings.denormalizer {
                None => None,
                Some(spec) => {
                    let none = Trie::new(Vec::new());
                    Some(Normalizer::new(spec, none, false, settings.any_bytes)?)
                }
            },
        };
        for (token, &kind) in tables.tokens.iter().zip(tables.types) {
            decoder.kinds.push(match kind {
                UNKNOWN => Kind::Unknown,
                CONTROL => Kind::Nothing,
                BYTE => Kind::Byte(byte_of(token).unwrap_or(0)),
                _ => Kind::Text {
                    spaced: token.starts_with(SPACE)
                        || settings.any_bytes && token.starts_with(b" "),
                },
            });
            let mut rest = token;
            while let Some((&first, more)) = rest.split_first() {
                rest = match rest.strip_prefix(SPACE) {
                    Some(behind) if !settings.any_bytes => {
                        decoder.blob.push(b' ');
                        behind
                    }
                    _ => {
                        decoder.blob.push(first);
                        more
                    }
                };
            }
            decoder.ends.push(decoder.blob.len());
        }
        let long = |place: usize| decoder.unk_surface.len() > decoder.piece(place).len() * GROWTH;
        let mut kinds = decoder.kinds.iter().enumerate();
        decoder.grows = decoder.denormalizer.is_some()
            || kinds.any(|(place, kind)| matches!(kind, Kind::Unknown) && long(place));
        Ok(decoder)
    }

    /// Entries of the vocabulary.
    pub fn entries(&self) -> usize {
        self.kinds.len()
    }

    fn piece(&self, place: usize) -> &[u8] {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.blob[start..self.ends[place]]
    }

    /// The text of these ids, all of the vocabulary, without those to `skip`. Fails, before memory is taken, where it is
    /// far longer than their pieces.
    pub fn decode(&self, ids: &[u32], skip: &[u32]) -> Result<Vec<u8>> {
        let kept = || ids.iter().filter(|id| !skip.contains(id));
        let most = match self.grows {
            true => most(kept().map(|&id| self.piece(id as usize).len()).sum()),
            false => usize::MAX,
        };
        let mut text = Vec::with_capacity(ids.len() * 4);
        let mut run = Vec::new();
        let (mut at_start, mut space_seen) = (true, false);
        for &id in kept() {
            let place = id as usize;
            let kind = self.kinds[place];
            if let Kind::Byte(byte) = kind {
                run.push(byte);
                continue;
            }
            self.characters(&mut run, &mut text);
            at_start = at_start && !space_seen && text.is_empty();
            space_seen = false;
            match kind {
                Kind::Text { spaced } => {
                    let cut = spaced && at_start && self.strip;
                    space_seen = cut && !self.strip_all;
                    let piece = self.piece(place);
                    text.extend_from_slice(&piece[usize::from(cut)..]);
                }
                Kind::Unknown if self.unk_surface.len() > most.saturating_sub(text.len()) => {
                    return Err(too_long(most));
                }
                Kind::Unknown => text.extend_from_slice(&self.unk_surface),
                Kind::Nothing | Kind::Byte(_) => {}
            }
        }
        self.characters(&mut run, &mut text);
        match &self.denormalizer {
            None => Ok(text),
            Some(denormalizer) => denormalizer
                .within(&text, most)
                .ok_or_else(|| too_long(most)),
        }
    }

    /// What byte tokens say: a byte that is no part of a character is U+FFFD.
    fn characters(&self, run: &mut Vec<u8>, text: &mut Vec<u8>) {
        let mut at = 0;
        while at < run.len() {
            let (length, character) = char_at(run, at);
            if character.is_some() || self.any_bytes {
                text.extend_from_slice(&run[at..at + length]);
            } else {
                text.extend_from_slice("\u{fffd}".as_bytes());
            }
            at += length;
        }
        run.clear();
    }
}
