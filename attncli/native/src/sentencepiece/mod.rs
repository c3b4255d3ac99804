//! SentencePiece (Kudo and Richardson 2018), as its library does it: normalize, segment by scores, and back.
//!
//! Where no piece holds a space behind something else, a text falls into words that are segmented each by itself, and
//! the words of running text come from a cache. A unigram model's sums run through the whole text in f32, and rounding
//! decides between segmentations that are nearly as good: a word is cached only where the next best is too far behind
//! for that.

mod batch;
mod decode;
mod merge;
mod normalize;

use crate::bpe::cache::Cache;
use crate::bpe::Encoded;
use crate::error::{Error, Result};
use crate::trie::{Trie, NONE};
use crate::unigram::{Lattice, Unigram, UNKNOWN_PENALTY};
use decode::Decoder;
use merge::{Merger, Merges};
use normalize::Normalizer;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

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

/// A cached word's choices beat the next best by this much at least.
const MARGIN: f64 = 0.25;
/// Sums in a cached word stay below this.
const MOST_IN_A_WORD: f64 = 5_000.0;
/// Cached words are used where the sum before them is below this. It is f32, so each of the at most 15 sums of a short
/// word is off by at most 2^-24 of 95,000, two of them by 0.17 together, less than `MARGIN`.
const MOST_BEFORE: f64 = 90_000.0;

/// What a file says.
#[derive(Debug, Clone)]
pub struct Tables<'a> {
    /// Bytes of each id.
    pub tokens: Vec<&'a [u8]>,
    /// Score of each id.
    pub scores: Vec<f32>,
    /// Type of each id.
    pub types: &'a [u8],
    /// Unigram, else BPE.
    pub unigram: bool,
    /// A character that is no piece becomes the tokens <0xNN> of its bytes.
    pub byte_fallback: bool,
    /// The dummy prefix is a suffix.
    pub treat_whitespace_as_suffix: bool,
    /// What decoding makes of the unknown id.
    pub unk_surface: &'a [u8],
    /// What is no UTF-8 is encoded by its bytes, as in llama2.c.
    pub any_bytes: bool,
    /// Before encoding.
    pub normalizer: Spec<'a>,
    /// Behind decoding.
    pub denormalizer: Option<Spec<'a>>,
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
}

/// One thread's working memory, and the words it has met.
#[derive(Debug, Default)]
struct State {
    normalized: Vec<u8>,
    lattice: Lattice,
    merger: Merger,
    cache: Cache,
}

impl SentencePiece {
    /// Checks and compiles a model.
    pub fn new(tables: &Tables<'_>) -> Result<Self> {
        let (count, types) = (tables.tokens.len(), tables.types);
        if count != types.len() || count != tables.scores.len() || u32::try_from(count).is_err() {
            return Err(Error::Invalid(format!(
                "{count} tokens have {} scores and {} types",
                tables.scores.len(),
                types.len()
            )));
        }
        let of_types = |wanted: &[u8]| -> Vec<(&[u8], u32)> {
            let entries = tables.tokens.iter().zip(0..).zip(types);
            let found = entries.filter(|(_, kind)| wanted.contains(kind));
            found.map(|((&token, id), _)| (token, id)).collect()
        };
        let Some(&(_, unknown)) = of_types(&[UNKNOWN]).first() else {
            return Err(Error::Invalid("no token is of the unknown type".into()));
        };
        let byte_ids = match tables.byte_fallback {
            true => Some(byte_ids(&of_types(&[BYTE]))?),
            false => None,
        };
        let user_defined = Trie::new(of_types(&[USER_DEFINED]));
        let algorithm = if tables.unigram {
            Algorithm::Unigram(unigram(tables, of_types(&[NORMAL, USER_DEFINED])))
        } else {
            let unused: Vec<bool> = types.iter().map(|&kind| kind == UNUSED).collect();
            Algorithm::Bpe(Merges::new(
                of_types(&[NORMAL, USER_DEFINED, UNUSED]),
                &tables.scores,
                user_defined.clone(),
                unused.contains(&true).then_some(unused),
                tables.any_bytes,
            ))
        };
        let suffix = tables.treat_whitespace_as_suffix;
        let normalizer =
            Normalizer::new(&tables.normalizer, user_defined, suffix, tables.any_bytes)?;
        let space = normalizer.space;
        let knows_space = match &algorithm {
            Algorithm::Unigram(model) => model.knows(space),
            Algorithm::Bpe(model) => model.knows(space),
        };
        // Unused pieces of BPE are taken apart by what happened anywhere in the text; and neighbouring unknowns are one.
        let by_words = (knows_space || byte_ids.is_some())
            && (tables.unigram || !types.contains(&UNUSED))
            && of_types(&[NORMAL, USER_DEFINED])
                .iter()
                .all(|(piece, _)| space_leads(piece, space));
        Ok(Self {
            decoder: Decoder::new(tables)?,
            normalizer,
            algorithm,
            unknown,
            byte_ids,
            any_bytes: tables.any_bytes,
            by_words,
            idle: Mutex::default(),
        })
    }

