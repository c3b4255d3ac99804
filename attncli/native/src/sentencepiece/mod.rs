//! SentencePiece (Kudo and Richardson 2018), as its library does it: normalize, segment by scores, and back.
//!
//! Where no piece holds a space behind something else, a text falls into words that are segmented each by itself, and
//! the words of running text come from a cache. A unigram model's sums run through the whole text in f32, and rounding
//! decides between segmentations that are nearly as good: a word is cached only where the next best is too far behind
//! for that.

mod decode;
mod encode;
mod merge;
mod normalize;

use crate::error::{Error, Result};
use crate::lost::Lost;
use crate::tokens::Tokens;
use crate::trie::{Trie, NONE};
use crate::unigram::{Unigram, UNKNOWN_PENALTY};
use decode::Decoder;
use encode::State;
use merge::Merges;
use normalize::Normalizer;
use serde::Deserialize;
use std::sync::Mutex;

pub use encode::Encoder;
pub use normalize::Spec;

/// U+2581 or a space.
type Space = &'static [u8];

/// `ModelProto.SentencePiece.Type`.
const NORMAL: u8 = 1;
const UNKNOWN: u8 = 2;
const CONTROL: u8 = 3;
const USER_DEFINED: u8 = 4;
const UNUSED: u8 = 5;
const BYTE: u8 = 6;

/// What a file says beside its tables.
#[derive(Debug, Clone, Deserialize)]
pub struct Settings {
    /// Unigram, else BPE.
    pub unigram: bool,
    /// A character that is no piece becomes the tokens <0xNN> of its bytes.
    pub byte_fallback: bool,
    /// The dummy prefix is a suffix.
    pub treat_whitespace_as_suffix: bool,
    /// What decoding makes of the unknown id.
    pub unk_surface: String,
    /// What is no UTF-8 is encoded by its bytes, as in llama2.c.
    pub any_bytes: bool,
    /// Before encoding.
    pub normalizer: Spec,
    /// Behind decoding.
    pub denormalizer: Option<Spec>,
}

/// Bytes, score and type of each id.
#[derive(Debug, Clone, Copy)]
struct Tables<'a> {
    tokens: &'a Tokens,
    scores: &'a [f32],
    types: &'a [u8],
}

#[derive(Debug, Clone)]
enum Algorithm {
    Unigram(Unigram),
    Bpe(Merges),
}

/// A checked model.
#[derive(Debug)]
pub struct SentencePiece {
    normalizer: Normalizer,
    algorithm: Algorithm,
    decoder: Decoder,
    unknown: u32,
    byte_ids: Option<Box<[u32; 256]>>,
    any_bytes: bool,
    /// Whether words are segmented each by itself.
    by_words: bool,
    idle: Mutex<Vec<State>>,
    /// Characters that became unknown.
    lost: Lost,
}

impl SentencePiece {
    /// Characters that became unknown, and bytes that were none.
    pub fn lost(&self) -> Vec<Vec<u8>> {
        let mut all = [self.lost.all(), self.normalizer.invalid.all()].concat();
        all.sort_unstable();
        all
    }

