//! The dense matrix: f32, row-major.

use faer::{MatMut, MatRef};
use serde::{Deserialize, Serialize};

/// A dense f32 matrix in row-major order, the order of checkpoints and images.
///
/// Arithmetic works on faer's strided views of it, [`Matrix::view`].
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Matrix {
    rows: usize,
    cols: usize,
    #[serde(with = "crate::tasks::raw")]
    data: Vec<f32>,
}

impl Matrix {
    /// A matrix `rows`×`cols` of zeros.
    pub fn zeros(rows: usize, cols: usize) -> Self {
        Self { rows, cols, data: vec![0.0; rows * cols] }
    }

    /// A matrix of the values `data`, in row-major order.
    ///
    /// # Panics
    /// Panics if `data` does not hold `rows·cols` values.
    pub fn from_vec(rows: usize, cols: usize, data: Vec<f32>) -> Self {
        assert_eq!(data.len(), rows * cols, "a {rows}×{cols} matrix");
        Self { rows, cols, data }
    }

    /// A matrix with the entries `f(row, column)`.
    pub fn from_fn(rows: usize, cols: usize, mut f: impl FnMut(usize, usize) -> f32) -> Self {
        let data = (0..rows * cols).map(|at| f(at / cols, at % cols)).collect();
        Self { rows, cols, data }
    }

    /// Copies a faer view.
    pub fn from_view(view: MatRef<'_, f32>) -> Self {
        let mut copy = Self::zeros(view.nrows(), view.ncols());
        copy.view_mut().copy_from(view);
        copy
    }

    /// Changes the shape to `rows`×`cols` and keeps the memory; the entries are unspecified afterwards.
    pub fn resize(&mut self, rows: usize, cols: usize) {
        (self.rows, self.cols) = (rows, cols);
        self.data.resize(rows * cols, 0.0);
    }

    /// Number of rows of the matrix.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns of the matrix.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Shape as `(rows, cols)`.
    pub fn shape(&self) -> (usize, usize) {
        (self.rows, self.cols)
    }

    /// Number of entries, zeros included.
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether it has no entries.
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// The entries in row-major order.
    pub fn as_slice(&self) -> &[f32] {
        &self.data
    }

    /// The entries in row-major order, mutable.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.data
    }

    /// The entries in row-major order; consumes the matrix.
    pub fn into_vec(self) -> Vec<f32> {
        self.data
    }

    /// The entries of row `i`.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.data[i * self.cols..(i + 1) * self.cols]
    }

    /// The entries of row `i`, to be changed.
    pub fn row_mut(&mut self, i: usize) -> &mut [f32] {
        &mut self.data[i * self.cols..(i + 1) * self.cols]
    }

    /// The entry in row `i`, column `j`.
    pub fn get(&self, i: usize, j: usize) -> f32 {
        self.data[i * self.cols + j]
    }

    /// A transposed copy of the matrix.
    pub fn transposed(&self) -> Self {
        Self::from_view(self.view().transpose())
    }

    /// View for faer, as an operand.
    pub fn view(&self) -> MatRef<'_, f32> {
        MatRef::from_row_major_slice(&self.data, self.rows, self.cols)
    }

    /// View for faer, as a destination.
    pub fn view_mut(&mut self) -> MatMut<'_, f32> {
        MatMut::from_row_major_slice_mut(&mut self.data, self.rows, self.cols)
    }

    /// Number of entries that are not zero.
    pub fn nnz(&self) -> usize {
        self.data.iter().filter(|&&x| x != 0.0).count()
    }

    /// Largest absolute value; 0 for an empty matrix.
    pub fn max_abs(&self) -> f32 {
        self.data.iter().fold(0.0, |most, x| most.max(x.abs()))
    }

    /// Squared Frobenius norm ‖·‖²_F, summed in f64.
    pub fn norm_squared(&self) -> f64 {
        self.data.iter().map(|&x| f64::from(x) * f64::from(x)).sum()
    }

    /// Position `(row, column)` of the first entry that is infinite or NaN.
    pub fn first_not_finite(&self) -> Option<(usize, usize)> {
        let at = self.data.iter().position(|x| !x.is_finite())?;
        Some((at / self.cols, at % self.cols))
    }
}

impl std::fmt::Debug for Matrix {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Matrix {}×{} ", self.rows, self.cols)?;
        match self.len() {
            0..=64 => f.debug_list().entries((0..self.rows).map(|i| self.row(i))).finish(),
            _ => write!(f, "‖·‖_F = {}", self.norm_squared().sqrt()),
        }
    }
}
