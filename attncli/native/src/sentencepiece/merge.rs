//! SentencePiece's BPE: of the neighbours whose concatenation is a piece, those of the best score merge first, of equal
//! scores the leftmost.

use crate::trie::{Trie, NONE, ROOT};
use crate::unigram::character_length;
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Bytes of a text that are merged at once, where such blocks meet; of so many times more where they don't. (One heap over
/// 10 MB of random letters took 20 times as long as over 1 MB, and 500 MB of memory.)
const BLOCK: usize = 512;
const GROWTH: usize = 8;
const LARGEST_BLOCK: usize = 1 << 18;

/// Bytes (start, end) of a text and their id, that of what is no piece being `NONE`.
pub type Piece = (usize, usize, u32);

/// Pieces with scores.
#[derive(Debug, Clone)]
pub struct Merges {
    trie: Trie,
    /// Of each id: 0 for the best score, equal for equal ones.
    ranks: Vec<u32>,
    user_defined: Trie,
    /// Of each id; none where no piece is unused.
    unused: Option<Vec<bool>>,
    any_bytes: bool,
}

/// Working memory.
#[derive(Debug, Clone, Default)]
pub struct Merger {
    symbols: Vec<Symbol>,
    heap: BinaryHeap<Reverse<Candidate>>,
    /// For each unused piece the length of the left one of the two that last might have made it: the library keeps
    /// one such place for a piece, wherever in the text and whatever came of it.
    parts: FxHashMap<u32, usize>,
    /// The pieces of the block merged last.
    path: Vec<Piece>,
    /// What is kept of the one before.
    kept: Vec<Piece>,
}

#[derive(Debug, Clone, Copy)]
struct Symbol {
    start: u32,
    /// `start` in one that was merged into another.
    end: u32,
    previous: u32,
    next: u32,
    /// Its node in the trie; `NONE` where no piece starts with it, or where it never merges.
    node: u32,
    frozen: bool,
}

/// (rank, left symbol, right symbol, end, node)
type Candidate = (u32, u32, u32, u32, u32);

