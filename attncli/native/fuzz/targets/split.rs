//! A splitter by number or a pattern, and behind a NUL a text: hand-written splitters cut as the regex of the same name
//! does, and each pattern's pieces follow one another.
#![no_main]
use _native::split::{General, Splitter};
use libfuzzer_sys::fuzz_target;

const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const CL100K: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const O200K: &str = concat!(
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
);

fuzz_target!(|data: &[u8]| {
    let Some((&kind, rest)) = data.split_first() else {
        return;
    };
    if let Some(pattern) = [GPT2, CL100K, QWEN2, O200K, r"\S+"].get(usize::from(kind)) {
        let splitter = Splitter::new(pattern, false).expect("a known pattern");
        assert!(splitter.handwritten());
        let (mut quick, mut slow) = (Vec::new(), Vec::new());
        splitter
            .each(rest, |start, end| quick.push((start, end)))
            .expect("never gives up");
        let general = General::new(pattern).expect("a known pattern");
        let done = general.each(rest, false, |start, end| slow.push((start, end)));
        assert!(done.is_err() || quick == slow, "{quick:?} {slow:?}");
        let cut = splitter.safe_cut(rest);
        assert!(cut == 0 || quick.iter().any(|&(start, _)| start == cut));
        return;
    }
    let Some(end) = rest.iter().position(|&byte| byte == 0) else {
        return;
    };
    let Ok(pattern) = std::str::from_utf8(&rest[..end]) else {
        return;
    };
    let Ok(splitter) = Splitter::new(pattern, false) else {
        return;
    };
    let text = &rest[end + 1..];
    let mut at = 0;
    let done = splitter.each(text, |start, end| {
        assert!(start == at && end > start && end <= text.len());
        at = end;
    });
    assert!(done.is_err() || at == text.len());
});
