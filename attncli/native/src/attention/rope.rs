//! Rotary position embedding (Su et al. 2021): pairs of a vector's numbers turned by given angles.

use super::zeros;
use crate::error::{Error, Result};
use crate::workers::{check, meant, share};
use std::sync::atomic::AtomicBool;

/// Numbers that one thread takes at a time.
const PART: usize = 1 << 18;

/// x (rows, d) with row n turned by the angles of position n mod N: the pairs (p, p + r/2), or (2p, 2p + 1)
/// where `interleaved`, by the angle whose cosine and sine stand at (n mod N, p) of `cos` and `sin`, (N, r/2).
/// Numbers from r on stay. `threads` and `cancel` as in `attention`.
pub fn rotate(
    x: &[f32],
    depth: usize,
    (cos, sin): (&[f32], &[f32]),
    pairs: usize,
    (interleaved, asked): (bool, usize),
    cancel: &AtomicBool,
) -> Result<Vec<f32>> {
    let fits = cos.len() == sin.len() && 2 * pairs <= depth;
    let positions = cos.len().checked_div(pairs).unwrap_or(1);
    if !fits || !x.len().is_multiple_of((depth * positions).max(1)) {
        let (count, angles) = (x.len(), cos.len());
        return Err(Error::Invalid(format!(
            "{count} numbers in rows of {depth} cannot be turned by {angles} angles in rows of {pairs}"
        )));
    }
    check(cancel)?;
    let mut turned = zeros("rotated vectors", &[x.len()])?;
    if pairs == 0 || x.is_empty() {
        turned.copy_from_slice(x);
        return Ok(turned);
    }
    let rows = (PART / depth).max(1);
    let parts = turned.chunks_mut(rows * depth).enumerate().collect();
    let run = |_: &mut (), (part, turned): (usize, &mut [f32])| {
        let x = x[part * rows * depth..].chunks_exact(depth);
        for (row, (x, y)) in (part * rows..).zip(x.zip(turned.chunks_exact_mut(depth))) {
            let angles = row % positions * pairs..(row % positions + 1) * pairs;
            let (cos, sin) = (&cos[angles.clone()], &sin[angles]);
            y[2 * pairs..].copy_from_slice(&x[2 * pairs..]);
            if interleaved {
                turn_neighbours(x, cos, sin, y);
            } else {
                turn_halves(x, cos, sin, y);
            }
        }
        Ok(())
    };
    share(parts, meant(asked), cancel, run)?;
    Ok(turned)
}

fn turn_halves(x: &[f32], cos: &[f32], sin: &[f32], y: &mut [f32]) {
    let pairs = cos.len();
    let (y1, y2) = y.split_at_mut(pairs);
    for p in 0..pairs {
        let (a, b) = (x[p], x[pairs + p]);
        y1[p] = a * cos[p] - b * sin[p];
        y2[p] = b * cos[p] + a * sin[p];
    }
}

fn turn_neighbours(x: &[f32], cos: &[f32], sin: &[f32], y: &mut [f32]) {
    let pairs = x.chunks_exact(2).zip(y.chunks_exact_mut(2));
    for ((x, y), (cos, sin)) in pairs.zip(cos.iter().zip(sin)) {
        y[0] = x[0] * cos - x[1] * sin;
        y[1] = x[1] * cos + x[0] * sin;
    }
}
