//! Matrices turned about their diagonal, in squares of vectors.

use super::lanes::Lanes;

/// from (rows, columns) into to (columns, rows), both of them multiples of L = `V::LANES`.
///
/// # Safety
/// As `Lanes` asks.
#[inline(always)]
pub unsafe fn transpose<V: Lanes, const L: usize>(from: &[f32], columns: usize, to: &mut [f32]) {
    assert!(L == V::LANES && columns > 0 && columns.is_multiple_of(L));
    let rows = from.len() / columns;
    assert!(rows.is_multiple_of(L) && to.len() >= rows * columns);
    for row in (0..rows).step_by(L) {
        for column in (0..columns).step_by(L) {
            // SAFETY: the last vector of the square begins L − 1 rows (columns) after the first, and both matrices have
            // them; the caller vouches for V's features.
            unsafe {
                let from = from.as_ptr().add(row * columns + column);
                let to = to.as_mut_ptr().add(column * rows + row);
                let square: [V; L] = std::array::from_fn(|i| V::load(from.add(i * columns)));
                for (i, vector) in turned(square).into_iter().enumerate() {
                    vector.store(to.add(i * rows));
                }
            }
        }
    }
}

/// A square's columns as rows. To interleave the first half of its rows with the second moves each number's place in
/// row and column, written as one number, round by a bit: log2 L times, and rows have become columns.
#[inline(always)]
unsafe fn turned<V: Lanes, const L: usize>(mut square: [V; L]) -> [V; L] {
    for _ in 0..L.ilog2() {
        let rows = square;
        for i in 0..L / 2 {
            // SAFETY: the caller vouches for V's features.
            (square[2 * i], square[2 * i + 1]) = unsafe { rows[i].interleave(rows[i + L / 2]) };
        }
    }
    square
}
