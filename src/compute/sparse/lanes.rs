//! Sixteen floats at a time, and panels of them.

use bytemuck::{Pod, Zeroable};

/// Floats of [`Lanes`].
pub(super) const LANES: usize = 16;

/// Rows and columns of a tile.
pub(super) const TILE: usize = 64;

/// Lanes of one column's numbers in a tile.
pub(super) const TILE_LANES: usize = TILE / LANES;

/// Sixteen floats that fill a line of the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C, align(64))]
pub struct Lanes(pub [f32; LANES]);

/// A matrix `[rows, 16·N]` of columns side by side, with rows of zeros up to a multiple of 64.
#[derive(Clone, Debug)]
pub struct Panel<const N: usize>(Vec<[Lanes; N]>);

impl<const N: usize> Panel<N> {
    /// Columns of the panel.
    pub const COLUMNS: usize = N * LANES;

    /// A panel of zeros.
    pub fn zeros(rows: usize) -> Self {
        Self(vec![[Lanes::default(); N]; rows.next_multiple_of(TILE)])
    }

    /// The panel whose columns are `rows`, each `width` long and at most [`Panel::COLUMNS`] of them; zeros in the others.
    pub fn transposed(rows: &[f32], width: usize) -> Self {
        let mut panel = Self::zeros(width);
        for (at, out) in panel.0.chunks_mut(LANES).enumerate() {
            for (column, row) in rows.chunks_exact(width.max(1)).enumerate() {
                let part = row.get(at * LANES..).unwrap_or_default();
                out.iter_mut().zip(part).for_each(|(out, &x)| out[column / LANES].0[column % LANES] = x);
            }
        }
        panel
    }

    /// Writes the first columns as `rows`, each `width` long.
    pub fn store_transposed(&self, rows: &mut [f32], width: usize) {
        for (at, part) in self.0.chunks(LANES).enumerate() {
            for (column, row) in rows.chunks_exact_mut(width.max(1)).enumerate() {
                let out = row.get_mut(at * LANES..).unwrap_or_default();
                out.iter_mut().zip(part).for_each(|(out, x)| *out = x[column / LANES].0[column % LANES]);
            }
        }
    }

    /// The rows, zeros past the last one included.
    pub fn rows(&self) -> &[[Lanes; N]] {
        &self.0
    }

    /// The rows, mutable.
    pub fn rows_mut(&mut self) -> &mut [[Lanes; N]] {
        &mut self.0
    }
}
