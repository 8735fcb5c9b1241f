//! What stands in W's place as dense matrices: for pictures, and for files whose layout is dense.

use super::matmul;
use crate::matrix::{Csr, Factor, Factors, Mask, Matrix, Replacement};
use std::borrow::Cow;

/// The largest identity that is written out, in rows: a larger one would take gigabytes, and nobody looks at it.
const LARGEST_IDENTITY: usize = 8192;

impl Factors {
    /// A·B with its zeros, in f32.
    pub fn dense_product(&self) -> Matrix {
        multiplied(&self.a.to_dense(), &self.b.to_dense())
    }
}

impl Replacement {
    /// Ŵ `[out, in]`, the product of its factors, with its zeros; in f32.
    pub fn to_dense(&self) -> Matrix {
        match self {
            Self::Factors(factors) | Self::Blocks(factors) => factors.dense_product(),
            Self::Sparse(one) => one.to_dense(),
            Self::LowRank { a, b } => multiplied(a, b),
            Self::Chain(chain) => chain_of(chain),
        }
    }

    /// A and B with their zeros. Of one matrix A is an identity, without entries if that would be huge; of a chain B is the
    /// product of all factors but the first.
    pub fn dense_factors(&self) -> [Matrix; 2] {
        match self {
            Self::Factors(Factors { a, b }) | Self::Blocks(Factors { a, b }) => [a.to_dense(), b.to_dense()],
            Self::LowRank { a, b } => [a.clone(), b.clone()],
            Self::Sparse(one) => {
                let side = if one.rows() <= LARGEST_IDENTITY { one.rows() } else { 0 };
                [Matrix::from_fn(side, side, |i, j| f32::from(u8::from(i == j))), one.to_dense()]
            }
            Self::Chain(chain) => match chain.split_first() {
                Some((first, others)) => [first.to_dense(), chain_of(others)],
                None => Default::default(),
            },
        }
    }

    /// Returns the mask of A or B, as [`Replacement::dense_factors`] has them: the positions that are not 0.
    pub fn mask(&self, factor: Factor) -> Mask {
        match (self, factor) {
            (Self::Factors(factors) | Self::Blocks(factors), Factor::A) => Mask::of_csr(&factors.a),
            (Self::Factors(factors) | Self::Blocks(factors), Factor::B) => Mask::of_csr(&factors.b),
            (Self::Sparse(one), Factor::A) => Mask::identity(one.rows()),
            (Self::Sparse(one), Factor::B) => Mask::of_csr(one),
            (Self::LowRank { a, .. }, Factor::A) => Mask::of(a),
            (Self::LowRank { b, .. }, Factor::B) => Mask::of(b),
            (Self::Chain(chain), Factor::A) => chain.first().map_or_else(Mask::default, Mask::of_csr),
            (Self::Chain(chain), Factor::B) => Mask::of(&chain_of(chain.get(1..).unwrap_or_default())),
        }
    }
}

/// S₁·S₂·…, from the right, in f32.
pub fn chain_product<'a>(mut chain: impl DoubleEndedIterator<Item = Cow<'a, Matrix>>) -> Matrix {
    let Some(last) = chain.next_back() else { return Matrix::zeros(0, 0) };
    chain.rev().fold(last.into_owned(), |right, left| multiplied(&left, &right))
}

fn chain_of(chain: &[Csr]) -> Matrix {
    chain_product(chain.iter().map(|factor| Cow::Owned(factor.to_dense())))
}

/// A·B as a matrix of its own.
pub fn multiplied(a: &Matrix, b: &Matrix) -> Matrix {
    let mut out = Matrix::zeros(a.rows(), b.cols());
    matmul(&mut out, a.view(), b.view());
    out
}
