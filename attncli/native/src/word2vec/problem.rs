//! The arguments of a training call, checked.

use super::batch::Rows;
use crate::error::{Error, Result};

/// Which words are drawn as noise: an alias table (Walker 1977). A slot is drawn evenly, and stands for itself below
/// its threshold, else for its alias.
#[derive(Debug, Clone, Copy)]
pub struct Noise<'a> {
    /// Of 2³².
    pub thresholds: &'a [u32],
    /// The other word of each slot.
    pub aliases: &'a [u32],
}

/// The way to each word through a binary tree (hierarchical softmax).
#[derive(Debug, Clone, Copy)]
pub struct Tree<'a> {
    /// Where each word's way begins in the two below; the end of the last one too.
    pub starts: &'a [u64],
    /// Inner nodes.
    pub nodes: &'a [u32],
    /// At each of them 1 or 0: which side the way takes.
    pub turns: &'a [u8],
}

/// How to train.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Words on each side, at most.
    pub window: u32,
    /// Noise words for each batch.
    pub negative: usize,
    /// The context predicts the word by its mean (CBOW), and not each of its words alone (skip-gram).
    pub cbow: bool,
    /// Learning rate at the first id and behind the last.
    pub rates: (f64, f64),
    /// The order of jobs is drawn from SplitMix64(seed), job number j draws from SplitMix64(seed + 1 + j).
    pub seed: u64,
}

/// All that is read and written.
#[derive(Debug)]
pub struct Problem<'a> {
    /// The words' vectors.
    pub vectors: Rows<'a>,
    /// Their output vectors, for noise.
    pub outputs: Option<(Rows<'a>, Noise<'a>)>,
    /// The inner nodes' vectors, for the tree.
    pub nodes: Option<(Rows<'a>, Tree<'a>)>,
    /// Documents, one after another.
    pub ids: &'a [u32],
    /// Where each begins; the end of the last one too.
    pub starts: &'a [u64],
    /// The probability of 2³² that a word stays where it stands (`u32::MAX`: always).
    pub keep: &'a [u32],
    /// How.
    pub settings: Settings,
}

impl Problem<'_> {
    /// Fails where something does not fit.
    pub fn check(&self) -> Result<()> {
        let words = self.vectors.count();
        let width = self.vectors.width();
        ensure(u32::try_from(words).is_ok(), "there are too many words")?;
        ensure(
            self.keep.len() == words,
            "keep has not a number for each word",
        )?;
        ensure(self.settings.window > 0, "the window is 0")?;
        let (first, last) = self.settings.rates;
        ensure(
            first.is_finite() && last.is_finite(),
            "a learning rate is not finite",
        )?;
        let ends = (self.starts.first(), self.starts.last());
        ensure(
            ends == (Some(&0), Some(&(self.ids.len() as u64))) && self.starts.is_sorted(),
            "the starts do not fit the ids",
        )?;
        if let Some((rows, noise)) = &self.outputs {
            ensure(
                rows.count() == words && rows.width() == width,
                "the outputs have another shape than the vectors",
            )?;
            let fits = noise.thresholds.len() == words && noise.aliases.len() == words;
            ensure(
                fits && below(noise.aliases, words),
                "the noise does not fit the vectors",
            )?;
        }
        if let Some((rows, tree)) = &self.nodes {
            ensure(
                rows.width() == width,
                "the nodes have another width than the vectors",
            )?;
            let ends = (tree.starts.first(), tree.starts.last());
            let fits = tree.starts.len() == words + 1
                && ends == (Some(&0), Some(&(tree.nodes.len() as u64)))
                && tree.starts.is_sorted()
                && tree.turns.len() == tree.nodes.len();
            ensure(
                fits && below(tree.nodes, rows.count()),
                "the tree does not fit the nodes",
            )?;
        }
        Ok(())
    }
}

fn below(indices: &[u32], count: usize) -> bool {
    indices.iter().all(|&index| (index as usize) < count)
}

fn ensure(fits: bool, complaint: &str) -> Result<()> {
    if fits {
        return Ok(());
    }
    Err(Error::Invalid(complaint.into()))
}
