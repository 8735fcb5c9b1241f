//! W as a run works on it.

use super::scale::scale_of;
use super::target::Target;
use crate::matrix::Matrix;
use std::sync::Arc;

/// W, or its transpose, n×m, divided by a power of two near its root mean square, so that no square overflows. It is
/// divided where it is read, so that W is not held twice.
pub(super) struct WorkingMatrix {
    matrix: Arc<Matrix>,
    scale: f32,
}

impl WorkingMatrix {
    pub fn new(w: &Arc<Matrix>, transposed: bool) -> Self {
        let scale = scale_of(w);
        Self { matrix: if transposed { Arc::new(w.transposed()) } else { w.clone() }, scale }
    }

    /// Returns the power of two that W is divided by.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// Shape `(n, m)` in the working orientation.
    pub fn shape(&self) -> (usize, usize) {
        self.matrix.shape()
    }

    /// A copy divided by the scale.
    pub fn to_matrix(&self) -> Matrix {
        let mut copy = Matrix::clone(&self.matrix);
        copy.as_mut_slice().iter_mut().for_each(|x| *x /= self.scale);
        copy
    }

    /// A copy with rows and columns exchanged, not divided: for [`WorkingMatrix::of_transposed`].
    pub fn transposed(&self) -> Matrix {
        self.matrix.transposed()
    }

    /// The matrix in the working orientation, not divided.
    pub fn undivided(&self) -> &Matrix {
        &self.matrix
    }

    /// As the target of the second factor, n×m.
    pub fn plain(&self) -> Target<'_> {
        Target { matrix: &self.matrix, turned: false, factor: 1.0 / self.scale }
    }

    /// Its transpose as the target of the first factor, m×n, read across its rows.
    pub fn turned(&self) -> Target<'_> {
        Target { turned: true, ..self.plain() }
    }

    /// The same, read from a copy that [`WorkingMatrix::transposed`] has made.
    pub fn of_transposed<'a>(&self, transposed: &'a Matrix) -> Target<'a> {
        Target { matrix: transposed, turned: false, factor: 1.0 / self.scale }
    }
}
