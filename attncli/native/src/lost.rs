//! What a vocabulary could not say, noted on the side.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Kept are this many.
const MOST: usize = 1000;

/// Characters or words; each is met by the model once at least, however many times a cache answers for it.
#[derive(Debug, Default)]
pub struct Lost(Mutex<BTreeSet<Vec<u8>>>);

impl Clone for Lost {
    /// A clone has lost nothing yet.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Lost {
    /// Keeps one.
    pub fn note(&self, text: &[u8]) {
        let mut lost = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lost.len() < MOST && !lost.contains(text) {
            lost.insert(text.to_vec());
        }
    }

    /// All of them, in order.
    pub fn all(&self) -> Vec<Vec<u8>> {
        let lost = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lost.iter().cloned().collect()
    }
}
