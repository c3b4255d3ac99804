//! What is asked: the arrays, their shapes and the options, checked to fit each other.

use super::heads::{Heads, HeadsMut};
use super::lists::{first_after, wide, KeyLists};
use super::magnitudes::Magnitudes;
use super::wide::needed;
use crate::error::{Error, Result};
use crate::number::{count, signed, unsigned};

/// Positions beyond are refused: sums of two of them are still exact, in floats and in integers.
const FARTHEST: u64 = 1 << 53;

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
    /// (H, 2R + 1): what is added at j − i' = −R … R, and beyond them as at the ends.
    pub relative_bias: Option<&'a [f32]>,
    /// (H,): a logit more in each row's softmax, which no key stands behind.
    pub sinks: Option<&'a [f32]>,
    /// (N,): the place i' of each query among the keys; i + M − N without it.
    pub positions: Option<&'a [i64]>,
    /// The only keys that each query may look at.
    pub lists: Option<KeyLists<'a>>,
}

impl Options<'_> {
    fn check_heads(&self, heads: usize, length: usize) -> Result<()> {
        let numbers = [("ALiBi slope", self.alibi_slopes), ("sink", self.sinks)];
        for (name, numbers) in numbers {
            let numbers = numbers.unwrap_or_default();
            if !numbers.is_empty() && numbers.len() != heads {
                let count = numbers.len();
                return invalid(format!("{count} {name}s for {heads} heads"));
            }
            if let Some(number) = numbers.iter().find(|x| !x.is_finite()) {
                return invalid(format!("the {name} {number} is not a finite number"));
            }
        }
        if let Some(bias) = self.relative_bias {
            if heads == 0 || bias.len() % heads != 0 || (bias.len() / heads).is_multiple_of(2) {
                let count = bias.len();
                return invalid(format!(
                    "{count} numbers of relative bias are no odd number for each of {heads} heads"
                ));
            }
        }
        if let Some(positions) = self.positions {
            if positions.len() != length {
                let count = positions.len();
                return invalid(format!("{count} positions for {length} queries"));
            }
            if let Some(at) = positions.iter().find(|at| at.unsigned_abs() > FARTHEST) {
                return invalid(format!("the position {at} is beyond 2^53"));
            }
        }
        let (scale, cap) = (self.scale, self.softcap);
        if !scale.is_finite() {
            return invalid(format!("the scale is {scale}, not a finite number"));
        }
        if !(cap.is_finite() && cap >= 0.0) {
            return invalid(format!("the softcap is {cap}, not a positive number"));
        }
        Ok(())
    }
}

/// The sizes of queries (H, N, d), keys (Hkv, M, d) and values (Hkv, M, dv) that fit each other.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub heads: usize,
    pub kv_heads: usize,
    /// N
    pub length: usize,
    /// M
    pub keys_length: usize,
    /// d
    pub depth: usize,
    /// dv
    pub value_depth: usize,
}

impl Shape {
    /// Checks that shapes and lengths fit.
    pub fn of(queries: Heads, keys: Heads, values: Heads) -> Result<Self> {
        let [heads, length, depth] = queries.shape();
        let [kv_heads, keys_length, key_depth] = keys.shape();
        let (k_shape, v_shape) = (keys.shape(), values.shape());
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
        Ok(Self {
            heads,
            kv_heads,
            length,
            keys_length,
            depth,
            value_depth: v_shape[2],
        })
    }

    /// Checks that an output is (H, N, dv).
    pub fn check_output(&self, output: &HeadsMut) -> Result<()> {
        let (have, want) = (output.shape(), [self.heads, self.length, self.value_depth]);
        if have != want {
            return invalid(format!("the output has shape {have:?}, not {want:?}"));
        }
        Ok(())
    }

    /// Query heads that read one key head.
    pub fn group(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// The key head that a query head reads.
    pub fn kv_head(&self, head: usize) -> usize {
        head / self.group()
    }
}

/// Queries (H, N, d), keys (Hkv, M, d), values (Hkv, M, dv) and the options, known to fit each other.
#[derive(Debug)]
pub struct Problem<'a> {
    pub(super) queries: Heads<'a>,
    pub(super) keys: Heads<'a>,
    pub(super) values: Heads<'a>,
    pub(super) shape: Shape,
    pub(super) options: Options<'a>,
    /// Whether float32 is too narrow for what the options alone add.
    pub(super) wide: bool,
    pub(super) magnitudes: Magnitudes,
}

