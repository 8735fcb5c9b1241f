//! A layer's weight as products are computed with it.

use super::sparse::{Operator, ValueFormat};
use super::{Par, add_matmul, matmul_with};
use crate::matrix::Matrix;
use std::sync::Arc;

/// Weight `[out, in]` of a layer.
#[derive(Clone, Debug)]
pub enum Weight {
    /// With its zeros, in f32.
    Dense(Arc<Matrix>),
    /// As it is stored: sparse, in factors, or in half the bytes.
    Prepared(Arc<Operator>),
}

impl Weight {
    /// Shape as `(out, in)`.
    pub fn shape(&self) -> (usize, usize) {
        match self {
            Self::Dense(dense) => dense.shape(),
            Self::Prepared(operator) => operator.shape(),
        }
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Dense(dense) => dense.len() * ValueFormat::F32.size(),
            Self::Prepared(operator) => operator.bytes(),
        }
    }

    /// x·Wᵀ, a row for each row of `x`.
    pub fn apply(&self, x: &Matrix, par: Par) -> Matrix {
        match self {
            Self::Dense(dense) => {
                let mut out = Matrix::zeros(x.rows(), dense.rows());
                matmul_with(&mut out, x.view(), dense.view().transpose(), par);
                out
            }
            Self::Prepared(operator) => operator.apply(x, par),
        }
    }

    /// x·Wᵀ for several weights that read the same x.
    pub fn apply_all<const COUNT: usize>(weights: [&Self; COUNT], x: &Matrix, par: Par) -> [Matrix; COUNT] {
        let operators = weights.map(|weight| match weight {
            Self::Prepared(operator) => Some(&**operator),
            Self::Dense(_) => None,
        });
        if operators.iter().all(Option::is_some) {
            return Operator::apply_all(operators.map(|operator| operator.expect("all are there")), x, par);
        }
        weights.map(|weight| weight.apply(x, par))
    }

    /// g·W, a row for each row of `g`: gradients with respect to what the layer read, given those with respect to what it
    /// gave.
    pub fn backward(&self, g: &Matrix, par: Par) -> Matrix {
        let dense = self.to_dense();
        let mut out = Matrix::zeros(g.rows(), dense.cols());
        matmul_with(&mut out, g.view(), dense.view(), par);
        out
    }

    /// The weight with its zeros, in f32.
    pub fn to_dense(&self) -> Arc<Matrix> {
        match self {
            Self::Dense(dense) => dense.clone(),
            Self::Prepared(operator) => Arc::new(operator.to_dense()),
        }
    }

    /// `h ← h + x·Wᵀ`.
    pub fn add(&self, h: &mut Matrix, x: &Matrix, par: Par) {
        match self {
            Self::Dense(dense) => add_matmul(h, x.view(), dense.view().transpose(), par),
            Self::Prepared(operator) => {
                let product = operator.apply(x, par);
                h.as_mut_slice().iter_mut().zip(product.as_slice()).for_each(|(h, product)| *h += product);
            }
        }
    }
}

impl From<Arc<Matrix>> for Weight {
    fn from(dense: Arc<Matrix>) -> Self {
        Self::Dense(dense)
    }
}

impl From<Operator> for Weight {
    fn from(operator: Operator) -> Self {
        Self::Prepared(Arc::new(operator))
    }
}
