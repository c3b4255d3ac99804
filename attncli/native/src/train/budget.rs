//! How much memory merging takes, and how it is shared out.

use super::symbol::Symbol;
use crate::error::{Error, Result};

/// A slot of the table of pairs, at its fullest, with its double while the table grows, and its place in the queue.
const PAIR: usize = 24 * 3 + 16;
/// The census's cells, and what stands by token.
const FIXED: usize = 4 << 20;
const LEAST: usize = 1 << 12;

/// What one round may hold beside the corpus.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Pairs in the table.
    pub pairs: usize,
    /// Places in the list.
    pub places: usize,
}

impl Budget {
    /// For a corpus of so many places. Fails where `limit` bytes are too few for it.
    pub fn new<S: Symbol>(corpus: usize, limit: Option<usize>) -> Result<Self> {
        let symbols = corpus.saturating_mul(size_of::<S>());
        let Some(limit) = limit else {
            return Ok(Self {
                pairs: (corpus / 8).max(LEAST << 4),
                places: corpus.max(LEAST),
            });
        };
        // With a sixteenth of the corpus's places at a time, and a pair for each thousand, rounds are not too many.
        let least = (corpus / 16 + LEAST) * size_of::<u32>() + (corpus / 1024 + LEAST) * PAIR;
        let needed = symbols.saturating_add(least).saturating_add(FIXED);
        if needed > limit {
            return Err(Error::Invalid(format!(
                "merging {corpus} symbols of distinct words takes {} MB, and {} are allowed; raise the limit or \
                 use a pattern with shorter words",
                needed.div_ceil(1_000_000),
                limit / 1_000_000
            )));
        }
        let rest = limit - symbols - FIXED;
        Ok(Self {
            pairs: (rest / 2 / PAIR).min((corpus / 8).max(LEAST << 4)),
            places: (rest / 2 / size_of::<u32>()).min(corpus.max(LEAST)),
        })
    }
}
