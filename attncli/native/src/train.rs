//! BPE training (Sennrich et al. 2016, algorithm 1) with pair counts kept up to date: no rescan of the corpus.
//!
//! All distinct words stand one after another in one array of symbols. A token that covers n base symbols holds
//! its id at its first and at its last place, so that both neighbours are found without links:
//!
//! ```text
//! place     0    1    2    3    4         lengths: t 1, he 2, the 3
//! symbols  [t]  [he   he]  [END]          the token before place 3 ends at 2, there stands `he`, it begins at 1
//! ```

use crate::error::{Error, Result};
use crate::pair::{pack, unpack};
use crate::split::unicode::char_at;
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

const END: u32 = u32::MAX;

/// What to learn.
#[derive(Debug, Clone)]
pub struct Goal<'a> {
    /// Bytes of the base symbols, by id.
    pub alphabet: Vec<&'a [u8]>,
    /// One more symbol after each word; in the alphabet.
    pub end_of_word: Option<&'a [u8]>,
    /// How many new tokens to learn.
    pub max_merges: usize,
    /// Pairs seen less often are not merged.
    pub min_frequency: u64,
    /// Longer tokens are not made: in bytes under a byte alphabet, else in characters.
    pub max_token_length: Option<usize>,
}

/// One learned merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merge {
    /// Id of the left part.
    pub left: u32,
    /// Id of the right part.
    pub right: u32,
    /// Id of the whole: a new one, or that of the token with these bytes.
    pub new: u32,
    /// How often the pair occurred when it was merged.
    pub count: u64,
}

/// Where a pair stands, and how often.
#[derive(Debug, Default)]
struct Pair {
    count: u64,
    /// Places of the left part; some may be gone by the time they are used.
    places: Vec<u32>,
}

struct Trainer {
    symbols: Vec<u32>,
    /// The word of each place, for its count.
    word_of: Vec<u32>,
    counts: Vec<u64>,
    /// Base symbols that each token covers.
    lengths: Vec<u32>,
    tokens: Vec<Vec<u8>>,
    ids: FxHashMap<Vec<u8>, u32>,
    pairs: FxHashMap<u64, Pair>,
    /// Highest count first, among equals the smaller (left, right). An entry may be out of date.
    queue: BinaryHeap<(u64, Reverse<u64>)>,
    /// Pairs whose count grew during a merge.
    grown: Vec<u64>,
}

/// Learns merges from words and their counts; `progress(done)` may ask to stop by an error.
pub fn train<'w>(
    words: impl Iterator<Item = (&'w [u8], u64)>,
    goal: &Goal<'_>,
    mut progress: impl FnMut(usize) -> Result<()>,
) -> Result<Vec<Merge>> {
    let mut trainer = Trainer::new(words, goal)?;
    let base = goal.alphabet.len();
    let by_bytes = is_byte_alphabet(&goal.alphabet);
    let mut merges = Vec::new();
    while trainer.tokens.len() - base < goal.max_merges {
        let Some((key, count)) = trainer.best(goal.min_frequency.max(1)) else {
            break;
        };
        let (left, right) = unpack(key);
        let whole = [
            &trainer.tokens[left as usize][..],
            &trainer.tokens[right as usize],
        ]
        .concat();
        if let Some(most) = goal.max_token_length {
            let length = if by_bytes {
                whole.len()
            } else {
                characters(&whole)
            };
            if length > most {
                trainer.pairs.remove(&key);
                continue;
            }
        }
        let new = trainer.token(whole, left, right)?;
        merges.push(Merge {
            left,
            right,
            new,
            count,
        });
        trainer.merge(key, left, right, new);
        progress(trainer.tokens.len() - base)?;
    }
    Ok(merges)
}

/// Whether the alphabet is the 256 single bytes: then words are bytes, else characters.
pub fn is_byte_alphabet(alphabet: &[&[u8]]) -> bool {
    alphabet.len() == 256 && alphabet.iter().all(|symbol| symbol.len() == 1) && {
        let mut seen = [false; 256];
        for symbol in alphabet {
            seen[usize::from(symbol[0])] = true;
        }
        seen.iter().all(|&byte| byte)
    }
}

