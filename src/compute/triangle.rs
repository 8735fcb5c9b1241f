//! Cholesky factorization and solves by register tiles.
//!
//! L is kept in blocks of [`HEIGHT`] rows, each by columns, one block after another: it is read from end to end once
//! for every [`WIDTH`] right-hand sides. The factorization is itself such solves: with the first i rows of L known,
//! columns i to i + 8 of the matrix, solved for, are the transpose of the next eight rows of L.

use super::tile::{Column, HEIGHT, Row, Tile, Triangular, WIDTH};
use super::{NotPositive, PANEL, PanelRow};
use std::array::from_fn;

/// The factor L of a Cholesky factorization, padded with an identity to whole tiles.
#[derive(Default)]
pub(super) struct Triangle {
    /// Block b has 4b + 4 columns: those left of the diagonal, negated, then its [`Triangular`] block.
    columns: Vec<Column>,
    /// Number of rows, padding included.
    size: usize,
}

impl Triangle {
    /// Factorizes the k×k matrix with the lower triangle `lower`, column-major.
    pub fn factorize(&mut self, lower: &[f32], k: usize) -> Result<(), NotPositive> {
        self.size = k.next_multiple_of(WIDTH);
        self.columns.clear();
        let mut strip = Vec::with_capacity(self.size);
        for first in (0..k).step_by(WIDTH) {
            strip.clear();
            strip.extend((0..first + WIDTH).map(|j| row_of(lower, k, j, first)));
            self.forward(&mut strip[..first]);
            for column in (0..WIDTH).step_by(HEIGHT) {
                let (above, rows) = strip.split_at_mut(first + column);
                let rows = rows.first_chunk_mut().expect("whole blocks");
                self.append(above, rows, column).map_err(|i| NotPositive { pivot: first + column + i })?;
            }
        }
        Ok(())
    }

    /// Appends a block, which stands transposed in columns `column..column + 4` of a strip: `above` is solved down to
    /// the diagonal, `rows` holds the matrix's entries still. Solves these rows too, for all of the strip, or fails
    /// with the index of the row whose pivot is not positive.
    fn append(&mut self, above: &[Row], rows: &mut [Row; HEIGHT], column: usize) -> Result<(), usize> {
        let turned = |row: &Row| -> Column { from_fn(|i| -row.0[column + i]) };
        let start = self.columns.len();
        self.columns.extend(above.iter().map(turned));
        Tile::load(rows).plus_product(&self.columns[start..], above).store(rows);
        for i in 0..HEIGHT {
            let pivot = rows[i].0[column + i];
            if pivot.is_nan() || pivot <= 0.0 {
                return Err(i);
            }
            let scale = pivot.sqrt().recip();
            let solved = Row(rows[i].0.map(|x| x * scale));
            let mut last = turned(&solved);
            for below in i + 1..HEIGHT {
                rows[below] = Row(from_fn(|c| rows[below].0[c] + last[below] * solved.0[c]));
            }
            last[i] = scale;
            rows[i] = solved;
            self.columns.push(last);
        }
        Ok(())
    }

    /// Solves with both triangles: `x ← L⁻ᵀL⁻¹x`.
    pub fn solve(&self, x: &mut [PanelRow]) {
        // The padding of x stays 0.
        let mut strip = vec![Row::default(); self.size];
        for column in (0..PANEL).step_by(WIDTH) {
            strip.iter_mut().zip(&*x).for_each(|(to, from)| to.0.copy_from_slice(&from[column..][..WIDTH]));
            self.forward(&mut strip);
            self.backward(&mut strip);
            strip.iter().zip(&mut *x).for_each(|(from, to)| to[column..][..WIDTH].copy_from_slice(&from.0));
        }
    }

    /// `x ← L⁻¹x` with as many of L's rows as x has.
    fn forward(&self, x: &mut [Row]) {
        let mut columns = &self.columns[..];
        for at in (0..x.len()).step_by(HEIGHT) {
            let (above, rows) = x.split_at_mut(at);
            let (left, diagonal, rest) = split(columns, at);
            let rows = rows.first_chunk_mut().expect("whole blocks");
            Tile::load(rows).plus_product(left, above).solve(diagonal).store(rows);
            columns = rest;
        }
    }

