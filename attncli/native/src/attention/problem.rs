//! What is asked: the arrays, their shapes and the options, checked to fit each other.

use crate::error::{Error, Result};

/// An array of shape (a, b, c) where each of a, b, c is 1 or the full H, N, M, as NumPy broadcasts it.
#[derive(Debug, Clone, Copy)]
pub struct Broadcast<'a, T> {
    /// The numbers, row by row.
    pub data: &'a [T],
    /// a, b, c.
    pub shape: [usize; 3],
}

impl<'a, T: Copy> Broadcast<'a, T> {
    /// Where the row of (head, query) starts in the data.
    pub(super) fn start(&self, head: usize, query: usize) -> usize {
        let [a, b, c] = self.shape;
        let head = if a == 1 { 0 } else { head };
        let query = if b == 1 { 0 } else { query };
        (head * b + query) * c
    }

    /// The row of (head, query): one value for each key, or a single one for all.
    pub(super) fn row(&self, head: usize, query: usize) -> &'a [T] {
        let start = self.start(head, query);
        &self.data[start..start + self.shape[2]]
    }

    /// The value at (head, query, key).
    pub(super) fn at(&self, head: usize, query: usize, key: usize) -> T {
        let row = self.row(head, query);
        row[if row.len() == 1 { 0 } else { key }]
    }

    fn check(&self, name: &str, full: [usize; 3]) -> Result<()> {
        let fits = |(have, full): (&usize, &usize)| *have == 1 || have == full;
        if !self.shape.iter().zip(&full).all(fits) {
            let (have, [h, n, m]) = (self.shape, full);
            return Err(Error::Invalid(format!(
                "the {name}'s shape {have:?} does not broadcast to (heads, queries, keys) = ({h}, {n}, {m})"
            )));
        }
        check_length(name, self.data.len(), &self.shape)
    }
}

/// How logits come from queries and keys; see `attncli/_native.pyi`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// Multiplies q·k.
    pub scale: f64,
    /// Keeps keys j ≤ i', i' = i + M − N.
    pub causal: bool,
    /// Keeps keys j ≥ i' − left.
    pub left: Option<usize>,
    /// Keeps keys j ≤ i' + right.
    pub right: Option<usize>,
    /// softcap·tanh(logit / softcap); 0 is none.
    pub softcap: f64,
    /// True = may attend.
    pub mask: Option<Broadcast<'a, bool>>,
    /// Added to the logits; ±inf may stand in it.
    pub bias: Option<Broadcast<'a, f32>>,
    /// (H,): − slope·|i' − j| is added.
    pub alibi_slopes: Option<&'a [f32]>,
}

/// Queries (H, N, d), keys (Hkv, M, d), values (Hkv, M, dv) and the options, known to fit each other.
#[derive(Debug, Clone, Copy)]
pub struct Problem<'a> {
    pub(super) queries: &'a [f32],
    pub(super) keys: &'a [f32],
    pub(super) values: &'a [f32],
    pub(super) heads: usize,
    /// Query heads that read one key head.
    pub(super) group: usize,
    pub(super) kv_heads: usize,
    /// N
    pub(super) length: usize,
    /// M
    pub(super) keys_length: usize,
    /// d
    pub(super) depth: usize,
    /// dv
    pub(super) value_depth: usize,
    pub(super) options: Options<'a>,
}

