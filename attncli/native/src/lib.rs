//! The hot loops of attncli. The algorithms know no Python; `python` only converts and releases the GIL.

pub mod added;
pub mod attention;
pub mod bpe;
pub mod chance;
pub mod charsmap;
pub mod counts;
pub mod decode;
pub mod error;
pub mod finite;
pub mod formats;
pub mod kernel_attention;
pub mod linformer;
pub mod lost;
mod memory;
pub mod normalize;
mod number;
mod pair;
pub mod pipeline;
mod prefetch;
pub mod pretokenize;
pub mod sentencepiece;
mod simd;
pub mod spell;
pub mod split;
pub mod tokens;
pub mod train;
pub mod trie;
pub mod unigram;
pub mod vocab;
pub mod word2vec;
pub mod wordpiece;
mod workers;

#[cfg(feature = "python")]
mod python;
