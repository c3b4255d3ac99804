//! Keys projected along their length, as Linformer does (Wang et al. 2020, eq. 7): E·K, as fast as the multiplications
//! go. (By BLAS, which goes over E once for keys of one head, 65,536 keys of 4 heads took 1.6 times as long.)

use crate::attention::{check_length, invalid, zeros, Heads};
use crate::error::Result;
use crate::memory::{filled, reserve};
use crate::number::count;
use crate::simd::lanes::Plain;
use crate::simd::product::{add_product, Left};
#[cfg(target_arch = "x86_64")]
use crate::simd::x86::{Avx2, Avx512};
use crate::workers::{check, share, useful};
use std::sync::atomic::AtomicBool;

/// Keys at a time: theirs stay in the second-level cache while all rows of the projection meet them.
const BLOCK: usize = 256;
/// The most parts that the keys of a head are cut into, each with sums of its own. Their number does not depend on that of
/// the threads, so neither does the answer.
const PARTS: usize = 16;
/// Keys in a part at least, and for each row of the projection: sums take a quarter of the keys' memory at most.
const LEAST: [usize; 2] = [2048, 4];

/// The loops for one kind of processor. Only `available` makes them, after a look at the processor.
#[derive(Clone, Copy)]
struct Machine {
    /// Numbers in a vector.
    lanes: usize,
    add: unsafe fn(Left<'_>, &[f32], &mut [f32], [usize; 3]),
}

/// What this processor can run, the fastest first.
fn available() -> Vec<Machine> {
    crate::simd::available!(MACHINE)
}

macro_rules! compiled {
    ($module:ident, $lanes:ident $(, $feature:literal)?) => {
        mod $module {
            use super::*;
            use crate::simd::lanes::Lanes;

            pub const MACHINE: Machine = Machine { lanes: $lanes::LANES, add };

            $(#[target_feature(enable = $feature)])?
            unsafe fn add(left: Left<'_>, right: &[f32], sums: &mut [f32], sizes: [usize; 3]) {
                // SAFETY: compiled with the features of the vectors.
                unsafe { add_product::<$lanes>(left, right, sums, sizes) }
            }
        }
    };
}

compiled!(plain, Plain);
#[cfg(target_arch = "x86_64")]
compiled!(avx2, Avx2, "avx2,fma");
#[cfg(target_arch = "x86_64")]
compiled!(avx512, Avx512, "avx512f,avx512dq");

/// projection (1 or Hkv, k, M) · vectors (Hkv, M, d): (Hkv, k, d). `threads` = 0 is one a core. Fails with `Interrupted`
/// soon after `cancel` is set.
pub fn project(
    projection: (&[f32], [usize; 3]),
    vectors: &Heads,
    threads: usize,
    cancel: &AtomicBool,
) -> Result<Vec<f32>> {
    let machine = available().first().copied().unwrap_or(plain::MACHINE);
    project_with(&machine, projection, vectors, threads, cancel)
}

fn project_with(
    machine: &Machine,
    (projection, shape): (&[f32], [usize; 3]),
    vectors: &Heads,
    threads: usize,
    cancel: &AtomicBool,
) -> Result<Vec<f32>> {
    let [heads, length, depth] = vectors.shape();
    let [own, rank, columns] = shape;
    check_length("projection", projection.len(), &shape)?;
    if columns != length || ![1, heads].contains(&own) {
        return invalid(format!(
            "a projection {shape:?} of {length} keys of {heads} heads"
        ));
    }
    // Rows as whole vectors.
    let width = depth.next_multiple_of(machine.lanes);
    let padding = width.div_ceil(depth.max(1));
    let least = LEAST[0].max(LEAST[1].saturating_mul(rank).saturating_mul(padding));
    let parts = (length / least).clamp(1, PARTS);
    let part = length.div_ceil(parts).next_multiple_of(BLOCK);
    let size = rank.saturating_mul(width);
    let mut output = zeros("projected keys", &[heads, rank, depth])?;
    if output.is_empty() {
        return Ok(output);
    }
    let mut sums = filled(0.0, heads.saturating_mul(parts).saturating_mul(size))?;
    let items: Vec<_> = sums.chunks_exact_mut(size).enumerate().collect();
    let work = count(heads) * count(rank) * count(length) * count(depth);
    share(
        items,
        useful(threads, work),
        cancel,
        |room: &mut [Vec<f32>; 2], (item, sums)| {
            let (head, first) = (item / parts, item % parts * part);
            let mine = &projection[if own == 1 { 0 } else { head * rank * length }..];
            let end = length.min(first.saturating_add(part));
            for from in (first..end).step_by(BLOCK) {
                check(cancel)?;
                let to = end.min(from + BLOCK);
                let [copied, padded] = room;
                let rows = vectors.rows(head, (from, to), copied);
                let left = Left {
                    data: &mine[from..],
                    row: length,
                    step: 1,
                };
                let right = whole_vectors(rows, depth, width, padded)?;
                // SAFETY: the processor has the features (`available`).
                unsafe { (machine.add)(left, right, sums, [rank, to - from, width]) };
            }
            Ok(())
        },
    )?;
    for (head, output) in output.chunks_exact_mut(rank * depth).enumerate() {
        let sums = &sums[head * parts * size..(head + 1) * parts * size];
        for sums in sums.chunks_exact(size) {
            let rows = output.chunks_exact_mut(depth).zip(sums.chunks_exact(width));
            for (x, sum) in rows.flat_map(|(row, sums)| row.iter_mut().zip(sums)) {
                *x += sum;
            }
        }
    }
    Ok(output)
}

/// Rows (keys, depth) as (keys, width), zeros behind each where it is no whole number of vectors.
fn whole_vectors<'r>(
    rows: &'r [f32],
    depth: usize,
    width: usize,
    room: &'r mut Vec<f32>,
) -> Result<&'r [f32]> {
    if depth == width {
        return Ok(rows);
    }
    room.clear();
    reserve(room, rows.len() / depth * width)?;
    for row in rows.chunks_exact(depth) {
        room.extend_from_slice(row);
        room.resize(room.len() + width - depth, 0.0);
    }
    Ok(room)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::to_f32;

