//! A tokenizer made of what a file says.

use super::{Finders, Model, Tokenizer};
use crate::added::AddedToken;
use crate::bpe::{Bpe, Tables};
use crate::decode::{Decoder, StepSource};
use crate::error::{Error, Result};
use crate::normalize::{self, Normalizer};
use crate::pretokenize::{self, PreTokenizer};
use crate::sentencepiece::{self, SentencePiece};
use crate::split::Splitter;
use crate::tokens::Tokens;
use crate::unigram::Words;
use crate::vocab::Vocab;
use crate::wordpiece::WordPiece;
use serde::Deserialize;
use std::sync::Arc;

/// The pipeline around the tokens, in the words of tokenizer.json.
#[derive(Debug, Deserialize)]
struct Source {
    normalizer: Vec<normalize::Step>,
    pre_tokenizer: Vec<pretokenize::Step>,
    decoder: Vec<StepSource>,
    added_tokens: Vec<AddedToken>,
    model: ModelSource,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum ModelSource {
    #[serde(rename = "BPE")]
    Bpe {
        byte_level: bool,
        ignore_merges: bool,
        byte_fallback: bool,
        unknown: Option<u32>,
        fuse_unk: bool,
        continuing_subword_prefix: String,
        end_of_word_suffix: String,
        dropout: f64,
    },
    WordPiece {
        unknown: u32,
        continuing_subword_prefix: String,
        max_input_chars_per_word: usize,
    },
    Unigram {
        unknown: Option<u32>,
        byte_fallback: bool,
    },
    SentencePiece(sentencepiece::Settings),
}

/// The model's tables beside its tokens.
#[derive(Debug, Clone, Default)]
pub struct Buffers {
    /// The (left, right) ids of a BPE model by rank.
    pub merges: Vec<(u32, u32)>,
    /// The ids that they make, where these are not those of the concatenated bytes.
    pub new: Option<Vec<u32>>,
    /// Score of each id of a Unigram or SentencePiece model.
    pub scores: Vec<f64>,
    /// Type of each id of a SentencePiece model.
    pub types: Vec<u8>,
}

/// A model, and what it means for the steps before it.
struct Built {
    model: Model,
    pre_tokenizer: Vec<PreTokenizer>,
    lossy: bool,
    spelled: bool,
    dropout: f64,
}

/// The sign that SentencePiece writes for a space.
const SIGN: char = '▁';

impl Tokenizer {
    /// Of the tokens, the pipeline around them in JSON, and the model's own tables.
    pub fn new(tokens: Tokens, pipeline: &str, buffers: Buffers) -> Result<Self> {
        let mut source: Source = serde_json::from_str(pipeline)
            .map_err(|error| Error::Invalid(format!("the pipeline is not understood: {error}")))?;
        let kept = kept(tokens.len(), &source.added_tokens)?;
        let mut normalizer = Vec::with_capacity(source.normalizer.len());
        for step in std::mem::take(&mut source.normalizer) {
            normalizer.push(Normalizer::new(step)?);
        }
        let spells = normalizer
            .iter()
            .any(|step| matches!(step, Normalizer::Spell));
        let built = if let ModelSource::SentencePiece(settings) = &source.model {
            sentencepiece(&tokens, &buffers, settings, &source)?
        } else {
            let vocab = entered(tokens, &kept, &source.added_tokens)?;
            build(vocab, buffers, &source)?
        };
        Ok(Self {
            plain: Arc::new(Finders::new(&source.added_tokens, &normalizer, &[])?),
            normalizer,
            pre_tokenizer: built.pre_tokenizer,
            added: source.added_tokens,
            decoder: decoder(source.decoder)?,
            joined: matches!(
                source.model,
                ModelSource::Bpe {
                    byte_level: true,
                    ..
                }
            ),
            lossy: built.lossy && !spells,
            spelled: built.spelled,
            model: built.model,
            dropout: built.dropout,
        })
    }
}

fn decoder(steps: Vec<StepSource>) -> Result<Option<Decoder>> {
    if steps.is_empty() {
        return Ok(None);
    }
    Decoder::new(steps).map(Some)
}

/// A model whose tokens are looked up.
fn build(vocab: Vocab, buffers: Buffers, source: &Source) -> Result<Built> {
    match &source.model {
        ModelSource::Bpe { .. } => bpe(vocab, buffers, source),
        ModelSource::WordPiece {
            unknown,
            continuing_subword_prefix,
            max_input_chars_per_word,
        } => {
            known(Some(*unknown), &vocab)?;
            let (pre_tokenizer, spelled) = compile(&source.pre_tokenizer, false)?;
            let wordpiece = WordPiece::new(
                vocab,
                continuing_subword_prefix,
                *unknown,
                *max_input_chars_per_word,
            );
            Ok(Built {
                model: Model::WordPiece(Box::new(wordpiece)),
                pre_tokenizer,
                lossy: !spelled,
                spelled: false,
                dropout: 0.0,
            })
        }
        ModelSource::Unigram {
            unknown,
            byte_fallback,
        } => {
            let unknown = known(*unknown, &vocab)?;
            let (pre_tokenizer, spelled) = compile(&source.pre_tokenizer, false)?;
            let words = Words::new(vocab, buffers.scores, unknown, *byte_fallback)?;
            Ok(Built {
                pre_tokenizer,
                lossy: !spelled && !words.knows_all_bytes(),
                spelled: false,
                dropout: 0.0,
                model: Model::Unigram(Box::new(words)),
            })
        }
        ModelSource::SentencePiece(_) => Err(Error::Invalid("a model of two kinds".into())),
    }
}

fn bpe(vocab: Vocab, buffers: Buffers, source: &Source) -> Result<Built> {
    let ModelSource::Bpe {
        byte_level,
        ignore_merges,
        byte_fallback,
        unknown,
        fuse_unk,
        continuing_subword_prefix,
        end_of_word_suffix,
        dropout,
    } = &source.model
    else {
        return Err(Error::Invalid("a model of two kinds".into()));
    };
    let tables = Tables {
        merges: buffers.merges,
        new: buffers.new,
        byte_level: *byte_level,
        whole_first: *ignore_merges,
        byte_fallback: *byte_fallback,
        unknown: known(*unknown, &vocab)?,
        fuse_unknown: *fuse_unk,
        continuing_subword_prefix: continuing_subword_prefix.clone(),
        end_of_word_suffix: end_of_word_suffix.clone(),
        special: specials(&source.added_tokens),
    };
    let (mut pre_tokenizer, spelled) = compile(&source.pre_tokenizer, *byte_level)?;
    let splitter = last_splitter(&mut pre_tokenizer)?;
    let bpe = Bpe::new(splitter, vocab, &tables)?;
    if bpe.can_be_cut_before(SIGN, &tables) {
        pre_tokenizer.push(PreTokenizer::Runs(SIGN));
    }
    Ok(Built {
        model: Model::Bpe(Box::new(bpe)),
        pre_tokenizer,
        lossy: !byte_level && !byte_fallback && !spelled,
        spelled: spelled && *byte_level,
        dropout: *dropout,
    })
}

fn sentencepiece(
    tokens: &Tokens,
    buffers: &Buffers,
    settings: &sentencepiece::Settings,
    source: &Source,
) -> Result<Built> {
    #[allow(clippy::cast_possible_truncation)] // they were f32
    let scores: Vec<f32> = buffers.scores.iter().map(|&score| score as f32).collect();
    let model = SentencePiece::new(tokens, &scores, &buffers.types, settings)?;
    Ok(Built {
        model: Model::SentencePiece(Box::new(model)),
        pre_tokenizer: compile(&source.pre_tokenizer, false)?.0,
        lossy: false,
        spelled: false,
        dropout: 0.0,
    })
}

/// Of each id whether it is no added token's.
fn kept(count: usize, added: &[AddedToken]) -> Result<Vec<bool>> {
    let mut kept = vec![true; count];
    for token in added {
        match kept.get_mut(token.id as usize) {
            Some(kept) => *kept = false,
            None => {
                return Err(Error::Invalid(format!(
                    "the added token '{}' has no place in the vocabulary",
                    token.content
                )))
            }
        }
    }
    Ok(kept)
}

/// Lets all tokens be looked up but the special ones; an added token only where the model knows it, and no other
/// has its bytes.
fn entered(tokens: Tokens, kept: &[bool], added: &[AddedToken]) -> Result<Vocab> {
    let mut vocab = Vocab::new(tokens)?;
    vocab.enter_all(|id| kept[id as usize]);
    for token in added
        .iter()
        .filter(|token| token.in_vocab && !token.special)
    {
        vocab.enter(token.id);
    }
    Ok(vocab)
}

fn specials(added: &[AddedToken]) -> Vec<u32> {
    let special = added
        .iter()
        .filter(|token| token.special || !token.in_vocab);
    special.map(|token| token.id).collect()
}

fn known(unknown: Option<u32>, vocab: &Vocab) -> Result<Option<u32>> {
    match unknown {
        Some(id) if id as usize >= vocab.len() => Err(Error::Invalid(format!(
            "the unknown token {id} is not in the vocabulary"
        ))),
        other => Ok(other),
    }
}

/// The steps, and whether one writes stand-ins: under a byte-level model `ByteLevel` does so only where another step
/// comes after it.
fn compile(steps: &[pretokenize::Step], byte_level: bool) -> Result<(Vec<PreTokenizer>, bool)> {
    let mut compiled = Vec::new();
    let mut spelled = false;
    for (place, step) in steps.iter().enumerate() {
        let spells = !byte_level || place + 1 < steps.len();
        compiled.extend(PreTokenizer::new(step, spells)?);
        spelled |= spells && matches!(step, pretokenize::Step::ByteLevel { .. });
    }
    Ok((compiled, spelled))
}

/// The splitter that does the last step's work inside the model, where one can: that step then goes.
fn last_splitter(steps: &mut Vec<PreTokenizer>) -> Result<Option<Splitter>> {
    let last = steps.last().and_then(PreTokenizer::as_splitter);
    let Some((pattern, drop_gaps)) = last.filter(|(pattern, _)| !pattern.is_empty()) else {
        return Ok(None);
    };
    let splitter = Splitter::new(pattern, drop_gaps)?;
    steps.pop();
    Ok(Some(splitter))
}