    /// The text that is segmented.
    pub fn normalize(&self, text: &[u8]) -> Vec<u8> {
        let mut normalized = Vec::new();
        self.normalizer.normalize(text, &mut normalized);
        normalized
    }

    /// Encodes one text.
    pub fn encode(&self, text: &[u8]) -> Result<Vec<u32>> {
        Ok(self.encode_part(&[text], &AtomicBool::new(false))?.ids)
    }

    /// Encodes texts on one thread; `cancel` stops between them.
    fn encode_part<T: AsRef<[u8]>>(&self, texts: &[T], cancel: &AtomicBool) -> Result<Encoded> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = idle().pop().unwrap_or_default();
        let mut encoded = Encoded::default();
        for text in texts {
            if cancel.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            self.append(text.as_ref(), &mut state, &mut encoded.ids)?;
            encoded.ends.push(encoded.ids.len());
        }
        idle().push(state);
        Ok(encoded)
    }

    /// The text of these ids.
    pub fn decode(&self, ids: &[u32]) -> Result<Vec<u8>> {
        self.decoder.decode(ids)
    }

    fn append(&self, text: &[u8], state: &mut State, ids: &mut Vec<u32>) -> Result<()> {
        let mut normalized = std::mem::take(&mut state.normalized);
        self.normalizer.normalize(text, &mut normalized);
        check_length(&normalized)?;
        let mut place = Place {
            start: ids.len(),
            sum: 0.0,
        };
        if self.by_words {
            let mut start = 0;
            while start < normalized.len() {
                let end = word_end(&normalized, start, self.normalizer.space);
                self.word(&normalized, (start, end), state, &mut place, ids);
                start = end;
            }
        } else {
            self.segment(&normalized, state, &mut place, ids);
        }
        state.normalized = normalized;
        Ok(())
    }

    /// Appends the ids of one word, from the cache where it is there.
    fn word(
        &self,
        text: &[u8],
        (start, end): (usize, usize),
        state: &mut State,
        place: &mut Place,
        ids: &mut Vec<u32>,
    ) {
        let word = &text[start..end];
        let key = state.cache.key(text, start, end);
        let bpe = matches!(self.algorithm, Algorithm::Bpe(_));
        let first = self.any_bytes && start == 0;
        if first || place.sum.abs() >= MOST_BEFORE || !bpe && key.is_long() {
            return self.segment(word, state, place, ids);
        }
        if let Some(entry) = state.cache.short(key) {
            match entry.few() {
                Some((few, count)) => few[..count]
                    .iter()
                    .for_each(|&id| self.push(id, place, ids)),
                None => {
                    let many = state.cache.many(entry);
                    many.iter().for_each(|&id| self.push(id, place, ids));
                }
            }
            return;
        }
        if let Some(known) = state.cache.long(key, word) {
            known.iter().for_each(|&id| self.push(id, place, ids));
            return;
        }
        let from = ids.len();
        self.segment(word, state, place, ids);
        if from < ids.len() && self.is_certain(word, &ids[from..], state) {
            state.cache.put(key, word, &ids[from..]);
        }
    }

    /// One more id; neighbouring unknowns are one.
    #[inline]
    fn push(&self, id: u32, place: &mut Place, ids: &mut Vec<u32>) {
        if let Algorithm::Unigram(model) = &self.algorithm {
            place.sum = model.add(place.sum, id);
        }
        if id != self.unknown || ids.len() == place.start || ids.last() != Some(&id) {
            ids.push(id);
        }
    }

    /// Whether a word has these ids wherever it stands.
    fn is_certain(&self, word: &[u8], ids: &[u32], state: &mut State) -> bool {
        let Algorithm::Unigram(model) = &self.algorithm else {
            // A leading unknown joins another one before it.
            let first = state.merger.path.first();
            return self.byte_ids.is_some() || first.is_some_and(|&(_, _, id)| id != NONE);
        };
        // The sum of an unknown's ids is not that of its score.
        let certainty = model.certainty(word, &mut state.lattice);
        let path = &state.lattice.path;
        certainty.margin > MARGIN
            && certainty.largest < MOST_IN_A_WORD
            && path.len() == ids.len()
            && path.iter().zip(ids).all(|(&(_, _, one), &two)| one == two)
    }

    /// Appends the ids of a text by itself.
    fn segment(&self, text: &[u8], state: &mut State, place: &mut Place, ids: &mut Vec<u32>) {
        for &(start, end, id) in self.path(text, ids.len() == place.start, state, &mut place.sum) {
            match (&self.byte_ids, id) {
                (Some(byte_ids), NONE) => {
                    let bytes = text[start..end].iter();
                    ids.extend(bytes.map(|&byte| byte_ids[usize::from(byte)]));
                }
                (None, NONE) => {
                    if ids.len() == place.start || ids.last() != Some(&self.unknown) {
                        ids.push(self.unknown);
                    }
                }
                _ => ids.push(id),
            }
        }
    }

    /// The pieces of a text; `first`: nothing was before it.
    fn path<'s>(
        &self,
        text: &[u8],
        first: bool,
        state: &'s mut State,
        sum: &mut f64,
    ) -> &'s [(usize, usize, u32)] {
        match &self.algorithm {
            Algorithm::Unigram(model) => {
                *sum = model.segment(text, *sum, &mut state.lattice);
                &state.lattice.path
            }
            Algorithm::Bpe(model) => {
                // (A dummy prefix matters to llama2.c alone: there it is never a part of what follows.)
                model.segment(text, first && self.any_bytes, &mut state.merger);
                &state.merger.path
            }
        }
    }

    /// Ids of one text, and the bytes (start, end) of it that each stands for; of the ids of an unknown character's
    /// bytes the last stands for it, as in the library.
    pub fn encode_traced(&self, text: &[u8]) -> Result<Traced> {
        let (normalized, origins) = self.normalizer.traced(text);
        check_length(&normalized)?;
        let (mut state, mut traced) = (State::default(), Traced::default());
        let mut was_unknown = false;
        for &(from, to, id) in self.path(&normalized, true, &mut state, &mut 0.0) {
            let (start, end) = (origins[from], origins[to]);
            match (&self.byte_ids, id) {
                (Some(byte_ids), NONE) => {
                    let bytes = normalized[from..to].iter();
                    traced
                        .0
                        .extend(bytes.map(|&byte| byte_ids[usize::from(byte)]));
                    traced.1.resize(traced.0.len() - 1, (start, start));
                    traced.1.push((start, end));
                }
                (None, NONE) if was_unknown => {
                    if let Some(last) = traced.1.last_mut() {
                        last.1 = end;
                    }
                }
                _ => {
                    traced.0.push(if id == NONE { self.unknown } else { id });
                    traced.1.push((start, end));
                }
            }
            was_unknown = id == NONE;
        }
        Ok(traced)
    }
}

