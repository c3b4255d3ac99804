//! BPE encoding: at each step the adjacent pair of lowest rank merges, the leftmost first.
//!
//! Short words merge by a scan for the lowest rank, long ones by a heap over a linked list; the words of running
//! text come from a cache.

pub mod batch;
pub(crate) mod cache;
pub mod derive;
mod encoder;
pub(crate) mod key;
mod learned;
mod merge;
mod scan;
mod symbols;
mod traced;

use crate::error::{Error, Result};
use crate::split::Splitter;
use crate::tokens::Tokens;
use crate::vocab::Vocab;
use encoder::Idle;
pub use encoder::{Encoded, Encoder};
use merge::Merges;
use rustc_hash::FxHashMap;
use symbols::Symbols;
pub use traced::Dropout;

const NONE: u32 = u32::MAX;
/// Bytes of tokens that are looked up at a time: a hostile file's could be many.
const AT_ONCE: usize = 1 << 16;

/// A BPE tokenizer's tables.
#[derive(Debug, Clone)]
pub struct Bpe {
    splitter: Splitter,
    /// Whether texts are cut here, and not words as they come.
    splits: bool,
    merges: Merges,
    symbols: Symbols,
    vocab: Vocab,
    /// A word that is a token is one id at once.
    whole_first: bool,
    idle: Idle,
}

/// What a tokenizer file says beside its tokens.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// (left, right) by rank.
    pub merges: Vec<(u32, u32)>,
    /// Ids that they make; none: those of the concatenated bytes.
    pub new: Option<Vec<u32>>,
    /// Whether the base symbols are the 256 bytes (else characters).
    pub byte_level: bool,
    /// A word that is a token is one id at once.
    pub whole_first: bool,
    /// An unknown character becomes the tokens <0xNN> of its bytes.
    pub byte_fallback: bool,
    /// What any other unknown character becomes.
    pub unknown: Option<u32>,
    /// Neighbouring unknowns are one.
    pub fuse_unknown: bool,
    /// Before each symbol but a word's first.
    pub continuing_subword_prefix: String,
    /// Behind a word's last symbol.
    pub end_of_word_suffix: String,
    /// Ids that text becomes by merges alone, if at all: they were not entered in the vocabulary.
    pub special: Vec<u32>,
}

impl Tables {
    /// Whether no merge joins what does not end in this sign with what begins with it.
    fn keep_apart(&self, vocab: &Vocab, sign: &[u8]) -> bool {
        self.merges.iter().all(|&(left, right)| {
            vocab.token(left).ends_with(sign) || !vocab.token(right).starts_with(sign)
        })
    }

    /// The id that each merge makes.
    fn made(&self, vocab: &Vocab) -> Result<Vec<u32>> {
        let known = |id: u32| (id as usize) < vocab.len();
        let strange = |&(left, right): &(u32, u32)| !known(left) || !known(right);
        if let Some(rank) = self.merges.iter().position(strange) {
            return Err(Error::Invalid(format!(
                "merge {rank} names an id that is not in the vocabulary"
            )));
        }
        let Some(new) = &self.new else {
            return self.looked_up(vocab);
        };
        if new.len() != self.merges.len() {
            return Err(Error::Invalid("not as many new ids as merges".into()));
        }
        match new.iter().position(|&id| !known(id)) {
            Some(rank) => Err(self.makes_nothing(rank, vocab)),
            None => Ok(new.clone()),
        }
    }

    /// The ids of the concatenated bytes.
    fn looked_up(&self, vocab: &Vocab) -> Result<Vec<u32>> {
        let special = self.special.iter().map(|&id| (vocab.token(id), id));
        let special: FxHashMap<&[u8], u32> = special.collect();
        let mut made = Vec::with_capacity(self.merges.len());
        let mut wholes = Tokens::default();
        for rank in 0..self.merges.len() {
            let (left, right) = self.parts(rank, vocab);
            if wholes.push_joined(left, right).is_none() {
                return Err(Error::Invalid(format!("merge {rank} makes over 4 GiB")));
            }
            if wholes.bytes().len() >= AT_ONCE || rank + 1 == self.merges.len() {
                for (id, whole) in vocab.ids_of(&wholes).zip(wholes.iter()) {
                    let id = id.or_else(|| special.get(whole).copied());
                    made.push(id.ok_or_else(|| self.makes_nothing(made.len(), vocab))?);
                }
                wholes.clear();
            }
        }
        Ok(made)
    }

    /// The bytes that a merge puts together.
    fn parts<'v>(&self, rank: usize, vocab: &'v Vocab) -> (&'v [u8], &'v [u8]) {
        let (left, right) = self.merges[rank];
        let right = vocab.token(right);
        let right = right.get(self.continuing_subword_prefix.len()..);
        (vocab.token(left), right.unwrap_or_default())
    }

    fn makes_nothing(&self, rank: usize, vocab: &Vocab) -> Error {
        let (left, right) = self.parts(rank, vocab);
        Error::Invalid(format!(
            "merge {rank} makes '{}', which is not in the vocabulary",
            String::from_utf8_lossy(&[left, right].concat())
        ))
    }
}

impl Bpe {
    /// Checks and compiles the tables. The tokens that text can become are entered in `vocab`; a merge may make
    /// others too.
    pub fn new(splitter: Option<Splitter>, vocab: Vocab, tables: &Tables) -> Result<Self> {
        let symbols = Symbols::new(&vocab, tables)?;
        let mut merges = Merges::with_capacity(tables.merges.len(), None);
        let lengths = symbols.lengths(&vocab);
        let mut lengths_add_up = true;
        let made = tables.made(&vocab)?;
        for (&(left, right), id) in tables.merges.iter().zip(made) {
            let length = |id: u32| lengths[id as usize];
            lengths_add_up &= length(id) == length(left) + length(right);
            if !merges.insert(left, right, id) {
                return Err(Error::Invalid("too many merges".into()));
            }
        }
        if lengths_add_up {
            merges.set_lengths(lengths);
        }
        Ok(Self {
            splits: splitter.is_some(),
            splitter: splitter.map_or_else(|| Splitter::new("", false), Ok)?,
            merges,
            symbols,
            vocab,
            whole_first: tables.whole_first,
            idle: Idle::default(),
        })
    }

    /// Whether a text can be cut before each run of `sign` with the same ids as whole: the sign is a symbol, no
    /// merge crosses there, no character vanishes, and nothing else looks at the whole word.
    pub fn can_be_cut_before(&self, sign: char, tables: &Tables) -> bool {
        let mut buffer = [0; 4];
        let sign = sign.encode_utf8(&mut buffer).as_bytes();
        !tables.byte_level
            && !tables.whole_first
            && tables.continuing_subword_prefix.is_empty()
            && tables.end_of_word_suffix.is_empty()
            && self.symbols.say_all()
            && self.vocab.id(sign).is_some()
            && tables.keep_apart(&self.vocab, sign)
    }

    /// Whether texts are cut here, and not words as they come.
    pub fn splits(&self) -> bool {
        self.splits
    }

    /// The tokens.
    pub fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    /// Characters that became unknown, or vanished.
    pub fn lost(&self) -> Vec<Vec<u8>> {
        self.symbols.lost.all()
    }

    /// Appends a word's base symbols; or its id, where it is a token and those come first.
    fn symbols(&self, word: &[u8], ids: &mut Vec<u32>) {
        if self.whole_first {
            if let Some(id) = self.vocab.id(word) {
                return ids.push(id);
            }
        }
        self.symbols.append(word, ids);
    }
}

#[cfg(test)]
mod tests;
