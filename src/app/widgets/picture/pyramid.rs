//! A matrix that can be drawn at any zoom without losing a lone nonzero.

use super::Spread;
use super::shade::Shade;
use crate::matrix::Matrix;
use crate::tasks::shared;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Halvings go on to this size.
const SMALLEST: usize = 64;
/// A side of so many entries is not halved: a view draws it at least as many points thick.
const THIN: usize = 12;

/// A matrix and its halvings, twice: each entry of a level is the one of largest magnitude of 2×2 entries below, and
/// beside it stands the share of nonzeros under it.
///
/// Neither the mean nor the nearest entry would do: they make lone nonzeros of a sparse factor fade or flicker.
#[derive(Serialize, Deserialize)]
pub struct Pyramid {
    #[serde(skip, default = "next_id")]
    id: u64,
    #[serde(with = "shared")]
    base: Arc<Matrix>,
    kind: Kind,
    halvings: Vec<Matrix>,
    /// Rows and columns of the matrix under a number of each level.
    units: Vec<(usize, usize)>,
    /// The share of nonzeros in 255ths, rounded up; from the first halving on.
    shares: Vec<Vec<u8>>,
    spread: Spread,
    /// Nonzeros of each row, and of each column.
    counts: [Vec<u32>; 2],
    nnz: usize,
}

/// Kind of a pyramid's entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// The entries are plain numbers.
    Values,
    /// Sets of up to three things, as bits: a pixel shows all that is under it.
    Sets,
}

impl Pyramid {
    /// Takes about half of the matrix's memory beside it, and a few passes over it.
    pub fn new(base: Arc<Matrix>) -> Self {
        Self::of(base, Kind::Values)
    }

    /// Of entries that are sets: whole numbers from 0 to 7.
    pub fn of_sets(base: Matrix) -> Self {
        Self::of(Arc::new(base), Kind::Sets)
    }

    fn of(base: Arc<Matrix>, kind: Kind) -> Self {
        let counts = counts(&base);
        let mut halvings: Vec<Matrix> = Vec::new();
        let mut units = vec![(1, 1)];
        let mut shares = Vec::new();
        let mut under: Option<Matrix> = None;
        loop {
            let below = halvings.last().unwrap_or(&base);
            if below.rows().max(below.cols()) <= SMALLEST {
                break;
            }
            let parts = [below.rows(), below.cols()].map(|side| if side > THIN { 2 } else { 1 });
            let half = match kind {
                Kind::Values => halved(below, parts, |x| x, larger),
                Kind::Sets => halved(below, parts, |x| x, |a, b| (a as u32 | b as u32) as f32),
            };
            let unit = units.last().map_or((1, 1), |(rows, cols)| (rows * parts[0], cols * parts[1]));
            if kind == Kind::Values {
                let counted = match &under {
                    Some(under) => halved(under, parts, |x| x, |a, b| a + b),
                    None => halved(&base, parts, |x| f32::from(u8::from(x != 0.0)), |a, b| a + b),
                };
                // At the edges fewer entries are under one of a level.
                let extent = |side: usize, at: usize, all: usize| side.min(all - at * side) as f32;
                let mut share = Vec::with_capacity(counted.len());
                for i in 0..counted.rows() {
                    let rows = extent(unit.0, i, base.rows());
                    let of = |(j, n): (usize, &f32)| (255.0 * n / (rows * extent(unit.1, j, base.cols()))).ceil() as u8;
                    share.extend(counted.row(i).iter().enumerate().map(of));
                }
                shares.push(share);
                under = Some(counted);
            }
            halvings.push(half);
            units.push(unit);
        }
        Self {
            id: next_id(),
            spread: Spread::of(&base),
            nnz: counts[0].iter().map(|&n| n as usize).sum(),
            base,
            kind,
            halvings,
            units,
            shares,
            counts,
        }
    }

