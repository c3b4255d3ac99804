//! The decoder steps of tokenizer.json: tokens to a text.
//!
//! What the first steps make of a token is mostly the same wherever it stands, but for the first place: it is worked
//! out once for the whole vocabulary, when the first text is decoded.

mod parts;
mod step;

use crate::error::Result;
use crate::vocab::Vocab;
pub use parts::too_long;
use parts::Parts;
use std::sync::OnceLock;
use step::Step;
pub use step::StepSource;

/// Bytes that a text may have for each of its tokens' bytes, and beside: a few steps could double it often.
pub const GROWTH: usize = 64;
const ROOM: usize = 1 << 20;
/// The same for a table and all tokens: it stands for the life of the tokenizer.
const TABLE_GROWTH: usize = 4;

/// The steps, ready.
#[derive(Debug)]
pub struct Decoder {
    steps: Vec<Step>,
    /// How many of them the tables stand for.
    leading: usize,
    tables: OnceLock<Option<Tables>>,
}

/// What the leading steps make of each token, by id.
#[derive(Debug)]
struct Tables {
    first: Parts,
    rest: Parts,
}

impl Decoder {
    /// Fails with a regex engine's complaint.
    pub fn new(sources: Vec<StepSource>) -> Result<Self> {
        let steps = sources
            .into_iter()
            .map(Step::new)
            .collect::<Result<Vec<_>>>()?;
        let leading = (0..steps.len())
            .take_while(|&place| steps[place].is_by_token(steps.get(place + 1)))
            .count();
        Ok(Self {
            steps,
            leading,
            tables: OnceLock::new(),
        })
    }

    /// The text of tokens, by their ids. Fails where the steps blow it up, or a regex gives up.
    pub fn by_id(&self, vocab: &Vocab, ids: impl Iterator<Item = u32> + Clone) -> Result<Vec<u8>> {
        let tables = self.tables.get_or_init(|| self.tables(vocab));
        let Some(tables) = tables.as_ref().filter(|_| self.leading > 0) else {
            let mut parts = Parts::new(most(length(vocab, ids.clone())));
            for id in ids {
                parts.push(vocab.token(id))?;
            }
            return run(&self.steps, parts);
        };
        let each = ids.clone().enumerate().map(|(place, id)| match place {
            0 => tables.first.get(id as usize),
            _ => tables.rest.get(id as usize),
        });
        if self.leading == self.steps.len() {
            // No token in the tables is longer than its share of the text may be.
            let mut text = Vec::new();
            each.for_each(|part| text.extend_from_slice(part));
            return Ok(text);
        }
        let mut parts = Parts::new(most(length(vocab, ids)));
        for part in each {
            parts.push(part)?;
        }
        run(&self.steps[self.leading..], parts)
    }

    /// The text of tokens that are one text already.
    pub fn of_text(&self, text: Vec<u8>) -> Result<Vec<u8>> {
        let most = most(text.len());
        run(&self.steps, Parts::of_one(text, most))
    }

    /// None where a token grows beyond measure: then all steps are done on each text, which is measured.
    fn tables(&self, vocab: &Vocab) -> Option<Tables> {
        let steps = &self.steps[..self.leading];
        let most = TABLE_GROWTH * length(vocab, vocab.ids()) + ROOM;
        let (mut first, mut rest) = (Parts::new(most), Parts::new(most));
        for id in vocab.ids() {
            let token = vocab.token(id);
            for (table, before) in [(&mut first, None), (&mut rest, Some(&b""[..]))] {
                let mut parts = Parts::new(GROWTH * token.len());
                // An empty token in front: it takes the first place.
                for part in before.into_iter().chain([token]) {
                    parts.push(part).ok()?;
                }
                for step in steps {
                    parts = step.apply(parts).ok()?;
                }
                table.push(parts.get(parts.len().checked_sub(1)?)).ok()?;
            }
        }
        Some(Tables { first, rest })
    }
}

/// Bytes of so many tokens.
fn length(vocab: &Vocab, ids: impl Iterator<Item = u32>) -> usize {
    ids.map(|id| vocab.token(id).len()).sum()
}

/// The most bytes that a text may have, at any step, whose tokens have so many.
pub fn most(tokens: usize) -> usize {
    tokens.saturating_mul(GROWTH).saturating_add(ROOM)
}

fn run(steps: &[Step], mut parts: Parts) -> Result<Vec<u8>> {
    for step in steps {
        parts = step.apply(parts)?;
    }
    Ok(parts.bytes)
}

#[cfg(test)]
mod tests;
