//! BPE training (Sennrich et al. 2016, algorithm 1) with pair counts kept up to date.
//!
//! Merges come in **rounds**. A round takes a census of all pairs and keeps those that occur at least `threshold`
//! times, with their places; then it merges from the highest count down until no pair reaches the threshold. Pairs
//! below it need no place, no queue and no upkeep: a pair's count only shrinks once both its tokens are there, so
//! it cannot come up within the round. The next round sets a lower threshold. (One table of all pairs with all
//! their places took 2.5 times as long on 165 MB of text, and 3 times the memory: most pairs are rare.)

mod budget;
mod census;
mod corpus;
mod merge;
mod neighbours;
mod pairs;
mod symbol;
mod tokens;

use crate::error::Result;
use crate::memory::grow;
use budget::Budget;
use census::Census;
use corpus::Corpus;
use merge::Round;
use symbol::Symbol;
use tokens::Tokens;

pub use tokens::is_byte_alphabet;

/// What to learn.
#[derive(Debug, Clone)]
pub struct Goal<'a> {
    /// Bytes of the base symbols, by id.
    pub alphabet: Vec<&'a [u8]>,
    /// One more symbol after each word; in the alphabet.
    pub end_of_word: Option<&'a [u8]>,
    /// How many new tokens to learn.
    pub max_merges: usize,
    /// Pairs seen less often are not merged.
    pub min_frequency: u64,
    /// Longer tokens are not made: in bytes under a byte alphabet, else in characters.
    pub max_token_length: Option<usize>,
    /// About how many bytes the merging may take.
    pub max_memory: Option<usize>,
}

/// One learned merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merge {
    /// Id of the left part.
    pub left: u32,
    /// Id of the right part.
    pub right: u32,
    /// Id of the whole: a new one, or that of the token with these bytes.
    pub new: u32,
    /// How often the pair occurred when it was merged.
    pub count: u64,
}

/// Distinct words and their counts, which can be gone through several times.
pub trait WordSource {
    /// Calls `word(bytes, count)` for each, in the same order every time; its error ends the walk.
    fn each(&self, word: &mut dyn FnMut(&[u8], u64) -> Result<()>) -> Result<()>;
}

/// Learns merges from words and their counts. `progress(done)` is called often, and may ask to stop by an error.
/// Fails where `max_memory` is too little, and says how much is enough.
pub fn train(
    words: impl WordSource,
    goal: &Goal<'_>,
    mut progress: impl FnMut(usize) -> Result<()>,
) -> Result<Vec<Merge>> {
    let tokens = Tokens::new(goal)?;
    // Half the memory where all ids fit in 16 bits, with room for the two marks.
    if goal.alphabet.len().saturating_add(goal.max_merges) <= u16::SYMBOLS {
        let budget = |places| Budget::new::<u16>(places, goal.max_memory);
        learn_in::<u16>(words, goal, tokens, budget, &mut progress)
    } else {
        let budget = |places| Budget::new::<u32>(places, goal.max_memory);
        learn_in::<u32>(words, goal, tokens, budget, &mut progress)
    }
}

fn learn_in<S: Symbol>(
    words: impl WordSource,
    goal: &Goal<'_>,
    mut tokens: Tokens,
    budget: impl FnOnce(usize) -> Result<Budget>,
    progress: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<Vec<Merge>> {
    let (mut corpus, budget) = Corpus::<S>::lay_out(&words, &tokens, goal.end_of_word, budget)?;
    drop(words); // their memory is wanted for the places
    let mut census = Census::new(budget, goal.min_frequency);
    let mut merges = Vec::new();
    let mut made = 0;
    while made < goal.max_merges {
        if !merges.is_empty() {
            corpus.compact(tokens.len());
        }
        let allowed = |left, right| tokens.fits(left, right, goal.max_token_length);
        if !census.take(&corpus, goal.max_merges - made, allowed, &mut || {
            progress(made)
        })? {
            break;
        }
        let mut round = Round::new(&mut corpus, &mut census)?;
        while made < goal.max_merges {
            let Some((left, right, count)) = round.best() else {
                break;
            };
            if !tokens.fits(left, right, goal.max_token_length) {
                round.forget(left, right);
                continue;
            }
            let (new, is_new) = tokens.join(left, right)?;
            grow(&mut merges, 1)?;
            merges.push(Merge {
                left,
                right,
                new,
                count,
            });
            if is_new {
                round.merge(left, right)?;
                made += 1;
                progress(made)?;
            } else {
                // The token stands elsewhere already, made of other parts. That is rare (never in 32,000 merges on
                // 165 MB): a new round is simpler than counts that may grow.
                corpus.compact(tokens.len());
                corpus.join(left, right, new);
                census.cut_short();
                break;
            }
        }
    }
    Ok(merges)
}

#[cfg(test)]
mod tests;