    /// Whole numbers from −8 to 8: their sums of products are exact.
    fn numbers(count: usize, seed: usize) -> Vec<f32> {
        let number = |i: usize| (((i + seed) * 2_654_435_761) >> 7) % 17;
        (0..count)
            .map(|i| to_f32(crate::number::count(number(i)) - 8.0))
            .collect()
    }

    #[test]
    fn every_machine_gives_the_product() {
        for machine in available() {
            for ([own, heads], rank, length, depth) in [
                ([1, 1], 1, 1, 1),
                ([1, 3], 5, 300, 7),
                ([2, 2], 16, 513, 64),
                ([1, 2], 3, 5000, 20),
                ([1, 1], 4, 0, 8),
            ] {
                let projection = numbers(own * rank * length, 1);
                let vectors = numbers(heads * length * depth, 2);
                let shape = [own, rank, length];
                let view = Heads::of("keys", &vectors, [heads, length, depth]).unwrap();
                let go_on = AtomicBool::new(false);
                let found = |threads| {
                    project_with(&machine, (&projection, shape), &view, threads, &go_on).unwrap()
                };
                let all = found(1);
                assert_eq!(all, found(3));
                for (place, x) in all.iter().enumerate() {
                    let (head, row, c) =
                        (place / depth / rank, place / depth % rank, place % depth);
                    let left = if own == 1 { row } else { head * rank + row };
                    let sum: f32 = (0..length)
                        .map(|j| {
                            projection[left * length + j] * vectors[(head * length + j) * depth + c]
                        })
                        .sum();
                    assert_eq!(*x, sum, "{} {heads} {rank} {length} {depth}", machine.lanes);
                }
            }
        }
    }
}