impl<'a> Problem<'a> {
    /// Checks that shapes, lengths and options fit. For the weights alone `values` may be (Hkv, M, 0).
    pub fn new(
        (queries, q_shape): (&'a [f32], [usize; 3]),
        (keys, k_shape): (&'a [f32], [usize; 3]),
        (values, v_shape): (&'a [f32], [usize; 3]),
        options: Options<'a>,
    ) -> Result<Self> {
        let [heads, length, depth] = q_shape;
        let [kv_heads, keys_length, _] = k_shape;
        if k_shape[2] != depth {
            let other = k_shape[2];
            return invalid(format!("queries have {depth} numbers a head, keys {other}"));
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
        check_length("queries", queries.len(), &q_shape)?;
        check_length("keys", keys.len(), &k_shape)?;
        check_length("values", values.len(), &v_shape)?;
        let full = [heads, length, keys_length];
        options.mask.map_or(Ok(()), |m| m.check("mask", full))?;
        options.bias.map_or(Ok(()), |b| b.check("bias", full))?;
        if let Some(slopes) = options.alibi_slopes {
            if slopes.len() != heads {
                let count = slopes.len();
                return invalid(format!("{count} ALiBi slopes for {heads} heads"));
            }
            if let Some(slope) = slopes.iter().find(|slope| !slope.is_finite()) {
                return invalid(format!("the ALiBi slope {slope} is not a finite number"));
            }
        }
        if !options.scale.is_finite() {
            return invalid(format!(
                "the scale is {}, not a finite number",
                options.scale
            ));
        }
        if !(options.softcap.is_finite() && options.softcap >= 0.0) {
            return invalid(format!(
                "the softcap is {}, not a positive number",
                options.softcap
            ));
        }
        Ok(Self {
            queries,
            keys,
            values,
            heads,
            group: heads / kv_heads,
            kv_heads,
            length,
            keys_length,
            depth,
            value_depth: v_shape[2],
            options,
        })
    }

    /// The key head that a query head reads.
    pub(super) fn kv_head(&self, head: usize) -> usize {
        head / self.group
    }

    /// Queries of one head from row `from` to before row `to`.
    pub(super) fn query_rows(&self, head: usize, from: usize, to: usize) -> &'a [f32] {
        let start = head * self.length;
        &self.queries[(start + from) * self.depth..(start + to) * self.depth]
    }

    /// Keys `from..to` of one key head.
    pub(super) fn key_rows(&self, kv_head: usize, from: usize, to: usize) -> &'a [f32] {
        let start = kv_head * self.keys_length;
        &self.keys[(start + from) * self.depth..(start + to) * self.depth]
    }

    /// Values `from..to` of one key head.
    pub(super) fn value_rows(&self, kv_head: usize, from: usize, to: usize) -> &'a [f32] {
        let start = kv_head * self.keys_length;
        &self.values[(start + from) * self.value_depth..(start + to) * self.value_depth]
    }

    /// The keys [from, to) that causality and the window leave to a query; from ≤ to ≤ M.
    ///
    /// Queries are aligned to the end of the keys. Causal, 3 queries and 5 keys, then 5 queries and 3 keys
    /// (x may attend), and the window (1, 0) on the first:
    ///
    /// ```text
    ///      j 0 1 2 3 4          j 0 1 2          j 0 1 2 3 4
    /// i 0    x x x . .     i 0    . . .     i 0    . x x . .
    ///   1    x x x x .       1    . . .       1    . . x x .
    ///   2    x x x x x       2    x . .       2    . . . x x
    ///                        3    x x .
    ///                        4    x x x
    /// ```
    pub(super) fn key_range(&self, query: usize) -> (usize, usize) {
        // i' + N, which is never negative.
        let position = query + self.keys_length;
        let right = if self.options.causal {
            Some(0)
        } else {
            self.options.right
        };
        let to = right.map_or(self.keys_length, |right| {
            let end = position.saturating_add(right).saturating_add(1);
            end.saturating_sub(self.length).min(self.keys_length)
        });
        let from = self.options.left.map_or(0, |left| {
            position.saturating_sub(self.length.saturating_add(left))
        });
        (from.min(to), to)
    }

    /// Multiplications and additions in all, about.
    pub fn work(&self) -> f64 {
        let logits = super::number::count(self.heads)
            * super::number::count(self.length)
            * super::number::count(self.keys_length);
        2.0 * logits * super::number::count(self.depth + self.value_depth + 8)
    }
}

fn invalid<T>(message: String) -> Result<T> {
    Err(Error::Invalid(message))
}

/// The product of the sizes, or an error where it passes the address space.
pub(super) fn size(name: &str, shape: &[usize]) -> Result<usize> {
    let bytes = shape
        .iter()
        .try_fold(size_of::<f32>(), |all, &n| all.checked_mul(n.max(1)));
    match bytes {
        Some(bytes) if isize::try_from(bytes).is_ok() => Ok(shape.iter().product()),
        _ => invalid(format!(
            "the {name} of shape {shape:?} would not fit in memory"
        )),
    }
}

fn check_length(name: &str, have: usize, shape: &[usize]) -> Result<()> {
    let want = size(name, shape)?;
    if have == want {
        return Ok(());
    }
    invalid(format!(
        "the {name} hold {have} numbers, their shape {shape:?} asks for {want}"
    ))
}
