//! Matrix products by register tiles ([`Tile`]), with both operands laid out in the order in which they are read.

use super::tile::{Column, HEIGHT, Row, Tile, WIDTH};
use crate::matrix::Matrix;
use faer::MatRef;

/// Region of a product to compute.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Region {
    /// All entries of the product.
    Full,
    /// Entries on and below the diagonal; the others are unspecified.
    Lower,
}

/// `out += left · right`, or part of it.
pub(super) fn add_product(out: &mut Matrix, left: MatRef<'_, f32>, right: MatRef<'_, f32>, region: Region) {
    /// Terms summed at a time. A strip of the right operand, which all tiles of its columns read, stays in the
    /// first-level cache.
    const DEPTH: usize = 256;
    /// Rows of the left operand laid out at a time; they stay in the second-level cache.
    const ROWS: usize = 128;
    let ((n, depth), m) = (left.shape(), right.ncols());
    assert_eq!((out.shape(), depth), ((n, m), right.nrows()), "shapes that fit");
    let mut blocks: Vec<Column> = vec![[0.0; HEIGHT]; DEPTH.min(depth) * ROWS.min(n).div_ceil(HEIGHT)];
    let mut strip: Vec<Row> = vec![Row::default(); DEPTH.min(depth)];
    for term in (0..depth).step_by(DEPTH) {
        let terms = DEPTH.min(depth - term);
        let (left, right) = (left.subcols(term, terms).transpose(), right.subrows(term, terms));
        let strip = &mut strip[..terms];
        for first in (0..n).step_by(ROWS) {
            let starts = || (first..n.min(first + ROWS)).step_by(HEIGHT);
            blocks.chunks_exact_mut(terms).zip(starts()).for_each(|(block, i)| lay_out(block, left, i));
            for j in (0..m).step_by(WIDTH) {
                lay_out(strip, right, j);
                for (block, i) in blocks.chunks_exact(terms).zip(starts()) {
                    if region == Region::Full || i + HEIGHT > j {
                        add_tile(out, i, j, Tile::zero().plus_product(block, strip));
                    }
                }
            }
        }
    }
}

/// Copies columns `first..` of `from` into the rows of `to`, as many as fit; zeros past the last column.
fn lay_out<R: AsMut<[f32]>>(to: &mut [R], from: MatRef<'_, f32>, first: usize) {
    let Some(width) = to.first_mut().map(|row| row.as_mut().len()) else { return };
    let from = from.subcols(first, width.min(from.ncols() - first));
    if from.ncols() < width {
        to.iter_mut().for_each(|row| row.as_mut().fill(0.0));
    }
    if from.row_stride().unsigned_abs() == 1 {
        for (c, column) in from.col_iter().enumerate() {
            to.iter_mut().zip(column.iter()).for_each(|(to, &x)| to.as_mut()[c] = x);
        }
    } else {
        for (to, row) in to.iter_mut().zip(from.row_iter()) {
            to.as_mut().iter_mut().zip(row.iter()).for_each(|(to, &x)| *to = x);
        }
    }
}

/// Adds a tile at row `i`, column `j`, clipped to the matrix.
#[inline(always)]
fn add_tile(out: &mut Matrix, i: usize, j: usize, tile: Tile) {
    let mut rows = [Row::default(); HEIGHT];
    tile.store(&mut rows);
    let width = out.cols();
    for (out, row) in out.as_mut_slice().chunks_exact_mut(width).skip(i).zip(&rows) {
        out[j..].iter_mut().zip(row.0).for_each(|(out, x)| *out += x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Small integers, whose sums of products are exact in any order.
    fn integers(rows: usize, cols: usize) -> Matrix {
        Matrix::from_fn(rows, cols, |i, j| ((i * 7 + j * 13 + i * j) % 11) as f32 - 5.0)
    }

    #[test]
    fn by_its_definition() {
        for (n, k, m) in [(0, 3, 2), (2, 0, 3), (1, 1, 1), (3, 1, 2), (31, 33, 7), (129, 127, 65), (130, 300, 33)] {
            let (a, b) = (integers(n, k), integers(k, m));
            let (a_turned, b_turned) = (a.transposed(), b.transposed());
            for left in [a.view(), a_turned.view().transpose()] {
                for right in [b.view(), b_turned.view().transpose()] {
                    let mut out = Matrix::from_fn(n, m, |_, _| 3.0);
                    add_product(&mut out, left, right, Region::Full);
                    let dot = |i, j| (0..k).map(|l| a.get(i, l) * b.get(l, j)).sum::<f32>();
                    assert_eq!(out, Matrix::from_fn(n, m, |i, j| 3.0 + dot(i, j)), "{n}×{k}×{m}");
                }
            }
        }
    }

    #[test]
    fn the_lower_part_by_its_definition() {
        for (n, k) in [(1, 1), (5, 2), (31, 33), (129, 127), (140, 300)] {
            let f = integers(n, k);
            let mut out = Matrix::zeros(n, n);
            add_product(&mut out, f.view(), f.view().transpose(), Region::Lower);
            for i in 0..n {
                for j in 0..=i {
                    let dot: f32 = f.row(i).iter().zip(f.row(j)).map(|(x, y)| x * y).sum();
                    assert_eq!(out.get(i, j), dot, "{n}×{k} ({i}, {j})");
                }
            }
        }
    }
}
