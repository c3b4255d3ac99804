//! What one thread learns, for the others: words and their ids. (Where each learns all for itself, two threads merge
//! nearly every word twice.)

use super::cache::Cache;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

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

    /// Teaches a cache all of it; or, where that knows hardly any of the first words, no more than these: what two threads
    /// do not both meet is learned for nothing. (All of 8 MB of random words took three times as long on two threads as on
    /// one, nineteen times on eight.)
    fn teach(&self, cache: &mut Cache) {
        let (mut bytes, mut ids) = (&self.bytes[..], &self.ids[..]);
        let mut known = 0;
        for (number, &(length, count)) in self.sizes.iter().enumerate() {
            if number == PROBE && known < PROBE / LEAST_KNOWN {
                return;
            }
            let (word, more) = bytes.split_at(usize::from(length));
            let (its, others) = ids.split_at(usize::from(count));
            known += usize::from(!cache.learn(word, its));
            (bytes, ids) = (more, others);
        }
    }
}

/// Words by which others are judged, and the part of them that must be known.
const PROBE: usize = 64;
const LEAST_KNOWN: usize = 4;

/// Where threads tell what they have learned.
#[derive(Debug)]
pub struct Board(Mutex<Told>);

/// What has been told, and how much of it each reader has seen; what all have is forgotten.
#[derive(Debug)]
struct Told {
    learned: VecDeque<(usize, Arc<Learned>)>,
    /// How many were before these.
    gone: usize,
    seen: Vec<usize>,
}

impl Board {
    /// For readers 0 to `readers` - 1.
    pub fn new(readers: usize) -> Self {
        Self(Mutex::new(Told {
            learned: VecDeque::new(),
            gone: 0,
            seen: vec![0; readers],
        }))
    }

    /// Tells what this reader's cache has learned of itself, and teaches it what others did.
    pub fn exchange(&self, reader: usize, cache: &mut Cache) {
        let own = cache.take_learned();
        let others = {
            let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            told.exchange(reader, own)
        };
        for learned in others {
            learned.teach(cache);
        }
    }
}

impl Told {
    fn exchange(&mut self, reader: usize, own: Learned) -> Vec<Arc<Learned>> {
        if !own.sizes.is_empty() {
            self.learned.push_back((reader, Arc::new(own)));
        }
        let new = self.learned.iter().skip(self.seen[reader] - self.gone);
        let others = new
            .filter(|(who, _)| *who != reader)
            .map(|(_, learned)| Arc::clone(learned))
            .collect();
        self.seen[reader] = self.gone + self.learned.len();
        while self.seen.iter().all(|&seen| seen > self.gone) {
            self.learned.pop_front();
            self.gone += 1;
        }
        others
    }
}