    /// Checks and compiles a model.
    pub fn new(tokens: &Tokens, scores: &[f32], types: &[u8], settings: &Settings) -> Result<Self> {
        let tables = &Tables {
            tokens,
            scores,
            types,
        };
        let count = tokens.len();
        if count != types.len() || count != scores.len() || u32::try_from(count).is_err() {
            return Err(Error::Invalid(format!(
                "{count} tokens have {} scores and {} types",
                scores.len(),
                types.len()
            )));
        }
        let of_types = |wanted: &[u8]| -> Vec<(&[u8], u32)> {
            let entries = tables.tokens.iter().zip(0..).zip(types);
            let found = entries.filter(|(_, kind)| wanted.contains(kind));
            found.map(|((token, id), _)| (token, id)).collect()
        };
        let Some(&(_, unknown)) = of_types(&[UNKNOWN]).first() else {
            return Err(Error::Invalid("no token is of the unknown type".into()));
        };
        let byte_ids = match settings.byte_fallback {
            true => Some(byte_ids(&of_types(&[BYTE]))?),
            false => None,
        };
        let user_defined = Trie::new(of_types(&[USER_DEFINED]));
        let algorithm = if settings.unigram {
            Algorithm::Unigram(unigram(tables, of_types(&[NORMAL, USER_DEFINED])))
        } else {
            let unused: Vec<bool> = types.iter().map(|&kind| kind == UNUSED).collect();
            Algorithm::Bpe(Merges::new(
                of_types(&[NORMAL, USER_DEFINED, UNUSED]),
                scores,
                user_defined.clone(),
                unused.contains(&true).then_some(unused),
                settings.any_bytes,
            ))
        };
        let suffix = settings.treat_whitespace_as_suffix;
        let normalizer = Normalizer::new(
            &settings.normalizer,
            user_defined,
            suffix,
            settings.any_bytes,
        )?;
        let space = normalizer.space;
        let knows_space = match &algorithm {
            Algorithm::Unigram(model) => model.knows(space),
            Algorithm::Bpe(model) => model.knows(space),
        };
        // Unused pieces of BPE are taken apart by what happened anywhere in the text; and neighbouring unknowns are one.
        let by_words = (knows_space || byte_ids.is_some())
            && (settings.unigram || !types.contains(&UNUSED))
            && of_types(&[NORMAL, USER_DEFINED])
                .iter()
                .all(|(piece, _)| space_leads(piece, space));
        Ok(Self {
            decoder: Decoder::new(tables, settings)?,
            normalizer,
            algorithm,
            unknown,
            byte_ids,
            any_bytes: settings.any_bytes,
            by_words,
            idle: Mutex::default(),
            lost: Lost::default(),
        })
    }

    /// Entries of the vocabulary.
    pub fn entries(&self) -> usize {
        self.decoder.entries()
    }

    /// The text of these ids, all of the vocabulary, without those to `skip`. Fails where it is far longer than their
    /// pieces.
    pub fn decode(&self, ids: &[u32], skip: &[u32]) -> Result<Vec<u8>> {
        self.decoder.decode(ids, skip)
    }
}

fn unigram<'a>(tables: &Tables<'a>, pieces: Vec<(&'a [u8], u32)>) -> Unigram {
    let normal = tables
        .scores
        .iter()
        .zip(tables.types)
        .filter(|(_, &kind)| kind == NORMAL);
    let least = normal.fold(f32::MAX, |least, (&score, _)| least.min(score));
    let scores = tables
        .scores
        .iter()
        .zip(tables.tokens.iter())
        .zip(tables.types);
    let scores = scores.map(|((&score, token), &kind)| {
        // Pieces are below 8,000 bytes.
        let length = u16::try_from(token.len()).unwrap_or(u16::MAX);
        f64::from(match kind {
            USER_DEFINED => 0.1 * (f32::from(length) - 1.0),
            _ => score,
        })
    });
    let scores = scores.collect();
    Unigram::new(pieces, scores, f64::from(least - UNKNOWN_PENALTY), true)
}

fn byte_ids(tokens: &[(&[u8], u32)]) -> Result<Box<[u32; 256]>> {
    let mut ids = Box::new([NONE; 256]);
    for &(token, id) in tokens {
        if let Some(byte) = byte_of(token) {
            ids[usize::from(byte)] = id;
        }
    }
    match ids.iter().position(|&id| id == NONE) {
        None => Ok(ids),
        Some(byte) => Err(Error::Invalid(format!("byte {byte:#04x} has no token"))),
    }
}

/// The byte of a token <0xNN>.
fn byte_of(token: &[u8]) -> Option<u8> {
    let digits = token.strip_prefix(b"<0x")?.strip_suffix(b">")?;
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Whether a piece holds spaces at its start only.
fn space_leads(piece: &[u8], space: &[u8]) -> bool {
    let mut rest = piece;
    while let Some(more) = rest.strip_prefix(space) {
        rest = more;
    }
    !rest.windows(space.len()).any(|window| window == space)
}
