//! The merges that a table of ranks means, for tiktoken's files hold no list of them.
//!
//! tiktoken merges the adjacent pair whose concatenation has the lowest rank. Whenever that makes a token, its bytes
//! have been merged so far just as they would be on their own: every step inside them was the lowest of all, and so
//! the lowest of theirs. So a token is only ever made of the two parts that its own bytes come to before the last
//! step, and a list with this one pair for each token, by rank, merges as tiktoken does. That holds for ranks in any
//! order: the parts are shorter than the whole, so tokens are taken by length.

use super::merge::{Merger, Merges};
use crate::pair::{pack, unpack};
use crate::tokens::Tokens;

const NONE: u32 = u32::MAX;

/// (left, right, new) ids by the rank of what they make, which is its id.
///
/// A token that its own bytes don't merge to is left out: no text merges to it either. None where one of the 256
/// bytes is no token.
pub fn merges(tokens: &Tokens) -> Option<Vec<(u32, u32, u32)>> {
    let mut of_byte = [NONE; 256];
    let mut by_length: Vec<u64> = Vec::with_capacity(tokens.len());
    for (id, token) in (0..u32::MAX).zip(tokens.iter()) {
        match token {
            [] => {}
            [byte] => of_byte[usize::from(*byte)] = id,
            _ => by_length.push(pack(u32::try_from(token.len()).ok()?, id)),
        }
    }
    if of_byte.contains(&NONE) {
        return None;
    }
    by_length.sort_unstable();
    let mut table = Merges::by_rank(tokens.len())?;
    let mut merger = Merger::default();
    let mut symbols = Vec::new();
    let mut parts = vec![None; tokens.len()];
    for id in by_length.into_iter().map(|packed| unpack(packed).1) {
        symbols.clear();
        let bytes = tokens.get(id as usize).iter();
        symbols.extend(bytes.map(|&byte| of_byte[usize::from(byte)]));
        merger.merge(&table, &mut symbols, 0);
        if let [left, right] = symbols[..] {
            table.insert_at(id, left, right);
            parts[id as usize] = Some((left, right, id));
        }
    }
    Some(parts.into_iter().flatten().collect())
}
