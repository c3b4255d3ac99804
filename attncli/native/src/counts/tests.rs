//! Counting on one thread and on several.

use super::*;

fn counts(threads: usize, text: &'static [u8]) -> Vec<(Vec<u8>, u64)> {
    let splitter = Splitter::new(r"\S+", true).unwrap();
    let mut counts = WordCounts::new(splitter, threads);
    counts.add(text).unwrap();
    let mut found: Vec<_> = counts
        .words()
        .unwrap()
        .0
        .iter()
        .map(|(word, n)| (word.to_vec(), n))
        .collect();
    found.sort();
    found
}

#[test]
fn threads_change_nothing() {
    let text: &[u8] = (0..300_000u32)
        .flat_map(|n| format!("w{} ", n * n % 1009).into_bytes())
        .collect::<Vec<u8>>()
        .leak();
    assert_eq!(counts(1, text), counts(3, text));
    assert_eq!(counts(1, text).iter().map(|(_, n)| n).sum::<u64>(), 300_000);
}

#[test]
fn a_word_more_is_seen() {
    assert_ne!(counts(1, b"a b a"), counts(1, b"a b a a"));
}

#[test]
fn characters_hold_invalid_bytes_as_one() {
    let mut counts = WordCounts::new(Splitter::new("", false).unwrap(), 1);
    counts.add("bé\u{4e2d}".as_bytes()).unwrap();
    counts.add(b"\xff\xe4").unwrap();
    assert_eq!(
        counts.characters().unwrap().into_iter().collect::<String>(),
        "bé中\u{fffd}"
    );
}

/// Words of all lengths around those that are kept apart, and at the very end of a text.
#[test]
fn lengths_change_nothing() {
    for length in 0..40 {
        let text: Vec<u8> = "abcdefghij".bytes().cycle().take(length).collect();
        let mut counts = WordCounts::new(Splitter::new(r"\S+", true).unwrap(), 1);
        counts.add(text.clone()).unwrap();
        counts
            .add([&text[..], b" ", &text, b"\0"].concat())
            .unwrap();
        let (words, total) = counts.words().unwrap();
        let mut found: Vec<_> = words.iter().map(|(word, n)| (word.to_vec(), n)).collect();
        found.sort();
        let mut expected = vec![([&text[..], b"\0"].concat(), 1)];
        if length > 0 {
            expected.insert(0, (text, 2));
        }
        assert_eq!(found, expected);
        assert_eq!(total, expected.iter().map(|(_, n)| n).sum::<u64>());
    }
}

#[test]
fn a_text_that_cannot_be_split_is_told_in_the_end() {
    let mut counts = WordCounts::new(Splitter::new(r"(?=(a+)+$)(a+)+(?<=b)", true).unwrap(), 2);
    let first = counts.add(vec![b'a'; 1 << 17]);
    assert!(first.and_then(|()| counts.words().map(drop)).is_err());
}