    /// Different for every pyramid of this program: says whether what was drawn is still right.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Entries that are not zero.
    pub fn nnz(&self) -> usize {
        self.nnz
    }

    /// The matrix at full size.
    pub fn matrix(&self) -> &Arc<Matrix> {
        &self.base
    }

    /// Kind of the entries: numbers or sets.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns the distribution of its values' magnitudes.
    pub fn spread(&self) -> &Spread {
        &self.spread
    }

    /// Nonzeros of each row.
    pub fn row_counts(&self) -> &[u32] {
        &self.counts[0]
    }

    /// Nonzeros of each column.
    pub fn col_counts(&self) -> &[u32] {
        &self.counts[1]
    }

    /// The highest level: 0 is the matrix, each level above has half the rows and columns, but not of a thin side.
    pub fn top(&self) -> usize {
        self.halvings.len()
    }

    /// Rows and columns of a level.
    pub fn shape(&self, level: usize) -> (usize, usize) {
        self.level(level).shape()
    }

    /// Rows and columns of the matrix under a number of a level.
    pub fn unit(&self, level: usize) -> (usize, usize) {
        self.units[level]
    }

    /// Of `len` entries of a level's row `i` from column `first` on, what `shade` shows; 0 outside of the matrix.
    pub fn copy_row(&self, shade: Shade, level: usize, i: isize, first: isize, out: &mut [f32]) {
        out.fill(0.0);
        let (rows, cols) = self.shape(level);
        let Some(i) = usize::try_from(i).ok().filter(|&i| i < rows) else { return };
        let left = usize::try_from(-first).unwrap_or(0);
        let start = usize::try_from(first).unwrap_or(0);
        let end = usize::try_from(first + out.len() as isize).unwrap_or(0).min(cols);
        if start >= end {
            return;
        }
        let out = &mut out[left..left + end - start];
        match (shade, level) {
            (Shade::Density, 0) => {
                let row = &self.base.row(i)[start..end];
                out.iter_mut().zip(row).for_each(|(out, &x)| *out = f32::from(u8::from(x != 0.0)));
            }
            (Shade::Density, _) if self.kind == Kind::Values => {
                let row = &self.shares[level - 1][i * cols..][start..end];
                out.iter_mut().zip(row).for_each(|(out, &x)| *out = f32::from(x) / 255.0);
            }
            _ => out.copy_from_slice(&self.level(level).row(i)[start..end]),
        }
    }

    fn level(&self, level: usize) -> &Matrix {
        match level.checked_sub(1) {
            None => &self.base,
            Some(above) => &self.halvings[above],
        }
    }
}

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The one of larger magnitude.
pub fn larger(a: f32, b: f32) -> f32 {
    if b.abs() > a.abs() { b } else { a }
}

/// Each entry joins so many rows and columns of those below, at the edges fewer.
fn halved(below: &Matrix, [tall, wide]: [usize; 2], of: impl Fn(f32) -> f32, join: impl Fn(f32, f32) -> f32) -> Matrix {
    let (rows, cols) = (below.rows().div_ceil(tall), below.cols().div_ceil(wide));
    let mut half = Matrix::zeros(rows, cols);
    for (i, out) in half.as_mut_slice().chunks_mut(cols.max(1)).enumerate() {
        for row in tall * i..below.rows().min(tall * (i + 1)) {
            for (out, pair) in out.iter_mut().zip(below.row(row).chunks(wide)) {
                *out = pair.iter().fold(*out, |sum, &x| join(sum, of(x)));
            }
        }
    }
    half
}

