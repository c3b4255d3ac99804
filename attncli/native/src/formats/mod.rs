//! Quick readers of the large tables in files of tokenizers and embeddings.
//!
//! They take what is in order and answer `None` to everything else: the plain readers in Python, which say the same
//! more slowly, then tell what is wrong with the file.

pub mod added;
pub mod table_rows;
pub mod tiktoken;
pub mod tokenizer_json;
pub mod vocab_merges;

/// Ids may leave out this many numbers in all: more is no vocabulary.
const LARGEST_HOLE: usize = 1 << 16;

#[cfg(test)]
mod tests;
