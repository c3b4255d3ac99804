//! What each decoder step does to the tokens.

use super::parts::Parts;
use crate::error::Result;
use crate::normalize::{Pattern, PatternSource};
use crate::spell::{as_stand_ins, unspell};
use memchr::memmem::Finder;
use serde::Deserialize;

/// What WordPiece's `cleanup` takes back, in this order.
const CLEANUP: [(&str, &str); 11] = [
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" do not", " don't"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
];

/// A step as the pipeline has it.
#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
#[allow(missing_docs)] // the format's own words
pub enum StepSource {
    ByteLevel {},
    ByteFallback {},
    Fuse {},
    Join {},
    Replace {
        pattern: PatternSource,
        content: String,
    },
    Strip {
        content: char,
        start: usize,
        stop: usize,
    },
    WordPiece {
        prefix: String,
        cleanup: bool,
    },
    BPEDecoder {
        suffix: String,
    },
    Metaspace {
        replacement: char,
        prepend_scheme: String,
    },
}

/// A step, ready.
#[derive(Debug)]
pub enum Step {
    /// Tokens of stand-ins alone are their bytes; all in one.
    ByteLevel,
    /// Runs of tokens <0xNN> are their bytes.
    ByteFallback,
    /// All in one.
    Fuse,
    /// All in one, with spaces between them.
    Join,
    /// Something in place of each match.
    Replace(Pattern, Vec<u8>),
    /// Up to so many signs off the left and the right.
    Strip(Vec<u8>, usize, usize),
    /// The prefix off all tokens but the first, or a space before them.
    WordPiece(Vec<u8>, Vec<(Pattern, &'static str)>),
    /// A space for the suffix, and nothing in the last token.
    BpeDecoder(Pattern),
    /// A space for the sign; in the first token what stands here.
    Metaspace(Pattern, &'static str),
}

impl Step {
    /// Fails with a regex engine's complaint.
    pub fn new(source: StepSource) -> Result<Self> {
        Ok(match source {
            StepSource::ByteLevel {} => Self::ByteLevel,
            StepSource::ByteFallback {} => Self::ByteFallback,
            StepSource::Fuse {} => Self::Fuse,
            StepSource::Join {} => Self::Join,
            StepSource::Replace { pattern, content } => {
                Self::Replace(Pattern::new(&pattern)?, content.into_bytes())
            }
            StepSource::Strip {
                content,
                start,
                stop,
            } => Self::Strip(content.to_string().into_bytes(), start, stop),
            StepSource::WordPiece { prefix, cleanup } => {
                let pairs = CLEANUP.iter().filter(|_| cleanup);
                let pairs = pairs.map(|&(before, after)| (text(before), after));
                Self::WordPiece(prefix.into_bytes(), pairs.collect())
            }
            StepSource::BPEDecoder { suffix } => Self::BpeDecoder(text(&suffix)),
            StepSource::Metaspace {
                replacement,
                prepend_scheme,
            } => {
                let first = if prepend_scheme == "never" { " " } else { "" };
                Self::Metaspace(text(&replacement.to_string()), first)
            }
        })
    }

    /// Whether it makes the same of a token wherever that stands but in the first place, `next` being done after it.
    pub fn is_by_token(&self, next: Option<&Self>) -> bool {
        match self {
            Self::Replace(..) | Self::Strip(..) | Self::WordPiece(..) | Self::Metaspace(..) => true,
            // Where one token ends in the run is lost, but no one asks.
            Self::ByteFallback => matches!(next, None | Some(Self::Fuse)),
            Self::ByteLevel | Self::Fuse | Self::Join | Self::BpeDecoder(_) => false,
        }
    }

    /// The tokens after it. Fails where they have no room, and where a regex gives up.
    pub fn apply(&self, parts: Parts) -> Result<Parts> {
        let mut made = Parts::like(&parts);
        match self {
            Self::Fuse => return Ok(parts.fused()),
            Self::ByteLevel => {
                for part in parts.iter() {
                    match as_stand_ins(part) {
                        // Never more bytes than there were.
                        Some(text) => unspell(text.as_bytes(), &mut made.bytes),
                        None => made.write(part)?,
                    }
                }
                made.end();
            }
            Self::Join => {
                for (place, part) in parts.iter().enumerate() {
                    made.write(if place > 0 { b" " } else { b"" })?;
                    made.write(part)?;
                }
                made.end();
            }
            Self::ByteFallback => fall_back(&parts, &mut made)?,
            Self::Strip(sign, start, stop) => {
                for part in parts.iter() {
                    made.push(stripped(part, sign, *start, *stop))?;
                }
            }
            Self::WordPiece(prefix, cleanup) => {
                for (place, part) in parts.iter().enumerate() {
                    let word = match part.strip_prefix(&prefix[..]) {
                        _ if place == 0 => part.to_vec(),
                        Some(rest) => rest.to_vec(),
                        None => [b" ", part].concat(),
                    };
                    made.push(&cleaned(word, cleanup)?)?;
                }
            }
            Self::Replace(pattern, content) => {
                for part in parts.iter() {
                    replace(pattern, part, content, &mut made)?;
                    made.end();
                }
            }
            Self::BpeDecoder(suffix) => {
                for (place, part) in parts.iter().enumerate() {
                    let content = if place + 1 < parts.len() { " " } else { "" };
                    replace(suffix, part, content.as_bytes(), &mut made)?;
                    made.end();
                }
            }
            Self::Metaspace(sign, first) => {
                for (place, part) in parts.iter().enumerate() {
                    let content = if place > 0 { " " } else { first };
                    replace(sign, part, content.as_bytes(), &mut made)?;
                    made.end();
                }
            }
        }
        Ok(made)
    }
}

fn text(of: &str) -> Pattern {
    Pattern::Text(Box::new(Finder::new(of).into_owned()))
}

fn replace(pattern: &Pattern, part: &[u8], content: &[u8], made: &mut Parts) -> Result<()> {
    let mut at = 0;
    let mut written = Ok(());
    pattern.matches(part, |start, end| {
        if written.is_ok() {
            written = made
                .write(&part[at..start])
                .and_then(|()| made.write(content));
        }
        at = end;
    })?;
    written?;
    made.write(&part[at..])
}

fn cleaned(mut word: Vec<u8>, cleanup: &[(Pattern, &'static str)]) -> Result<Vec<u8>> {
    for (before, after) in cleanup {
        let mut made = Parts::new(word.len()); // what it takes back only shortens
        replace(before, &word, after.as_bytes(), &mut made)?;
        word = made.bytes;
    }
    Ok(word)
}

/// The byte that a token <0xNN> stands for.
fn byte_of(token: &[u8]) -> Option<u8> {
    let digits: &[u8; 2] = token
        .strip_prefix(b"<0x")?
        .strip_suffix(b">")?
        .try_into()
        .ok()?;
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(digits[0])? * 16 + digit(digits[1])?).ok()
}

fn fall_back(parts: &Parts, made: &mut Parts) -> Result<()> {
    let mut in_run = false;
    for part in parts.iter() {
        if let Some(byte) = byte_of(part) {
            made.write(&[byte])?;
            in_run = true;
            continue;
        }
        if std::mem::take(&mut in_run) {
            made.end();
        }
        made.push(part)?;
    }
    if in_run {
        made.end();
    }
    Ok(())
}

/// Without up to `start` signs on the left and `stop` on the right, both counted in the whole.
fn stripped<'a>(part: &'a [u8], sign: &[u8], start: usize, stop: usize) -> &'a [u8] {
    let (mut from, mut to) = (0, part.len());
    for _ in 0..start.min(part.len()) {
        from += if part[from..].starts_with(sign) {
            sign.len()
        } else {
            break;
        };
    }
    for _ in 0..stop.min(part.len()) {
        to -= if part[..to].ends_with(sign) {
            sign.len()
        } else {
            break;
        };
    }
    &part[from..to.max(from)]
}
