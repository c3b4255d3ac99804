//! A SentencePiece's precompiled map, put to work on a text: all that stands behind the map.
#![no_main]
use _native::charsmap::Charsmap;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(map) = Charsmap::new(data) else {
        return;
    };
    for from in 0..data.len().min(256) {
        let text = &data[data.len() - from..];
        if let Some((length, _)) = map.longest(text) {
            assert!(length <= text.len());
            assert!(map.shortest(text).is_some());
        }
    }
});