impl Merges {
    /// `pieces` gives (bytes, id) of all that may come of a merge; `scores` a score for each id.
    pub fn new(
        pieces: Vec<(&[u8], u32)>,
        scores: &[f32],
        user_defined: Trie,
        unused: Option<Vec<bool>>,
        any_bytes: bool,
    ) -> Self {
        let mut order: Vec<u32> = pieces.iter().map(|&(_, id)| id).collect();
        order.sort_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]));
        let mut ranks = vec![0; scores.len()];
        let mut rank = 0;
        for pair in order.windows(2) {
            // As in the library 0.0 is better than -0.0.
            let (one, two) = (scores[pair[0] as usize], scores[pair[1] as usize]);
            rank += u32::from(one.total_cmp(&two).is_gt());
            ranks[pair[1] as usize] = rank;
        }
        Self {
            trie: Trie::new(pieces),
            ranks,
            user_defined,
            unused,
            any_bytes,
        }
    }

    /// Whether a single character is a piece.
    pub fn knows(&self, character: &[u8]) -> bool {
        self.lookup(character) != NONE
    }

    /// Tells the pieces of a text, from left to right, and nothing where all told before is to be forgotten. `prefixed`:
    /// the first byte is a space that was put before a text. Texts are shorter than 4 GiB.
    pub fn segment(
        &self,
        text: &[u8],
        prefixed: bool,
        merger: &mut Merger,
        mut told: impl FnMut(Option<Piece>),
    ) {
        // What becomes of an unused piece is told by the whole text.
        if text.len() > BLOCK && self.unused.is_none() {
            for size in [BLOCK, 64 * BLOCK] {
                if self.blocks(text, size, prefixed, merger, &mut told) {
                    return;
                }
                told(None);
            }
        }
        self.merge(text, (0, text.len()), prefixed, merger);
        merger.path.iter().for_each(|&piece| told(Some(piece)));
    }

    /// The same in overlapping blocks, for the reason told at `bpe::Merger::blocks`; false where two of them don't meet.
    fn blocks(
        &self,
        text: &[u8],
        mut size: usize,
        prefixed: bool,
        merger: &mut Merger,
        told: &mut impl FnMut(Option<Piece>),
    ) -> bool {
        let (mut start, mut growth) = (0, 1);
        // The piece that the block before found at `start`; that with which it began itself, and its growth.
        let (mut common, mut before) = (None, (None, 1));
        merger.kept.clear();
        loop {
            let until = text.len().min(start + size * growth);
            self.merge(text, (start, until), prefixed && start == 0, merger);
            let Merger { path, kept, .. } = merger;
            if common.is_some_and(|piece| path.first() != Some(&piece)) {
                // The block before ended too early, or this one does: the former once more with more of what follows,
                // each time more, and the one after it larger too.
                let Some(&(first, _, _)) = kept.first() else {
                    return false;
                };
                kept.clear();
                (start, common, growth) = (first, before.0, before.1 * GROWTH);
                if size * growth > LARGEST_BLOCK {
                    return false;
                }
                continue;
            }
            kept.drain(..).for_each(|piece| told(Some(piece)));
            if until == text.len() {
                path.iter().for_each(|&piece| told(Some(piece)));
                return true;
            }
            // Keep the pieces that end well before the block does; the first of the others is the one in common.
            let near = until - 16 - (until - start) / 8;
            let far = path.iter().take_while(|&&(from, _, _)| from < near).count();
            let next = path.get(far.min(path.len() - 1)).copied();
            let at = next.map_or(start, |(from, _, _)| from);
            if at - start < (until - start) / 4 {
                // Pieces nearly as long as a block.
                (size, growth) = (size * GROWTH, 1);
                if size > LARGEST_BLOCK {
                    return false;
                }
                continue;
            }
            kept.extend(path.iter().take_while(|&&(from, _, _)| from < at));
            before = (common, growth);
            (common, start, growth) = (next, at, (growth / GROWTH).max(1));
        }
    }

    /// Leaves the pieces of a part of the text in `merger.path`; it may end a little later, behind a character.
    fn merge(&self, text: &[u8], part: (usize, usize), prefixed: bool, merger: &mut Merger) {
        merger.symbols.clear();
        merger.heap.clear();
        merger.parts.clear();
        merger.path.clear();
        self.symbols(text, part, prefixed, &mut merger.symbols);
        for right in 1..merger.symbols.len() {
            self.consider(text, merger, index(right - 1), index(right));
        }
        while let Some(Reverse((_, left, right, end, node))) = merger.heap.pop() {
            let (one, two) = (
                merger.symbols[left as usize],
                merger.symbols[right as usize],
            );
            // Out of date where either symbol has changed since, or gone.
            if one.start == one.end || one.next != right || two.end != end || two.start == two.end {
                continue;
            }
            let symbol = &mut merger.symbols[left as usize];
            (symbol.end, symbol.next, symbol.node) = (end, two.next, node);
            merger.symbols[right as usize].end = two.start;
            if one.previous != NONE {
                self.consider(text, merger, one.previous, left);
            }
            if two.next != NONE {
                merger.symbols[two.next as usize].previous = left;
                self.consider(text, merger, left, two.next);
            }
        }
        let mut at = if merger.symbols.is_empty() { NONE } else { 0 };
        while at != NONE {
            let symbol = merger.symbols[at as usize];
            self.place(text, symbol.start as usize, symbol.end as usize, merger);
            at = symbol.next;
        }
    }

    fn symbols(
        &self,
        text: &[u8],
        (start, until): (usize, usize),
        prefixed: bool,
        symbols: &mut Vec<Symbol>,
    ) {
        let mut at = start;
        while at < until {
            let user_defined = self.user_defined.longest(&text[at..]);
            let frozen = user_defined > 0;
            let end = at
                + if frozen {
                    user_defined
                } else {
                    self.character(text, at, prefixed)
                };
            let node = self.trie.descend(ROOT, &text[at..end]).unwrap_or(NONE);
            // llama2.c: what is no piece is bytes at once.
            let unknown = || node == NONE || self.trie.value(node) == NONE;
            let place = index(symbols.len());
            symbols.push(Symbol {
                start: index(at),
                end: index(end),
                previous: place.wrapping_sub(1),
                next: if end >= until { NONE } else { place + 1 },
                node,
                frozen: frozen || self.any_bytes && unknown(),
            });
            at = end;
        }
    }

    fn character(&self, text: &[u8], at: usize, prefixed: bool) -> usize {
        if !self.any_bytes {
            return character_length(text, at);
        }
        if prefixed && at == 0 {
            return 1;
        }
        // llama2.c: any byte and the continuation bytes behind it, four in all.
        let rest = text[at + 1..].iter().take(3);
        1 + rest.take_while(|&&byte| byte & 0xc0 == 0x80).count()
    }

    #[inline]
    fn consider(&self, text: &[u8], merger: &mut Merger, left: u32, right: u32) {
        let (one, two) = (
            merger.symbols[left as usize],
            merger.symbols[right as usize],
        );
        if one.frozen || two.frozen || one.node == NONE {
            return;
        }
        let bytes = &text[two.start as usize..two.end as usize];
        let Some(node) = self.trie.descend(one.node, bytes) else {
            return;
        };
        let id = self.trie.value(node);
        if id == NONE {
            return;
        }
        merger.heap.push(Reverse((
            self.ranks[id as usize],
            left,
            right,
            two.end,
            node,
        )));
        if self.is_unused(id) {
            merger.parts.insert(id, (two.start - one.start) as usize);
        }
    }

    fn is_unused(&self, id: u32) -> bool {
        self.unused
            .as_ref()
            .is_some_and(|unused| unused[id as usize])
    }

    fn lookup(&self, piece: &[u8]) -> u32 {
        let node = self.trie.descend(ROOT, piece);
        node.map_or(NONE, |node| self.trie.value(node))
    }

    /// A piece of the result; an unused one is taken apart again.
    fn place(&self, text: &[u8], start: usize, end: usize, merger: &mut Merger) {
        let mut waiting = vec![(start, end)];
        while let Some((start, end)) = waiting.pop() {
            let id = self.lookup(&text[start..end]);
            if id == NONE || !self.is_unused(id) {
                merger.path.push((start, end, id));
            } else if let Some(&length) = merger.parts.get(&id) {
                waiting.extend([(start + length, end), (start, start + length)]);
            } else {
                merger.path.push((start, end, NONE));
            }
        }
    }
}

