use super::batch::{join, starts};
use super::merge::Merger;
use super::*;
use std::sync::atomic::AtomicBool;

/// Byte-level tables with these merges (as texts), learned in this order.
fn bpe(pairs: &[(&str, &str)], pattern: &str) -> Bpe {
    let bytes: Vec<[u8; 1]> = (0..=255u8).map(|byte| [byte]).collect();
    let wholes: Vec<String> = pairs
        .iter()
        .map(|(left, right)| format!("{left}{right}"))
        .collect();
    let mut tokens: Vec<&[u8]> = bytes.iter().map(|byte| &byte[..]).collect();
    for whole in &wholes {
        if !tokens.contains(&whole.as_bytes()) {
            tokens.push(whole.as_bytes());
        }
    }
    let id = |text: &str| {
        u32::try_from(
            tokens
                .iter()
                .position(|token| *token == text.as_bytes())
                .unwrap(),
        )
        .unwrap()
    };
    let merges = pairs
        .iter()
        .map(|(left, right)| (id(left), id(right)))
        .collect();
    let tables = Tables {
        tokens: tokens.clone(),
        merges,
        byte_level: true,
        end_of_word: None,
        unknown: None,
        special: vec![],
    };
    Bpe::new(Splitter::new(pattern, false).unwrap(), &tables).unwrap()
}

/// The definition: look for the lowest rank, leftmost first, until none is left.
fn by_definition(bpe: &Bpe, word: &[u8]) -> Vec<u32> {
    let mut ids = Vec::new();
    bpe.symbols(word, &mut ids);
    let rank = |at: usize, ids: &[u32]| bpe.merges.rank(ids[at], ids[at + 1]);
    while let Some(at) = (1..ids.len())
        .map(|end| end - 1)
        .min_by_key(|&at| rank(at, &ids))
    {
        if rank(at, &ids) == NONE {
            break;
        }
        ids[at] = bpe.merges.id(rank(at, &ids));
        ids.remove(at + 1);
    }
    ids
}

const PAIRS: [(&str, &str); 8] = [
    ("a", "a"),
    ("b", "a"),
    ("aa", "aa"),
    ("a", "b"),
    ("ab", "aa"),
    ("aaaa", "b"),
    ("ba", "ba"),
    ("c", "aa"),
];

#[test]
fn heap_and_scan_agree() {
    let bpe = bpe(&PAIRS, "");
    let mut state = 7u64;
    for length in 1..300usize {
        let word: Vec<u8> = (0..length)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                b"aaabc"[usize::try_from(state >> 40).unwrap() % 5]
            })
            .collect();
        assert_eq!(
            bpe.encode(&word).unwrap(),
            by_definition(&bpe, &word),
            "{word:?}"
        );
    }
}

#[test]
fn blocks_agree_with_one_heap() {
    let bpe = bpe(&PAIRS, "");
    let mut state = 11u64;
    for length in [4_097, 5_000, 9_000, 20_000] {
        for letters in [&b"a"[..], b"ab", b"aaabc", b"aaaaaaaaaaaaaaab"] {
            let word: Vec<u8> = (0..length)
                .map(|_| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    letters[usize::try_from(state >> 40).unwrap() % letters.len()]
                })
                .collect();
            let mut by_heap = Vec::new();
            bpe.symbols(&word, &mut by_heap);
            let mut by_blocks = by_heap.clone();
            Merger::default().heap(&bpe.merges, &mut by_heap, 0);
            assert!(Merger::default().blocks(&bpe.merges, &mut by_blocks, 0));
            assert_eq!(by_heap, by_blocks);
        }
    }
}

#[test]
fn the_comparison_can_fail() {
    let mut other = PAIRS;
    other.swap(0, 3);
    assert_ne!(
        bpe(&PAIRS, "").encode(b"aabab").unwrap(),
        by_definition(&bpe(&other, ""), b"aabab")
    );
}

#[test]
fn cache_and_threads_change_nothing() {
    let bpe = bpe(&PAIRS, r"\S+");
    let text = b"ab aab caa ba babaaaab aaaaaaaaaaaaaaaaaaaaaaaaaaaab ".repeat(9_000);
    let whole = bpe.encode(&text).unwrap();
    let single: Vec<u32> = text
        .split_inclusive(|&byte| byte == b' ')
        .flat_map(|part| bpe.encode(part).unwrap())
        .collect();
    assert_eq!(whole, single);
    let texts: Vec<&[u8]> = text.chunks(5_000).collect();
    let one: Vec<u32> = bpe
        .encode_batch(&texts, 1, &AtomicBool::new(false))
        .unwrap()
        .into_iter()
        .flat_map(|part| part.ids)
        .collect();
    let three = bpe
        .encode_batch(&texts, 3, &AtomicBool::new(false))
        .unwrap();
    assert_eq!(
        three.iter().map(|part| part.ends.len()).sum::<usize>(),
        texts.len()
    );
    assert_eq!(
        one,
        three
            .into_iter()
            .flat_map(|part| part.ids)
            .collect::<Vec<_>>()
    );
}