fn counts(matrix: &Matrix) -> [Vec<u32>; 2] {
    let mut cols = vec![0; matrix.cols()];
    let mut rows = Vec::with_capacity(matrix.rows());
    for i in 0..matrix.rows() {
        let mut sum = 0;
        for (count, &x) in cols.iter_mut().zip(matrix.row(i)) {
            let one = u32::from(x != 0.0);
            *count += one;
            sum += one;
        }
        rows.push(sum);
    }
    [rows, cols]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_by_hand() {
        let mut matrix = Matrix::zeros(200, 100);
        let (upper, lower) = (-3.0, 2.0);
        matrix.as_mut_slice()[5 * 100 + 7] = upper;
        matrix.as_mut_slice()[4 * 100 + 6] = lower;
        let pyramid = Pyramid::new(Arc::new(matrix));
        assert_eq!(pyramid.top(), 2);
        assert_eq!(pyramid.shape(2), (50, 25));
        let mut row = [9.0; 4];
        pyramid.copy_row(Shade::Value, 1, 2, 1, &mut row);
        assert_eq!(row, [0.0, 0.0, upper, 0.0]);
        pyramid.copy_row(Shade::Density, 1, 2, 1, &mut row);
        assert_eq!(row, [0.0, 0.0, 128.0 / 255.0, 0.0]);
        pyramid.copy_row(Shade::Density, 2, 1, -2, &mut row);
        assert_eq!(row, [0.0, 0.0, 0.0, 32.0 / 255.0], "two of 16");
        pyramid.copy_row(Shade::Value, 0, -1, 0, &mut row);
        assert_eq!(row, [0.0; 4]);
        pyramid.copy_row(Shade::Value, 0, 5, 98, &mut row);
        assert_eq!(row, [0.0; 4]);
        assert_eq!((pyramid.row_counts()[5], pyramid.col_counts()[6], pyramid.nnz()), (1, 1, 2));
    }

    #[test]
    fn all_kept_is_all_kept_at_every_level() {
        for (rows, cols) in [(1, 300), (131, 67), (200, 200)] {
            let pyramid = Pyramid::new(Arc::new(Matrix::from_fn(rows, cols, |_, _| 2.0)));
            for level in 0..=pyramid.top() {
                let (rows, cols) = pyramid.shape(level);
                let mut row = vec![0.0; cols];
                pyramid.copy_row(Shade::Density, level, rows as isize - 1, 0, &mut row);
                assert!(row.iter().all(|&share| share == 1.0), "level {level}: {row:?}");
            }
        }
    }

    #[test]
    fn sets_are_joined() {
        let sets = Matrix::from_fn(130, 40, |i, _| [1.0, 2.0, 0.0, 4.0][i % 4]);
        let pyramid = Pyramid::of_sets(sets);
        let mut row = [0.0; 2];
        pyramid.copy_row(Shade::Value, 1, 0, 0, &mut row);
        assert_eq!(row, [3.0; 2]);
        pyramid.copy_row(Shade::Value, 2, 0, 0, &mut row);
        assert_eq!(row[0], 7.0);
    }

    /// Rows are joined, the three columns never.
    #[test]
    fn a_thin_side_is_not_halved() {
        let pyramid = Pyramid::new(Arc::new(Matrix::from_fn(5000, 3, |_, j| j as f32 + 1.0)));
        assert_eq!((pyramid.shape(pyramid.top()), pyramid.unit(pyramid.top())), ((40, 3), (128, 1)));
        let mut row = [0.0; 3];
        pyramid.copy_row(Shade::Value, pyramid.top(), 39, 0, &mut row);
        assert_eq!(row, [1.0, 2.0, 3.0]);
        pyramid.copy_row(Shade::Density, pyramid.top(), 39, 0, &mut row);
        assert_eq!(row, [1.0; 3]);
    }

    #[test]
    fn degenerate_matrices() {
        for (rows, cols) in [(0, 0), (0, 5), (5, 0), (1, 1), (1, 300)] {
            let pyramid = Pyramid::new(Arc::new(Matrix::from_fn(rows, cols, |_, j| j as f32)));
            assert_eq!(pyramid.row_counts().len(), rows);
            assert_eq!(pyramid.col_counts().len(), cols);
        }
    }
}
