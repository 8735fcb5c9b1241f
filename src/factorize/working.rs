//! W as a run works on it.

use super::scale::scale_of;
use super::target::Target;
use crate::matrix::Matrix;
use std::sync::Arc;

/// W, or its transpose, n×m, divided by a power of two near its root mean square, so that no square overflows. It is
/// turned and divided where it is read, so that W is not held twice.
pub(super) struct WorkingMatrix {
    /// `[out, in]`.
    stored: Arc<Matrix>,
    transposed: bool,
    scale: f32,
}

impl WorkingMatrix {
    /// Shares W, `[out, in]`.
    pub fn new(w: &Arc<Matrix>, transposed: bool) -> Self {
        Self { stored: w.clone(), transposed, scale: scale_of(w) }
    }

    /// Returns the power of two that W is divided by.
    pub fn scale(&self) -> f32 {
        self.scale
    }

    /// Whether the working orientation is Wᵀ.
    pub fn is_transposed(&self) -> bool {
        self.transposed
    }

    /// Shape `(n, m)` in the working orientation.
    pub fn shape(&self) -> (usize, usize) {
        let (rows, cols) = self.stored.shape();
        if self.transposed { (cols, rows) } else { (rows, cols) }
    }

    /// A copy in the working orientation, divided by the scale.
    pub fn to_matrix(&self) -> Matrix {
        let mut copy = if self.transposed { self.stored.transposed() } else { Matrix::clone(&self.stored) };
        copy.as_mut_slice().iter_mut().for_each(|x| *x /= self.scale);
        copy
    }

    /// As it was given, `[out, in]`, not divided.
    pub fn stored(&self) -> &Matrix {
        &self.stored
    }

    /// The same as a target, divided.
    pub fn stored_target(&self) -> Target<'_> {
        Target { matrix: &self.stored, turned: false, factor: 1.0 / self.scale }
    }

    /// The target of a side's half-step: for the second factor W in the working orientation, for the first its transpose.
    /// Read from the rows of `other`, a copy of [`WorkingMatrix::stored`] transposed, where that is there and has the
    /// target's orientation; else across the rows of W if need be.
    pub fn target<'a>(&'a self, side: usize, other: Option<&'a Matrix>) -> Target<'a> {
        let stored = self.stored_target();
        match other {
            _ if (side == 0) == self.transposed => stored,
            Some(other) => Target { matrix: other, ..stored },
            None => Target { turned: true, ..stored },
        }
    }
}
