//! WordPiece: from the left always the longest token (Wu et al. 2016; `WordpieceTokenizer` of BERT's tokenization.py).

use crate::bpe::cache::Cache;
use crate::bpe::key::Key;
use crate::lost::Lost;
use crate::normalize::Span;
use crate::split::unicode::char_at;
use crate::vocab::Vocab;
use std::sync::{Mutex, PoisonError};

/// The tables.
#[derive(Debug)]
pub struct WordPiece {
    vocab: Vocab,
    prefix: Vec<u8>,
    unknown: u32,
    most_characters: usize,
    /// Bytes of the longest token.
    longest: usize,
    idle: Mutex<Vec<Cache>>,
    /// Words that became unknown.
    pub lost: Lost,
}

impl WordPiece {
    /// `prefix` stands before each token that does not begin a word; a longer word than `most_characters` is
    /// unknown as a whole.
    pub fn new(vocab: Vocab, prefix: &str, unknown: u32, most_characters: usize) -> Self {
        let longest = vocab.ids().map(|id| vocab.token(id).len()).max();
        Self {
            vocab,
            prefix: prefix.as_bytes().to_vec(),
            unknown,
            most_characters,
            longest: longest.unwrap_or(0),
            idle: Mutex::default(),
            lost: Lost::default(),
        }
    }

    /// The tokens.
    pub fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    /// An encoder for one thread, with the words that an earlier one met.
    pub fn encoder(&self) -> Encoder<'_> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        Encoder {
            model: self,
            cache: idle.pop().unwrap_or_default(),
            candidate: Vec::new(),
        }
    }
}

/// One thread's working state; it goes back to the tokenizer when dropped.
#[derive(Debug)]
pub struct Encoder<'a> {
    model: &'a WordPiece,
    cache: Cache,
    candidate: Vec<u8>,
}

impl Drop for Encoder<'_> {
    fn drop(&mut self) {
        let mut idle = self
            .model
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        idle.push(std::mem::take(&mut self.cache));
    }
}

impl Encoder<'_> {
    /// Appends a word's ids.
    pub fn word(&mut self, word: &[u8], ids: &mut Vec<u32>) {
        if word.is_empty() {
            return;
        }
        let key = Key::of(word);
        if !self.cache.append(key, word, ids) {
            let from = ids.len();
            self.traced(word, ids, &mut Vec::new());
            self.cache.put(key, word, &ids[from..]);
        }
    }

    /// Appends a word's ids and the bytes of each.
    pub fn traced(&mut self, word: &[u8], ids: &mut Vec<u32>, spans: &mut Vec<Span>) {
        let (from, spans_from) = (ids.len(), spans.len());
        let mut start = 0;
        let too_long = word.len() > self.model.most_characters
            && characters(word) > self.model.most_characters;
        while start < word.len() && !too_long {
            let Some((id, end)) = self.longest(word, start) else {
                break;
            };
            ids.push(id);
            spans.push((start, end));
            start = end;
        }
        if start < word.len() {
            ids.truncate(from);
            spans.truncate(spans_from);
            self.model.lost.note(word);
            ids.push(self.model.unknown);
            spans.push((0, word.len()));
        }
    }

    /// The longest token that the rest of a word begins with, and where it ends.
    fn longest(&mut self, word: &[u8], start: usize) -> Option<(u32, usize)> {
        let model = self.model;
        let prefix: &[u8] = if start > 0 { &model.prefix } else { &[] };
        let room = model.longest.saturating_sub(prefix.len());
        let most = word.len().min(start + room);
        self.candidate.clear();
        self.candidate.extend_from_slice(prefix);
        self.candidate.extend_from_slice(&word[start..most]);
        for end in (start + 1..=most).rev() {
            // Only between characters.
            if word.get(end).is_none_or(|byte| byte & 0xc0 != 0x80) {
                if let Some(id) = model.vocab.id(&self.candidate) {
                    return Some((id, end));
                }
            }
            self.candidate.pop();
        }
        None
    }
}

fn characters(word: &[u8]) -> usize {
    let (mut at, mut count) = (0, 0);
    while at < word.len() {
        at += char_at(word, at).0;
        count += 1;
    }
    count
}
