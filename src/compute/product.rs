//! The product of two factors.

use super::matmul;
use crate::matrix::{Factors, Matrix};

impl Factors {
    /// A·B, in f32.
    pub fn product(&self) -> Matrix {
        let mut out = Matrix::zeros(self.a.rows(), self.b.cols());
        matmul(&mut out, self.a.view(), self.b.view());
        out
    }
}
