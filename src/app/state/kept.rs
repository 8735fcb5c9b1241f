//! What replaces W in the end, as the window keeps it: without its zeros.

use crate::matrix::{Csr, Factor, Factors, Mask, Matrix};
use crate::methods;
use serde::{Deserialize, Serialize};

/// Of one matrix alone A is shown as an identity of at most so many rows, else not at all.
const LARGEST_IDENTITY: usize = 8192;

/// What replaces W, without its zeros.
#[derive(Serialize, Deserialize)]
pub enum Kept {
    /// A and B.
    Factors {
        /// `[out, k]`
        a: Csr,
        /// `[k, in]`
        b: Csr,
    },
    /// One matrix Ŵ.
    Alone(Csr),
    /// More than two factors: W ≈ S₁·S₂·…
    Chain(Vec<Csr>),
}

/// Of what it consists: what the views call A and B depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parts {
    /// A and B.
    #[default]
    Factors,
    /// Ŵ: A is an identity, B is Ŵ.
    Alone,
    /// A is the first factor, B the product of the others.
    Chain,
}

impl Kept {
    /// Of dense factors.
    pub fn of(factors: &Factors) -> Self {
        Self::Factors { a: Csr::from_dense(&factors.a), b: Csr::from_dense(&factors.b) }
    }

    /// Of what a method made.
    pub fn packed(made: &methods::Kept) -> Self {
        match made {
            methods::Kept::Factors(factors) => Self::of(factors),
            methods::Kept::Pruned(one) => Self::Alone(Csr::from_dense(one)),
            methods::Kept::Chain(chain) => Self::Chain(chain.iter().map(Csr::from_dense).collect()),
        }
    }

    /// As the method made it.
    pub fn unpacked(&self) -> methods::Kept {
        match self {
            Self::Factors { .. } => methods::Kept::Factors(self.factors()),
            Self::Alone(one) => methods::Kept::Pruned(one.to_dense()),
            Self::Chain(chain) => methods::Kept::Chain(chain.iter().map(Csr::to_dense).collect()),
        }
    }

    /// Of what it consists.
    pub fn parts(&self) -> Parts {
        match self {
            Self::Factors { .. } => Parts::Factors,
            Self::Alone(_) => Parts::Alone,
            Self::Chain(_) => Parts::Chain,
        }
    }

    /// As A and B, with their zeros: see [`Parts`].
    pub fn factors(&self) -> Factors {
        match self {
            Self::Factors { a, b } => Factors { a: a.to_dense(), b: b.to_dense() },
            Self::Alone(one) => {
                // Nobody looks at a larger one, and it would take gigabytes.
                let side = if one.rows() <= LARGEST_IDENTITY { one.rows() } else { 0 };
                let identity = Matrix::from_fn(side, side, |i, j| if i == j { 1.0 } else { 0.0 });
                Factors { a: identity, b: one.to_dense() }
            }
            Self::Chain(chain) => {
                let Some((first, others)) = chain.split_first() else { return Factors::default() };
                let others = methods::Kept::Chain(others.iter().map(Csr::to_dense).collect());
                Factors { a: first.to_dense(), b: others.matrix().into_owned() }
            }
        }
    }

    /// A·B.
    pub fn product(&self) -> Matrix {
        match self {
            // Instead of a product with an identity.
            Self::Alone(one) => one.to_dense(),
            _ => self.factors().product(),
        }
    }

    /// Where A or B is not zero.
    pub fn mask(&self, factor: Factor) -> Mask {
        match (self, factor) {
            (Self::Factors { a, .. }, Factor::A) => Mask::of(&a.to_dense()),
            (Self::Factors { b, .. } | Self::Alone(b), Factor::B) => Mask::of(&b.to_dense()),
            (_, Factor::A) => Mask::of(&self.factors().a),
            (_, Factor::B) => Mask::of(&self.factors().b),
        }
    }

    /// Nonzeros of A and of B. Of one matrix alone A has none: an identity is not stored. Of a chain, those of its first
    /// factor and of all others.
    pub fn nnz(&self) -> [usize; 2] {
        match self {
            Self::Factors { a, b } => [a.nnz(), b.nnz()],
            Self::Alone(one) => [0, one.nnz()],
            Self::Chain(chain) => {
                let first = chain.first().map_or(0, Csr::nnz);
                [first, chain.iter().map(Csr::nnz).sum::<usize>() - first]
            }
        }
    }

    /// k.
    pub fn inner_dim(&self) -> usize {
        match self {
            Self::Factors { a, .. } => a.cols(),
            Self::Alone(one) => one.rows(),
            Self::Chain(chain) => chain.first().map_or(0, Csr::cols),
        }
    }

    /// Rows and columns of A·B.
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Self::Factors { a, b } => (a.rows(), b.cols()),
            Self::Alone(one) => (one.rows(), one.cols()),
            Self::Chain(chain) => (chain.first().map_or(0, Csr::rows), chain.last().map_or(0, Csr::cols)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: usize, cols: usize) -> Matrix {
        Matrix::from_fn(rows, cols, |i, j| if (i + 2 * j) % 3 == 0 { (i * cols + j) as f32 + 1.0 } else { 0.0 })
    }

    #[test]
    fn everything_comes_back_as_it_was_made_and_multiplies_to_the_same() {
        for (made, parts) in [
            (methods::Kept::Factors(Factors { a: matrix(5, 4), b: matrix(4, 7) }), Parts::Factors),
            (methods::Kept::Pruned(matrix(5, 7)), Parts::Alone),
            (methods::Kept::Chain(vec![matrix(5, 5), matrix(5, 4), matrix(4, 7)]), Parts::Chain),
        ] {
            let kept = Kept::packed(&made);
            assert_eq!((kept.unpacked(), kept.parts(), kept.shape()), (made.clone(), parts, (5, 7)));
            assert_eq!(kept.nnz().iter().sum::<usize>(), made.nnz(), "{parts:?}: an identity is not counted");
            let (whole, Factors { a, b }) = (made.matrix(), kept.factors());
            assert_eq!((a.rows(), a.cols(), b.rows(), b.cols()), (5, kept.inner_dim(), kept.inner_dim(), 7));
            assert_eq!(kept.product(), *whole);
            assert_eq!(Factors { a, b }.product(), *whole);
        }
    }
}
