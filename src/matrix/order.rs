//! Orders of rows and columns that make the structure of a sparse matrix visible.
//!
//! An order is a permutation as a list: position p shows row `order[p]` of the stored matrix.
//!
//! [`Arrangement::Cluster`] is the first axis of correspondence analysis of the mask, found by reciprocal averaging
//! (H. O. Hirschfeld, *A connection between correlation and contingency*, 1935; J.-P. Benzécri, *L'analyse des données*,
//! 1973): a row's score is the mean score of the columns in which it has entries, a column's that of its rows. Taken in
//! turns, with the trivial solution (all scores alike) subtracted, this converges to the scores that put rows with many
//! columns in common next to each other.

use super::{Csr, Matrix};
use rand_pcg::{
    Pcg64Mcg,
    rand_core::{Rng, SeedableRng},
};
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// Criterion by which rows and columns are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Arrangement {
    /// No criterion: the stored order.
    #[default]
    Stored,
    /// By number of nonzeros, descending.
    Density,
    /// By Euclidean norm, descending.
    Norm,
    /// By the first axis of correspondence analysis of the mask: similar rows stand together, empty ones last.
    Cluster,
}

impl Arrangement {
    /// Orders of a matrix's rows and of its columns. Ties keep the stored order.
    pub fn of(self, matrix: &Matrix) -> (Vec<u32>, Vec<u32>) {
        match self {
            Self::Stored => (stored_order(matrix.rows()), stored_order(matrix.cols())),
            Self::Density | Self::Norm => {
                let (rows, cols) = self.sums(matrix);
                (descending(&rows), descending(&cols))
            }
            Self::Cluster => {
                let axis = CorrespondenceAxis::of(&[&Csr::from_dense(matrix)]);
                (axis.rows(0..matrix.rows()), axis.cols())
            }
        }
    }

    /// Sort keys of the rows and of the columns: counts, or squared norms.
    fn sums(self, matrix: &Matrix) -> (Vec<f64>, Vec<f64>) {
        match self {
            Self::Norm => sums(matrix, |x| f64::from(x) * f64::from(x)),
            _ => sums(matrix, |x| f64::from(u8::from(x != 0.0))),
        }
    }
}

/// Orders of a product A·B, A `[out, k]` and B `[k, in]`. Both factors share the inner order, so A and B in these
/// orders multiply to A·B in the orders of its rows and columns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    /// Order of A's rows.
    pub out: Vec<u32>,
    /// Order of A's columns and B's rows.
    pub inner: Vec<u32>,
    /// Order of B's columns.
    pub input: Vec<u32>,
}

impl Orders {
    /// Sorts all three sides. Density and norm count a column of A and its row of B together; clusters are those of A
    /// above Bᵀ, so that all three sides share one axis.
    ///
    /// # Panics
    /// Panics if A does not have as many columns as B has rows.
    pub fn of(a: &Matrix, b: &Matrix, arrangement: Arrangement) -> Self {
        assert_eq!(a.cols(), b.rows(), "the inner dimension of A and B");
        let (out, k, input) = (a.rows(), a.cols(), b.cols());
        match arrangement {
            Arrangement::Stored => Self { out: stored_order(out), inner: stored_order(k), input: stored_order(input) },
            Arrangement::Density | Arrangement::Norm => {
                let ((out, of_a), (of_b, input)) = (arrangement.sums(a), arrangement.sums(b));
                let inner: Vec<f64> = of_a.iter().zip(&of_b).map(|(a, b)| a + b).collect();
                Self { out: descending(&out), inner: descending(&inner), input: descending(&input) }
            }
            Arrangement::Cluster => {
                let axis = CorrespondenceAxis::of(&[&Csr::from_dense(a), &Csr::from_dense(b).transposed()]);
                Self { out: axis.rows(0..out), inner: axis.cols(), input: axis.rows(out..out + input) }
            }
        }
    }
}

/// A copy of `matrix` with rows and columns in these orders.
///
/// # Panics
/// Panics if an order is not as long as its side, or has an index out of range.
pub fn permuted(matrix: &Matrix, rows: &[u32], cols: &[u32]) -> Matrix {
    assert_eq!((rows.len(), cols.len()), matrix.shape(), "the orders of a matrix's sides");
    let mut data = Vec::with_capacity(matrix.len());
    for &i in rows {
        let row = matrix.row(i as usize);
        data.extend(cols.iter().map(|&j| row[j as usize]));
    }
    Matrix::from_vec(rows.len(), cols.len(), data)
}

