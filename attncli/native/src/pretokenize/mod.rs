//! Pre-tokenizers: a text cut into the pieces that the model works on. Named and spelled as tokenizer.json does.

mod split;

use crate::error::Result;
use crate::normalize::{hull, is_punctuation, Draft, PatternSource, Span};
use crate::spell;
use serde::Deserialize;
use split::Cut;
pub use split::{Behavior, Finder};

/// One step as tokenizer.json has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type")]
#[allow(missing_docs)] // the names are the format's
pub enum Step {
    ByteLevel {
        add_prefix_space: bool,
        use_regex: bool,
    },
    Split {
        pattern: PatternSource,
        behavior: Behavior,
        invert: bool,
    },
    Metaspace {
        replacement: char,
        prepend_scheme: PrependScheme,
        split: bool,
    },
    Whitespace,
    WhitespaceSplit,
    BertPreTokenizer,
    Digits {
        individual_digits: bool,
    },
    Punctuation {
        behavior: Behavior,
    },
    CharDelimiterSplit {
        delimiter: char,
    },
}

/// Where `Metaspace` puts its sign before a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrependScheme {
    /// Before the first piece alone.
    First,
    /// Nowhere.
    Never,
    /// Before each piece.
    Always,
}

/// A step, ready to run.
#[derive(Debug, Clone)]
pub enum PreTokenizer {
    /// A cut at what a pattern or a class of characters finds.
    Cut(Cut),
    /// A space before each piece that has none.
    PrefixSpace,
    /// Each byte as its printable stand-in.
    Spell,
    /// A sign for each space.
    Metaspace(char, PrependScheme),
    /// A cut before each run of a sign (no merge of the model crosses there).
    Runs(char),
}

/// The regex of `Whitespace`.
const WORDS_AND_SIGNS: &str = r"\w+|[^\w\s]+";
/// The regex of `ByteLevel`.
pub const GPT2: &str =
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

impl PreTokenizer {
    /// Compiles a step into one or several. `spelled`: whether `ByteLevel` writes stand-ins.
    pub fn new(step: &Step, spelled: bool) -> Result<Vec<Self>> {
        let cut = |finder, behavior| Self::Cut(Cut::new(finder, behavior, false));
        let regex = |source: &str| Finder::pattern(&PatternSource::Regex(source.into()));
        Ok(match step {
            Step::ByteLevel {
                add_prefix_space,
                use_regex,
            } => {
                let mut steps = Vec::new();
                if *add_prefix_space {
                    steps.push(Self::PrefixSpace);
                }
                if *use_regex {
                    steps.push(cut(regex(GPT2)?, Behavior::Isolated));
                }
                if spelled {
                    steps.push(Self::Spell);
                }
                steps
            }
            Step::Split {
                pattern,
                behavior,
                invert,
            } => vec![Self::Cut(Cut::new(
                Finder::pattern(pattern)?,
                *behavior,
                *invert,
            ))],
            Step::Metaspace {
                replacement,
                prepend_scheme,
                split,
            } => {
                let sign = Finder::Sign(*replacement);
                let mut steps = vec![Self::Metaspace(*replacement, *prepend_scheme)];
                steps.extend(split.then(|| cut(sign, Behavior::MergedWithNext)));
                steps
            }
            Step::Whitespace => vec![Self::Cut(Cut::new(
                regex(WORDS_AND_SIGNS)?,
                Behavior::Removed,
                true,
            ))],
            Step::WhitespaceSplit => {
                vec![cut(Finder::Class(char::is_whitespace), Behavior::Removed)]
            }
            Step::BertPreTokenizer => vec![
                cut(Finder::Class(char::is_whitespace), Behavior::Removed),
                cut(Finder::Class(is_punctuation), Behavior::Isolated),
            ],
            Step::Digits { individual_digits } => {
                let behavior = if *individual_digits {
                    Behavior::Isolated
                } else {
                    Behavior::Contiguous
                };
                vec![cut(Finder::Class(char::is_numeric), behavior)]
            }
            Step::Punctuation { behavior } => {
                vec![cut(Finder::Class(is_punctuation), *behavior)]
            }
            Step::CharDelimiterSplit { delimiter } => {
                vec![cut(Finder::Sign(*delimiter), Behavior::Removed)]
            }
        })
    }

