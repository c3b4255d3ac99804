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
