//! Vectors of several heads as they lie in an array: each vector's numbers side by side, the vectors anywhere. So heads
//! that are split from rows (N, H·d) are read where they stand, and written where they are joined.

use super::problem::{check_length, invalid};
use crate::error::Result;
use ndarray::{ArrayView3, ArrayViewMut3, Axis};

/// (H, N, d) to read.
#[derive(Debug, Clone, Copy)]
pub struct Heads<'a>(ArrayView3<'a, f32>);

impl<'a> Heads<'a> {
    /// Checks that each vector's numbers stand side by side.
    pub fn new(name: &str, array: ArrayView3<'a, f32>) -> Result<Self> {
        check_side_by_side(name, array.shape(), array.strides())?;
        Ok(Self(array))
    }

    /// Of numbers that stand one head after another.
    pub fn of(name: &str, numbers: &'a [f32], shape: [usize; 3]) -> Result<Self> {
        check_length(name, numbers.len(), &shape)?;
        ArrayView3::from_shape(shape, numbers)
            .map(Self)
            .or_else(|error| invalid(format!("the {name}: {error}")))
    }

    /// H, N, d.
    pub fn shape(&self) -> [usize; 3] {
        self.0.dim().into()
    }

    /// Whether both are one array.
    pub fn same(&self, other: &Self) -> bool {
        let place = |heads: &Self| (heads.0.as_ptr(), heads.0.dim());
        place(self) == place(other) && self.0.strides() == other.0.strides()
    }

    /// One vector.
    pub fn row(&self, head: usize, row: usize) -> &'a [f32] {
        let rows = self.0.index_axis_move(Axis(0), head);
        let row = rows.index_axis_move(Axis(0), row).to_slice();
        row.unwrap_or_default()
    }

    /// Vectors `from..to` of one head, side by side; copied into `room` where they stand apart.
    pub fn rows<'r>(
        &'r self,
        head: usize,
        (from, to): (usize, usize),
        room: &'r mut Vec<f32>,
    ) -> &'r [f32] {
        let rows = self.0.index_axis_move(Axis(0), head);
        let rows = rows.slice_axis_move(Axis(0), (from..to).into());
        rows.to_slice().unwrap_or_else(|| {
            let depth = self.0.dim().2;
            room.resize((to - from) * depth, 0.0);
            for (row, into) in rows.outer_iter().zip(room.chunks_exact_mut(depth.max(1))) {
                into.copy_from_slice(row.to_slice().unwrap_or_default());
            }
            room
        })
    }
}

/// (H, N, d), or a part of it, to write; its vectors keep their numbers in the whole.
#[derive(Debug)]
pub struct HeadsMut<'a> {
    array: ArrayViewMut3<'a, f32>,
    head: usize,
    row: usize,
}

impl<'a> HeadsMut<'a> {
    /// Checks that each vector's numbers stand side by side.
    pub fn new(name: &str, array: ArrayViewMut3<'a, f32>) -> Result<Self> {
        check_side_by_side(name, array.shape(), array.strides())?;
        Ok(Self {
            array,
            head: 0,
            row: 0,
        })
    }

    /// Of numbers that stand one head after another.
    pub fn of(name: &str, numbers: &'a mut [f32], shape: [usize; 3]) -> Result<Self> {
        check_length(name, numbers.len(), &shape)?;
        ArrayViewMut3::from_shape(shape, numbers)
            .map(|array| Self {
                array,
                head: 0,
                row: 0,
            })
            .or_else(|error| invalid(format!("the {name}: {error}")))
    }

    /// H, N, d.
    pub fn shape(&self) -> [usize; 3] {
        self.array.dim().into()
    }

    /// The same for a while.
    pub fn reborrow(&mut self) -> HeadsMut<'_> {
        HeadsMut {
            array: self.array.view_mut(),
            ..*self
        }
    }

    /// The first `count` heads, and the others.
    pub fn split_heads(self, count: usize) -> (Self, Self) {
        let (first, rest) = self.array.split_at(Axis(0), count);
        let part = |array, head| Self {
            array,
            head,
            row: self.row,
        };
        (part(first, self.head), part(rest, self.head + count))
    }

    /// The first `count` vectors of each head, and the others.
    pub fn split_rows(self, count: usize) -> (Self, Self) {
        let (first, rest) = self.array.split_at(Axis(1), count);
        let part = |array, row| Self {
            array,
            head: self.head,
            row,
        };
        (part(first, self.row), part(rest, self.row + count))
    }

    /// One vector.
    pub fn row(&mut self, head: usize, row: usize) -> &mut [f32] {
        let rows = self.array.index_axis_mut(Axis(0), head - self.head);
        let row = rows.index_axis_move(Axis(0), row - self.row).into_slice();
        row.unwrap_or_default()
    }

    /// All zeros.
    pub fn clear(&mut self) {
        self.array.fill(0.0);
    }
}

fn check_side_by_side(name: &str, shape: &[usize], strides: &[isize]) -> Result<()> {
    if shape[2] < 2 || strides[2] == 1 || shape.contains(&0) {
        return Ok(());
    }
    invalid(format!(
        "the numbers of each vector of the {name} must stand side by side"
    ))
}