    /// The regex that an engine's own splitter may serve in this step's place, and whether it leaves gaps out.
    pub fn as_splitter(&self) -> Option<(&str, bool)> {
        match self {
            Self::Cut(cut) => cut.as_splitter(),
            _ => None,
        }
    }
}

/// A piece of a text.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// UTF-8, but for bytes that are none.
    pub bytes: &'a [u8],
    /// Where asked for: what each byte stands for in the original.
    pub spans: Option<&'a [Span]>,
    /// Whether the original begins with it.
    pub first: bool,
}

impl<'a> Piece<'a> {
    /// A part of it.
    pub fn part(self, start: usize, end: usize) -> Self {
        Self {
            bytes: &self.bytes[start..end],
            spans: self.spans.map(|spans| &spans[start..end]),
            first: self.first && start == 0,
        }
    }

    /// All of the original that it stands for.
    pub fn span(self) -> Span {
        self.span_of(0, self.bytes.len())
    }

    /// All of the original that a part of it stands for; an empty part has an empty place, where what is before it ends.
    pub fn span_of(self, start: usize, end: usize) -> Span {
        self.spans.map_or((0, 0), |spans| hull(spans, start, end))
    }

    /// Hands on what `write` makes of it.
    fn changed(
        self,
        write: impl FnOnce(&mut Draft<'_>),
        sink: &mut dyn FnMut(Piece<'_>) -> Result<()>,
    ) -> Result<()> {
        let mut draft = Draft::new(self.bytes, self.spans, usize::MAX);
        write(&mut draft);
        let Some((bytes, spans)) = draft.finish() else {
            return sink(self);
        };
        sink(Piece {
            bytes: &bytes,
            spans: spans.as_deref(),
            first: self.first,
        })
    }
}

/// Runs a piece through all steps and hands what comes out, none of it empty, to `sink`.
pub fn run(
    steps: &[PreTokenizer],
    piece: Piece<'_>,
    sink: &mut dyn FnMut(Piece<'_>) -> Result<()>,
) -> Result<()> {
    if piece.bytes.is_empty() {
        return Ok(());
    }
    let Some((step, rest)) = steps.split_first() else {
        return sink(piece);
    };
    let mut next = |piece: Piece<'_>| run(rest, piece, sink);
    match step {
        PreTokenizer::Cut(cut) => cut.apply(piece, &mut next),
        PreTokenizer::PrefixSpace => piece.changed(
            |draft| {
                if !draft.source().starts_with(b" ") {
                    draft.put(b" ", 0);
                }
            },
            &mut next,
        ),
        PreTokenizer::Spell => piece.changed(spell::spell, &mut next),
        PreTokenizer::Metaspace(sign, scheme) => {
            let first = piece.first;
            piece.changed(|draft| metaspace(draft, *sign, *scheme, first), &mut next)
        }
        PreTokenizer::Runs(sign) => split::before_runs(*sign, piece, &mut next),
    }
}

fn metaspace(draft: &mut Draft<'_>, sign: char, scheme: PrependScheme, first: bool) {
    let mut buffer = [0; 4];
    let sign = sign.encode_utf8(&mut buffer).as_bytes();
    let source = draft.source();
    let has_one = source.starts_with(sign) || source.starts_with(b" ");
    let wanted = scheme == PrependScheme::Always || (scheme == PrependScheme::First && first);
    if wanted && !has_one {
        draft.put(sign, 0);
    }
    for at in memchr::memchr_iter(b' ', source) {
        draft.keep(at);
        draft.put(sign, at + 1);
    }
}

/// Writes U+FFFD for each byte that is no part of valid UTF-8.
pub fn replace_invalid(draft: &mut Draft<'_>) {
    let mut at = 0;
    for chunk in draft.source().utf8_chunks() {
        at += chunk.valid().len();
        draft.keep(at);
        for _ in chunk.invalid() {
            at += 1;
            draft.put("\u{fffd}".as_bytes(), at);
        }
    }
}