    /// Solves with the transpose: `x ← L⁻ᵀx`.
    fn backward(&self, x: &mut [Row]) {
        let mut columns = &self.columns[..];
        for at in (0..x.len()).step_by(HEIGHT).rev() {
            let (above, rows) = x.split_at_mut(at);
            let (before, block) = columns.split_at(columns.len() - at - HEIGHT);
            let (left, diagonal, _) = split(block, at);
            let rows = rows.first_chunk_mut().expect("whole blocks");
            let tile = Tile::load(rows).solve_transposed(diagonal);
            tile.store(rows);
            tile.add_product_to(above, left);
            columns = before;
        }
    }
}

/// The first block of `columns`, whose diagonal is at row `at`: the part left of the diagonal, the diagonal block, and
/// the remaining blocks.
#[inline(always)]
fn split(columns: &[Column], at: usize) -> (&[Column], &Triangular, &[Column]) {
    let (left, rest) = columns.split_at(at);
    let (diagonal, rest) = rest.split_first_chunk().expect("whole blocks");
    (left, diagonal, rest)
}

/// Eight columns, from `first` on, of row j ≤ first + 7 of a symmetric k×k matrix padded with an identity. Entries
/// below its diagonal but outside of `lower`'s triangle are wrong; nobody reads them.
fn row_of(lower: &[f32], k: usize, j: usize, first: usize) -> Row {
    let mut row = Row::default();
    if j < k {
        let present = WIDTH.min(k - first);
        row.0[..present].copy_from_slice(&lower[j * k + first..][..present]);
    } else {
        row.0[j - first] = 1.0;
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A symmetric matrix of which only the lower triangle may be read, column-major; i·j + 1 and k more on the diagonal.
    fn lower(k: usize) -> Vec<f32> {
        let entry = |i: usize, j: usize| ((i * j) % 7) as f32 / 7.0 + if i == j { k as f32 } else { 0.0 };
        (0..k * k).map(|at| if at % k < at / k { f32::NAN } else { entry(at % k, at / k) }).collect()
    }

    #[test]
    fn solving_undoes_the_product() {
        for k in [1, 2, 7, 8, 9, 31, 33, 64, 127, 129, 200] {
            let g = lower(k);
            let mut triangle = Triangle::default();
            triangle.factorize(&g, k).unwrap();
            let x: Vec<PanelRow> = (0..k).map(|i| from_fn(|c| ((i * 5 + c * 3) % 13) as f32 - 6.0)).collect();
            let mut solved: Vec<PanelRow> =
                (0..k).map(|i| from_fn(|c| (0..k).map(|j| g[i.min(j) * k + i.max(j)] * x[j][c]).sum())).collect();
            triangle.solve(&mut solved);
            for (got, want) in solved.as_flattened().iter().zip(x.as_flattened()) {
                assert!((got - want).abs() < 2e-5, "{k}: {got} instead of {want}");
            }
        }
    }

    #[test]
    fn a_factorization_by_hand() {
        // L = [[2, 0], [1, 3]], so G = [[4, 2], [2, 10]]; G⁻¹ times (6, 12) is (1, 1).
        let mut triangle = Triangle::default();
        triangle.factorize(&[4.0, 2.0, 2.0, 10.0], 2).unwrap();
        assert_eq!(triangle.columns[..2], [[0.5, -1.0, 0.0, 0.0], [triangle.columns[1][0], 1.0 / 3.0, 0.0, 0.0]]);
        let mut x = [[6.0; PANEL], [12.0; PANEL]];
        triangle.solve(&mut x);
        assert!(x.as_flattened().iter().all(|x| (x - 1.0).abs() < 1e-6));
    }

    #[test]
    fn a_pivot_that_is_not_positive_is_named() {
        for (k, bad) in [(1, 0), (5, 3), (40, 13), (40, 39)] {
            for value in [0.0, -1.0, f32::NAN] {
                let mut g = lower(k);
                g[bad * k + bad] = value;
                assert_eq!(Triangle::default().factorize(&g, k), Err(NotPositive { pivot: bad }), "{value}");
            }
        }
    }
}
