//! The building block of products and factorizations where vectors are four wide: a tile of [`HEIGHT`]×[`WIDTH`]
//! numbers, as many as fit a processor's sixteen registers beside its operands, which lie in the order in which they
//! are read.

use super::f32x4::F32x4;
use std::array::from_fn;

/// Rows of a tile.
pub(super) const HEIGHT: usize = 4;

/// Columns of a tile.
pub(super) const WIDTH: usize = 8;

/// One row of a tile or of a right operand, in memory; aligned so that no load crosses a cache line.
#[derive(Clone, Copy, Default)]
#[repr(align(32))]
pub(super) struct Row(pub [f32; WIDTH]);

impl AsMut<[f32]> for Row {
    fn as_mut(&mut self) -> &mut [f32] {
        &mut self.0
    }
}

/// One column of a left operand, in memory.
pub(super) type Column = [f32; HEIGHT];

/// A lower triangular L by columns, prepared for solving: negated below the diagonal, reciprocals on it; what is above
/// is not read.
pub(super) type Triangular = [Column; HEIGHT];

/// A tile in registers.
#[derive(Clone, Copy)]
pub(super) struct Tile([[F32x4; 2]; HEIGHT]);

impl Tile {
    /// A tile of zeros.
    #[inline(always)]
    pub fn zero() -> Self {
        Self([[F32x4::splat(0.0); 2]; HEIGHT])
    }

    /// Loads a tile from memory.
    #[inline(always)]
    pub fn load(rows: &[Row; HEIGHT]) -> Self {
        Self(from_fn(|i| load(&rows[i])))
    }

    /// Stores the tile to memory.
    #[inline(always)]
    pub fn store(self, rows: &mut [Row; HEIGHT]) {
        self.0.into_iter().zip(rows).for_each(|(row, to)| store(row, to));
    }

    /// `self + left·right`, with `left` by columns and `right` by rows.
    #[inline(always)]
    pub fn plus_product(self, left: &[Column], right: &[Row]) -> Self {
        let mut sums = self.0;
        for (column, row) in left.iter().zip(right) {
            let row = load(row);
            for (sum, &x) in sums.iter_mut().zip(column) {
                *sum = plus(*sum, x, row);
            }
        }
        Self(sums)
    }

    /// Adds a product to rows in memory: `rows += leftᵀ·self`.
    #[inline(always)]
    pub fn add_product_to(self, rows: &mut [Row], left: &[Column]) {
        for (to, column) in rows.iter_mut().zip(left) {
            let sum = self.0.iter().zip(column).fold(load(to), |sum, (row, &x)| plus(sum, x, *row));
            store(sum, to);
        }
    }

    /// `L⁻¹·self` for a lower triangle L, see [`Triangular`].
    #[inline(always)]
    pub fn solve(self, lower: &Triangular) -> Self {
        let mut rows = self.0;
        for i in 0..HEIGHT {
            rows[i] = times(rows[i], lower[i][i]);
            for below in i + 1..HEIGHT {
                rows[below] = plus(rows[below], lower[i][below], rows[i]);
            }
        }
        Self(rows)
    }

    /// `L⁻ᵀ·self` for a lower triangle L, see [`Triangular`].
    #[inline(always)]
    pub fn solve_transposed(self, lower: &Triangular) -> Self {
        let mut rows = self.0;
        for i in (0..HEIGHT).rev() {
            for below in i + 1..HEIGHT {
                rows[i] = plus(rows[i], lower[i][below], rows[below]);
            }
            rows[i] = times(rows[i], lower[i][i]);
        }
        Self(rows)
    }
}

#[inline(always)]
fn load(row: &Row) -> [F32x4; 2] {
    let (halves, _) = row.0.as_chunks();
    from_fn(|half| F32x4::load(&halves[half]))
}

#[inline(always)]
fn store(row: [F32x4; 2], to: &mut Row) {
    let (halves, _) = to.0.as_chunks_mut();
    row.into_iter().zip(halves).for_each(|(four, to)| four.store(to));
}

#[inline(always)]
fn times(row: [F32x4; 2], x: f32) -> [F32x4; 2] {
    row.map(|four| four.mul(F32x4::splat(x)))
}

/// A row plus a multiple of another, `row + x·other`.
#[inline(always)]
fn plus(row: [F32x4; 2], x: f32, other: [F32x4; 2]) -> [F32x4; 2] {
    from_fn(|half| row[half].mul_add(F32x4::splat(x), other[half]))
}
