//! Pieces of a text to ids by a unigram model, as Hugging Face's tokenizers have it: sums are f64, and start anew with
//! each piece.

use super::{Lattice, Unigram, UNKNOWN_PENALTY};
use crate::bpe::cache::Cache;
use crate::bpe::key::Key;
use crate::error::{Error, Result};
use crate::lost::Lost;
use crate::normalize::Span;
use crate::trie::NONE;
use crate::vocab::Vocab;
use std::sync::{Mutex, PoisonError};

/// A model and what becomes of characters that are no piece.
#[derive(Debug)]
pub struct Words {
    vocab: Vocab,
    unigram: Unigram,
    /// The id of unknown characters, neighbouring ones together.
    unknown: Option<u32>,
    /// Ids of <0x00> to <0xFF>, `NONE` where there is no such token.
    byte_ids: Option<Box<[u32; 256]>>,
    idle: Mutex<Vec<(Lattice, Cache)>>,
    /// Characters that became unknown.
    pub lost: Lost,
}

impl Words {
    /// The pieces are the tokens that can be looked up; the worst of all scores makes that of unknown characters.
    pub fn new(
        vocab: Vocab,
        scores: Vec<f64>,
        unknown: Option<u32>,
        byte_fallback: bool,
    ) -> Result<Self> {
        if scores.len() != vocab.len() {
            return Err(Error::Invalid(format!(
                "{} tokens have {} scores",
                vocab.len(),
                scores.len()
            )));
        }
        let scored = scores.iter().copied().filter(|score| score.is_finite());
        let worst = scored.fold(f64::INFINITY, f64::min);
        let worst = if worst.is_finite() { worst } else { 0.0 };
        let pieces = vocab.ids().zip(&scores).filter_map(|(id, score)| {
            let token = vocab.token(id);
            (score.is_finite() && vocab.id(token) == Some(id)).then_some((token, id))
        });
        let pieces = pieces.collect();
        let byte_ids = byte_fallback.then(|| {
            let mut ids = Box::new([NONE; 256]);
            for (byte, id) in ids.iter_mut().enumerate() {
                *id = vocab
                    .id(format!("<0x{byte:02X}>").as_bytes())
                    .unwrap_or(NONE);
            }
            ids
        });
        let penalty = f64::from(UNKNOWN_PENALTY);
        Ok(Self {
            unigram: Unigram::new(pieces, scores, worst - penalty, false),
            vocab,
            unknown,
            byte_ids,
            idle: Mutex::default(),
            lost: Lost::default(),
        })
    }

    /// The tokens.
    pub fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    /// Whether any bytes have ids.
    pub fn knows_all_bytes(&self) -> bool {
        let ids = self.byte_ids.as_ref();
        ids.is_some_and(|ids| ids.iter().all(|&id| id != NONE))
    }

    /// An encoder for one thread, with the words that an earlier one met.
    pub fn encoder(&self) -> Encoder<'_> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let (lattice, cache) = idle.pop().unwrap_or_default();
        Encoder {
            model: self,
            lattice,
            cache,
            spans: Vec::new(),
        }
    }

    /// The ids of a run of characters that are no piece: one for the whole, those of its bytes, or the unknown one.
    fn fall_back(
        &self,
        text: &[u8],
        (start, end): Span,
        ids: &mut Vec<u32>,
        spans: &mut Vec<Span>,
    ) -> Result<()> {
        let run = &text[start..end];
        let whole = self.unigram.id_of(run);
        if whole != NONE {
            ids.push(whole);
            spans.push((start, end));
            return Ok(());
        }
        let byte_ids = self.byte_ids.as_ref();
        let id = |byte: &u8| byte_ids.map_or(NONE, |ids| ids[usize::from(*byte)]);
        if run.iter().all(|byte| id(byte) != NONE) {
            ids.extend(run.iter().map(id));
            spans.extend((start..end).map(|at| (at, at + 1)));
            return Ok(());
        }
        self.lost.note(run);
        let Some(unknown) = self.unknown else {
            return Err(Error::Invalid(format!(
                "{:?} is unknown, and the model has no id for it",
                String::from_utf8_lossy(run)
            )));
        };
        ids.push(unknown);
        spans.push((start, end));
        Ok(())
    }
}

