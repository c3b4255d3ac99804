//! Ids back to text; and what encoding has lost.

use super::{Model, Tokenizer};
use crate::error::{Error, Result};

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
        let unknown = || Error::Invalid("an id is not in the vocabulary".into());
        let vocab = match &self.model {
            Model::Bpe(bpe) => bpe.vocab(),
            Model::WordPiece(wordpiece) => wordpiece.vocab(),
            Model::Unigram(words) => words.vocab(),
            Model::SentencePiece(model) => return model.decode(ids, skip).ok_or_else(unknown),
        };
        if ids.iter().any(|&id| id as usize >= vocab.len()) {
            return Err(unknown());
        }
        let kept = ids.iter().copied().filter(|id| !skip.contains(id));
        if let Some(decoder) = self.decoder.as_ref().filter(|_| !self.joined) {
            return decoder.by_id(vocab, kept);
        }
        let mut bytes = Vec::with_capacity(ids.len() * 4);
        kept.for_each(|id| bytes.extend_from_slice(vocab.token(id)));
        match &self.decoder {
            Some(decoder) => decoder.of_text(bytes),
            None => Ok(bytes),
        }
    }

    /// Characters or words that the vocabulary could not say, of all texts so far.
    pub fn lost(&self) -> Vec<Vec<u8>> {
        match &self.model {
            Model::Bpe(bpe) => bpe.lost(),
            Model::WordPiece(wordpiece) => wordpiece.lost.all(),
            Model::Unigram(words) => words.lost.all(),
            Model::SentencePiece(model) => model.lost.all(),
        }
    }
}
