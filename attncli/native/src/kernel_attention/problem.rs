//! What is asked: the arrays, their shapes and the kernel, checked to fit each other.

use crate::error::{Error, Result};
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
    pub(super) queries: &'a [f32],
    pub(super) keys: &'a [f32],
    pub(super) values: &'a [f32],
    pub(super) map: FeatureMap<'a>,
    /// Query i sees keys j ≤ i + M − N.
    pub(super) causal: bool,
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    /// N
    pub(super) length: usize,
    /// M
    pub(super) keys_length: usize,
    /// d
    pub(super) depth: usize,
    /// dv
    pub(super) value_depth: usize,
}

impl<'a> Problem<'a> {
    /// Checks that shapes and lengths fit.
    pub fn new(
        (queries, q_shape): (&'a [f32], [usize; 3]),
        (keys, k_shape): (&'a [f32], [usize; 3]),
        (values, v_shape): (&'a [f32], [usize; 3]),
        map: FeatureMap<'a>,
        causal: bool,
    ) -> Result<Self> {
        let [heads, length, depth] = q_shape;
        let [kv_heads, keys_length, key_depth] = k_shape;
        if key_depth != depth {
            return invalid(format!(
                "queries have {depth} numbers a head, keys {key_depth}"
            ));
        }
        if v_shape[..2] != k_shape[..2] {
            return invalid(format!(
                "keys {k_shape:?} and values {v_shape:?} differ in their heads or their length"
            ));
        }
        if kv_heads == 0 || heads % kv_heads != 0 {
            return invalid(format!(
                "{heads} query heads cannot share {kv_heads} key heads"
            ));
        }
        check("queries", queries, &q_shape)?;
        check("keys", keys, &k_shape)?;
        check("values", values, &v_shape)?;
        if let FeatureMap::Positive {
            projection,
            features,
            scale,
        } = map
        {
            check("projection", projection, &[features, depth])?;
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
            map,
            causal,
            heads,
            kv_heads,
            length,
            keys_length,
            depth,
            value_depth: v_shape[2],
        })
    }

    /// m
    pub(super) fn features(&self) -> usize {
        match self.map {
            FeatureMap::Elu => self.depth,
            FeatureMap::Positive { features, .. } => features,
        }
    }

    /// The key head that a query head reads.
    pub(super) fn kv_head(&self, head: usize) -> usize {
        head * self.kv_heads / self.heads
    }

    /// The queries that stand at some keys; both sequences end together.
    pub(super) fn queries_at(&self, keys: &Range<usize>) -> Range<usize> {
        let query = |key: usize| (key + self.length).saturating_sub(self.keys_length);
        query(keys.start)..query(keys.end)
    }

    /// Rows of one head of (heads, length, depth).
    pub(super) fn rows(
        array: &'a [f32],
        (length, depth): (usize, usize),
        head: usize,
        rows: &Range<usize>,
    ) -> &'a [f32] {
        &array[(head * length + rows.start) * depth..(head * length + rows.end) * depth]
    }
}

fn invalid<T>(message: String) -> Result<T> {
    Err(Error::Invalid(message))
}

fn check(name: &str, array: &[f32], shape: &[usize]) -> Result<()> {
    let have = array.len();
    let want = shape
        .iter()
        .try_fold(1_usize, |all, &size| all.checked_mul(size));
    if want == Some(have) {
        return Ok(());
    }
    invalid(format!(
        "the {name} hold {have} numbers, and their shape is {shape:?}"
    ))
}
