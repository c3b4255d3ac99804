//! Segmentation by a unigram language model, by Viterbi (Kudo 2018).
//!
//! `best[e] = max over pieces text[s..e] of best[s] + score`, from left to right, short pieces first; of equal ones the
//! first stays. Linear in the text.

mod words;

use crate::trie::{Trie, NONE, ROOT};
pub use words::{Encoder, Words};

/// An unknown character scores that much below the worst piece.
pub const UNKNOWN_PENALTY: f32 = 10.0;
/// Sums in f32 start again from 0 above this, as in sentencepiece: they would lose digits that decide.
const RECENTRED: f64 = 100_000.0;
/// Bytes.
const LONGEST_CHARACTER: usize = 4;

/// Pieces with scores.
#[derive(Debug, Clone)]
pub struct Unigram {
    trie: Trie,
    /// Score of each id.
    scores: Vec<f64>,
    unknown_score: f64,
    /// Bytes of the longest piece, or of a character.
    longest: usize,
    /// Sums are f32, as in sentencepiece; else f64, as in Hugging Face's tokenizers.
    single: bool,
}

/// Working memory, and the best segmentation found last: four bytes for each of the text. (With a whole node and a piece
/// of the path for each it took 24 to 48.)
#[derive(Debug, Clone, Default)]
pub struct Lattice {
    /// Sums at the places that a piece may reach from here: that of a place stands at its remainder.
    sums: Vec<Sums>,
    /// For each place the length of the best piece that ends there, 0 where none does; once that is traced back, of
    /// the piece of the best path that starts there.
    lengths: Vec<u32>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    best: f64,
    /// That of the best other way here.
    second: f64,
}

/// How sure a segmentation is.
#[derive(Debug, Clone, Copy)]
pub struct Certainty {
    /// By how much each choice on the path beat the next best.
    pub margin: f64,
    /// The largest sum on any path, without its sign.
    pub largest: f64,
}

impl Unigram {
    /// `pieces` gives (bytes, id); `scores` a score for each id.
    pub fn new(
        pieces: Vec<(&[u8], u32)>,
        scores: Vec<f64>,
        unknown_score: f64,
        single: bool,
    ) -> Self {
        let longest = pieces.iter().map(|(piece, _)| piece.len()).max();
        Self {
            longest: longest.unwrap_or(0).max(LONGEST_CHARACTER),
            trie: Trie::new(pieces),
            scores,
            unknown_score,
            single,
        }
    }

    /// Whether a single character is a piece.
    pub fn knows(&self, character: &[u8]) -> bool {
        self.id_of(character) != NONE
    }

    /// Leaves the best segmentation in the lattice, and gives its score: `before` is what came before the text. Texts
    /// are shorter than 4 GiB.
    pub fn segment(&self, text: &[u8], before: f64, lattice: &mut Lattice) -> f64 {
        let ignored = |_: usize, _: Sums| {};
        let score = if self.single {
            self.fill::<true>(text, before, lattice, ignored)
        } else {
            self.fill::<false>(text, before, lattice, ignored)
        };
        lattice.trace();
        score
    }

    /// The pieces of the best segmentation of this text: (start, end, id), an unknown character's id being `NONE`.
    pub fn path<'l>(
        &'l self,
        text: &'l [u8],
        lattice: &'l Lattice,
    ) -> impl Iterator<Item = (usize, usize, u32)> + 'l {
        let mut start = 0;
        std::iter::from_fn(move || {
            let length = *lattice.lengths[..text.len()].get(start)?;
            let end = start + length as usize;
            let piece = (start, end, self.id_of(&text[start..end]));
            start = end;
            Some(piece)
        })
    }

    /// Segments a text by itself in f64, and says how sure the segmentation is.
    pub fn certainty(&self, text: &[u8], lattice: &mut Lattice) -> Certainty {
        let mut margins = vec![f64::INFINITY; text.len() + 1];
        let mut largest: f64 = 0.0;
        self.fill::<false>(text, 0.0, lattice, |place, sums| {
            margins[place] = sums.best - sums.second;
            largest = largest.max(sums.best.abs());
        });
        lattice.trace();
        let on_path = self.path(text, lattice).map(|(_, end, _)| margins[end]);
        Certainty {
            margin: on_path.fold(f64::INFINITY, f64::min),
            largest,
        }
    }

    /// The score behind one more piece.
    #[inline]
    pub fn add(&self, before: f64, id: u32) -> f64 {
        let sum = before + self.scores[id as usize];
        if self.single {
            rounded(sum)
        } else {
            sum
        }
    }

    /// Finds the best way to each place; `reached` gets each place behind the first one, when its sums are known.
    fn fill<const SINGLE: bool>(
        &self,
        text: &[u8],
        before: f64,
        lattice: &mut Lattice,
        mut reached: impl FnMut(usize, Sums),
    ) -> f64 {
        let Lattice { sums, lengths } = lattice;
        lengths.clear();
        lengths.resize(text.len() + 1, 0);
        sums.clear();
        let reach = self.longest.min(text.len());
        sums.resize((reach + 1).next_power_of_two(), Sums::default());
        let mask = sums.len() - 1;
        sums[0].best = before;
        let (mut at, mut frontier) = (0, 0);
        while at < text.len() {
            if SINGLE && sums[at & mask].best.abs() > RECENTRED {
                let offset = sums[at & mask].best;
                for place in at..=frontier {
                    let best = &mut sums[place & mask].best;
                    *best = rounded(*best - offset);
                }
            }
            let before = sums[at & mask].best;
            let character = character_length(text, at);
            let mut alone = false;
            let mut offer = |length: usize, score: f64| {
                let sum = before + score;
                let sum = if SINGLE { rounded(sum) } else { sum };
                let end = at + length;
                frontier = frontier.max(end);
                let known = &mut sums[end & mask];
                let first = lengths[end] == 0;
                if first || sum > known.best {
                    let second = if first { f64::NEG_INFINITY } else { known.best };
                    *known = Sums { best: sum, second };
                    // Texts are shorter than 4 GiB.
                    lengths[end] = u32::try_from(length).unwrap_or(NONE);
                } else if sum > known.second {
                    known.second = sum;
                }
            };
            self.trie.each_prefix(&text[at..], |length, id| {
                alone |= length == character;
                offer(length, self.scores[id as usize]);
            });
            if !alone {
                offer(character, self.unknown_score);
            }
            at += character;
            reached(at, sums[at & mask]);
        }
        sums[at & mask].best
    }
}