/// One thread's working state; it goes back to the model when dropped.
#[derive(Debug)]
pub struct Encoder<'a> {
    model: &'a Words,
    lattice: Lattice,
    cache: Cache,
    /// A buffer.
    spans: Vec<Span>,
}

impl Drop for Encoder<'_> {
    fn drop(&mut self) {
        let idle = self.model.idle.lock();
        let mut idle = idle.unwrap_or_else(PoisonError::into_inner);
        let state = std::mem::take(&mut self.lattice);
        idle.push((state, std::mem::take(&mut self.cache)));
    }
}

impl Encoder<'_> {
    /// Appends a piece's ids.
    pub fn word(&mut self, word: &[u8], ids: &mut Vec<u32>) -> Result<()> {
        if word.is_empty() {
            return Ok(());
        }
        let key = Key::of(word);
        if !self.cache.append(key, word, ids) {
            let from = ids.len();
            let mut spans = std::mem::take(&mut self.spans);
            spans.clear();
            self.traced(word, ids, &mut spans)?;
            self.spans = spans;
            self.cache.put(key, word, &ids[from..]);
        }
        Ok(())
    }

    /// Appends a piece's ids and the bytes of each.
    pub fn traced(&mut self, word: &[u8], ids: &mut Vec<u32>, spans: &mut Vec<Span>) -> Result<()> {
        if word.len() >= NONE as usize {
            return Err(Error::Invalid("a text of 4 GiB or more".into()));
        }
        let model = self.model;
        model.unigram.segment(word, 0.0, &mut self.lattice);
        let unknown = |id| id == NONE || Some(id) == model.unknown;
        let mut path = model.unigram.path(word, &self.lattice).peekable();
        while let Some((start, mut end, id)) = path.next() {
            if !unknown(id) {
                ids.push(id);
                spans.push((start, end));
                continue;
            }
            // Without an id for them unknown characters do not join.
            while let Some((_, further, _)) =
                path.next_if(|&(_, _, next)| unknown(next) && model.unknown.is_some())
            {
                end = further;
            }
            model.fall_back(word, (start, end), ids, spans)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::Tokens;

    fn model(unknown: Option<u32>, byte_fallback: bool) -> Words {
        let mut tokens = Tokens::default();
        for token in ["<unk>", "a", "aa", "<0x21>"] {
            tokens.push(token.as_bytes());
        }
        let mut vocab = Vocab::new(tokens).unwrap();
        vocab
            .ids()
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|id| assert!(vocab.enter(id)));
        Words::new(vocab, vec![0.0, -1.0, -1.5, -9.0], unknown, byte_fallback).unwrap()
    }

    fn encode(model: &Words, text: &str) -> Result<(Vec<u32>, Vec<Span>)> {
        let (mut ids, mut spans) = (Vec::new(), Vec::new());
        model
            .encoder()
            .traced(text.as_bytes(), &mut ids, &mut spans)?;
        Ok((ids, spans))
    }

    #[test]
    fn unknown_characters_join_or_fall_back() {
        let unknown = model(Some(0), false);
        let expected = (vec![0, 2, 0], vec![(0, 2), (2, 4), (4, 5)]);
        assert_eq!(encode(&unknown, "xyaaz").unwrap(), expected);
        assert_eq!(unknown.lost.all(), vec![b"xy".to_vec(), b"z".to_vec()]);
        let bytes = model(None, true);
        assert_eq!(encode(&bytes, "aa!").unwrap().0, [2, 3]);
        assert!(encode(&bytes, "x").is_err());
        assert!(encode(&model(None, false), "!").is_err());
    }
}
