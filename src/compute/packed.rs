//! Solves with a Cholesky factor, for a panel at a time, on processors with wide vectors.
//!
//! L is kept in blocks of [`HEIGHT`] rows, each by columns, and Lᵀ likewise: both are read from end to end, once for every two
//! vectors' width of right-hand sides. A block's rows stay in registers while all that is solved before them is subtracted. A
//! general triangular solve packs L anew for every panel.

use super::{PANEL, PanelRow};
use pulp::{Arch, Simd, WithSimd};
use std::array::from_fn;

/// Rows of a block: with two vectors of right-hand sides twelve sums, as many as sixteen registers hold beside their operands.
const HEIGHT: usize = 6;

/// A column of a block.
type Column = [f32; HEIGHT];

/// A factor L, padded with an identity to whole blocks.
#[derive(Default)]
pub(super) struct Packed {
    /// By blocks: the columns left of the diagonal, negated, then the diagonal block, see [`diagonal`].
    lower: Vec<Column>,
    /// The same of Lᵀ, from the last block to the first: the columns right of the diagonal, then the diagonal block.
    upper: Vec<Column>,
    /// Number of rows, padding included.
    size: usize,
}

impl Packed {
    /// Whether this processor has vectors that are worth it.
    pub fn pays() -> bool {
        struct Lanes;
        impl WithSimd for Lanes {
            type Output = usize;
            fn with_simd<S: Simd>(self, _: S) -> usize {
                S::F32_LANES
            }
        }
        (4..=PANEL / 2).contains(&Arch::new().dispatch(Lanes))
    }

    /// Takes L, k×k, column-major; what is above its diagonal is not read.
    pub fn fill(&mut self, l: &[f32], k: usize) {
        self.size = k.next_multiple_of(HEIGHT);
        self.lower.clear();
        self.upper.clear();
        let blocks = || (0..self.size).step_by(HEIGHT);
        for first in blocks() {
            let present = HEIGHT.min(k - first);
            let columns = l.chunks_exact(k).take(first).map(|column| {
                let rows = &column[first..first + present];
                rows.first_chunk().map_or_else(|| padded(rows), |rows: &Column| rows.map(|x| -x))
            });
            self.lower.extend(columns);
            self.lower.extend(diagonal(l, k, first));
        }
        for first in blocks().rev() {
            let below = first + HEIGHT;
            let rows: [&[f32]; HEIGHT] = from_fn(|i| match first + i {
                column if column < k => l[column * k..][..k].get(below..).unwrap_or_default(),
                _ => &[],
            });
            let count = k.saturating_sub(below);
            // Only the last block has fewer rows, and nothing below it.
            self.upper.extend((0..count).map(|j| from_fn(|i| -rows[i][j])));
            self.upper.resize(self.upper.len() + self.size - below - count, [0.0; HEIGHT]);
            self.upper.extend(diagonal(l, k, first));
        }
    }

    /// Solves with both triangles: `x ← L⁻ᵀL⁻¹x`.
    pub fn solve(&self, x: &mut [PanelRow]) {
        Arch::new().dispatch(Solve { factor: self, x });
    }
}

/// A column of which the last rows are padding.
fn padded(rows: &[f32]) -> Column {
    from_fn(|i| rows.get(i).map_or(0.0, |x| -x))
}

/// A block on the diagonal, by columns: negated below the diagonal, reciprocals on it.
fn diagonal(l: &[f32], k: usize, first: usize) -> [Column; HEIGHT] {
    from_fn(|j| {
        from_fn(|i| match (first + i, first + j) {
            (row, col) if row >= k || col >= k => f32::from(u8::from(i == j)),
            (row, col) if row == col => l[col * k + row].recip(),
            (row, col) if row > col => -l[col * k + row],
            _ => 0.0,
        })
    })
}

struct Solve<'a> {
    factor: &'a Packed,
    x: &'a mut [PanelRow],
}

impl WithSimd for Solve<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { factor, x } = self;
        let width = 2 * S::F32_LANES;
        // The padding stays 0.
        let mut strip = vec![0.0f32; factor.size * width];
        for column in (0..PANEL).step_by(width) {
            for (to, from) in strip.chunks_exact_mut(width).zip(&*x) {
                to.copy_from_slice(&from[column..][..width]);
            }
            forward(simd, &factor.lower, &mut strip);
            backward(simd, &factor.upper, &mut strip);
            for (from, to) in strip.chunks_exact(width).zip(&mut *x) {
                to[column..][..width].copy_from_slice(from);
            }
        }
    }
}

/// Two vectors of each row of a block.
type Tile<S> = [[<S as Simd>::f32s; 2]; HEIGHT];

#[inline(always)]
fn load<S: Simd>(row: &[f32]) -> [S::f32s; 2] {
    let vectors = S::as_simd_f32s(row).0;
    [vectors[0], vectors[1]]
}

