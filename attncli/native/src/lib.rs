//! The hot loops of attncli. The algorithms know no Python; `python` only converts and releases the GIL.

pub mod attention;
pub mod bpe;
pub mod charsmap;
pub mod counts;
pub mod error;
pub mod formats;
mod memory;
mod pair;
pub mod sentencepiece;
pub mod split;
pub mod tokens;
pub mod train;
pub mod trie;
pub mod unigram;

#[cfg(feature = "python")]
mod python;
