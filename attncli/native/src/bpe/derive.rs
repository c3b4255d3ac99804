//! The merges that a table of ranks means, for tiktoken's files hold no list of them.
//!
//! tiktoken merges the adjacent pair whose concatenation has the lowest rank. Whenever that makes a token, its bytes
//! have been merged so far just as they would be on their own: every step inside them was the lowest of all, and so
//! the lowest of theirs. So a token is only ever made of the two parts that its own bytes come to before the last
//! step, and a list with this one pair for each token, by rank, merges as tiktoken does. That holds for ranks in any
//! order: the parts are shorter than the whole, so tokens are taken by length.

use super::merge::{Merger, Merges};
use crate::error::{Error, Result};
use crate::pair::{pack, unpack};
use crate::tokens::Tokens;
use crate::workers::{in_order, meant};
use std::sync::atomic::AtomicBool;

const NONE: u32 = u32::MAX;
/// Tokens that a thread takes at a time: they take longer than to start it.
const JOB: usize = 1024;

/// (left, right, new) ids by the rank of what they make, which is its id, of distinct tokens; found on all cores.
///
/// A token that its own bytes don't merge to is left out: no text merges to it either. None where one of the 256
/// bytes is no token.
pub fn merges(tokens: &Tokens) -> Result<Option<Vec<(u32, u32, u32)>>> {
    let Some((of_byte, by_length)) = sorted(tokens) else {
        return Ok(None);
    };
    let too_many = || Error::Invalid(format!("{} tokens are too many", tokens.len()));
    let mut table = Merges::by_rank(tokens.len()).ok_or_else(too_many)?;
    let mut parts = vec![None; tokens.len()];
    let go_on = AtomicBool::new(false);
    for alike in by_length.chunk_by(|a, b| unpack(*a).0 == unpack(*b).0) {
        // Tokens of one length tell each other nothing, so threads share them.
        let jobs: Vec<_> = alike.chunks(JOB).collect();
        let threads = meant(0).min(jobs.len());
        let found = in_order(
            &jobs,
            threads,
            &go_on,
            || Ok((Merger::default(), Vec::new())),
            |(merger, symbols), job| {
                let merged = job.iter().filter_map(|&packed| {
                    let id = unpack(packed).1;
                    symbols.clear();
                    let bytes = tokens.get(id as usize).iter();
                    symbols.extend(bytes.map(|&byte| of_byte[usize::from(byte)]));
                    merger.merge(&table, symbols, 0);
                    match symbols[..] {
                        [left, right] => Some((left, right, id)),
                        _ => None,
                    }
                });
                Ok(merged.collect::<Vec<_>>())
            },
        )?;
        for (left, right, id) in found.into_iter().flatten() {
            table.insert_at(id, left, right);
            parts[id as usize] = Some((left, right, id));
        }
    }
    Ok(Some(parts.into_iter().flatten().collect()))
}

/// The token of each byte, and the ids of all longer ones behind their lengths, the shortest first.
fn sorted(tokens: &Tokens) -> Option<([u32; 256], Vec<u64>)> {
    let mut of_byte = [NONE; 256];
    let mut by_length = Vec::with_capacity(tokens.len());
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
    Some((of_byte, by_length))
}
