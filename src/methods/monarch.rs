//! Monarch matrices (Dao et al. 2022, arXiv 2204.00595): block-diagonal times permutation times block-diagonal.
//!
//! With W's rows and columns in b groups each, every one of the b×b blocks of a Monarch matrix has a low rank r, and
//! the best one is found block by block: a truncated SVD of each (its section 4, equation 3, for any r). The left
//! factor has a block `[out/b, b·r]` for each group of rows, the right one a block `[b·r, in/b]` for each group of
//! columns, b·r·(out + in) entries in all; the permutation between them sorts by group of rows what the right factor
//! sorts by group of columns.

use super::{Baseline, Error, ProgressFn, report_progress};
use crate::compute::{Svd, chunks_of, prelude::*, svd};
use crate::matrix::{Csr, Factors, Matrix, Problem, Replacement};

/// Largest number of entries that A and B, which are mostly zeros, may have together.
const MOST_PLACES: usize = 1 << 28;

/// Monarch matrices with the best number of blocks.
pub struct MonarchBlocks;

impl Baseline for MonarchBlocks {
    fn replace(&self, problem: &Problem, budget: usize, progress: ProgressFn<'_>) -> Result<Replacement, Error> {
        Ok(Replacement::Blocks(monarch(&problem.weight, budget, progress)?.factors))
    }
}

/// A Monarch approximation of W.
pub struct Monarch {
    /// W ≈ A·B, A `[out, b·b·r]` and B `[b·b·r, in]`, zero outside of their blocks: left factor times permutation, and
    /// right factor.
    pub factors: Factors,
    /// Number of groups b.
    pub groups: usize,
    /// Rank r of each block.
    pub rank: usize,
}

/// The best of all numbers of groups from 2 on that divide both sides of W, each with the largest rank that `budget`
/// entries allow.
pub fn monarch(w: &Matrix, budget: usize, progress: ProgressFn<'_>) -> Result<Monarch, Error> {
    let (rows, cols) = w.shape();
    let divisors: Vec<usize> =
        (2..=rows.min(cols)).filter(|groups| rows.is_multiple_of(*groups) && cols.is_multiple_of(*groups)).collect();
    let least = divisors.first().ok_or(Error::NoBlocks { rows, cols })? * (rows + cols);
    let possible: Vec<(usize, usize)> = divisors
        .into_iter()
        .map(|groups| (groups, (budget / (groups * (rows + cols))).min(rows / groups).min(cols / groups)))
        .filter(|(groups, rank)| *rank > 0 && groups * groups * rank * (rows + cols) <= MOST_PLACES)
        .collect();
    let mut best: Option<(f64, usize, usize)> = None;
    for (at, &(groups, rank)) in possible.iter().enumerate() {
        let left = left_over(w, groups, rank)?;
        if best.is_none_or(|(least, ..)| left < least) {
            best = Some((left, groups, rank));
        }
        report_progress(progress, (at + 1) as f64 / (possible.len() + 1) as f64)?;
    }
    let (_, groups, rank) = best.ok_or(Error::NoRoom { method: "Monarch", budget, least })?;
    blocks(w, groups, rank)
}

/// `of` applied to the decomposition of every block, in row-major order of blocks.
fn decompositions<T: Send>(w: &Matrix, groups: usize, of: impl Fn(Svd) -> T + Sync) -> Result<Vec<T>, Error> {
    let (height, width) = (w.rows() / groups, w.cols() / groups);
    let at: Vec<usize> = (0..groups * groups).collect();
    let made: Vec<Option<T>> = chunks_of(&at, 1)
        .map(|at| {
            let (g, h) = (at[0] / groups, at[0] % groups);
            svd(&Matrix::from_fn(height, width, |i, j| w.get(g * height + i, h * width + j))).map(&of)
        })
        .collect();
    made.into_iter().collect::<Option<_>>().ok_or(Error::NotConverged)
}

/// ‖W − Ŵ‖² with the best blocks of rank `rank`: the squares of the remaining singular values.
fn left_over(w: &Matrix, groups: usize, rank: usize) -> Result<f64, Error> {
    let left = decompositions(w, groups, |svd| svd.s.iter().skip(rank).map(|&s| f64::from(s).powi(2)).sum::<f64>())?;
    Ok(left.iter().sum())
}

fn blocks(w: &Matrix, groups: usize, rank: usize) -> Result<Monarch, Error> {
    let (rows, cols) = w.shape();
    let (height, width) = (rows / groups, cols / groups);
    let inner = groups * groups * rank;
    let blocks = decompositions(w, groups, |svd| svd)?;
    let root = |svd: &Svd, l: usize| svd.s[l].max(0.0).sqrt();
    let (mut a, mut b) = (Csr::default(), Csr::default());
    a.refill(rows, inner, |i, columns, values| {
        let first = i / height * groups;
        for (number, svd) in (first..).zip(&blocks[first..first + groups]) {
            for l in 0..rank {
                columns.push((number * rank + l) as u32);
                values.push(svd.u.get(i % height, l) * root(svd, l));
            }
        }
    });
    b.refill(inner, cols, |at, columns, values| {
        let (number, l) = (at / rank, at % rank);
        let (start, svd) = (number % groups * width, &blocks[number]);
        columns.extend(start as u32..(start + width) as u32);
        values.extend((0..width).map(|j| svd.v.get(j, l) * root(svd, l)));
    });
    a.drop_zeros();
    b.drop_zeros();
    Ok(Monarch { factors: Factors { a, b }, groups, rank })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::relative_error;

    #[test]
    fn a_monarch_matrix_is_found_exactly() {
        // 3×3 blocks of rank 1 each.
        let entry = |i: usize, j: usize| {
            let (g, h) = (i / 4, j / 5);
            (1.0 + (i % 4) as f32 * (g + 1) as f32) * (2.0 - (j % 5) as f32 * (h + 1) as f32) * (1 + g + 2 * h) as f32
        };
        let w = Matrix::from_fn(12, 15, entry);
        let budget = 3 * (12 + 15);
        let found = monarch(&w, budget, &|_| true).unwrap();
        assert_eq!((found.groups, found.rank), (3, 1));
        assert!(relative_error(&w, &found.factors.a, &found.factors.b) < 1e-5);
        assert!(found.factors.nnz() <= budget);
    }

    #[test]
    fn what_cannot_be_divided_says_so() {
        let refused = |rows, cols, budget| monarch(&Matrix::zeros(rows, cols), budget, &|_| true).err();
        assert_eq!(refused(7, 9, 60), Some(Error::NoBlocks { rows: 7, cols: 9 }));
        assert_eq!(refused(8, 8, 10), Some(Error::NoRoom { method: "Monarch", budget: 10, least: 32 }));
    }
}