#[inline(always)]
fn store<S: Simd>(tile: Tile<S>, rows: &mut [f32]) {
    for (row, to) in tile.into_iter().zip(S::as_mut_simd_f32s(rows).0.as_chunks_mut::<2>().0) {
        *to = row;
    }
}

/// The tile plus `left`, by columns, times the rows of `right`.
#[inline(always)]
fn plus_product<S: Simd>(simd: S, mut tile: Tile<S>, left: &[Column], right: &[f32]) -> Tile<S> {
    for (column, row) in left.iter().zip(S::as_simd_f32s(right).0.as_chunks::<2>().0) {
        for (sums, &x) in tile.iter_mut().zip(column) {
            let x = simd.splat_f32s(x);
            *sums = [simd.mul_add_e_f32s(x, row[0], sums[0]), simd.mul_add_e_f32s(x, row[1], sums[1])];
        }
    }
    tile
}

/// x ← L⁻¹x, from the first block to the last.
#[inline(always)]
fn forward<S: Simd>(simd: S, mut columns: &[Column], x: &mut [f32]) {
    let height = HEIGHT * 2 * S::F32_LANES;
    for at in (0..x.len()).step_by(height) {
        let (above, rows) = x.split_at_mut(at);
        let rows = &mut rows[..height];
        let (left, rest) = columns.split_at(HEIGHT * (at / height));
        let (diagonal, rest) = rest.split_at(HEIGHT);
        columns = rest;
        let lanes = 2 * S::F32_LANES;
        let tile: Tile<S> = from_fn(|i| load::<S>(&rows[i * lanes..][..lanes]));
        let mut tile = plus_product(simd, tile, left, above);
        for i in 0..HEIGHT {
            let scale = simd.splat_f32s(diagonal[i][i]);
            tile[i] = tile[i].map(|x| simd.mul_f32s(x, scale));
            for below in i + 1..HEIGHT {
                let x = simd.splat_f32s(diagonal[i][below]);
                tile[below] = from_fn(|half| simd.mul_add_e_f32s(x, tile[i][half], tile[below][half]));
            }
        }
        store::<S>(tile, rows);
    }
}

/// x ← L⁻ᵀx, from the last block to the first.
#[inline(always)]
fn backward<S: Simd>(simd: S, mut columns: &[Column], x: &mut [f32]) {
    let height = HEIGHT * 2 * S::F32_LANES;
    let size = x.len();
    for at in (0..size).step_by(height).rev() {
        let (rows, below) = x[at..].split_at_mut(height);
        let (right, rest) = columns.split_at(HEIGHT * (size - at - height) / height);
        let (diagonal, rest) = rest.split_at(HEIGHT);
        columns = rest;
        let lanes = 2 * S::F32_LANES;
        let tile: Tile<S> = from_fn(|i| load::<S>(&rows[i * lanes..][..lanes]));
        let mut tile = plus_product(simd, tile, right, below);
        for i in (0..HEIGHT).rev() {
            for later in i + 1..HEIGHT {
                let x = simd.splat_f32s(diagonal[i][later]);
                tile[i] = from_fn(|half| simd.mul_add_e_f32s(x, tile[later][half], tile[i][half]));
            }
            let scale = simd.splat_f32s(diagonal[i][i]);
            tile[i] = tile[i].map(|x| simd.mul_f32s(x, scale));
        }
        store::<S>(tile, rows);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// L with 2 on its diagonal, column-major; what is above must not be read.
    #[test]
    fn solving_undoes_the_product() {
        for k in [1, 2, 5, 6, 7, 12, 13, 64, 131] {
            let l = |i: usize, j: usize| if i == j { 2.0 } else { ((i * 5 + j * 3) % 7) as f32 / 7.0 / k as f32 };
            let stored: Vec<f32> =
                (0..k * k).map(|at| if at % k < at / k { f32::NAN } else { l(at % k, at / k) }).collect();
            let x: Vec<PanelRow> = (0..k).map(|i| from_fn(|c| ((i * 5 + c * 3) % 13) as f32 - 6.0)).collect();
            // L·Lᵀ·x.
            let turned: Vec<PanelRow> = (0..k).map(|i| from_fn(|c| (i..k).map(|j| l(j, i) * x[j][c]).sum())).collect();
            let mut solved: Vec<PanelRow> =
                (0..k).map(|i| from_fn(|c| (0..=i).map(|j| l(i, j) * turned[j][c]).sum())).collect();
            let mut packed = Packed::default();
            packed.fill(&stored, k);
            packed.solve(&mut solved);
            for (got, want) in solved.as_flattened().iter().zip(x.as_flattened()) {
                assert!((got - want).abs() < 2e-5, "{k}: {got} instead of {want}");
            }
        }
    }
}
