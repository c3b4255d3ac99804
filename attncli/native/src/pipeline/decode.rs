//! Ids back to bytes, where tokens are bytes; and what encoding has lost.

use super::{Model, Tokenizer};
use crate::vocab::Vocab;

impl Tokenizer {
    pub(super) fn vocab(&self) -> &Vocab {
        match &self.model {
            Model::Bpe(bpe) => bpe.vocab(),
            Model::WordPiece(wordpiece) => wordpiece.vocab(),
        }
    }

    /// The bytes of ids, one after another, without those to `skip`; none where one is no id.
    pub fn decode(&self, ids: &[u32], skip: &[u32]) -> Option<Vec<u8>> {
        let vocab = self.vocab();
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
        }
    }
}
