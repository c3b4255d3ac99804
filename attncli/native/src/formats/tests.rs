use super::{added, table_rows, tiktoken, tokenizer_json, vocab_merges};
use crate::bpe::derive;
use crate::tokens::Tokens;

fn tokens(of: &[&[u8]]) -> Tokens {
    let mut all = Tokens::default();
    for token in of {
        all.push(token).unwrap();
    }
    all
}

#[test]
fn ranks_are_read() {
    // Out of order, with a hole, a blank line and both line ends.
    let read = tiktoken::read(b"YWI= 3\r\nYQ== 0\n\nYg== 1").unwrap();
    assert_eq!(read, tokens(&[b"a", b"b", b"", b"ab"]));
    assert_eq!(tiktoken::read(b""), Some(Tokens::default()));
}

#[test]
fn faults_are_declined() {
    for fault in [
        "YQ 0",
        "YQ== ",
        "YQ==",
        "YQ== -1",
        "YQ== 0x1",
        " 0",
        "YR== 0",
        "YQ== 0\nYQ== 1",
        "YQ== 0\nYg== 0",
        "YQ== 99999999999",
        "YQ== 2147483648",
        "YQ== 100000",
        "YQ==  0",
        "YQ== 0 ",
        "Y!== 0",
        "====  0",
    ] {
        assert_eq!(tiktoken::read(fault.as_bytes()), None, "{fault}");
    }
}

#[test]
fn a_pair_of_files_is_read() {
    let vocab = br#" { "a": 0, "b": 1, "ab": 3 } "#;
    let names = tokens(&[b"a", b"b", b"", b"ab"]);
    for merges in ["a b", "#version: 0.2\na b\r\n", "a b\n"] {
        let read = vocab_merges::read(vocab, merges.as_bytes());
        assert_eq!(read, Some((names.clone(), vec![(0, 1)])), "{merges:?}");
    }
    for merges in ["", "#version", "#version\n"] {
        let read = vocab_merges::read(vocab, merges.as_bytes());
        assert_eq!(read, Some((names.clone(), vec![])), "{merges:?}");
    }
    for fault in [
        "\n", "a", "a b ", " b", "a ", "b a", "a c", "a b\n\n", "a  b",
    ] {
        assert_eq!(
            vocab_merges::read(vocab, fault.as_bytes()),
            None,
            "{fault:?}"
        );
    }
    assert_eq!(vocab_merges::read(b"{\"a\": 0} x", b""), None);
    assert_eq!(vocab_merges::read(b"[]", b""), None);
    assert_eq!(vocab_merges::read(vocab, b"\xff \xff"), None);
}

/// Tokens, and behind them the bytes that are not among them.
fn with_all_bytes(of: &[&[u8]]) -> Tokens {
    let mut all = tokens(of);
    for byte in 0..=255 {
        if !of.contains(&&[byte][..]) {
            all.push(&[byte]).unwrap();
        }
    }
    all
}

#[test]
fn merges_follow_from_ranks() {
    let table = with_all_bytes(&[b"a", b"b", b"c", b"ab", b"bc", b"abc", b"cab", b"bca"]);
    // abc is ab + c, for ab comes before bc; cab is c + ab; bca comes to bc + a.
    let found = derive::merges(&table).unwrap().unwrap();
    assert_eq!(
        found,
        [(0, 1, 3), (1, 2, 4), (3, 2, 5), (2, 3, 6), (4, 0, 7)]
    );
}

#[test]
fn ranks_may_fall_again_as_parts_grow() {
    // ab has a higher rank than abc, which is made of it all the same; cba is never reached.
    let table = with_all_bytes(&[b"abc", b"a", b"b", b"c", b"ab", b"xy", b"x", b"y", b"cba"]);
    let found = derive::merges(&table).unwrap().unwrap();
    assert_eq!(found, [(4, 3, 0), (1, 2, 4), (6, 7, 5)]);
    assert_eq!(derive::merges(&tokens(&[b"a", b"b", b"ab"])).unwrap(), None);
}

/// More tokens of one length than a thread takes at a time: all pairs of 64 letters, and each with a letter more.
#[test]
fn many_merges_follow_from_ranks() {
    let letters: Vec<u8> = (0..=255).collect();
    let pairs: Vec<_> = (0..64).flat_map(|a| (0..64).map(move |b| [a, b])).collect();
    let longer: Vec<_> = pairs.iter().map(|&[a, b]| [a, b, 200]).collect();
    let mut table = Tokens::default();
    letters
        .iter()
        .for_each(|&letter| table.push(&[letter]).unwrap());
    pairs.iter().for_each(|pair| table.push(pair).unwrap());
    longer.iter().for_each(|token| table.push(token).unwrap());
    let found = derive::merges(&table).unwrap().unwrap();
    let two = pairs.iter().map(|&[a, b]| (u32::from(a), u32::from(b)));
    let three = (256..).zip(&longer).map(|(pair, _)| (pair, 200));
    let want = (256..).zip(two.chain(three));
    let want: Vec<_> = want
        .map(|(new, (left, right))| (left, right, new))
        .collect();
    assert_eq!(found, want);
}

