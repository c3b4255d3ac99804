//! A tokenizer made of what a file says.

use super::{Finders, Model, Tokenizer};
use crate::added::AddedToken;
use crate::bpe::{Bpe, Tables};
use crate::error::{Error, Result};
use crate::normalize::{self, Normalizer};
use crate::pretokenize::{self, PreTokenizer};
use crate::split::Splitter;
use crate::vocab::Vocab;
use crate::wordpiece::WordPiece;
use serde::Deserialize;
use std::sync::Arc;

/// The pipeline around the tokens, in the words of tokenizer.json.
#[derive(Debug, Deserialize)]
struct Source {
    normalizer: Vec<normalize::Step>,
    pre_tokenizer: Vec<pretokenize::Step>,
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
}

/// The sign that SentencePiece writes for a space.
const SIGN: char = '▁';

impl Tokenizer {
    /// `merges` are the (left, right) ids of a BPE model by rank, `new` the ids that they make, where these are not
    /// those of the concatenated bytes.
    pub fn new(
        mut vocab: Vocab,
        pipeline: &str,
        merges: Vec<(u32, u32)>,
        new: Option<Vec<u32>>,
    ) -> Result<Self> {
        let source: Source = serde_json::from_str(pipeline)
            .map_err(|error| Error::Invalid(format!("the pipeline is not understood: {error}")))?;
        let added = source.added_tokens;
        enter_tokens(&mut vocab, &added)?;
        let mut normalizer = Vec::with_capacity(source.normalizer.len());
        for step in source.normalizer {
            normalizer.push(Normalizer::new(step)?);
        }
        let plain = Arc::new(Finders::new(&added, &normalizer, &[])?);
        let spells = normalizer
            .iter()
            .any(|step| matches!(step, Normalizer::Spell));
        match source.model {
            ModelSource::Bpe {
                byte_level,
                ignore_merges,
                byte_fallback,
                unknown,
                fuse_unk,
                continuing_subword_prefix,
                end_of_word_suffix,
                dropout,
            } => {
                let tables = Tables {
                    merges,
                    new,
                    byte_level,
                    whole_first: ignore_merges,
                    byte_fallback,
                    unknown: known(unknown, &vocab)?,
                    fuse_unknown: fuse_unk,
                    continuing_subword_prefix,
                    end_of_word_suffix,
                    special: specials(&added),
                };
                let (mut pre_tokenizer, spelled) = compile(&source.pre_tokenizer, byte_level)?;
                let splitter = last_splitter(&mut pre_tokenizer)?;
                let bpe = Bpe::new(splitter, vocab, &tables)?;
                let spelled_pieces = spelled && byte_level;
                if bpe.can_be_cut_before(SIGN, &tables) {
                    pre_tokenizer.push(PreTokenizer::Runs(SIGN));
                }
                Ok(Self {
                    normalizer,
                    pre_tokenizer,
                    added,
                    plain,
                    lossy: !byte_level && !byte_fallback && !spelled && !spells,
                    spelled: spelled_pieces,
                    model: Model::Bpe(Box::new(bpe)),
                    dropout,
                })
            }
            ModelSource::WordPiece {
                unknown,
                continuing_subword_prefix,
                max_input_chars_per_word,
            } => {
                known(Some(unknown), &vocab)?;
                let (pre_tokenizer, spelled) = compile(&source.pre_tokenizer, false)?;
                let wordpiece = WordPiece::new(
                    vocab,
                    &continuing_subword_prefix,
                    unknown,
                    max_input_chars_per_word,
                );
                Ok(Self {
                    normalizer,
                    pre_tokenizer,
                    added,
                    plain,
                    lossy: !spelled && !spells,
                    spelled: false,
                    model: Model::WordPiece(Box::new(wordpiece)),
                    dropout: 0.0,
                })
            }
        }
    }
}

/// Lets all tokens be looked up but the special ones; an added token only where the model knows it, and no other
/// has its bytes.
fn enter_tokens(vocab: &mut Vocab, added: &[AddedToken]) -> Result<()> {
    let mut kept = vec![true; vocab.len()];
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
    let ids: Vec<u32> = vocab.ids().collect();
    for id in ids {
        if kept[id as usize] {
            vocab.enter(id);
        }
    }
    for token in added
        .iter()
        .filter(|token| token.in_vocab && !token.special)
    {
        vocab.enter(token.id);
    }
    Ok(())
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
