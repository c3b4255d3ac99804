//! What is asked: the arrays, their shapes and the kernel, checked to fit each other.

use crate::attention::{check_length, invalid, Heads, Shape};
use crate::error::Result;
use crate::number::count;
use std::ops::Range;

/// φ, which gives m positive numbers for a vector of d.
#[derive(Debug, Clone, Copy)]
pub enum FeatureMap<'a> {
    /// elu(x) + 1, number by number: m = d (Katharopoulos et al. 2020, eq. 7).
    Elu,
    /// exp(w·x − |x|²/2) / √m for each row w of a matrix (m, d), with x times √scale (Choromanski et al. 2021,
    /// lemma 1).
    Positive {
        /// (m, d)
        projection: &'a [f32],
        /// m
        features: usize,
        /// Of the softmax that is approximated.
        scale: f64,
    },
}

/// Queries (H, N, d), keys (Hkv, M, d), values (Hkv, M, dv), known to fit each other.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    pub(super) queries: Heads<'a>,
    pub(super) keys: Heads<'a>,
    pub(super) values: Heads<'a>,
    pub(super) shape: Shape,
    pub(super) map: FeatureMap<'a>,
    /// Query i sees keys j ≤ i + M − N.
    pub(super) causal: bool,
}

impl<'a> Problem<'a> {
    /// Checks that shapes and lengths fit.
    pub fn new(
        queries: Heads<'a>,
        keys: Heads<'a>,
        values: Heads<'a>,
        map: FeatureMap<'a>,
        causal: bool,
    ) -> Result<Self> {
        let shape = Shape::of(queries, keys, values)?;
        if let FeatureMap::Positive {
            projection,
            features,
            scale,
        } = map
        {
            check_length("projection", projection.len(), &[features, shape.depth])?;
            if features == 0 {
                return invalid("the projection has no rows".into());
            }
            if !(scale.is_finite() && scale > 0.0) {
                return invalid(format!("the scale {scale} is not a positive number"));
            }
        }
        Ok(Self {
            queries,
            keys,
            values,
            shape,
            map,
            causal,
        })
    }

    /// m
    pub(super) fn features(&self) -> usize {
        match self.map {
            FeatureMap::Elu => self.shape.depth,
            FeatureMap::Positive { features, .. } => features,
        }
    }

    /// Multiplications and additions, about: φ of each query and key, its product with S, and what a row costs beside,
    /// however narrow.
    pub fn work(&self) -> f64 {
        let shape = &self.shape;
        let width = match self.map {
            FeatureMap::Elu => shape.value_depth,
            FeatureMap::Positive { .. } => shape.depth + shape.value_depth,
        };
        let rows = count(shape.heads) * count(shape.length)
            + count(shape.kv_heads) * count(shape.keys_length);
        2.0 * rows * (count(self.features()) * count(width) + 1000.0)
    }

    /// The queries that stand at some keys; both sequences end together.
    pub(super) fn queries_at(&self, keys: &Range<usize>) -> Range<usize> {
        let query = |key: usize| (key + self.shape.length).saturating_sub(self.shape.keys_length);
        query(keys.start)..query(keys.end)
    }
}
