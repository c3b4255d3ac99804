//! A tokenizer as tokenizer.json describes it: added tokens are cut out, the rest is normalized, cut into pieces,
//! and handed to the model.

mod batch;
mod decode;
mod source;

use crate::added::{AddedToken, AddedTokens};
use crate::bpe::{self, Bpe, Dropout};
use crate::chance::Random;
use crate::decode::Decoder;
use crate::error::{Error, Result};
use crate::normalize::{normalize, Normalizer, Span, Text};
use crate::pretokenize::{self, replace_invalid, Piece, PreTokenizer};
use crate::sentencepiece::{self, SentencePiece};
use crate::spell::unspell;
use crate::unigram::{self, Words};
use crate::wordpiece::{self, WordPiece};
pub use batch::Traced;
pub use decode::Ways;
pub use source::Buffers;
use std::sync::Arc;

/// What turns pieces into ids.
#[derive(Debug)]
pub enum Model {
    /// Byte-pair encoding.
    Bpe(Box<Bpe>),
    /// WordPiece.
    WordPiece(Box<WordPiece>),
    /// A unigram language model.
    Unigram(Box<Words>),
    /// SentencePiece, which normalizes too.
    SentencePiece(Box<SentencePiece>),
}

/// A tokenizer, ready.
#[derive(Debug)]
pub struct Tokenizer {
    normalizer: Vec<Normalizer>,
    pre_tokenizer: Vec<PreTokenizer>,
    /// None: tokens stand one after another.
    decoder: Option<Decoder>,
    /// Whether the decoder has them in one, as bytes.
    joined: bool,
    added: Vec<AddedToken>,
    /// The finders where no special token is allowed.
    plain: Arc<Finders>,
    /// Whether the model has no word for a byte that is no UTF-8.
    lossy: bool,
    /// Whether pieces are in stand-ins while the model is of bytes.
    spelled: bool,
    model: Model,
    /// As the file asks for it.
    dropout: f64,
}

/// What a call asks for.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Ids of the special tokens that are cut out of a text.
    pub allow: Vec<u32>,
    /// Ids before each text.
    pub before: Vec<u32>,
    /// Ids behind each text.
    pub after: Vec<u32>,
    /// The probability that a merge is left out; none: the file's.
    pub dropout: Option<f64>,
    /// Chance: text number i of a call draws from seed + i.
    pub seed: u64,
}

/// The added tokens that a call looks for: in the text as it is, and as it is normalized.
#[derive(Debug, Default)]
struct Finders {
    raw: Option<AddedTokens>,
    normalized: Option<AddedTokens>,
}

impl Finders {
    fn are_none(&self) -> bool {
        self.raw.is_none() && self.normalized.is_none()
    }

    fn new(added: &[AddedToken], normalizer: &[Normalizer], allow: &[u32]) -> Result<Self> {
        let wanted = |normalized: bool| -> Vec<AddedToken> {
            let allowed = |token: &&AddedToken| {
                token.normalized == normalized && (!token.special || allow.contains(&token.id))
            };
            added.iter().filter(allowed).cloned().collect()
        };
        let normal = |token: &AddedToken| {
            let mut text = Text::new(token.content.as_bytes(), 0, false);
            normalize(normalizer, &mut text)?;
            Ok(text.bytes.into_owned())
        };
        Ok(Self {
            raw: AddedTokens::new(wanted(false), |token| {
                Ok(token.content.clone().into_bytes())
            })?,
            normalized: AddedTokens::new(wanted(true), normal)?,
        })
    }
}

/// A model's working state, for one thread.
enum ModelEncoder<'a> {
    Bpe(Box<bpe::Encoder<'a>>),
    WordPiece(Box<wordpiece::Encoder<'a>>),
    Unigram(Box<unigram::Encoder<'a>>),
    SentencePiece(Box<sentencepiece::Encoder<'a>>),
}

impl ModelEncoder<'_> {
    /// Appends the ids of a piece.
    #[inline]
    fn piece(&mut self, piece: &[u8], ids: &mut Vec<u32>) -> Result<()> {
        match self {
            // A word of this length is for `encode` to refuse.
            Self::Bpe(encoder) if encoder.splits() || piece.len() >= u32::MAX as usize => {
                encoder.encode(piece, ids)
            }
            Self::Bpe(encoder) => {
                encoder.word(piece, ids);
                Ok(())
            }
            Self::WordPiece(encoder) => {
                encoder.word(piece, ids);
                Ok(())
            }
            Self::Unigram(encoder) => encoder.word(piece, ids),
            Self::SentencePiece(encoder) => encoder.text(piece, ids),
        }
    }

    /// Appends the ids of a piece and the bytes of each.
    fn traced(
        &mut self,
        piece: &[u8],
        ids: &mut Vec<u32>,
        spans: &mut Vec<Span>,
        dropout: Option<&mut Dropout>,
    ) -> Result<()> {
        match self {
            Self::Bpe(encoder) => encoder.traced(piece, ids, spans, dropout),
            Self::WordPiece(encoder) => {
                encoder.traced(piece, ids, spans);
                Ok(())
            }
            Self::Unigram(encoder) => encoder.traced(piece, ids, spans),
            Self::SentencePiece(encoder) => encoder.traced(piece, ids, spans),
        }
    }
}

/// One thread's working state.
struct Encoder<'a> {
    tokenizer: &'a Tokenizer,
    finders: Arc<Finders>,
    model: ModelEncoder<'a>,
    dropout: Option<Dropout>,
    /// Buffers.
    bytes: Vec<u8>,
    within: Vec<Span>,
}

impl Tokenizer {
    fn encoder(&self, options: &Options) -> Result<Encoder<'_>> {
        let finders = if options.allow.is_empty() {
            Arc::clone(&self.plain)
        } else {
            Arc::new(Finders::new(&self.added, &self.normalizer, &options.allow)?)
        };
        let rate = options.dropout.unwrap_or(self.dropout);
        if !(0.0..=1.0).contains(&rate) {
            return Err(Error::Invalid(format!(
                "a dropout of {rate} is no probability"
            )));
        }
        Ok(Encoder {
            tokenizer: self,
            finders,
            model: match &self.model {
                Model::Bpe(bpe) => ModelEncoder::Bpe(Box::new(bpe.encoder())),
                Model::WordPiece(wordpiece) => {
                    ModelEncoder::WordPiece(Box::new(wordpiece.encoder()))
                }
                Model::Unigram(words) => ModelEncoder::Unigram(Box::new(words.encoder())),
                Model::SentencePiece(model) => {
                    ModelEncoder::SentencePiece(Box::new(model.encoder()))
                }
            },
            dropout: (rate > 0.0).then(|| Dropout {
                rate,
                random: Random::new(options.seed),
            }),
            bytes: Vec::new(),
            within: Vec::new(),
        })
    }
}

