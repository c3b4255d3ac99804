//! Counting on one thread and on several.

use super::*;

fn all(counts: &mut WordCounts) -> Vec<(Vec<u8>, u64)> {
    let mut found = Vec::new();
    let mut add = |word: &[u8], count| {
        found.push((word.to_vec(), count));
        Ok(())
    };
    counts.each(true, &mut add).unwrap();
    found
}

fn counts(threads: usize, text: &'static [u8]) -> Vec<(Vec<u8>, u64)> {
    let splitter = Splitter::new(r"\S+", true).unwrap();
    let mut counts = WordCounts::new(splitter, threads);
    counts.add(text).unwrap();
    all(&mut counts)
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
        let mut expected = vec![([&text[..], b"\0"].concat(), 1)];
        if length > 0 {
            expected.insert(0, (text, 2));
        }
        assert_eq!(all(&mut counts), expected);
        assert_eq!(
            counts.total().unwrap(),
            expected.iter().map(|(_, n)| n).sum::<u64>()
        );
    }
}

#[test]
fn a_text_that_cannot_be_split_is_told_in_the_end() {
    let mut counts = WordCounts::new(Splitter::new(r"(?=(a+)+$)(a+)+(?<=b)", true).unwrap(), 2);
    let first = counts.add(vec![b'a'; 1 << 17]);
    assert!(first.and_then(|()| counts.total()).is_err());
}

/// Counts texts, with a run written after each of them.
fn spilling(texts: &[&'static [u8]], threads: usize) -> WordCounts {
    let splitter = Splitter::new(r"\S+", true).unwrap();
    let mut counts = WordCounts::new(splitter, threads);
    for text in texts {
        counts.add(*text).unwrap();
        let mut file = Vec::new();
        let (size, pieces) = counts
            .spill(&mut |block| {
                file.extend_from_slice(block);
                Ok(())
            })
            .unwrap();
        assert_eq!(size, file.len() as u64);
        let read = move |offset: u64, size| {
            let offset = usize::try_from(offset).unwrap();
            Ok(file[offset..offset + size].to_vec())
        };
        counts.add_run(Run::new(size, Box::new(read)), pieces);
    }
    counts
}

#[test]
fn runs_change_nothing() {
    let long: &[u8] = [b"x".repeat(300_000), b" y x y".to_vec()].concat().leak();
    let many: &[u8] = (0..100_000u32)
        .flat_map(|n| format!("{} ", n.wrapping_mul(2_654_435_761) % 30_011).into_bytes())
        .collect::<Vec<u8>>()
        .leak();
    let texts: [&[u8]; 5] = [b"b a b", b"", many, long, many];
    let joined: &[u8] = texts.join(&b' ').leak();
    let whole = counts(1, joined);
    for threads in [1, 3] {
        let mut spilled = spilling(&texts, threads);
        assert_eq!(all(&mut spilled), whole);
        assert_eq!(spilled.distinct().unwrap(), whole.len());
        let pieces: u64 = whole.iter().map(|(_, n)| n).sum();
        assert_eq!(spilled.total().unwrap(), pieces);
        spilled.add(&b"b b"[..]).unwrap();
        assert_ne!(all(&mut spilled), whole);
    }
}

#[test]
fn counts_in_runs_are_of_64_bits() {
    let mut counts = spilling(&[b"a"], 1);
    counts.add_count(b"a", 1 << 63).unwrap();
    counts.add_count(b"", 0).unwrap();
    assert_eq!(
        all(&mut counts),
        [(vec![], 0), (b"a".to_vec(), (1 << 63) + 1)]
    );
}

#[test]
fn a_damaged_run_is_told() {
    for bytes in [&b"\x05ab"[..], b"\xff", &[0xff; 12], b"\x01a"] {
        let mut counts = WordCounts::new(Splitter::new("", false).unwrap(), 1);
        let read = |offset: u64, _| Ok(bytes[usize::try_from(offset).unwrap()..].to_vec());
        counts.add_run(Run::new(bytes.len() as u64, Box::new(read)), 0);
        assert!(counts.distinct().is_err(), "{bytes:?}");
    }
}
