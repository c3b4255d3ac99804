//! Added tokens: cut out of a text before all else, as Hugging Face's `AddedVocabulary` does.

use crate::error::{Error, Result};
use crate::split::unicode::{char_at, char_before};
use aho_corasick::{AhoCorasick, MatchKind};
use serde::Deserialize;

/// One of them.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs)] // as tokenizer.json has them
pub struct AddedToken {
    pub id: u32,
    pub content: String,
    pub special: bool,
    pub single_word: bool,
    pub lstrip: bool,
    pub rstrip: bool,
    pub normalized: bool,
    /// Whether the model knows it too.
    pub in_vocab: bool,
}

/// Finds some of them: leftmost, and of several that begin there the longest.
#[derive(Debug)]
pub struct AddedTokens {
    finder: AhoCorasick,
    tokens: Vec<AddedToken>,
}

impl AddedTokens {
    /// None where there are none. `spelling` tells what is looked for.
    pub fn new(
        tokens: Vec<AddedToken>,
        spelling: impl Fn(&AddedToken) -> Result<Vec<u8>>,
    ) -> Result<Option<Self>> {
        let mut spelled = Vec::with_capacity(tokens.len());
        for token in tokens {
            let text = spelling(&token)?;
            if !text.is_empty() {
                spelled.push((text, token));
            }
        }
        if spelled.is_empty() {
            return Ok(None);
        }
        let finder = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(spelled.iter().map(|(text, _)| text))
            .map_err(|error| Error::Invalid(format!("the added tokens are too many: {error}")))?;
        Ok(Some(Self {
            finder,
            tokens: spelled.into_iter().map(|(_, token)| token).collect(),
        }))
    }

    /// Hands on what lies between them, with no id, and them, each with its id: (start, end, id).
    pub fn sections(
        &self,
        text: &[u8],
        mut section: impl FnMut(usize, usize, Option<u32>) -> Result<()>,
    ) -> Result<()> {
        let mut done = 0;
        for found in self.finder.find_iter(text) {
            let token = &self.tokens[found.pattern().as_usize()];
            let (mut start, mut end) = (found.start(), found.end());
            if token.single_word && (ends_in_word(&text[..start]) || begins_word(&text[end..])) {
                continue;
            }
            if token.lstrip {
                start = without_spaces_behind(&text[..start]);
            }
            if token.rstrip {
                end += spaces_before(&text[end..]);
            }
            start = start.max(done);
            end = end.max(start);
            if done < start {
                section(done, start, None)?;
            }
            section(start, end, Some(token.id))?;
            done = end;
        }
        if done < text.len() {
            section(done, text.len(), None)?;
        }
        Ok(())
    }
}

fn begins_word(text: &[u8]) -> bool {
    !text.is_empty() && char_at(text, 0).1.is_some_and(is_word)
}

fn ends_in_word(text: &[u8]) -> bool {
    !text.is_empty()
        && char_at(text, char_before(text, text.len()))
            .1
            .is_some_and(is_word)
}

/// `\w`
fn is_word(character: char) -> bool {
    regex_syntax::try_is_word_character(character).unwrap_or(false)
}

fn spaces_before(text: &[u8]) -> usize {
    let mut at = 0;
    while at < text.len() {
        match char_at(text, at) {
            (length, Some(character)) if character.is_whitespace() => at += length,
            _ => break,
        }
    }
    at
}

fn without_spaces_behind(text: &[u8]) -> usize {
    let mut end = text.len();
    while end > 0 {
        let start = char_before(text, end);
        match char_at(text, start) {
            (_, Some(character)) if character.is_whitespace() => end = start,
            _ => break,
        }
    }
    end
}
