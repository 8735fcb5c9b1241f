//! What stands in W's place.

use super::{Csr, Factors, Matrix};
use serde::{Deserialize, Serialize};

/// Replacement of W by one or more matrices. No stored entry of a sparse matrix is 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Replacement {
    /// W ≈ A·B, two sparse matrices.
    Factors(Factors),
    /// One sparse matrix, W with fewer entries.
    Sparse(Csr),
    /// W ≈ A·B of low rank, two dense matrices.
    LowRank {
        /// Left factor A, `[out, rank]`.
        a: Matrix,
        /// Right factor B, `[rank, in]`.
        b: Matrix,
    },
    /// W ≈ A·B, block-diagonal with a permutation between them: where the entries are follows from the number of blocks.
    Blocks(Factors),
    /// More than two sparse factors: W ≈ S₁·S₂·…
    Chain(Vec<Csr>),
}

/// The kinds of [`Replacement`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplacementKind {
    /// Two sparse matrices A and B.
    #[default]
    Factors,
    /// One sparse matrix of W's shape.
    Sparse,
    /// Two dense matrices of low rank.
    LowRank,
    /// Two matrices of blocks.
    Blocks,
    /// A product of three sparse matrices.
    Chain,
}

impl ReplacementKind {
    /// Whether it is two matrices, A and B.
    pub fn is_two_factors(self) -> bool {
        matches!(self, Self::Factors | Self::LowRank | Self::Blocks)
    }

    /// Whether positions are stored beside the values: neither those of dense matrices nor those of blocks are.
    pub fn has_positions(self) -> bool {
        !matches!(self, Self::LowRank | Self::Blocks)
    }
}

impl From<Factors> for Replacement {
    fn from(factors: Factors) -> Self {
        Self::Factors(factors)
    }
}

impl Replacement {
    /// Returns the kind of the replacement.
    pub fn kind(&self) -> ReplacementKind {
        match self {
            Self::Factors(_) => ReplacementKind::Factors,
            Self::Sparse(_) => ReplacementKind::Sparse,
            Self::LowRank { .. } => ReplacementKind::LowRank,
            Self::Blocks(_) => ReplacementKind::Blocks,
            Self::Chain(_) => ReplacementKind::Chain,
        }
    }

    /// A and B, where they are sparse.
    pub fn factors(&self) -> Option<&Factors> {
        match self {
            Self::Factors(factors) | Self::Blocks(factors) => Some(factors),
            _ => None,
        }
    }

    /// `(rows, cols)` of W.
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Self::Factors(factors) | Self::Blocks(factors) => factors.shape(),
            Self::Sparse(one) => one.shape(),
            Self::LowRank { a, b } => (a.rows(), b.cols()),
            Self::Chain(chain) => (chain.first().map_or(0, Csr::rows), chain.last().map_or(0, Csr::cols)),
        }
    }

    /// k, the columns of A and rows of B, where it is two matrices.
    pub fn inner_dim(&self) -> Option<usize> {
        match self {
            Self::Factors(factors) | Self::Blocks(factors) => Some(factors.inner_dim()),
            Self::LowRank { a, .. } => Some(a.cols()),
            Self::Sparse(_) | Self::Chain(_) => None,
        }
    }

    /// Nonzeros of A and of B. Of one matrix A, an identity, has none; of a chain, those of its first factor and of all
    /// others.
    pub fn nnz_of_factors(&self) -> [usize; 2] {
        match self {
            Self::Factors(factors) | Self::Blocks(factors) => [factors.a.nnz(), factors.b.nnz()],
            Self::Sparse(one) => [0, one.nnz()],
            Self::LowRank { a, b } => [a.nnz(), b.nnz()],
            Self::Chain(chain) => {
                let first = chain.first().map_or(0, Csr::nnz);
                [first, chain.iter().map(Csr::nnz).sum::<usize>() - first]
            }
        }
    }

    /// Number of nonzeros of all its matrices.
    pub fn nnz(&self) -> usize {
        self.nnz_of_factors().iter().sum()
    }

    /// The numbers it consists of: its nonzeros, but of dense factors all entries, also those that happen to be 0.
    pub fn entries(&self) -> usize {
        match self {
            Self::LowRank { a, b } => a.len() + b.len(),
            _ => self.nnz(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::{Factor, Mask};

    fn matrix(rows: usize, cols: usize) -> Matrix {
        Matrix::from_fn(rows, cols, |i, j| if (i + 2 * j) % 3 == 0 { (i * cols + j) as f32 + 1.0 } else { 0.0 })
    }

    #[test]
    fn every_kind_says_what_it_is_and_multiplies_to_the_same() {
        let (a, b) = (matrix(5, 4), matrix(4, 7));
        let factors = Factors::from_dense(&a, &b);
        let csr = |rows, cols| Csr::from_dense(&matrix(rows, cols));
        for (replacement, kind, k, nnz) in [
            (Replacement::Factors(factors.clone()), ReplacementKind::Factors, Some(4), [7, 10]),
            (Replacement::LowRank { a, b }, ReplacementKind::LowRank, Some(4), [7, 10]),
            (Replacement::Blocks(factors), ReplacementKind::Blocks, Some(4), [7, 10]),
            (Replacement::Sparse(csr(5, 7)), ReplacementKind::Sparse, None, [0, 12]),
            (Replacement::Chain(vec![csr(5, 5), csr(5, 4), csr(4, 7)]), ReplacementKind::Chain, None, [9, 17]),
        ] {
            assert_eq!((replacement.kind(), replacement.shape(), replacement.inner_dim()), (kind, (5, 7), k));
            assert_eq!((replacement.nnz_of_factors(), replacement.nnz()), (nnz, nnz[0] + nnz[1]), "{kind:?}");
            assert_eq!(replacement.entries(), if kind == ReplacementKind::LowRank { 48 } else { nnz[0] + nnz[1] });
            let [a, b] = replacement.dense_factors();
            assert_eq!((a.rows(), a.cols(), b.cols()), (5, b.rows(), 7));
            let mut product = Matrix::zeros(5, 7);
            crate::compute::matmul(&mut product, a.view(), b.view());
            assert_eq!(replacement.to_dense(), product, "{kind:?}");
            assert_eq!(replacement.mask(Factor::A), Mask::of(&a));
            assert_eq!(replacement.mask(Factor::B), Mask::of(&b));
        }
    }
}
