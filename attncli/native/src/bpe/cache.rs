//! Words met lately and their ids: a small direct-mapped table that stays in the second-level cache.

/// Longer words are not kept: they are rare, and every entry pays for the longest.
const LONGEST: usize = 15;
/// Words of more tokens are not kept.
const MOST_IDS: usize = 4;
const ENTRIES: usize = 1 << 14;

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    word: [u8; LONGEST],
    /// 0 in an empty entry: no word is empty.
    length: u8,
    ids: [u32; MOST_IDS],
    count: u8,
}

/// Keyed by the whole word, so that an answer is never another word's.
#[derive(Debug)]
pub struct Cache {
    entries: Vec<Entry>,
}

impl Cache {
    /// An empty cache of 16,384 entries of 36 bytes.
    pub fn new() -> Self {
        Self {
            entries: vec![Entry::default(); ENTRIES],
        }
    }

    /// The ids of a word with this hash, if it is here.
    #[inline]
    pub fn get(&self, hash: usize, word: &[u8]) -> Option<&[u32]> {
        let entry = &self.entries[hash % ENTRIES];
        let known = entry.word.get(..usize::from(entry.length))?;
        (!known.is_empty() && known == word).then(|| &entry.ids[..usize::from(entry.count)])
    }

    /// Keeps a word in place of the one that had its entry.
    pub fn put(&mut self, hash: usize, word: &[u8], ids: &[u32]) {
        if word.len() > LONGEST || ids.len() > MOST_IDS {
            return;
        }
        let entry = &mut self.entries[hash % ENTRIES];
        entry.word[..word.len()].copy_from_slice(word);
        entry.ids[..ids.len()].copy_from_slice(ids);
        // Both are below 16.
        entry.length = u8::try_from(word.len()).unwrap_or(0);
        entry.count = u8::try_from(ids.len()).unwrap_or(0);
    }
}