/// The inverse permutation: the position of each row in `order`.
///
/// # Panics
/// Panics if `order` is not a permutation.
pub fn inverse(order: &[u32]) -> Vec<u32> {
    let mut positions = vec![u32::MAX; order.len()];
    for (position, &at) in order.iter().enumerate() {
        assert_eq!(positions[at as usize], u32::MAX, "{at} stands twice in an order");
        positions[at as usize] = position as u32;
    }
    positions
}

fn stored_order(len: usize) -> Vec<u32> {
    (0..len as u32).collect()
}

fn descending(sums: &[f64]) -> Vec<u32> {
    let mut order = stored_order(sums.len());
    order.sort_by(|&i, &j| sums[j as usize].total_cmp(&sums[i as usize]));
    order
}

/// Sums of `value` over each row and over each column.
fn sums(matrix: &Matrix, value: impl Fn(f32) -> f64) -> (Vec<f64>, Vec<f64>) {
    let (mut rows, mut cols) = (vec![0.0; matrix.rows()], vec![0.0; matrix.cols()]);
    for (i, sum) in rows.iter_mut().enumerate() {
        for (&x, col) in matrix.row(i).iter().zip(&mut cols) {
            let x = value(x);
            *sum += x;
            *col += x;
        }
    }
    (rows, cols)
}

/// First axis of correspondence analysis of the masks of matrices of equal width, stacked. Empty rows and columns score
/// +∞.
struct CorrespondenceAxis {
    rows: Vec<f64>,
    cols: Vec<f64>,
}

impl CorrespondenceAxis {
    /// Computes the axis by reciprocal averaging; each iteration is one pass over the nonzeros.
    fn of(parts: &[&Csr]) -> Self {
        const ITERATIONS: usize = 40;
        /// Change, relative to the scores' norm, at which iteration stops. Not smaller: where parts of the mask share
        /// no row and no column, any score constant on each part is a solution, and the order within the parts is what
        /// has not died away yet.
        const CHANGE: f64 = 1e-6;
        /// A smaller share of a score's norm after a pass is rounding: there is only the trivial axis.
        const NOTHING: f64 = 1e-12;

        let width = parts.iter().map(|part| part.cols()).max().unwrap_or(0);
        let mut counts = vec![0.0; width];
        parts.iter().flat_map(|part| part.indices()).for_each(|&j| counts[j as usize] += 1.0);
        let mut scores = pseudorandom(width);
        center(&mut scores, &counts);
        let mut rows = Vec::new();
        for _ in 0..ITERATIONS {
            let mut next = averages(parts, &scores, &counts, &mut rows);
            if center(&mut next, &counts) < NOTHING {
                // Scores of rounding errors would shuffle equal rows.
                (rows, scores) = (vec![0.0; rows.len()], vec![0.0; width]);
                break;
            }
            let change: f64 = (0..width).map(|j| counts[j] * (next[j] - scores[j]).powi(2)).sum();
            scores = next;
            if change < CHANGE * CHANGE {
                break;
            }
        }
        // An axis has no direction: take the one closer to the stored order.
        let middle = (width as f64 - 1.0) / 2.0;
        let trend: f64 = scores.iter().zip(&counts).enumerate().map(|(j, (s, c))| (j as f64 - middle) * c * s).sum();
        if trend < 0.0 {
            rows.iter_mut().chain(&mut scores).for_each(|score| *score = -*score);
        }
        let lengths = parts.iter().flat_map(|part| part.row_starts().windows(2).map(|at| at[1] - at[0]));
        rows.iter_mut().zip(lengths).filter(|(_, length)| *length == 0).for_each(|(score, _)| *score = f64::INFINITY);
        scores.iter_mut().zip(&counts).filter(|(_, count)| **count == 0.0).for_each(|(s, _)| *s = f64::INFINITY);
        Self { rows, cols: scores }
    }

    /// Order of the rows in `range`, counted from the first of them.
    fn rows(&self, range: std::ops::Range<usize>) -> Vec<u32> {
        ascending(&self.rows[range])
    }

    fn cols(&self) -> Vec<u32> {
        ascending(&self.cols)
    }
}

fn ascending(scores: &[f64]) -> Vec<u32> {
    let mut order = stored_order(scores.len());
    order.sort_by(|&i, &j| scores[i as usize].total_cmp(&scores[j as usize]));
    order
}