impl Lattice {
    /// From pieces by their ends to the pieces of the best path by their starts.
    fn trace(&mut self) {
        let mut end = self.lengths.len() - 1;
        let mut length = self.lengths[end];
        while end > 0 {
            let start = end - length as usize;
            length = std::mem::replace(&mut self.lengths[start], length);
            end = start;
        }
    }
}

impl Unigram {
    fn id_of(&self, piece: &[u8]) -> u32 {
        let node = self.trie.descend(ROOT, piece);
        node.map_or(NONE, |node| self.trie.value(node))
    }
}

/// As f32.
#[inline]
#[allow(clippy::cast_possible_truncation)] // rounding is what is asked for
fn rounded(value: f64) -> f64 {
    f64::from(value as f32)
}

/// Bytes of the character that its first byte announces, at most what is left.
#[inline]
pub fn character_length(text: &[u8], at: usize) -> usize {
    let length = match text[at] {
        0..=0xbf => 1,
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0.. => 4,
    };
    length.min(text.len() - at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PIECES: [(&str, f64); 7] = [
        ("a", -1.0),
        ("b", -1.5),
        ("aa", -1.5),
        ("ab", -2.5),
        ("bab", -2.0),
        ("é", -3.0),
        ("éa", -3.0),
    ];

    fn model(single: bool) -> Unigram {
        let pieces = PIECES
            .iter()
            .zip(0..)
            .map(|((piece, _), id)| (piece.as_bytes(), id));
        let scores = PIECES.iter().map(|&(_, score)| score).collect();
        Unigram::new(pieces.collect(), scores, -13.0, single)
    }

    /// The best score of any way to cut a text.
    fn best(text: &str) -> f64 {
        let Some(character) = text.chars().next() else {
            return 0.0;
        };
        let unknown = (character.len_utf8(), -13.0);
        let known = PIECES.iter().filter(|(piece, _)| text.starts_with(piece));
        let ways = known
            .map(|&(piece, score)| (piece.len(), score))
            .chain([unknown]);
        ways.map(|(length, score)| score + best(&text[length..]))
            .fold(f64::NEG_INFINITY, f64::max)
    }

    #[test]
    fn no_other_way_scores_better() {
        for text in [
            "",
            "a",
            "aab",
            "babab",
            "abéabéaa",
            "xyéa",
            "aaaaaaaa",
            "bbabéx",
        ] {
            let mut lattice = Lattice::default();
            for single in [false, true] {
                let model = model(single);
                let score = model.segment(text.as_bytes(), 0.0, &mut lattice);
                assert!((score - best(text)).abs() < 1e-5, "{text}");
                let sum = |&(_, _, id): &(usize, usize, u32)| {
                    if id == NONE {
                        -13.0
                    } else {
                        PIECES[id as usize].1
                    }
                };
                let path: Vec<_> = model.path(text.as_bytes(), &lattice).collect();
                let total: f64 = path.iter().map(sum).sum();
                assert!((score - total).abs() < 1e-5, "{text}");
                let joined: Vec<u8> = path
                    .iter()
                    .flat_map(|&(s, e, _)| text.as_bytes()[s..e].to_vec())
                    .collect();
                assert_eq!(joined, text.as_bytes());
            }
        }
    }

    #[test]
    fn a_choice_between_equals_is_uncertain() {
        let mut lattice = Lattice::default();
        assert!(model(true).certainty(b"aaa", &mut lattice).margin < 1e-9);
        assert!(model(true).certainty(b"aa", &mut lattice).margin > 0.4);
    }
}
