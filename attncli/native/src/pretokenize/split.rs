//! Cuts at matches, in Hugging Face's behaviours.

use super::Piece;
use crate::error::Result;
use crate::normalize::{Pattern, PatternSource};
use crate::split::unicode::char_at;
use crate::split::Splitter;
use serde::Deserialize;

/// What becomes of a match: of `the-final--countdown` and `-`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Behavior {
    /// `the final countdown`
    Removed,
    /// `the - final - - countdown`
    Isolated,
    /// `the- final- - countdown`
    MergedWithPrevious,
    /// `the -final - -countdown`
    MergedWithNext,
    /// `the - final -- countdown`
    Contiguous,
}

/// What finds matches.
#[derive(Debug, Clone)]
pub enum Finder {
    /// A text or a regex; its source where it is a regex.
    Pattern(Pattern, Option<String>),
    /// A regex that an engine's own splitter serves; without matches of no length.
    Splitter(Box<Splitter>, String),
    /// Each character of a class.
    Class(fn(char) -> bool),
    /// Each occurrence of a character.
    Sign(char),
}

impl Finder {
    /// Fails with the regex engine's complaint.
    pub fn pattern(source: &PatternSource) -> Result<Self> {
        Ok(match source {
            PatternSource::Regex(regex) => {
                let splitter = Splitter::new(regex, false)?;
                if splitter.handwritten() && !regex.is_empty() {
                    return Ok(Self::Splitter(
                        Box::new(Splitter::new(regex, true)?),
                        regex.clone(),
                    ));
                }
                Self::Pattern(Pattern::new(source)?, Some(regex.clone()))
            }
            PatternSource::String(_) => Self::Pattern(Pattern::new(source)?, None),
        })
    }

    fn matches(&self, text: &[u8], mut found: impl FnMut(usize, usize)) -> Result<()> {
        match self {
            Self::Pattern(pattern, _) => return pattern.matches(text, found),
            Self::Splitter(splitter, _) => return splitter.each(text, found),
            Self::Class(class) => {
                let mut at = 0;
                while at < text.len() {
                    let (length, character) = char_at(text, at);
                    if class(character.unwrap_or(char::REPLACEMENT_CHARACTER)) {
                        found(at, at + length);
                    }
                    at += length;
                }
            }
            Self::Sign(sign) => {
                let mut buffer = [0; 4];
                let sign = sign.encode_utf8(&mut buffer).as_bytes();
                for at in memchr::memmem::find_iter(text, sign) {
                    found(at, at + sign.len());
                }
            }
        }
        Ok(())
    }
}

/// A cut at matches.
#[derive(Debug, Clone)]
pub struct Cut {
    finder: Finder,
    behavior: Behavior,
    invert: bool,
}

impl Cut {
    /// With `invert` what lies between matches is what is cut at.
    pub fn new(finder: Finder, behavior: Behavior, invert: bool) -> Self {
        Self {
            finder,
            behavior,
            invert,
        }
    }

    /// As `PreTokenizer::as_splitter`.
    pub fn as_splitter(&self) -> Option<(&str, bool)> {
        let (Finder::Pattern(_, Some(source)) | Finder::Splitter(_, source)) = &self.finder else {
            return None;
        };
        match (self.behavior, self.invert) {
            (Behavior::Isolated, _) => Some((source, false)),
            (Behavior::Removed, true) => Some((source, true)),
            _ => None,
        }
    }

    /// Hands the parts of a piece on.
    pub fn apply(
        &self,
        piece: Piece<'_>,
        sink: &mut dyn FnMut(Piece<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut parts = Parts {
            piece,
            behavior: self.behavior,
            after_match: false,
            start: 0,
            end: 0,
            sink,
            result: Ok(()),
        };
        let mut gap = 0;
        self.finder.matches(piece.bytes, |start, end| {
            if gap < start {
                parts.add(start, self.invert);
            }
            parts.add(end, !self.invert);
            gap = end;
        })?;
        if gap < piece.bytes.len() {
            parts.add(piece.bytes.len(), self.invert);
        }
        parts.flush();
        parts.result
    }
}

/// Parts as they are put together: the last one may still grow.
struct Parts<'a, 's> {
    piece: Piece<'a>,
    behavior: Behavior,
    after_match: bool,
    start: usize,
    end: usize,
    sink: &'s mut dyn FnMut(Piece<'_>) -> Result<()>,
    result: Result<()>,
}

impl Parts<'_, '_> {
    /// The next stretch, up to `end`: a match or not.
    fn add(&mut self, end: usize, is_match: bool) {
        let begins = match self.behavior {
            Behavior::Removed | Behavior::Isolated => true,
            Behavior::Contiguous => is_match != self.after_match,
            // A match goes to the part before it, but not a second match.
            Behavior::MergedWithPrevious => !is_match || self.after_match,
            // The other way round: what follows a match goes to it, unless it is a match itself.
            Behavior::MergedWithNext => is_match || !self.after_match,
        };
        if begins {
            self.flush();
            self.start = self.end;
        }
        self.end = end;
        self.after_match = is_match;
        if is_match && self.behavior == Behavior::Removed {
            self.start = end;
        }
    }

    fn flush(&mut self) {
        if self.start < self.end && self.result.is_ok() {
            self.result = (self.sink)(self.piece.part(self.start, self.end));
        }
        self.start = self.end;
    }
}

/// Cuts a piece before each run of a sign.
pub fn before_runs(
    sign: char,
    piece: Piece<'_>,
    sink: &mut dyn FnMut(Piece<'_>) -> Result<()>,
) -> Result<()> {
    let mut buffer = [0; 4];
    let sign = sign.encode_utf8(&mut buffer).as_bytes();
    let (mut start, mut run_end) = (0, 0);
    for at in memchr::memmem::find_iter(piece.bytes, sign) {
        if at > run_end && at > start {
            sink(piece.part(start, at))?;
            start = at;
        }
        run_end = at + sign.len();
    }
    sink(piece.part(start, piece.bytes.len()))
}