/// Each row's mean score of its columns, into `rows`; returns each column's mean of these.
fn averages(parts: &[&Csr], scores: &[f64], counts: &[f64], rows: &mut Vec<f64>) -> Vec<f64> {
    let mut sums = vec![0.0; scores.len()];
    rows.clear();
    for part in parts {
        for at in part.row_starts().windows(2) {
            let columns = &part.indices()[at[0]..at[1]];
            // Several sums side by side: a single one would wait for each of its additions.
            let (eights, rest) = columns.as_chunks::<8>();
            let mut lanes = [0.0; 8];
            for eight in eights {
                (0..8).for_each(|lane| lanes[lane] += scores[eight[lane] as usize]);
            }
            let sum = lanes.iter().sum::<f64>() + rest.iter().map(|&j| scores[j as usize]).sum::<f64>();
            let mean = sum / columns.len().max(1) as f64;
            rows.push(mean);
            // The row is still in the cache.
            columns.iter().for_each(|&j| sums[j as usize] += mean);
        }
    }
    sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum /= count.max(1.0));
    sums
}

/// Subtracts the trivial axis from the scores and scales them to norm 1, with weights `counts`; returns the norm before
/// scaling.
fn center(scores: &mut [f64], counts: &[f64]) -> f64 {
    let total: f64 = counts.iter().sum();
    let mean = scores.iter().zip(counts).map(|(s, c)| s * c).sum::<f64>() / total.max(1.0);
    let norm = scores.iter().zip(counts).map(|(s, c)| c * (s - mean).powi(2)).sum::<f64>().sqrt();
    let scale = if norm > 0.0 { 1.0 / norm } else { 0.0 };
    scores.iter_mut().for_each(|score| *score = (*score - mean) * scale);
    norm
}

