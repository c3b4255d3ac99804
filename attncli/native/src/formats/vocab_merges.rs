//! GPT-2's pair of files: `vocab.json`, an object of tokens and ids, and `merges.txt`, a merge on each line.

use super::tokenizer_json::read_vocab;
use crate::tokens::Tokens;
use crate::vocab::Vocab;

/// What a first line begins with that is no merge.
const HEADER: &[u8] = b"#version";

/// The spelling of each id, and the merges as ids of (left, right) by rank.
///
/// None where either file is not in order, or where a merge or what it makes is not in the vocabulary.
pub fn read(vocab: &[u8], merges: &[u8]) -> Option<(Tokens, Vec<(u32, u32)>)> {
    simdutf8::basic::from_utf8(vocab).ok()?;
    simdutf8::basic::from_utf8(merges).ok()?;
    let names = Vocab::of_distinct(read_vocab(vocab)?)?;
    let merges = match merges.starts_with(HEADER) {
        true => merges
            .splitn(2, |&byte| byte == b'\n')
            .nth(1)
            .unwrap_or(b""),
        false => merges,
    };
    // Left part, right part and whole of each merge.
    let mut parts = Tokens::with_capacity(merges.len() / 3, merges.len() * 2);
    let lines = merges.strip_suffix(b"\n").unwrap_or(merges);
    let lines = (!merges.is_empty()).then(|| lines.split(|&byte| byte == b'\n'));
    for line in lines.into_iter().flatten() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let space = line.iter().position(|&byte| byte == b' ')?;
        let (left, right) = (&line[..space], &line[space + 1..]);
        // A second space makes the right part one that no vocabulary in order has, but a hostile one may.
        if right.contains(&b' ') {
            return None;
        }
        parts.push(left)?;
        parts.push(right)?;
        parts.push_joined(left, right)?;
    }
    let mut ids = names.ids_of(&parts);
    let mut pairs = Vec::with_capacity(parts.len() / 3);
    while let Some(left) = ids.next() {
        let right = ids.next()?;
        ids.next()??;
        pairs.push((left?, right?));
    }
    drop(ids);
    Some((names.into_tokens(), pairs))
}
