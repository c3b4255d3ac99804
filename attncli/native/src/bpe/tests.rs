use super::batch::{join, starts};
use super::merge::Merger;
use super::*;
use crate::tokens::Tokens;

/// A vocabulary of which all tokens can be looked up but those of some ids.
fn vocab(tokens: &[&[u8]], but: &[u32]) -> Vocab {
    let mut all = Tokens::default();
    for token in tokens {
        all.push(token).unwrap();
    }
    let mut vocab = Vocab::new(all).unwrap();
    for id in vocab.ids().collect::<Vec<_>>() {
        if !but.contains(&id) {
            vocab.enter(id);
        }
    }
    vocab
}
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
        merges,
        byte_level: true,
        ..Tables::default()
    };
    let splitter = Splitter::new(pattern, false).unwrap();
    Bpe::new(Some(splitter), vocab(&tokens, &[]), &tables).unwrap()
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
            assert!(Merger::default().blocks(&bpe.merges, &mut by_blocks, 0, 64));
            assert_eq!(by_heap, by_blocks);
        }
    }
}

/// Tokens longer than a block, so that blocks do not meet: each time they are tried again they grow, to an end.
#[test]
fn blocks_that_do_not_meet_come_to_an_end() {
    let runs: Vec<String> = (0..9).map(|power| "a".repeat(1 << power)).collect();
    let pairs: Vec<(&str, &str)> = runs
        .iter()
        .map(|run| (&run[..], &run[..]))
        .chain([("b", "a"), ("ba", "aa")])
        .collect();
    let bpe = bpe(&pairs, "");
    let mut state = 5u64;
    for length in [300usize, 700, 3_000, 12_000] {
        for rarity in [20, 90, 400, 3_000] {
            let word: Vec<u8> = (0..length)
                .map(|_| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    b"ab"[usize::from((state >> 40).is_multiple_of(rarity))]
                })
                .collect();
            let mut by_heap = Vec::new();
            bpe.symbols(&word, &mut by_heap);
            let mut merged = by_heap.clone();
            Merger::default().heap(&bpe.merges, &mut by_heap, 0);
            Merger::default().merge(&bpe.merges, &mut merged, 0);
            assert_eq!(by_heap, merged);
        }
    }
}

/// Letters that pair up from the right, 201 at a time: how the first ones do is told by the last one.
#[test]
fn blocks_that_meet_by_mistake_are_found_out() {
    let pairs: Vec<(u32, u32)> = (0..200).rev().map(|left| (left, left + 1)).collect();
    let bytes = (0..=255u8).map(|byte| vec![byte]);
    let tokens: Vec<Vec<u8>> = bytes
        .chain((0..200).rev().map(|left| vec![left, left + 1]))
        .collect();
    let tokens: Vec<&[u8]> = tokens.iter().map(Vec::as_slice).collect();
    let tables = Tables {
        merges: pairs,
        byte_level: true,
        ..Tables::default()
    };
    let bpe = Bpe::new(None, vocab(&tokens, &[]), &tables).unwrap();
    let word: Vec<u8> = (0..=200).cycle().take(20_000).collect();
    let mut by_heap = Vec::new();
    bpe.symbols(&word, &mut by_heap);
    let (mut small, mut large, mut found) = (by_heap.clone(), by_heap.clone(), by_heap.clone());
    Merger::default().heap(&bpe.merges, &mut by_heap, 0);
    assert!(!Merger::default().blocks(&bpe.merges, &mut small, 0, 64));
    assert!(Merger::default().blocks(&bpe.merges, &mut large, 0, 4096));
    Merger::default().merge(&bpe.merges, &mut found, 0);
    assert_eq!(by_heap, large);
    assert_eq!(by_heap, found);
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
    (join(parts, 2, |id| id).unwrap(), starts(parts))
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
    // An id more than there are bytes.
    let single = vec![b'd'; 200_000];
    let one = bpe.encode_lines(&single, 2, Some(1), &AtomicBool::new(false));
    let (ids, starts) = flat(&one.unwrap());
    assert_eq!(
        (ids.len(), ids.last(), starts),
        (200_001, Some(&1), vec![0, 200_001])
    );
}

#[test]
fn a_cancelled_call_stops() {
    let bpe = bpe(&PAIRS, r"\S+");
    let long = b"ab aab ".repeat(10_000);
    for text in [&b"ab aab "[..], &long] {
        for threads in 1..3 {
            assert_eq!(
                bpe.encode_batch(&[text; 9], threads, &AtomicBool::new(true)),
                Err(Error::Interrupted)
            );
        }
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
    let new = |merges, byte_level| {
        let tables = Tables {
            merges,
            byte_level,
            ..Tables::default()
        };
        Bpe::new(None, vocab(&[b"a", b"b"], &[]), &tables)
    };
    assert!(new(vec![(0, 1)], false).is_err());
    assert!(new(vec![(0, 9)], false).is_err());
    assert!(new(vec![], true).is_err());
    assert!(new(vec![], false).is_ok());
}

/// Characters a, é and their merge, é before an end of word, and an unknown one that text never becomes.
fn characters(tables: Tables) -> Bpe {
    let tokens = ["a", "é", "aé", "é</w>", "?", "<0xC3>", "<0x9F>"].map(str::as_bytes);
    let splitter = Splitter::new(r"\S+", true).unwrap();
    Bpe::new(Some(splitter), vocab(&tokens, &[4]), &tables).unwrap()
}

#[test]
fn unknown_characters() {
    let merges = vec![(0, 1)];
    let of = |tables: Tables| characters(tables).encode("aé  xxß?a".as_bytes()).unwrap();
    let plain = Tables {
        merges,
        ..Tables::default()
    };
    assert_eq!(of(plain.clone()), [2, 0]);
    let unknown = Tables {
        unknown: Some(4),
        ..plain
    };
    assert_eq!(of(unknown.clone()), [2, 4, 4, 4, 4, 0]);
    let fused = Tables {
        fuse_unknown: true,
        ..unknown
    };
    assert_eq!(of(fused.clone()), [2, 4, 0]);
    // As in Hugging Face's: an unknown one waits until a known one comes, and bytes don't count.
    let bytes = Tables {
        byte_fallback: true,
        ..fused
    };
    assert_eq!(of(bytes), [2, 5, 6, 4, 0]);
}

#[test]
fn an_end_of_word_is_part_of_the_last_symbol() {
    let bpe = characters(Tables {
        end_of_word_suffix: "</w>".into(),
        ..Tables::default()
    });
    assert_eq!(bpe.encode("aé é aa".as_bytes()).unwrap(), [0, 3, 3, 0]);
    assert_eq!(bpe.lost(), [b"a"]);
}
