//! One text in place of every match of another, or of a regex.

use super::draft::Draft;
use crate::error::Result;
use crate::split::General;
use memchr::memmem::Finder;
use serde::Deserialize;

/// What is looked for, as tokenizer.json has it.
#[derive(Debug, Clone, Deserialize)]
pub enum PatternSource {
    /// The text itself.
    String(String),
    /// A regex.
    Regex(String),
}

/// What is looked for, ready.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// The text itself; the empty one is never found.
    Text(Box<Finder<'static>>),
    /// A regex.
    Regex(Box<General>),
}

impl Pattern {
    /// Fails with the regex engine's complaint.
    pub fn new(source: &PatternSource) -> Result<Self> {
        Ok(match source {
            PatternSource::String(text) => Self::Text(Box::new(Finder::new(text).into_owned())),
            PatternSource::Regex(regex) => Self::Regex(Box::new(General::new(regex)?)),
        })
    }

    /// Calls `found(start, end)` for each match, from left to right. Fails where a regex gives up.
    pub fn matches(&self, text: &[u8], mut found: impl FnMut(usize, usize)) -> Result<()> {
        if text.is_empty() {
            return Ok(()); // where Hugging Face finds nothing either
        }
        match self {
            Self::Regex(regex) => return regex.matches(text, found),
            Self::Text(finder) => {
                let length = finder.needle().len();
                if length > 0 {
                    for at in finder.find_iter(text) {
                        found(at, at + length);
                    }
                }
            }
        }
        Ok(())
    }
}

/// A pattern and what comes in the place of its matches.
#[derive(Debug, Clone)]
pub struct Replace {
    pattern: Pattern,
    content: String,
}

impl Replace {
    /// Fails with the regex engine's complaint.
    pub fn new(pattern: &PatternSource, content: String) -> Result<Self> {
        Ok(Self {
            pattern: Pattern::new(pattern)?,
            content,
        })
    }

    pub(super) fn apply(&self, draft: &mut Draft<'_>) -> Result<()> {
        self.pattern.matches(draft.source(), |start, end| {
            draft.keep(start);
            draft.put(self.content.as_bytes(), end);
        })
    }
}
