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

/// Pieces with scores.
#[derive(Debug, Clone)]
pub struct Unigram {
    trie: Trie,
    /// Score of each id.
    scores: Vec<f64>,
    unknown_score: f64,
    /// Sums are f32, as in sentencepiece; else f64, as in Hugging Face's tokenizers.
    single: bool,
}

/// Working memory, and the best segmentation found last.
#[derive(Debug, Clone, Default)]
pub struct Lattice {
    nodes: Vec<Node>,
    /// (start, end, id), an unknown character's id being `NONE`.
    pub path: Vec<(usize, usize, u32)>,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    score: f64,
    /// That of the best other way here.
    second: f64,
    /// `NONE`: nothing ends here yet.
    start: u32,
    id: u32,
}

const UNREACHED: Node = Node {
    score: 0.0,
    second: f64::NEG_INFINITY,
    start: NONE,
    id: NONE,
};

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
        Self {
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

    /// Leaves the best segmentation in `lattice.path`, and gives its score: `before` is what came before the text.
    /// Texts are shorter than 4 GiB.
    pub fn segment(&self, text: &[u8], before: f64, lattice: &mut Lattice) -> f64 {
        if self.single {
            self.fill::<true>(text, before, lattice);
        } else {
            self.fill::<false>(text, before, lattice);
        }
        self.trace(lattice);
        lattice.nodes[text.len()].score
    }

    /// Segments a text by itself in f64, and says how sure the segmentation is.
    pub fn certainty(&self, text: &[u8], lattice: &mut Lattice) -> Certainty {
        self.fill::<false>(text, 0.0, lattice);
        self.trace(lattice);
        let nodes = &lattice.nodes;
        let margins = lattice
            .path
            .iter()
            .map(|&(_, end, _)| nodes[end].score - nodes[end].second);
        let reached = nodes.iter().filter(|node| node.start != NONE);
        Certainty {
            margin: margins.fold(f64::INFINITY, f64::min),
            largest: reached.fold(0.0, |largest, node| node.score.abs().max(largest)),
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

    fn fill<const SINGLE: bool>(&self, text: &[u8], before: f64, lattice: &mut Lattice) {
        let nodes = &mut lattice.nodes;
        nodes.clear();
        nodes.resize(text.len() + 1, UNREACHED);
        nodes[0].score = before;
        let (mut at, mut frontier) = (0, 0);
        while at < text.len() {
            if SINGLE && nodes[at].score.abs() > RECENTRED {
                let offset = nodes[at].score;
                for node in &mut nodes[at..=frontier] {
                    node.score = rounded(node.score - offset);
                }
            }
            let before = nodes[at].score;
            // Texts are shorter than 4 GiB.
            let start = u32::try_from(at).unwrap_or(NONE);
            let character = character_length(text, at);
            let mut alone = false;
            let mut offer = |length: usize, score: f64, id: u32| {
                let sum = before + score;
                let sum = if SINGLE { rounded(sum) } else { sum };
                frontier = frontier.max(at + length);
                let node = &mut nodes[at + length];
                if node.start == NONE || sum > node.score {
                    let second = if node.start == NONE {
                        f64::NEG_INFINITY
                    } else {
                        node.score
                    };
                    *node = Node {
                        score: sum,
                        second,
                        start,
                        id,
                    };
                } else if sum > node.second {
                    node.second = sum;
                }
            };
            self.trie.each_prefix(&text[at..], |length, id| {
                alone |= length == character;
                offer(length, self.scores[id as usize], id);
            });
            if !alone {
                offer(character, self.unknown_score, NONE);
            }
            at += character;
        }
    }

    fn trace(&self, lattice: &mut Lattice) {
        lattice.path.clear();
        let mut end = lattice.nodes.len() - 1;
        while end > 0 {
            let node = lattice.nodes[end];
            lattice.path.push((node.start as usize, end, node.id));
            end = node.start as usize;
        }
        lattice.path.reverse();
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
                let total: f64 = lattice.path.iter().map(sum).sum();
                assert!((score - total).abs() < 1e-5, "{text}");
                let joined: Vec<u8> = lattice
                    .path
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