#[test]
fn the_tables_are_lifted() {
    let file = br#" {"a":[1,{"}":"\""}], "model" : {"x":1,"merges":[ ["\u0061","b"], "b a" ],
        "vocab" : {"a":1,"b":0 , "ab":3, "ba":4}} , "z":null}"#;
    let lifted = tokenizer_json::lift(file).unwrap();
    assert_eq!(lifted.vocab, tokens(&[b"b", b"a", b"", b"ab", b"ba"]));
    assert_eq!(lifted.merges, [(1, 0), (0, 1)]);
    let rest = br#" {"a":[1,{"}":"\""}], "model" : {"x":1,"merges":null,
        "vocab" : null} , "z":null}"#;
    assert_eq!(lifted.rest, rest);
}

#[test]
fn escapes_are_read() {
    let file = br#"{"model":{"vocab":{"\ud83d\ude00":0,"\n\"\\\/\b\f\r\t":1},"merges":[]}}"#;
    let vocab = tokenizer_json::lift(file).unwrap().vocab;
    assert_eq!(vocab.get(0), "😀".as_bytes());
    assert_eq!(vocab.get(1), b"\n\"\\/\x08\x0c\r\t");
}

#[test]
fn tables_out_of_order_are_declined() {
    let whole = r#"{"model":{"vocab":{"a":0,"b":1,"ab":2},"merges":[["a","b"]]}}"#;
    assert!(tokenizer_json::lift(whole.as_bytes()).is_some());
    for end in 0..whole.len() {
        assert_eq!(tokenizer_json::lift(&whole.as_bytes()[..end]), None);
    }
    for (from, to) in [
        ("0", "-1"),
        ("0", "0.0"),
        ("0", "00"),
        ("0", "1e9"),
        ("0", "2147483648"),
        ("0", "1000000000"),
        ("0", "\"0\""),
        ("0", "2"),
        ("\"b\":1", "\"a\":1"),
        ("\"a\":0", "\"\":0"),
        ("\"a\":0", "\"\\ud800\":0"),
        ("[\"a\"", "[\"zz\""),
        ("[\"a\",\"b\"]", "[\"a\"]"),
        ("[\"a\",\"b\"]", "\"a b a\""),
        ("[\"a\",\"b\"]", "\"ab\""),
        ("\"merges\"", "\"vocab\""),
        ("[[\"a\",\"b\"]]", "null"),
        ("}}", "}}x"),
        ("}}", ",}}"),
        ("}}", "},\"model\":1,\"model\":{\"vocab\":{}}}"),
    ] {
        let changed = whole.replacen(from, to, 1);
        assert_ne!(changed, whole);
        assert_eq!(tokenizer_json::lift(changed.as_bytes()), None, "{changed}");
    }
    let twice = whole.replacen("}}", "},\"model\":{}}", 1);
    assert_eq!(tokenizer_json::lift(twice.as_bytes()), None);
    let deep = format!("{{\"a\":{}", "[".repeat(200_000));
    assert_eq!(tokenizer_json::lift(deep.as_bytes()), None);
}

#[test]
fn added_tokens_find_their_places() {
    let vocab = tokens(&["Ġa".as_bytes(), b"<e>", "é".as_bytes(), b""]);
    let all = added::add(
        &vocab,
        &[(1, b"<e>"), (3, "<中>".as_bytes()), (5, b"x y")],
        true,
    );
    let expected = tokens(&[b" a", b"<e>", b"\xe9", "<中>".as_bytes(), b"", b"x y"]);
    assert_eq!(all, Some(expected));
    let raw = added::add(&vocab, &[], false);
    assert_eq!(raw, Some(vocab.clone()));
    let wrong: [&[(u32, &[u8])]; 6] = [
        &[(0, b"<e>")],
        &[(4, b"<e>")],
        &[(4, b"x"), (4, b"y")],
        &[(4, b"x"), (5, b"x")],
        &[(4, b"")],
        &[(1 << 20, b"x")],
    ];
    for added in wrong {
        assert_eq!(added::add(&vocab, added, true), None);
    }
    assert_eq!(added::add(&tokens(&["中".as_bytes()]), &[], true), None);
}

#[test]
fn rows_come_back() {
    let numbers = [0.1, -0.0, 1e-8, f32::MAX, f32::MIN_POSITIVE, 16_777_216.0];
    let text = table_rows::write(b"the\n\\x20a\n", &numbers, 3).unwrap();
    assert_eq!(
        text,
        b"the 0.1 -0.0 1e-8\n\\x20a 3.4028235e38 1.1754944e-38 16777216.0\n"
    );
    let (labels, read) = table_rows::read(&text, 3, false).unwrap();
    assert_eq!(labels, b"the\n\\x20a\n");
    assert_eq!(read, numbers);
    assert!(table_rows::write(b"a\n", &[f32::NAN], 1).is_err());
    assert!(table_rows::write(b"a\nb\n", &[1.0], 1).is_err());
    assert_eq!(table_rows::write(b"", &[], 0).unwrap(), b"");
}

#[test]
fn rows_out_of_order_are_declined() {
    for fault in [
        "a 1",
        "a 1 2 3",
        "a b 1 2",
        "a 1 nan",
        "a 1 1e39",
        "a 1 1_0",
        "a  1",
        "a 1 x",
        "",
        "a 1 2\n\na 1 2",
    ] {
        let text = format!("{fault}\n");
        assert_eq!(table_rows::read(text.as_bytes(), 2, false), None, "{fault}");
    }
    assert_eq!(table_rows::read(b"a 1 2\n", 0, false), None);
    let (labels, _) = table_rows::read(b". . 1 2 \r\n", 2, true).unwrap();
    assert_eq!(labels, b". .\n");
    assert_eq!(table_rows::read(b". 3 1 2\n", 2, true), None);
}
