//! Any other pattern, through a backtracking regex engine.

use super::unicode::char_at;
use crate::error::{Error, Result};
use fancy_regex::Regex;
use std::borrow::Cow;

/// Bytes of a pattern's source: one of 10 MB takes more than 500 to compile.
const LONGEST: usize = 1 << 16;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct General {
    regex: Regex,
}

impl General {
    /// Compiles the source; the error says what is wrong with it.
    pub fn new(pattern: &str) -> Result<Self> {
        if pattern.len() > LONGEST {
            return Err(Error::Invalid(format!(
                "the pattern does not compile: {} bytes of it are too many",
                pattern.len()
            )));
        }
        match Regex::new(pattern) {
            Ok(regex) => Ok(Self { regex }),
            Err(error) => Err(Error::Invalid(format!(
                "the pattern does not compile: {}",
                error.to_string().replace('\n', " ")
            ))),
        }
    }

    /// Pieces as `Splitter::each` gives them; empty matches cut nothing.
    pub fn each(
        &self,
        text: &[u8],
        drop_gaps: bool,
        mut piece: impl FnMut(usize, usize),
    ) -> Result<()> {
        let mut gap = 0;
        self.matches(text, |start, end| {
            if start > gap && !drop_gaps {
                piece(gap, start);
            }
            if end > start {
                piece(start, end);
            }
            gap = end.max(gap);
        })?;
        if text.len() > gap && !drop_gaps {
            piece(gap, text.len());
        }
        Ok(())
    }

    /// Calls `found(start, end)` for each match in order. Fails where the engine gives up backtracking.
    pub fn matches(&self, text: &[u8], mut found: impl FnMut(usize, usize)) -> Result<()> {
        let (valid, places) = as_text(text);
        let original = |at: usize| places.as_ref().map_or(at, |places| places[at]);
        for matched in self.regex.find_iter(valid.as_ref()) {
            let matched = matched.map_err(|error| {
                Error::Invalid(format!("the pattern gives up on this text: {error}"))
            })?;
            found(original(matched.start()), original(matched.end()));
        }
        Ok(())
    }
}

/// The text with U+FFFD for each invalid byte, and where there is one, the original place of each place in it.
fn as_text(text: &[u8]) -> (Cow<'_, str>, Option<Vec<usize>>) {
    if let Ok(valid) = std::str::from_utf8(text) {
        return (Cow::Borrowed(valid), None);
    }
    let mut valid = String::with_capacity(text.len() + text.len() / 8);
    let mut places = Vec::with_capacity(text.len() + text.len() / 8 + 1);
    let mut at = 0;
    while at < text.len() {
        let (length, character) = char_at(text, at);
        valid.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
        places.resize(valid.len(), at);
        at += length;
    }
    places.push(at);
    (Cow::Owned(valid), Some(places))
}
