//! One thread's work: sentences to windows, windows to batches.

use super::batch::{Batch, Loss};
use super::kernel::Kernel;
use super::problem::Problem;
use crate::chance::Random;
use crate::number::{count, to_f32};
use std::ops::Range;

/// Words of a context that are learned from at once, at most: a step from more, all taken before the word's output
/// changes, would overshoot.
pub const GROUP: usize = 16;
/// Of so many windows one tells its loss: the logarithms would take longer than the learning.
pub const TELLING: usize = 32;

/// Sentences that follow one another, and the number by which they draw.
#[derive(Debug, Clone, Default)]
pub struct Job {
    /// Of all jobs of a call.
    pub number: u64,
    /// Ids before it.
    pub first: usize,
    /// Ids of each sentence.
    pub sentences: Vec<Range<usize>>,
}

/// Where it is, and what it needs.
#[derive(Debug)]
pub struct Worker<'a, 'p> {
    problem: &'p Problem<'a>,
    batch: Batch<'a>,
    random: Random,
    rate: f32,
    windows: usize,
    kept: Vec<u32>,
    /// What was told of the loss.
    pub loss: Loss,
}

impl<'a, 'p> Worker<'a, 'p> {
    /// For one job.
    pub fn new(problem: &'p Problem<'a>, kernel: Kernel, job: &Job) -> Self {
        let settings = &problem.settings;
        let done = count(job.first) / count(problem.ids.len().max(1));
        let (from, to) = settings.rates;
        Self {
            problem,
            batch: Batch::new(kernel, problem.vectors.width()),
            random: Random::new(settings.seed.wrapping_add(1 + job.number)),
            rate: to_f32(from + (to - from) * done),
            windows: 0,
            kept: Vec::new(),
            loss: Loss::default(),
        }
    }

    /// Learns from a sentence.
    pub fn learn(&mut self, sentence: Range<usize>) {
        self.subsample(sentence);
        let kept = std::mem::take(&mut self.kept);
        let window = self.problem.settings.window as usize;
        for (place, &word) in kept.iter().enumerate() {
            let reach = window - self.random.below(window);
            let left = &kept[place.saturating_sub(reach)..place];
            let right = &kept[place + 1..kept.len().min(place.saturating_add(reach + 1))];
            if !left.is_empty() || !right.is_empty() {
                self.window(word, left, right);
            }
        }
        self.kept = kept;
    }

    /// Leaves out what is no word, and frequent words at random.
    fn subsample(&mut self, sentence: Range<usize>) {
        self.kept.clear();
        for &id in &self.problem.ids[sentence] {
            let Some(&keep) = self.problem.keep.get(id as usize) else {
                continue;
            };
            if keep == u32::MAX || high(self.random.bits()) < keep {
                self.kept.push(id);
            }
        }
    }

    fn window(&mut self, word: u32, left: &[u32], right: &[u32]) {
        let mean = self.problem.settings.cbow;
        let group = if mean { usize::MAX } else { GROUP };
        let mut context = left.iter().chain(right).peekable();
        let telling = self.windows.is_multiple_of(TELLING);
        self.windows += 1;
        while context.peek().is_some() {
            self.batch.clear();
            for &input in context.by_ref().take(group) {
                self.batch.input(&self.problem.vectors, input);
            }
            self.outputs(word);
            let loss = telling.then_some(&mut self.loss);
            self.batch.learn(mean, self.rate, loss);
        }
    }

    /// What the context should predict: the word and not the noise, the turns on the way to the word.
    fn outputs(&mut self, word: u32) {
        let problem = self.problem;
        if let Some((rows, noise)) = &problem.outputs {
            self.batch.output(rows, word, 1.0);
            for _ in 0..problem.settings.negative {
                let bits = self.random.bits();
                let slot = scaled(high(bits), counted(noise.aliases.len()));
                let drawn = if low(bits) < noise.thresholds[slot as usize] {
                    slot
                } else {
                    noise.aliases[slot as usize]
                };
                if drawn != word {
                    self.batch.output(rows, drawn, 0.0);
                }
            }
        }
        if let Some((rows, tree)) = &problem.nodes {
            let [start, end] = [0, 1].map(|side| place(tree.starts[word as usize + side]));
            for (&node, &turn) in tree.nodes[start..end].iter().zip(&tree.turns[start..end]) {
                self.batch.output(rows, node, f32::from(1 - turn.min(1)));
            }
        }
    }
}

/// n numbers from 2³².
#[allow(clippy::cast_possible_truncation)] // below n
fn scaled(bits: u32, n: u32) -> u32 {
    ((u64::from(bits) * u64::from(n)) >> 32) as u32
}

#[allow(clippy::cast_possible_truncation)] // the upper half
fn high(bits: u64) -> u32 {
    (bits >> 32) as u32
}

#[allow(clippy::cast_possible_truncation)] // the lower half is meant
fn low(bits: u64) -> u32 {
    bits as u32
}

/// A count of words, of which `Problem::check` has allowed 2³².
fn counted(words: usize) -> u32 {
    u32::try_from(words).unwrap_or(u32::MAX)
}

/// A place in an array, which `Problem::check` has seen to lie in it.
fn place(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
