//! Ids back to text; and what encoding has lost.

use super::{Model, Tokenizer};
use crate::bpe::batch::share;
use crate::error::{Error, Result};
use crate::workers::{check, in_order};
use std::sync::atomic::AtomicBool;

/// Ids for which another thread pays.
const WORTH_A_THREAD: usize = 1 << 16;
/// Ids of a job, but for a document that has more.
const JOB: usize = 1 << 16;

/// An id as arrays hold it.
pub trait Id: Copy + Into<u32> + Sync {}
impl<T: Copy + Into<u32> + Sync> Id for T {}

/// How documents become text.
#[derive(Debug, Clone, Copy)]
pub struct Ways<'a> {
    /// Ids that are left out.
    pub skip: &'a [u32],
    /// An id that is left out behind a document.
    pub end_of_text: Option<u32>,
    /// What follows each document's text.
    pub end: &'a [u8],
}

/// `starts` as places in a list of `len` ids that begins at the first of them.
fn places(len: usize, starts: &[u64]) -> Result<Vec<usize>> {
    let first = starts.first().copied().unwrap_or(0);
    let places: Option<Vec<usize>> = starts
        .iter()
        .map(|&start| usize::try_from(start.checked_sub(first)?).ok())
        .collect();
    places
        .filter(|places| places.is_sorted() && places.last().copied().unwrap_or(0) == len)
        .ok_or_else(|| Error::Invalid("the starts do not fit the ids".into()))
}

impl Tokenizer {
    /// Entries of the vocabulary.
    pub fn entries(&self) -> usize {
        match &self.model {
            Model::Bpe(bpe) => bpe.vocab().len(),
            Model::WordPiece(wordpiece) => wordpiece.vocab().len(),
            Model::Unigram(words) => words.vocab().len(),
            Model::SentencePiece(model) => model.entries(),
        }
    }

    /// The text of ids without those to `skip`. Fails where one is no id, and where a decoder does.
    pub fn decode(&self, ids: &[u32], skip: &[u32]) -> Result<Vec<u8>> {
        let mut text = Vec::with_capacity(ids.len() * 4);
        self.decode_into(ids, skip, &mut text)?;
        Ok(text)
    }

    /// The texts of documents one after another, on up to `threads` threads: `starts` are places in `ids` beyond the first
    /// of them, the last is where they end. Fails where they do not fit too. `cancel` stops.
    pub fn decode_flat<I: Id>(
        &self,
        ids: &[I],
        starts: &[u64],
        ways: &Ways<'_>,
        threads: usize,
        cancel: &AtomicBool,
    ) -> Result<Vec<Vec<u8>>> {
        let places = places(ids.len(), starts)?;
        let documents: Vec<&[I]> = places
            .windows(2)
            .map(|span| &ids[span[0]..span[1]])
            .collect();
        let workers = threads.clamp(1, ids.len() / WORTH_A_THREAD + 1);
        let least = JOB.min(ids.len() / workers / 4).max(1);
        let jobs = share(&documents, |document| document.len(), least);
        let decode = |(): &mut (), &(_, job): &(usize, &[&[I]])| self.decode_job(job, ways, cancel);
        in_order(&jobs, workers, cancel, || Ok(()), decode)
    }

    fn decode_job<I: Id>(
        &self,
        documents: &[&[I]],
        ways: &Ways<'_>,
        cancel: &AtomicBool,
    ) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        let mut document: Vec<u32> = Vec::new();
        for ids in documents {
            check(cancel)?;
            document.clear();
            document.extend(ids.iter().map(|&id| id.into()));
            if ways.end_of_text.is_some() && document.last().copied() == ways.end_of_text {
                document.pop();
            }
            self.decode_into(&document, ways.skip, &mut text)?;
            text.extend_from_slice(ways.end);
        }
        Ok(text)
    }

    fn decode_into(&self, ids: &[u32], skip: &[u32], text: &mut Vec<u8>) -> Result<()> {
        if ids.iter().any(|&id| id as usize >= self.entries()) {
            return Err(Error::Invalid("an id is not in the vocabulary".into()));
        }
        let vocab = match &self.model {
            Model::Bpe(bpe) => bpe.vocab(),
            Model::WordPiece(wordpiece) => wordpiece.vocab(),
            Model::Unigram(words) => words.vocab(),
            Model::SentencePiece(model) => {
                text.extend(model.decode(ids, skip)?);
                return Ok(());
            }
        };
        let kept = ids.iter().copied().filter(|id| !skip.contains(id));
        match &self.decoder {
            Some(decoder) if self.joined => {
                let bytes = kept.flat_map(|id| vocab.token(id)).copied().collect();
                text.extend(decoder.of_text(bytes)?);
            }
            Some(decoder) => text.extend(decoder.by_id(vocab, kept)?),
            None => kept.for_each(|id| text.extend_from_slice(vocab.token(id))),
        }
        Ok(())
    }

    /// Characters or words that the vocabulary could not say, of all texts so far.
    pub fn lost(&self) -> Vec<Vec<u8>> {
        match &self.model {
            Model::Bpe(bpe) => bpe.lost(),
            Model::WordPiece(wordpiece) => wordpiece.lost.all(),
            Model::Unigram(words) => words.lost.all(),
            Model::SentencePiece(model) => model.lost(),
        }
    }
}