/// Places are below 4 GiB.
#[inline]
fn index(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(NONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECES: [&str; 14] = [
        "a", "b", "c", "é", "aa", "ab", "ba", "aaaa", "abab", "éa", "bé", "aab", "cab", "aaaaaaaa",
    ];

    fn model(scores: &[f32]) -> Merges {
        let pieces: Vec<_> = PIECES
            .iter()
            .map(|piece| piece.as_bytes())
            .zip(0..)
            .collect();
        let user_defined = Trie::new(vec![("cab".as_bytes(), 12)]);
        Merges::new(pieces, scores, user_defined, None, false)
    }

    fn whole(model: &Merges, text: &[u8]) -> Vec<Piece> {
        let mut merger = Merger::default();
        model.merge(text, (0, text.len()), false, &mut merger);
        merger.path
    }

    fn random(letters: &[&str], length: usize, state: &mut u64) -> String {
        let mut text = String::new();
        for _ in 0..length {
            *state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            text.push_str(letters[usize::try_from(*state >> 40).unwrap() % letters.len()]);
        }
        text
    }

    #[test]
    fn blocks_agree_with_the_whole() {
        let mut state = 5;
        for round in 0..40u8 {
            // Equal scores, and such that join late what others have joined early.
            let scores: Vec<f32> = (0..14u8).map(|id| -f32::from((id * round) % 7)).collect();
            let model = model(&scores);
            for letters in [
                &["a"][..],
                &["a", "b"],
                &["a", "a", "a", "b", "c", "é"],
                &["é", "x", "a"],
            ] {
                let text = random(letters, 3_000, &mut state);
                let mut told = Vec::new();
                model.segment(
                    text.as_bytes(),
                    false,
                    &mut Merger::default(),
                    |piece| match piece {
                        Some(piece) => told.push(piece),
                        None => told.clear(),
                    },
                );
                assert_eq!(told, whole(&model, text.as_bytes()));
            }
        }
    }

    #[test]
    fn the_comparison_can_fail() {
        let text = random(&["a", "b"], 3_000, &mut 5);
        let (one, other) = (
            model(&[0.0; 14]),
            model(&(0..14u8).map(|id| -f32::from(id)).collect::<Vec<_>>()),
        );
        assert_ne!(whole(&one, text.as_bytes()), whole(&other, text.as_bytes()));
    }
}
