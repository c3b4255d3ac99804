use super::*;
use crate::tokens::Tokens;

fn decoded(steps: &str, tokens: &[&[u8]], ids: &[u32]) -> Result<Vec<u8>> {
    let mut all = Tokens::default();
    tokens.iter().for_each(|token| all.push(token).unwrap());
    let decoder = Decoder::new(serde_json::from_str(steps).unwrap())?;
    decoder.by_id(&Vocab::new(all)?, ids.iter().copied())
}

#[test]
fn tokens_become_text() {
    let wordpiece = r###"[{"type": "WordPiece", "prefix": "##", "cleanup": true}]"###;
    let words: [&[u8]; 4] = [b"em", b"##bed", b",", b"please"];
    assert_eq!(
        decoded(wordpiece, &words, &[0, 1, 2, 3]).unwrap(),
        b"embed, please"
    );
    assert_eq!(decoded(wordpiece, &words, &[1, 1]).unwrap(), b"##bedbed");
    let llama = r#"[{"type": "Replace", "pattern": {"String": "_"}, "content": " "}, {"type": "ByteFallback"},
        {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]"#;
    let words: [&[u8]; 3] = [b"__a", b"<0xC3>", b"<0xa9>"];
    let text = decoded(llama, &words, &[0, 1, 2]).unwrap();
    assert_eq!(text, " a\u{e9}".as_bytes());
}

#[test]
fn what_blows_up_is_told() {
    let twice = r#"{"type": "Replace", "pattern": {"String": "a"}, "content": "aa"}"#;
    let steps = |many: usize| format!("[{}]", vec![twice; many].join(","));
    assert_eq!(decoded(&steps(5), &[b"a"], &[0, 0]).unwrap(), [b'a'; 64]);
    // More than the tables take, and less than a text may have.
    assert_eq!(decoded(&steps(12), &[b"a"], &[0]).unwrap().len(), 1 << 12);
    assert!(decoded(&steps(30), &[b"a"], &[0]).is_err());
}

#[test]
fn what_blows_up_is_told_before_it_is_written() {
    let big = "x".repeat(300_000);
    let token = vec![b'a'; 4000]; // 1.2 GB, where 1.3 MB are allowed
    for pattern in [r#"{"String": "a"}"#, r#"{"Regex": "a"}"#] {
        let step = format!(r#"{{"type": "Replace", "pattern": {pattern}, "content": "{big}"}}"#);
        for steps in [
            format!("[{step}]"),
            format!(r#"[{{"type": "Fuse"}}, {step}]"#),
        ] {
            assert!(decoded(&steps, &[&token], &[0]).is_err());
        }
        let step: StepSource = serde_json::from_str(&step).unwrap();
        let mut parts = Parts::new(1 << 20);
        parts.push(b"aaaa").unwrap();
        assert!(Step::new(step).unwrap().apply(parts).is_err());
    }
}

#[test]
fn tables_and_steps_allow_the_same() {
    let grow = |times: usize| {
        let content = "x".repeat(times);
        format!(
            r#"{{"type": "Replace", "pattern": {{"String": "a"}}, "content": "{content}"}},
            {{"type": "Replace", "pattern": {{"String": "x"}}, "content": "yyyyyyyyyy"}}"#
        )
    };
    // Tables take 50 bytes for one; Join ends them, and the rest counts from the tokens, not from what tables made.
    let ids = vec![0; 10_000];
    let steps = format!(r#"[{}, {{"type": "Join"}}]"#, grow(5));
    assert_eq!(
        decoded(&steps, &[b"a"], &ids).unwrap().len(),
        50 * 10_000 + 9_999
    );
    // 200 bytes for one are more than 64 and the room beside.
    for steps in [
        format!("[{}]", grow(20)),
        format!(r#"[{{"type": "Fuse"}}, {}]"#, grow(20)),
    ] {
        assert!(decoded(&steps, &[b"a"], &ids).is_err());
    }
    let twice = r#"{"type": "Replace", "pattern": {"String": "yyyyyyyyyy"}, "content": "zzzzzzzzzzzzzzzzzzzz"}"#;
    let steps = format!(r#"[{}, {{"type": "Fuse"}}, {twice}]"#, grow(5));
    assert!(decoded(&steps, &[b"a"], &vec![0; 40_000]).is_err());
}
