//! Σ_j φ(k_j) (v_j, 1)ᵀ over some keys: all that queries need of them.

use super::filled;
use super::problem::{FeatureMap, Problem};
use crate::error::Result;

/// The sums (m, w) of e^(−peak)·φ(k)·(v, 1), with the peak (m,) of each feature's exponent among the keys so far:
/// so at each feature's own scale, nothing overflows and what counts does not vanish.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// (m,); zeros where φ is no exponential.
    pub peak: Vec<f32>,
    /// (m, w): dv values, a one, and zeros up to whole vectors.
    pub sums: Vec<f32>,
}

impl State {
    /// Of no keys.
    pub fn new(problem: &Problem, lanes: usize) -> Result<Self> {
        let features = problem.features();
        let peak = match problem.map {
            FeatureMap::Elu => 0.0,
            FeatureMap::Positive { .. } => f32::NEG_INFINITY,
        };
        Ok(Self {
            peak: filled(features, peak)?,
            sums: filled(features * width(problem, lanes), 0.0)?,
        })
    }

    /// Takes in the keys of another one.
    pub fn merge(&mut self, other: &Self) {
        let width = self.sums.len() / self.peak.len().max(1);
        let rows = self.sums.chunks_exact_mut(width.max(1));
        let others = other.sums.chunks_exact(width.max(1));
        for (((row, peak), other), &other_peak) in
            rows.zip(&mut self.peak).zip(others).zip(&other.peak)
        {
            let greater = peak.max(other_peak);
            let (mine, theirs) = (shrink(*peak, greater), shrink(other_peak, greater));
            for (x, y) in row.iter_mut().zip(other) {
                *x = *x * mine + y * theirs;
            }
            *peak = greater;
        }
    }

    /// A feature's peak becomes at least this, and its sums shrink to fit.
    #[inline(always)]
    pub fn raise(&mut self, feature: usize, peak: f32) {
        let before = self.peak[feature];
        if peak > before {
            let width = self.sums.len() / self.peak.len();
            let factor = shrink(before, peak);
            for x in &mut self.sums[feature * width..(feature + 1) * width] {
                *x *= factor;
            }
            self.peak[feature] = peak;
        }
    }
}

/// w: the values and a one, whole vectors.
pub fn width(problem: &Problem, lanes: usize) -> usize {
    (problem.shape.value_depth + 1).next_multiple_of(lanes)
}

/// e^(before − after), where −inf is nothing at all.
fn shrink(before: f32, after: f32) -> f32 {
    if before == f32::NEG_INFINITY {
        return 0.0;
    }
    (before - after).exp()
}