/// Ids, and the bytes that each stands for.
pub type Traced = (Vec<u32>, Vec<(usize, usize)>);

fn check_length(normalized: &[u8]) -> Result<()> {
    if normalized.len() >= NONE as usize {
        return Err(Error::Invalid("a text of 4 GiB or more".into()));
    }
    Ok(())
}

/// How far a text has come: where its ids start, and the sum of the scores so far.
struct Place {
    start: usize,
    sum: f64,
}

fn unigram<'a>(tables: &Tables<'a>, pieces: Vec<(&'a [u8], u32)>) -> Unigram {
    let normal = tables
        .scores
        .iter()
        .zip(tables.types)
        .filter(|(_, &kind)| kind == NORMAL);
    let least = normal.fold(f32::MAX, |least, (&score, _)| least.min(score));
    let scores = tables.scores.iter().zip(&tables.tokens).zip(tables.types);
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

/// Where the word ends that starts here: before a space behind something else.
#[inline]
fn word_end(text: &[u8], start: usize, space: &[u8]) -> usize {
    let mut at = start;
    while text[at..].starts_with(space) {
        at += space.len();
    }
    let first = space[0];
    while at < text.len() {
        at += text[at..]
            .iter()
            .position(|&byte| byte == first)
            .unwrap_or(text.len() - at);
        if text[at..].starts_with(space) {
            break;
        }
        at += usize::from(at < text.len());
    }
    at
}
