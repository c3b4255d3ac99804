//! Ids back to bytes, where the model alone does that; and what encoding has lost.

use super::{Model, Tokenizer};

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

    /// The bytes of ids, one after another, or what SentencePiece makes of them; without those to `skip`. None where
    /// one is no id.
    pub fn decode(&self, ids: &[u32], skip: &[u32]) -> Option<Vec<u8>> {
        let vocab = match &self.model {
            Model::Bpe(bpe) => bpe.vocab(),
            Model::WordPiece(wordpiece) => wordpiece.vocab(),
            Model::Unigram(words) => words.vocab(),
            Model::SentencePiece(model) => return model.decode(ids, skip),
        };
        let mut bytes = Vec::with_capacity(ids.len() * 4);
        for id in ids {
            if *id as usize >= vocab.len() {
                return None;
            }
            if skip.is_empty() || !skip.contains(id) {
                bytes.extend_from_slice(vocab.token(*id));
            }
        }
        Some(bytes)
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