impl Trainer {
    fn new<'w>(words: impl Iterator<Item = (&'w [u8], u64)>, goal: &Goal<'_>) -> Result<Self> {
        let mut ids = FxHashMap::default();
        for (id, symbol) in goal.alphabet.iter().enumerate() {
            let id = u32::try_from(id)
                .map_err(|_| Error::Invalid("the alphabet is too large".into()))?;
            if ids.insert(symbol.to_vec(), id).is_some() {
                return Err(Error::Invalid("the alphabet holds a symbol twice".into()));
            }
        }
        let end_of_word = match goal.end_of_word {
            None => None,
            Some(marker) => Some(*ids.get(marker).ok_or_else(|| {
                Error::Invalid("the end-of-word marker is not in the alphabet".into())
            })?),
        };
        let mut trainer = Self {
            symbols: Vec::new(),
            word_of: Vec::new(),
            counts: Vec::new(),
            lengths: vec![1; goal.alphabet.len()],
            tokens: goal.alphabet.iter().map(|symbol| symbol.to_vec()).collect(),
            ids,
            pairs: FxHashMap::default(),
            queue: BinaryHeap::new(),
            grown: Vec::new(),
        };
        trainer.lay_out(words, is_byte_alphabet(&goal.alphabet), end_of_word)?;
        trainer.count_pairs();
        Ok(trainer)
    }

    /// Writes every word as base symbols, an END after each run of them.
    fn lay_out<'w>(
        &mut self,
        words: impl Iterator<Item = (&'w [u8], u64)>,
        by_bytes: bool,
        end_of_word: Option<u32>,
    ) -> Result<()> {
        let unknown = self.ids.get("\u{fffd}".as_bytes()).copied();
        let mut byte_ids = [END; 256];
        for (symbol, &id) in &self.ids {
            if let [byte] = symbol[..] {
                byte_ids[usize::from(byte)] = id;
            }
        }
        for (number, (word, count)) in words.enumerate() {
            self.counts.push(count);
            let mut at = 0;
            while at < word.len() {
                let (length, id) = if by_bytes || word[at] < 128 {
                    (1, byte_ids[usize::from(word[at])])
                } else {
                    let (length, character) = char_at(word, at);
                    let known = character.and_then(|_| self.ids.get(&word[at..at + length]));
                    (length, known.copied().unwrap_or(END))
                };
                self.symbols.push(if id == END {
                    unknown.unwrap_or(END)
                } else {
                    id
                });
                at += length;
            }
            self.symbols.extend(end_of_word);
            self.symbols.push(END);
            let number = u32::try_from(number).map_err(|_| too_large())?;
            self.word_of.resize(self.symbols.len(), number);
        }
        // Places are u32, and the END after the last symbol is a place too.
        u32::try_from(self.symbols.len()).map_err(|_| too_large())?;
        Ok(())
    }

    fn count_pairs(&mut self) {
        for (place, index) in (0..END).zip(1..self.symbols.len()) {
            let (left, right) = (self.symbols[index - 1], self.symbols[index]);
            if left != END && right != END {
                let pair = self.pairs.entry(pack(left, right)).or_default();
                pair.count = pair
                    .count
                    .saturating_add(self.counts[self.word_of[index] as usize]);
                pair.places.push(place);
            }
        }
        self.queue = self
            .pairs
            .iter()
            .map(|(&key, pair)| (pair.count, Reverse(key)))
            .collect();
    }

    /// The pair to merge next. Counts only shrink between updates of the queue, so an entry that is out of date
    /// stands too high: it is put back where it belongs.
    fn best(&mut self, min_frequency: u64) -> Option<(u64, u64)> {
        while let Some((count, Reverse(key))) = self.queue.pop() {
            let now = self.pairs.get(&key).map_or(0, |pair| pair.count);
            if now < min_frequency {
                continue;
            }
            if now == count {
                return Some((key, count));
            }
            if now < count {
                self.queue.push((now, Reverse(key)));
            }
            // Where `now` is larger, a newer entry stands in the queue.
        }
        None
    }

    /// The id of a token: the one that these bytes have already, as Hugging Face's trainer does, or a new one.
    fn token(&mut self, whole: Vec<u8>, left: u32, right: u32) -> Result<u32> {
        if let Some(&id) = self.ids.get(&whole) {
            return Ok(id);
        }
        let id = u32::try_from(self.tokens.len()).map_err(|_| too_large())?;
        self.lengths
            .push(self.lengths[left as usize] + self.lengths[right as usize]);
        self.ids.insert(whole.clone(), id);
        self.tokens.push(whole);
        Ok(id)
    }

    fn merge(&mut self, key: u64, left: u32, right: u32, new: u32) {
        let Some(pair) = self.pairs.remove(&key) else {
            return;
        };
        let mut places = pair.places;
        if left == right {
            // Only a pair of equals can overlap itself, and then the leftmost place wins.
            places.sort_unstable();
        }
        for place in places {
            self.merge_at(place, left, right, new);
        }
        self.grown.sort_unstable();
        self.grown.dedup();
        for key in std::mem::take(&mut self.grown) {
            if let Some(pair) = self.pairs.get(&key) {
                self.queue.push((pair.count, Reverse(key)));
            }
        }
    }

    fn merge_at(&mut self, place: u32, left: u32, right: u32, new: u32) {
        let start = place as usize;
        let middle = start + self.lengths[left as usize] as usize;
        let after = middle + self.lengths[right as usize] as usize;
        // A place is out of date where another merge has taken one of its parts. Both began here once, and tokens
        // only grow, so an id that still stands here still begins here (it is no other token's last place).
        if self.symbols[start] != left || self.symbols[middle] != right {
            return;
        }
        let count = self.counts[self.word_of[start] as usize];
        let before = if start == 0 {
            END
        } else {
            self.symbols[start - 1]
        };
        let next = self.symbols[after];
        if before != END {
            let at = place - self.lengths[before as usize];
            self.change(pack(before, left), pack(before, new), count, at);
        }
        if next != END {
            self.change(pack(right, next), pack(new, next), count, place);
        }
        // What is inside must never again be taken for one of the parts.
        self.symbols[start..after].fill(END);
        self.symbols[start] = new;
        self.symbols[after - 1] = new;
    }

    /// One pair less, another more, at a place.
    fn change(&mut self, lost: u64, won: u64, count: u64, place: u32) {
        if let Some(pair) = self.pairs.get_mut(&lost) {
            pair.count = pair.count.saturating_sub(count);
            if pair.count == 0 {
                self.pairs.remove(&lost);
            }
        }
        let pair = self.pairs.entry(won).or_default();
        pair.count = pair.count.saturating_add(count);
        pair.places.push(place);
        self.grown.push(won);
    }
}

