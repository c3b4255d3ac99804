//! Pieces with scores, a line each, and behind an empty line a text: both ways of the sums, and the whole text covered.
#![no_main]
use _native::unigram::{Lattice, Unigram};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(end) = data.windows(2).position(|pair| pair == b"\n\n") else {
        return;
    };
    let mut pieces: Vec<(&[u8], u32)> = Vec::new();
    let mut scores = Vec::new();
    for line in data[..end].split(|&byte| byte == b'\n') {
        let Some((&score, piece)) = line.split_first() else {
            continue;
        };
        if !piece.is_empty() && pieces.iter().all(|(known, _)| *known != piece) {
            pieces.push((piece, u32::try_from(pieces.len()).expect("few")));
            scores.push(-f64::from(score) / 16.0);
        }
    }
    let text = &data[end + 2..];
    for single in [false, true] {
        let model = Unigram::new(pieces.clone(), scores.clone(), -30.0, single);
        let mut lattice = Lattice::default();
        let best = model.segment(text, 0.0, &mut lattice);
        let mut at = 0;
        let mut sum = 0.0;
        for &(start, end, id) in &lattice.path {
            assert_eq!(start, at);
            sum += scores.get(id as usize).copied().unwrap_or(-30.0);
            at = end;
        }
        assert_eq!(at, text.len());
        assert!(single || (best - sum).abs() <= 1e-6 * (1.0 + sum.abs()));
    }
});
