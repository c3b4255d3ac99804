//! A pipeline in JSON, and behind a NUL a text: the ids with spans are those without.
#![no_main]
use _native::pipeline::{Buffers, Options, Tokenizer};
use _native::tokens::Tokens;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(end) = data.iter().position(|&byte| byte == 0) else {
        return;
    };
    let Ok(pipeline) = std::str::from_utf8(&data[..end]) else {
        return;
    };
    let text = &data[end + 1..];
    let mut tokens = Tokens::default();
    for byte in 0..=255u8 {
        tokens.push(&[byte]);
    }
    for token in ["ab", "abc", "<e>", "##a", "\u{2581}", "\u{2581}a", "é"] {
        tokens.push(token.as_bytes());
    }
    let buffers = Buffers {
        merges: vec![(97, 98), (256, 99)],
        scores: (0..263u16).map(|id| -f64::from(id % 7)).collect(),
        ..Buffers::default()
    };
    let Ok(tokenizer) = Tokenizer::new(tokens, pipeline, buffers) else {
        return;
    };
    for allow in [vec![], vec![258]] {
        let options = Options {
            allow,
            ..Options::default()
        };
        let plain = tokenizer.encode(text, &options);
        let traced = tokenizer.encode_traced(&[text], &options);
        match (plain, traced) {
            (Ok(ids), Ok(traced)) => {
                assert_eq!(ids, traced[0].0);
                assert_eq!(ids.len(), traced[0].1.len());
                for &(start, end) in &traced[0].1 {
                    assert!(start <= end && end <= text.len());
                }
                tokenizer.decode(&ids, &[]).expect("known ids");
            }
            (plain, traced) => assert_eq!(plain.is_err(), traced.is_err()),
        }
    }
});
