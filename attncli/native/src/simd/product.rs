//! sums += left · right, in register blocks.

use crate::simd::lanes::Lanes;

/// A matrix whose number (i, k) stands at i·row + k·step: as it lies, or transposed.
#[derive(Clone, Copy)]
pub struct Left<'a> {
    pub data: &'a [f32],
    pub row: usize,
    pub step: usize,
}

/// Rows at a time: with 4 (2) vectors of columns the sums take 24 of 32 (12 of 16) registers.
const ROWS: usize = 6;

/// left (rows, depth) · right (depth, columns), added to sums (rows, columns); whole vectors of columns.
///
/// # Safety
/// As `Lanes` asks.
#[inline(always)]
pub unsafe fn add_product<V: Lanes>(
    left: Left<'_>,
    right: &[f32],
    sums: &mut [f32],
    [rows, depth, columns]: [usize; 3],
) {
    assert!(columns % V::LANES == 0);
    assert!(right.len() >= depth * columns && sums.len() >= rows * columns);
    let last = rows.max(1) - 1;
    assert!(rows * depth == 0 || left.data.len() > last * left.row + (depth - 1) * left.step);
    let widest = if V::LANES >= 16 { 4 } else { 2 };
    let mut first = 0;
    let mut vectors = columns / V::LANES;
    while vectors > 0 {
        // 5 vectors are 3 and 2, not 4 and 1.
        let width = vectors.div_ceil(vectors.div_ceil(widest));
        let block = Block {
            left: left.data.as_ptr(),
            row: left.row,
            step: left.step,
            right: right[first..].as_ptr(),
            sums: sums[first..].as_mut_ptr(),
            rows,
            depth,
            columns,
        };
        // SAFETY: the caller vouches for V's features; the lengths were looked at above.
        unsafe {
            match width {
                4 => block.add::<V, 4>(),
                3 => block.add::<V, 3>(),
                2 => block.add::<V, 2>(),
                _ => block.add::<V, 1>(),
            }
        }
        first += width * V::LANES;
        vectors -= width;
    }
}

/// A few vectors of columns of the product.
#[derive(Clone, Copy)]
struct Block {
    left: *const f32,
    row: usize,
    step: usize,
    right: *const f32,
    sums: *mut f32,
    rows: usize,
    depth: usize,
    columns: usize,
}

impl Block {
    #[inline(always)]
    unsafe fn add<V: Lanes, const W: usize>(self) {
        let mut first = 0;
        // SAFETY: rows `first` to before `rows`, as the caller vouches.
        unsafe {
            while first + ROWS <= self.rows {
                self.add_rows::<V, ROWS, W>(first);
                first += ROWS;
            }
            if first + 4 <= self.rows {
                self.add_rows::<V, 4, W>(first);
                first += 4;
            }
            if first + 2 <= self.rows {
                self.add_rows::<V, 2, W>(first);
                first += 2;
            }
            if first < self.rows {
                self.add_rows::<V, 1, W>(first);
            }
        }
    }

    #[inline(always)]
    unsafe fn add_rows<V: Lanes, const R: usize, const W: usize>(self, first: usize) {
        // SAFETY: `add_product` looked at the lengths, and its caller vouches for V's features.
        unsafe {
            let left = self.left.add(first * self.row);
            let mut sums = [[V::splat(0.0); W]; R];
            for k in 0..self.depth {
                let row = self.right.add(k * self.columns);
                let right: [V; W] = std::array::from_fn(|v| V::load(row.add(v * V::LANES)));
                for (r, sums) in sums.iter_mut().enumerate() {
                    let x = V::splat(*left.add(r * self.row + k * self.step));
                    for (sum, right) in sums.iter_mut().zip(right) {
                        *sum = right.fma(x, *sum);
                    }
                }
            }
            for (r, sums) in sums.into_iter().enumerate() {
                for (v, sum) in sums.into_iter().enumerate() {
                    let at = self.sums.add((first + r) * self.columns + v * V::LANES);
                    V::load(at).add(sum).store(at);
                }
            }
        }
    }
}
