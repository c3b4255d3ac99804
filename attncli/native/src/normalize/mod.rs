//! Normalizers: what a text becomes before it is cut. Named and spelled as tokenizer.json does.
//!
//! Unicode: composition, decomposition and `StripAccents` follow the tables of `unicode-normalization-alignments`
//! (Unicode 9.0), the classes of `BertNormalizer` those of `unicode_categories` (Unicode 8.0): the very crates that
//! Hugging Face's `tokenizers` uses, for the same ids. Lower case and white space are those of Rust's `char`.

mod bert;
mod draft;
mod precompiled;
mod replace;
mod unicode;

use crate::charsmap::Charsmap;
use crate::error::Result;
use crate::spell;
pub use bert::{is_punctuation, Bert};
pub use draft::{hull, Draft, Span, Text};
pub use replace::{Pattern, PatternSource, Replace};
use serde::Deserialize;
use unicode::Form;

/// One step as tokenizer.json has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type")]
#[allow(missing_docs)] // the names are the format's
pub enum Step {
    NFC,
    NFD,
    NFKC,
    NFKD,
    Lowercase,
    StripAccents,
    Strip {
        strip_left: bool,
        strip_right: bool,
    },
    Prepend {
        prepend: String,
    },
    Replace {
        pattern: PatternSource,
        content: String,
    },
    BertNormalizer(Bert),
    Nmt,
    Precompiled {
        precompiled_charsmap: String,
    },
    ByteLevel {},
}

/// A step, ready to run.
#[derive(Debug, Clone)]
pub enum Normalizer {
    /// Composed or decomposed.
    Form(Form),
    /// Lower case, character by character: no final sigma.
    Lowercase,
    /// Without combining marks.
    StripAccents,
    /// Without white space on the left, on the right.
    Strip(bool, bool),
    /// With a text before it.
    Prepend(String),
    /// With one text for each match of another.
    Replace(Replace),
    /// BERT's.
    Bert(Bert),
    /// That of neural machine translation: white space of all kinds becomes a space, control characters go.
    Nmt,
    /// By SentencePiece's character map.
    Precompiled(Charsmap),
    /// Each byte as its printable stand-in.
    Spell,
}

impl Normalizer {
    /// Compiles a step. Fails with a regex engine's complaint.
    pub fn new(step: Step) -> Result<Self> {
        Ok(match step {
            Step::NFC => Self::Form(Form::C),
            Step::NFD => Self::Form(Form::D),
            Step::NFKC => Self::Form(Form::KC),
            Step::NFKD => Self::Form(Form::KD),
            Step::Lowercase => Self::Lowercase,
            Step::StripAccents => Self::StripAccents,
            Step::Strip {
                strip_left,
                strip_right,
            } => Self::Strip(strip_left, strip_right),
            Step::Prepend { prepend } => Self::Prepend(prepend),
            Step::Replace { pattern, content } => Self::Replace(Replace::new(&pattern, content)?),
            Step::BertNormalizer(bert) => Self::Bert(bert),
            Step::Nmt => Self::Nmt,
            Step::Precompiled {
                precompiled_charsmap,
            } => Self::Precompiled(Charsmap::from_base64(&precompiled_charsmap)?),
            Step::ByteLevel {} => Self::Spell,
        })
    }

    /// Writes what a text becomes.
    pub fn apply(&self, draft: &mut Draft<'_>) -> Result<()> {
        match self {
            Self::Form(form) => form.apply(draft),
            Self::Lowercase => unicode::lowercase(draft),
            Self::StripAccents => unicode::strip_accents(draft),
            Self::Strip(left, right) => unicode::strip(draft, *left, *right),
            Self::Prepend(text) => {
                if !draft.source().is_empty() {
                    draft.put(text.as_bytes(), 0);
                }
            }
            Self::Replace(replace) => return replace.apply(draft),
            Self::Bert(bert) => bert.apply(draft),
            Self::Nmt => unicode::nmt(draft),
            Self::Precompiled(charsmap) => precompiled::apply(charsmap, draft),
            Self::Spell => spell::spell(draft),
        }
        Ok(())
    }
}

/// Applies all steps, one after another.
pub fn normalize(steps: &[Normalizer], text: &mut Text<'_>) -> Result<()> {
    for step in steps {
        text.change(|draft| step.apply(draft))?;
    }
    Ok(())
}