impl Encoder<'_> {
    /// Appends a text's ids, and their spans in it where asked for.
    fn encode(
        &mut self,
        text: &[u8],
        ids: &mut Vec<u32>,
        spans: Option<&mut Vec<Span>>,
    ) -> Result<()> {
        let plain = self.finders.are_none() && spans.is_none() && self.dropout.is_none();
        if plain && self.tokenizer.takes_any_text() {
            return self.model.piece(text, ids);
        }
        let finders = Arc::clone(&self.finders);
        let mut out = Output { ids, spans };
        match &finders.raw {
            None => self.section(text, 0, &finders, &mut out),
            Some(raw) => raw.sections(text, |start, end, id| match id {
                Some(id) => {
                    out.push(id, (start, end));
                    Ok(())
                }
                None => self.section(&text[start..end], start, &finders, &mut out),
            }),
        }
    }

    /// What lies between two added tokens, and begins at `start`.
    fn section(
        &mut self,
        bytes: &[u8],
        start: usize,
        finders: &Finders,
        out: &mut Output<'_>,
    ) -> Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let mut text = Text::new(bytes, start, out.spans.is_some());
        if self.tokenizer.lossy && std::str::from_utf8(bytes).is_err() {
            text.change(|draft| {
                replace_invalid(draft);
                Ok(())
            })?;
        }
        normalize(&self.tokenizer.normalizer, &mut text)?;
        let whole = Piece {
            bytes: &text.bytes,
            spans: text.spans.as_deref(),
            first: start == 0 && !text.headless,
        };
        let Some(normalized) = &finders.normalized else {
            return self.pieces(whole, out);
        };
        normalized.sections(whole.bytes, |from, to, id| match id {
            Some(id) => {
                out.push(id, whole.part(from, to).span());
                Ok(())
            }
            None => self.pieces(whole.part(from, to), out),
        })
    }

    /// A normalized text without added tokens.
    fn pieces(&mut self, text: Piece<'_>, out: &mut Output<'_>) -> Result<()> {
        let tokenizer = self.tokenizer;
        pretokenize::run(&tokenizer.pre_tokenizer, text, &mut |piece| {
            if !tokenizer.spelled {
                return self.piece(piece, out);
            }
            let mut bytes = std::mem::take(&mut self.bytes);
            bytes.clear();
            unspell(piece.bytes, &mut bytes);
            // A stand-in's bytes all stand for one byte.
            let spans = piece.spans.map(|spans| {
                let starts = piece.bytes.iter().zip(spans);
                let firsts = starts.filter(|(byte, _)| *byte & 0xc0 != 0x80);
                firsts.map(|(_, span)| *span).collect::<Vec<_>>()
            });
            let result = self.piece(
                Piece {
                    bytes: &bytes,
                    spans: spans.as_deref(),
                    first: piece.first,
                },
                out,
            );
            self.bytes = bytes;
            result
        })
    }

    fn piece(&mut self, piece: Piece<'_>, out: &mut Output<'_>) -> Result<()> {
        if out.spans.is_none() && self.dropout.is_none() {
            return self.model.piece(piece.bytes, out.ids);
        }
        self.within.clear();
        self.model.traced(
            piece.bytes,
            out.ids,
            &mut self.within,
            self.dropout.as_mut(),
        )?;
        if let Some(spans) = out.spans.as_deref_mut() {
            let within = self.within.iter();
            spans.extend(within.map(|&(start, end)| piece.span_of(start, end)));
        }
        Ok(())
    }
}

/// Where ids go.
struct Output<'a> {
    ids: &'a mut Vec<u32>,
    spans: Option<&'a mut Vec<Span>>,
}

impl Output<'_> {
    fn push(&mut self, id: u32, span: Span) {
        self.ids.push(id);
        if let Some(spans) = self.spans.as_deref_mut() {
            spans.push(span);
        }
    }
}

impl Tokenizer {
    /// Whether a whole text can go to the model as it is.
    fn takes_any_text(&self) -> bool {
        self.normalizer.is_empty() && self.pre_tokenizer.is_empty() && !self.lossy && !self.spelled
    }
}