/// All ids and where each text starts, whatever the number of parts.
fn flat(parts: &[Encoded]) -> (Vec<u32>, Vec<u64>) {
    (join(parts, 2, |id| id), starts(parts))
}

#[test]
fn one_long_text_is_cut_where_it_changes_nothing() {
    const GPT2: &str =
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
    let long = b"ab aab's caa\n\n  ba baba1234aaab aaaaaaaaaaaaaaaaaaaaaaab ".repeat(80_000);
    let texts = [&long[..], b"", b"aab", &long[7..], b""];
    for pattern in [GPT2, r"\S+", ""] {
        let bpe = bpe(&PAIRS, pattern);
        let expected: Vec<_> = texts.iter().map(|text| bpe.encode(text).unwrap()).collect();
        for threads in 1..4 {
            let parts = bpe.encode_batch(&texts, threads, &AtomicBool::new(false));
            let (ids, starts) = flat(&parts.unwrap());
            assert_eq!(starts.len(), texts.len() + 1);
            assert_eq!(ids, expected.concat());
            let lengths = starts.windows(2).map(|span| span[1] - span[0]);
            assert!(lengths.eq(expected.iter().map(|ids| ids.len() as u64)));
        }
    }
}

#[test]
fn lines_are_texts_without_their_newlines() {
    let long = b"ab aab caa ".repeat(200_000);
    let many = b"ab aab caa ba\n\nbabaaaab\r\n a\n".repeat(60_000);
    let bpe = bpe(&PAIRS, r"\S+");
    for text in [&b""[..], b"\n", b"a", b"a\n", b"\n\nab", &many, &long] {
        let text = [text, b"aab\n", text, text].concat();
        let lines = text
            .strip_suffix(b"\n")
            .unwrap_or(&text)
            .split(|&byte| byte == b'\n');
        let expected: Vec<_> = lines.map(|line| bpe.encode(line).unwrap()).collect();
        for (threads, end) in [(1, None), (2, Some(77)), (3, None)] {
            let parts = bpe.encode_lines(&text, threads, end, &AtomicBool::new(false));
            let (ids, starts) = flat(&parts.unwrap());
            assert_eq!(starts.len(), expected.len() + 1);
            let with_ends = expected
                .iter()
                .flat_map(|ids| ids.iter().copied().chain(end));
            assert!(ids.iter().copied().eq(with_ends));
            assert_eq!(starts.last().copied(), Some(ids.len() as u64));
        }
    }
    let none = bpe.encode_lines(b"", 2, Some(1), &AtomicBool::new(false));
    assert_eq!(flat(&none.unwrap()), (vec![], vec![0]));
}

#[test]
fn a_cancelled_call_stops() {
    let bpe = bpe(&PAIRS, r"\S+");
    let texts = [b"ab aab "; 9];
    for threads in 1..3 {
        assert_eq!(
            bpe.encode_batch(&texts, threads, &AtomicBool::new(true)),
            Err(Error::Interrupted)
        );
    }
}

/// More words than the cache keeps, short and long, so that it grows, fills up and begins anew.
#[test]
fn a_cache_that_overflows_forgets_but_does_not_lie() {
    let bpe = bpe(&PAIRS, r"\S+");
    let mut encoder = bpe.encoder();
    let mut state = 3u64;
    for round in 0..900_000u64 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let word = format!("{:b}", state >> (20 + round % 40))
            .replace('0', "a")
            .replace('1', "b");
        let (mut ids, mut again) = (Vec::new(), Vec::new());
        encoder.word(word.as_bytes(), &mut ids);
        encoder.word(word.as_bytes(), &mut again);
        assert_eq!(ids, again);
        if round % 64 == 0 {
            assert_eq!(ids, by_definition(&bpe, word.as_bytes()));
        }
    }
}

#[test]
fn tables_that_lie_are_refused() {
    let tables = |merges, byte_level| Tables {
        tokens: vec![&b"a"[..], b"b"],
        merges,
        byte_level,
        end_of_word: None,
        unknown: None,
        special: vec![],
    };
    let splitter = Splitter::new("", false).unwrap();
    assert!(Bpe::new(splitter.clone(), &tables(vec![(0, 1)], false)).is_err());
    assert!(Bpe::new(splitter.clone(), &tables(vec![(0, 9)], false)).is_err());
    assert!(Bpe::new(splitter.clone(), &tables(vec![], true)).is_err());
    assert!(Bpe::new(splitter, &tables(vec![], false)).is_ok());
}

#[test]
fn characters_unknown_and_end_of_word() {
    let tables = Tables {
        tokens: vec![
            "_".as_bytes(),
            "é".as_bytes(),
            "a".as_bytes(),
            "é_".as_bytes(),
            "?".as_bytes(),
        ],
        merges: vec![(1, 0)],
        byte_level: false,
        end_of_word: Some(b"_"),
        unknown: Some(4),
        special: vec![4],
    };
    let bpe = Bpe::new(Splitter::new(r"\S+", true).unwrap(), &tables).unwrap();
    assert_eq!(
        bpe.encode("aé  xé?".as_bytes()).unwrap(),
        [2, 3, 4, 1, 4, 0]
    );
}
