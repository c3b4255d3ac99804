//! tiktoken's file of ranks, and the merges that follow from it.
#![no_main]
use _native::bpe::derive;
use _native::formats::tiktoken;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(tokens) = tiktoken::read(data) else {
        return;
    };
    for (left, right, whole) in derive::merges(&tokens).unwrap_or_default() {
        let both = [tokens.get(left as usize), tokens.get(right as usize)].concat();
        assert_eq!(both, tokens.get(whole as usize));
    }
});
