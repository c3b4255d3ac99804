//! Training on words small enough to recount by hand.

use super::*;
use crate::error::Error;
use rustc_hash::FxHashMap;
use std::cmp::Reverse;

struct List<'a>(&'a [(&'a str, u64)]);

impl WordSource for List<'_> {
    fn each(&self, word: &mut dyn FnMut(&[u8], u64) -> Result<()>) -> Result<()> {
        self.0
            .iter()
            .try_for_each(|(text, count)| word(text.as_bytes(), *count))
    }
}

fn learn(words: &[(&str, u64)], goal: &Goal<'_>) -> Vec<Merge> {
    train(List(words), goal, |_| Ok(())).unwrap()
}

fn goal<'a>(alphabet: &'a [&'a str], max_merges: usize) -> Goal<'a> {
    Goal {
        alphabet: alphabet.iter().map(|symbol| symbol.as_bytes()).collect(),
        end_of_word: None,
        max_merges,
        min_frequency: 1,
        max_token_length: None,
        max_memory: None,
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

/// Rounds of one pair, lists that are full after one merge, cells counted one at a time.
#[test]
fn little_memory_changes_nothing() {
    for seed in 0..100 {
        let words = words(seed);
        let words: Vec<_> = words
            .iter()
            .map(|(word, count)| (word.as_str(), *count))
            .collect();
        let goal = goal(&["a", "b"], 25);
        let expected = by_recount(&words, &["a", "b"], 25);
        for (pairs, places) in [(1, 1), (2, 3), (5, 8), (16, 64)] {
            let tokens = Tokens::new(&goal).unwrap();
            let budget = |_| Ok(Budget { pairs, places });
            let mut go_on = |_| Ok(());
            let learned = learn_in::<u32>(List(&words), &goal, tokens, budget, &mut go_on).unwrap();
            assert_eq!(learned, expected, "{words:?}");
        }
    }
}

#[test]
fn too_little_memory_is_refused_with_what_is_needed() {
    let word = "ab".repeat(2_000_000);
    let mut goal = goal(&["a", "b"], 1);
    goal.max_memory = Some(8_000_000);
    let refused = train(List(&[(&word, 1)]), &goal, |_| Ok(())).unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("takes 14 MB, and 8 are allowed"),
        "{refused}"
    );
    goal.max_memory = Some(30_000_000);
    let learned = train(List(&[(&word, 1)]), &goal, |_| Ok(())).unwrap();
    assert_eq!(learned.len(), 1);
}

#[test]
fn counts_beyond_32_bits() {
    let most = 1 << 40;
    let words = [("ab", most), ("bc", most + 1), ("ca", u64::MAX), ("cab", 1)];
    let merges = learn(&words, &goal(&["a", "b", "c"], 4));
    let found: Vec<_> = merges.iter().map(|m| (m.left, m.right, m.count)).collect();
    // ca (saturated), bc, ab (in `cab` no more), then ca b
    assert_eq!(
        found,
        [(2, 0, u64::MAX), (1, 2, most + 1), (0, 1, most), (3, 1, 1)]
    );
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
    let stopped = train(List(&[("abab", 2)]), &goal(&["a", "b"], 3), |_| {
        Err(Error::Interrupted)
    });
    assert_eq!(stopped, Err(Error::Interrupted));
}
