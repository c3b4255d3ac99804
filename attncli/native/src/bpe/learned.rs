//! What one thread learns, for the others: words and their ids. (Where each learns all for itself, two threads merge
//! nearly every word twice.)

use super::cache::Cache;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Words and their ids, in the order in which they were learned.
#[derive(Debug, Clone, Default)]
pub struct Learned {
    bytes: Vec<u8>,
    ids: Vec<u32>,
    /// How many bytes and ids of each.
    sizes: Vec<(u8, u8)>,
}

impl Learned {
    /// Adds one.
    pub fn add(&mut self, word: &[u8], ids: &[u32], length: u8, count: u8) {
        self.bytes.extend_from_slice(word);
        self.ids.extend_from_slice(ids);
        self.sizes.push((length, count));
    }

    fn teach(&self, cache: &mut Cache) {
        let (mut bytes, mut ids) = (&self.bytes[..], &self.ids[..]);
        for &(length, count) in &self.sizes {
            let (word, more) = bytes.split_at(usize::from(length));
            let (its, others) = ids.split_at(usize::from(count));
            cache.learn(word, its);
            (bytes, ids) = (more, others);
        }
    }
}

/// Where threads tell what they have learned.
#[derive(Debug, Default)]
pub struct Board(Mutex<Vec<(usize, Arc<Learned>)>>);

impl Board {
    fn lock(&self) -> MutexGuard<'_, Vec<(usize, Arc<Learned>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One thread's place before the board.
#[derive(Debug)]
pub struct Reader<'b> {
    board: &'b Board,
    number: usize,
    seen: usize,
}

impl<'b> Reader<'b> {
    /// `number` tells the threads apart.
    pub fn new(board: &'b Board, number: usize) -> Self {
        Self {
            board,
            number,
            seen: 0,
        }
    }

    /// Tells what the cache has learned of itself, and teaches it what others did.
    pub fn exchange(&mut self, cache: &mut Cache) {
        let own = cache.take_learned();
        let mut board = self.board.lock();
        if !own.sizes.is_empty() {
            board.push((self.number, Arc::new(own)));
        }
        let others: Vec<_> = board[self.seen..]
            .iter()
            .filter(|(number, _)| *number != self.number)
            .map(|(_, learned)| Arc::clone(learned))
            .collect();
        self.seen = board.len();
        drop(board);
        for learned in others {
            learned.teach(cache);
        }
    }
}