fn characters(token: &[u8]) -> usize {
    token.iter().filter(|&&byte| byte & 0xc0 != 0x80).count()
}

fn too_large() -> Error {
    Error::Invalid(
        "the distinct words hold more than 2^32 symbols; raise the minimum or use a pattern".into(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learn(words: &[(&str, u64)], goal: &Goal<'_>) -> Vec<Merge> {
        let words = words.iter().map(|(word, count)| (word.as_bytes(), *count));
        train(words, goal, |_| Ok(())).unwrap()
    }

    fn goal<'a>(alphabet: &'a [&'a str], max_merges: usize) -> Goal<'a> {
        Goal {
            alphabet: alphabet.iter().map(|symbol| symbol.as_bytes()).collect(),
            end_of_word: None,
            max_merges,
            min_frequency: 1,
            max_token_length: None,
        }
    }

    /// The definition: count all pairs anew for every merge.
    fn by_recount(words: &[(&str, u64)], alphabet: &[&str], max_merges: usize) -> Vec<Merge> {
        let mut tokens: Vec<String> = alphabet
            .iter()
            .map(|symbol| (*symbol).to_string())
            .collect();
        let id = |tokens: &[String], text: &str| tokens.iter().position(|token| token == text);
        let mut split: Vec<(Vec<u32>, u64)> = words
            .iter()
            .map(|(word, count)| {
                let ids = word.chars().map(|c| id(&tokens, &c.to_string()).unwrap());
                (ids.map(|id| u32::try_from(id).unwrap()).collect(), *count)
            })
            .collect();
        let mut merges = Vec::new();
        while tokens.len() - alphabet.len() < max_merges {
            let mut counts: FxHashMap<(u32, u32), u64> = FxHashMap::default();
            for (word, count) in &split {
                for pair in word.windows(2) {
                    *counts.entry((pair[0], pair[1])).or_default() += count;
                }
            }
            let best = counts
                .iter()
                .max_by_key(|(&pair, &count)| (count, Reverse(pair)));
            let Some((&(left, right), &count)) = best else {
                break;
            };
            let whole = format!("{}{}", tokens[left as usize], tokens[right as usize]);
            let new = u32::try_from(id(&tokens, &whole).unwrap_or(tokens.len())).unwrap();
            if new as usize == tokens.len() {
                tokens.push(whole);
            }
            merges.push(Merge {
                left,
                right,
                new,
                count,
            });
            for (word, _) in &mut split {
                let mut at = 0;
                while at + 1 < word.len() {
                    if word[at] == left && word[at + 1] == right {
                        word.splice(at..at + 2, [new]);
                    }
                    at += 1;
                }
            }
        }
        merges
    }

    /// Words over few letters, so that pairs overlap, tie and make the same token in several ways.
    fn words(seed: u64) -> Vec<(String, u64)> {
        let mut state = seed.wrapping_mul(2).wrapping_add(1);
        let mut random = move |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut found = std::collections::BTreeMap::new();
        for _ in 0..20 {
            let word: String = (0..1 + random(12))
                .map(|_| if random(3) == 0 { 'b' } else { 'a' })
                .collect();
            found.insert(word, 1 + random(9));
        }
        found.into_iter().collect()
    }

    #[test]
    fn merges_are_those_of_a_recount() {
        for seed in 0..300 {
            let words = words(seed);
            let words: Vec<_> = words
                .iter()
                .map(|(word, count)| (word.as_str(), *count))
                .collect();
            assert_eq!(
                learn(&words, &goal(&["a", "b"], 40)),
                by_recount(&words, &["a", "b"], 40),
                "{words:?}"
            );
        }
    }

    #[test]
    fn the_comparison_can_fail() {
        let learned = learn(&[("aab", 5), ("ab", 1)], &goal(&["a", "b"], 2));
        assert_ne!(
            learned,
            by_recount(&[("aab", 5), ("bb", 7)], &["a", "b"], 2)
        );
    }

    #[test]
    fn the_textbook_example() {
        let alphabet = ["_", "d", "e", "i", "l", "n", "o", "r", "s", "t", "w"];
        let mut goal = goal(&alphabet, 4);
        goal.end_of_word = Some(b"_");
        let merges = learn(
            &[("low", 1), ("lower", 1), ("newest", 1), ("wider", 1)],
            &goal,
        );
        let pairs: Vec<_> = merges.iter().map(|m| (m.left, m.right, m.count)).collect();
        // er, lo, er_, low
        assert_eq!(pairs, [(2, 7, 2), (4, 6, 2), (11, 0, 2), (12, 10, 2)]);
    }

    #[test]
    fn long_tokens_are_not_made() {
        let mut goal = goal(&["a", "b"], 10);
        goal.max_token_length = Some(2);
        let merges = learn(&[("abababab", 5)], &goal);
        assert_eq!(merges.len(), 1);
    }

    #[test]
    fn rare_pairs_stay() {
        let mut goal = goal(&["a", "b"], 10);
        goal.min_frequency = 4;
        assert_eq!(learn(&[("ab", 3)], &goal), []);
        assert_eq!(learn(&[("ab", 4)], &goal).len(), 1);
    }

    #[test]
    fn stopping_is_an_error_of_the_caller() {
        let words = [(&b"abab"[..], 2u64)];
        let stopped = train(words.into_iter(), &goal(&["a", "b"], 3), |_| {
            Err(Error::Interrupted)
        });
        assert_eq!(stopped, Err(Error::Interrupted));
    }
}
