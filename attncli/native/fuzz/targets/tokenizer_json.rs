//! The tables of a tokenizer.json: what is lifted out is what a JSON reader finds there.
#![no_main]
use _native::formats::tokenizer_json::lift;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let Some(lifted) = lift(data) else {
        return;
    };
    // Of the rest nothing is said.
    let Ok(whole) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    let mut rest: Value = serde_json::from_slice(&lifted.rest).expect("what is left is JSON too");
    let vocab = whole["model"]["vocab"].as_object().expect("a table");
    let named = lifted.vocab.iter().filter(|name| !name.is_empty()).count();
    assert_eq!(vocab.len(), named);
    for (name, id) in vocab {
        let id = usize::try_from(id.as_u64().expect("an id")).expect("a small id");
        assert_eq!(lifted.vocab.get(id), name.as_bytes());
    }
    let merges = whole["model"]["merges"].as_array().expect("a list");
    assert_eq!(merges.len(), lifted.merges.len());
    for (pair, &(left, right)) in merges.iter().zip(&lifted.merges) {
        let names = [left, right].map(|id| lifted.vocab.get(id as usize));
        match pair.as_str() {
            Some(both) => assert_eq!(both.as_bytes(), names.join(&b' ')),
            None => assert_eq!(names, [0, 1].map(|at| pair[at].as_str().expect("a name").as_bytes())),
        }
    }
    assert!(rest["model"]["vocab"].take().is_null() && rest["model"]["merges"].take().is_null());
});
