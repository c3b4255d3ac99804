//! Texts to ids: word by word from the cache, or as a whole.

use super::merge::{Merger, Piece};
use super::{Algorithm, SentencePiece};
use crate::bpe::cache::Cache;
use crate::bpe::key::Key;
use crate::error::{Error, Result};
use crate::normalize::Span;
use crate::trie::NONE;
use crate::unigram::Lattice;
use std::sync::PoisonError;

/// A cached word's choices beat the next best by this much at least.
const MARGIN: f64 = 0.25;
/// Sums in a cached word stay below this.
const MOST_IN_A_WORD: f64 = 5_000.0;
/// Cached words are used where the sum before them is below this. It is f32, so each of the at most 15 sums of a short
/// word is off by at most 2^-24 of 95,000, two of them by 0.17 together, less than `MARGIN`.
const MOST_BEFORE: f64 = 90_000.0;

/// One thread's working memory, and the words it has met.
#[derive(Debug, Default)]
pub struct State {
    normalized: Vec<u8>,
    lattice: Lattice,
    merger: Merger,
    cache: Cache,
}

/// Encodes on one thread; its working memory goes back to the model when dropped.
#[derive(Debug)]
pub struct Encoder<'a> {
    model: &'a SentencePiece,
    state: State,
}

impl SentencePiece {
    /// An encoder for one thread, with the words that an earlier one met.
    pub fn encoder(&self) -> Encoder<'_> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        Encoder {
            model: self,
            state: idle.pop().unwrap_or_default(),
        }
    }
}

impl Drop for Encoder<'_> {
    fn drop(&mut self) {
        let idle = self.model.idle.lock();
        let mut idle = idle.unwrap_or_else(PoisonError::into_inner);
        idle.push(std::mem::take(&mut self.state));
    }
}

impl Encoder<'_> {
    /// Appends the ids of one text.
    pub fn text(&mut self, text: &[u8], ids: &mut Vec<u32>) -> Result<()> {
        let model = self.model;
        let mut normalized = std::mem::take(&mut self.state.normalized);
        model.normalizer.normalize(text, &mut normalized);
        check_length(&normalized)?;
        let mut place = Place {
            start: ids.len(),
            sum: 0.0,
        };
        if model.by_words {
            let mut start = 0;
            while start < normalized.len() {
                let end = word_end(&normalized, start, model.normalizer.space);
                model.word(&normalized, (start, end), &mut self.state, &mut place, ids);
                start = end;
            }
        } else {
            model.segment(&normalized, &mut self.state, &mut place, ids);
        }
        self.state.normalized = normalized;
        Ok(())
    }

    /// Appends the ids of one text, and the bytes (start, end) of it that each stands for; of the ids of an unknown
    /// character's bytes the last stands for it, as in the library.
    pub fn traced(&mut self, text: &[u8], ids: &mut Vec<u32>, spans: &mut Vec<Span>) -> Result<()> {
        let model = self.model;
        let (normalized, origins) = model.normalizer.traced(text);
        check_length(&normalized)?;
        let (first, first_span) = (ids.len(), spans.len());
        let mut was_unknown = false;
        model.pieces(&normalized, true, &mut self.state, &mut 0.0, |piece| {
            let Some((from, to, id)) = piece else {
                ids.truncate(first);
                spans.truncate(first_span);
                was_unknown = false;
                return;
            };
            let (start, end) = (origins[from], origins[to]);
            match (&model.byte_ids, id) {
                (Some(byte_ids), NONE) => {
                    let bytes = normalized[from..to].iter();
                    ids.extend(bytes.map(|&byte| byte_ids[usize::from(byte)]));
                    spans.extend((from + 1..to).map(|_| (start, start)));
                    spans.push((start, end));
                }
                (None, NONE) if was_unknown => {
                    model.lost.note(&normalized[from..to]);
                    if let Some(last) = spans.last_mut() {
                        last.1 = end;
                    }
                }
                (None, NONE) => {
                    model.lost.note(&normalized[from..to]);
                    ids.push(model.unknown);
                    spans.push((start, end));
                }
                _ => {
                    ids.push(id);
                    spans.push((start, end));
                }
            }
            was_unknown = id == NONE;
        });
        Ok(())
    }
}

impl SentencePiece {
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
        let key = Key::of(word);
        let bpe = matches!(self.algorithm, Algorithm::Bpe(_));
        let first = self.any_bytes && start == 0;
        if first || place.sum.abs() >= MOST_BEFORE || !bpe && key.is_long() {
            self.segment(word, state, place, ids);
            return;
        }
        if let Some(known) = state.cache.get(key, word) {
            return known.ids().iter().for_each(|&id| self.push(id, place, ids));
        }
        let from = ids.len();
        let first = self.segment(word, state, place, ids);
        if from < ids.len() && self.is_certain(word, first, &ids[from..], state) {
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
    fn is_certain(&self, word: &[u8], first: Option<u32>, ids: &[u32], state: &mut State) -> bool {
        let Algorithm::Unigram(model) = &self.algorithm else {
            // A leading unknown joins another one before it.
            return self.byte_ids.is_some() || first.is_some_and(|id| id != NONE);
        };
        // The sum of an unknown's ids is not that of its score.
        let certainty = model.certainty(word, &mut state.lattice);
        certainty.margin > MARGIN
            && certainty.largest < MOST_IN_A_WORD
            && model
                .path(word, &state.lattice)
                .map(|(_, _, id)| id)
                .eq(ids.iter().copied())
    }

    /// Appends the ids of a text by itself; gives that of its first piece, `NONE` for what is none.
    fn segment(
        &self,
        text: &[u8],
        state: &mut State,
        place: &mut Place,
        ids: &mut Vec<u32>,
    ) -> Option<u32> {
        let (from, first) = (ids.len(), ids.len() == place.start);
        let (begin, mut first_id) = (place.start, None);
        self.pieces(text, first, state, &mut place.sum, |piece| {
            let Some((start, end, id)) = piece else {
                first_id = None;
                return ids.truncate(from);
            };
            first_id = first_id.or(Some(id));
            match (&self.byte_ids, id) {
                (Some(byte_ids), NONE) => {
                    let bytes = text[start..end].iter();
                    ids.extend(bytes.map(|&byte| byte_ids[usize::from(byte)]));
                }
                (None, NONE) => {
                    self.lost.note(&text[start..end]);
                    if ids.len() == begin || ids.last() != Some(&self.unknown) {
                        ids.push(self.unknown);
                    }
                }
                _ => ids.push(id),
            }
        });
        first_id
    }

    /// Tells the pieces of a text, and nothing where all told before is to be forgotten; `first`: nothing was before it.
    fn pieces(
        &self,
        text: &[u8],
        first: bool,
        state: &mut State,
        sum: &mut f64,
        mut told: impl FnMut(Option<Piece>),
    ) {
        match &self.algorithm {
            Algorithm::Unigram(model) => {
                *sum = model.segment(text, *sum, &mut state.lattice);
                let path = model.path(text, &state.lattice);
                path.for_each(|piece| told(Some(piece)));
            }
            // (A dummy prefix matters to llama2.c alone: there it is never a part of what follows.)
            Algorithm::Bpe(model) => {
                model.segment(text, first && self.any_bytes, &mut state.merger, told);
            }
        }
    }
}

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