/// Pseudorandom numbers between −1 and 1, always the same.
fn pseudorandom(len: usize) -> Vec<f64> {
    let mut rng = Pcg64Mcg::seed_from_u64(0);
    (0..len).map(|_| f64::from(rng.next_u32()) / f64::from(1u32 << 31) - 1.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Named;
    use proptest::{prelude::*, test_runner::RngSeed};

    /// `blocks` full blocks of 3×4 on the diagonal, rows and columns shuffled, `empty` empty rows among them.
    fn shuffled_blocks(blocks: usize, empty: usize) -> Matrix {
        let (rows, cols) = (3 * blocks + empty, 4 * blocks);
        let shuffle =
            |len: usize, seed: f64| descending(&(0..len).map(|i| (seed * i as f64).sin()).collect::<Vec<_>>());
        let (row_of, col_of) = (shuffle(rows, 12.9898), shuffle(cols, 78.233));
        Matrix::from_fn(rows, cols, |i, j| f32::from(u8::from(row_of[i] / 3 == col_of[j] / 4)) * (i + 1) as f32)
    }

    /// The nonzeros of each row are one run, and rows with the same run stand together.
    fn assert_blocks(matrix: &Matrix, blocks: usize, empty: usize) {
        let runs: Vec<_> = (0..matrix.rows())
            .map(|i| matrix.row(i).iter().map(|&x| u8::from(x != 0.0)).collect::<Vec<u8>>())
            .collect();
        let full = runs.len() - empty;
        for (i, run) in runs.iter().enumerate() {
            let at = (0..4 * blocks).filter(|&j| run[j] == 1).collect::<Vec<_>>();
            let (count, first) = (at.len(), at.first().copied().unwrap_or(0));
            assert_eq!(count, if i < full { 4 } else { 0 }, "{matrix:?}");
            assert!(first % 4 == 0 && at.last().is_none_or(|&last| last == first + 3), "{matrix:?}");
        }
        let mut seen = runs[..full].to_vec();
        seen.dedup();
        assert_eq!(seen.len(), blocks, "{matrix:?}");
    }

    #[test]
    fn shuffled_blocks_come_back_contiguous() {
        for (blocks, empty) in [(1, 0), (1, 2), (2, 0), (2, 3), (3, 1), (7, 2)] {
            let matrix = shuffled_blocks(blocks, empty);
            let (rows, cols) = Arrangement::Cluster.of(&matrix);
            assert_blocks(&permuted(&matrix, &rows, &cols), blocks, empty);
        }
    }

    #[test]
    fn factors_of_blocks_share_their_axis() {
        let (a, b) = (shuffled_blocks(2, 1), shuffled_blocks(2, 0).transposed());
        let orders = Orders::of(&a, &b, Arrangement::Cluster);
        assert_blocks(&permuted(&a, &orders.out, &orders.inner), 2, 1);
        assert_blocks(&permuted(&b, &orders.inner, &orders.input).transposed(), 2, 0);
    }

    /// A band, shuffled, is a band again: the scores rise along it.
    #[test]
    fn a_shuffled_band_comes_back() {
        let n = 40u32;
        let order = descending(&(0..n).map(|i| (12.9898 * f64::from(i)).sin()).collect::<Vec<_>>());
        let band = Matrix::from_fn(40, 40, |i, j| f32::from(u8::from(i.abs_diff(j) <= 6)));
        let (rows, cols) = Arrangement::Cluster.of(&permuted(&band, &order, &order));
        let back = |positions: Vec<u32>| positions.iter().map(|&at| order[at as usize]).collect::<Vec<_>>();
        for side in [back(rows), back(cols)] {
            let farthest = side.iter().enumerate().map(|(at, &i)| (at as u32).abs_diff(i)).max();
            let turned = side.iter().enumerate().map(|(at, &i)| (n - 1 - at as u32).abs_diff(i)).max();
            assert!(farthest.min(turned) <= Some(2), "{side:?}");
        }
    }

    #[test]
    fn by_hand() {
        let matrix = Matrix::from_vec(3, 3, vec![5.0, 0.0, 0.0, 1.0, 0.0, -1.0, 1.0, 0.0, 2.0]);
        // Nonzeros: rows 1, 2, 2, columns 3, 0, 2. Squares of norms: rows 25, 2, 5, columns 27, 0, 5.
        assert_eq!(Arrangement::Stored.of(&matrix), (vec![0, 1, 2], vec![0, 1, 2]));
        assert_eq!(Arrangement::Density.of(&matrix), (vec![1, 2, 0], vec![0, 2, 1]));
        assert_eq!(Arrangement::Norm.of(&matrix), (vec![0, 2, 1], vec![0, 2, 1]));
        assert_eq!(Arrangement::Cluster.of(&matrix).1[2], 1, "the empty column is last");
        // Inner: A's columns have 3, 0, 2 nonzeros, and the rows of its transpose as many.
        let orders = Orders::of(&matrix, &matrix.transposed(), Arrangement::Density);
        assert_eq!(orders, Orders { out: vec![1, 2, 0], inner: vec![0, 2, 1], input: vec![1, 2, 0] });
        assert_eq!(inverse(&[2, 0, 1]), [1, 2, 0]);
    }

    #[test]
    fn odd_shapes() {
        for &arrangement in Arrangement::ALL {
            assert_eq!(arrangement.of(&Matrix::zeros(0, 0)), (vec![], vec![]));
            assert_eq!(arrangement.of(&Matrix::zeros(2, 0)), (vec![0, 1], vec![]));
            assert_eq!(arrangement.of(&Matrix::zeros(2, 3)), (vec![0, 1], vec![0, 1, 2]));
            assert_eq!(arrangement.of(&Matrix::from_vec(1, 1, vec![-2.0])), (vec![0], vec![0]));
            let odd = Matrix::from_vec(2, 2, vec![f32::NAN, f32::INFINITY, 0.0, 1.0]);
            let (rows, cols) = arrangement.of(&odd);
            assert_eq!((inverse(&rows).len(), inverse(&cols).len()), (2, 2));
            let empty = Orders::of(&Matrix::zeros(2, 0), &Matrix::zeros(0, 1), arrangement);
            assert_eq!(empty, Orders { out: vec![0, 1], inner: vec![], input: vec![0] });
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(3), ..ProptestConfig::default() })]

        #[test]
        fn orders_are_permutations_and_can_be_undone(
            (out, k, input) in (1usize..12, 1usize..12, 1usize..12),
            values in prop::collection::vec(prop_oneof![Just(0.0f32), -2.0f32..2.0], 288))
        {
            let a = Matrix::from_fn(out, k, |i, l| values[i * 12 + l]);
            let b = Matrix::from_fn(k, input, |l, j| values[144 + l * 12 + j]);
            for &arrangement in Arrangement::ALL {
                // `inverse` panics on anything that is no permutation.
                let orders = Orders::of(&a, &b, arrangement);
                let moved = permuted(&a, &orders.out, &orders.inner);
                prop_assert_eq!(&permuted(&moved, &inverse(&orders.out), &inverse(&orders.inner)), &a);
                let (rows, cols) = arrangement.of(&b);
                let moved = permuted(&b, &rows, &cols);
                prop_assert_eq!(&permuted(&moved, &inverse(&rows), &inverse(&cols)), &b);
                prop_assert_eq!(inverse(&orders.input).len(), input);
            }
        }
    }
}