impl<'a> Problem<'a> {
    /// Checks that shapes, lengths and options fit. For the weights alone `values` may be (Hkv, M, 0).
    pub fn new(
        queries: Heads<'a>,
        keys: Heads<'a>,
        values: Heads<'a>,
        options: Options<'a>,
    ) -> Result<Self> {
        let shape = Shape::of(queries, keys, values)?;
        let full = [shape.heads, shape.length, shape.keys_length];
        options.mask.map_or(Ok(()), |m| m.check("mask", full))?;
        options.bias.map_or(Ok(()), |b| b.check("bias", full))?;
        options.lists.map_or(Ok(()), |lists| lists.check(full))?;
        options.check_heads(shape.heads, shape.length)?;
        Ok(Self {
            queries,
            keys,
            values,
            shape,
            wide: needed(&options, [shape.length, shape.keys_length]),
            magnitudes: Magnitudes::new(&shape)?,
            options,
        })
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
        let position = self.position(query);
        let right = if self.options.causal {
            Some(0)
        } else {
            self.options.right
        };
        let to = right.map_or(self.shape.keys_length, |right| {
            let end = position.saturating_add(signed(right)).saturating_add(1);
            unsigned(end).min(self.shape.keys_length)
        });
        let from = self
            .options
            .left
            .map_or(0, |left| unsigned(position.saturating_sub(signed(left))));
        (from.min(to), to)
    }

    /// i': where a query stands among the keys.
    pub(super) fn position(&self, query: usize) -> i64 {
        match self.options.positions {
            Some(positions) => positions[query],
            None => signed(query) + signed(self.shape.keys_length) - signed(self.shape.length),
        }
    }

    /// The ranges of keys, inside `bounds`, that a query may look at (mask and bias aside), in order.
    pub(super) fn ranges(
        &self,
        head: usize,
        query: usize,
        bounds: (usize, usize),
    ) -> impl Iterator<Item = (usize, usize)> + use<'a> {
        let (from, to) = self.key_range(query);
        let (from, to) = (from.max(bounds.0), to.min(bounds.1));
        let lists = self.options.lists.as_ref();
        let list = lists.map(|lists| lists.of(head, query, self.shape.length));
        let first = list.map_or(0, |list| first_after(list, from));
        let listed = list.unwrap_or_default()[2 * first..]
            .chunks_exact(2)
            .map(|range| (wide(range[0]), wide(range[1])));
        let whole = list.is_none().then_some((from, to));
        whole
            .into_iter()
            .chain(listed)
            .take_while(move |range| range.0 < to)
            .map(move |range| (range.0.max(from), range.1.min(to)))
            .filter(|range| range.0 < range.1)
    }

    /// Multiplications and additions in all, about.
    pub fn work(&self) -> f64 {
        let options = &self.options;
        let window = match (options.left, options.right) {
            (Some(left), right) if right.is_some() || options.causal => {
                count(left) + count(right.unwrap_or(0)) + 1.0
            }
            _ => f64::INFINITY,
        };
        let all = count(self.shape.heads)
            * count(self.shape.length)
            * count(self.shape.keys_length).min(window);
        let pairs = options.lists.map_or(all, |lists| {
            lists.pairs(self.shape.heads, self.shape.length).min(all)
        });
        2.0 * pairs * count(self.shape.depth + self.shape.value_depth + 8)
    }
}

/// An error of the caller.
pub fn invalid<T>(message: String) -> Result<T> {
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

/// An error where an array has not as many numbers as its shape asks for.
pub fn check_length(name: &str, have: usize, shape: &[usize]) -> Result<()> {
    let want = size(name, shape)?;
    if have == want {
        return Ok(());
    }
    invalid(format!(
        "the {name} hold {have} numbers, their shape {shape:?} asks for {want}"
    ))
}
