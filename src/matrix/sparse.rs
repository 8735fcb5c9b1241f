//! Sparse matrices in compressed sparse rows (CSR).

use super::Matrix;
use serde::{Deserialize, Serialize};

/// A sparse matrix in CSR form: the entries of row `i` are `indices` and `values` at `row_starts[i]..row_starts[i +
/// 1]`, columns ascending.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Csr {
    rows: usize,
    cols: usize,
    row_starts: Vec<usize>,
    #[serde(with = "crate::tasks::raw")]
    indices: Vec<u32>,
    #[serde(with = "crate::tasks::raw")]
    values: Vec<f32>,
}

impl Csr {
    /// Converts a dense matrix; its zeros are not stored.
    pub fn from_dense(dense: &Matrix) -> Self {
        let (rows, cols) = dense.shape();
        let mut csr = Self { rows, cols, row_starts: vec![0], indices: Vec::new(), values: Vec::new() };
        for i in 0..rows {
            for (j, &value) in dense.row(i).iter().enumerate().filter(|(_, value)| **value != 0.0) {
                csr.indices.push(j as u32);
                csr.values.push(value);
            }
            csr.row_starts.push(csr.values.len());
        }
        csr
    }

    /// Rebuilds it as `rows`×`cols` in its memory: `fill` appends each row's columns, ascending, and values.
    pub fn refill(&mut self, rows: usize, cols: usize, mut fill: impl FnMut(usize, &mut Vec<u32>, &mut Vec<f32>)) {
        (self.rows, self.cols) = (rows, cols);
        self.row_starts.clear();
        self.indices.clear();
        self.values.clear();
        self.row_starts.push(0);
        for i in 0..rows {
            fill(i, &mut self.indices, &mut self.values);
            self.row_starts.push(self.values.len());
        }
    }

    /// Reserves memory for exactly `entries` entries in all.
    pub fn reserve(&mut self, entries: usize) {
        self.indices.reserve_exact(entries.saturating_sub(self.indices.len()));
        self.values.reserve_exact(entries.saturating_sub(self.values.len()));
    }

    /// Becomes a copy of `source` with each value replaced by `f(row, column, value)`, in its memory.
    pub fn copy_from(&mut self, source: &Self, f: impl Fn(usize, usize, f32) -> f32) {
        self.reserve(source.nnz());
        self.refill(source.rows, source.cols, |i, indices, values| {
            let at = source.row_starts[i]..source.row_starts[i + 1];
            indices.extend_from_slice(&source.indices[at.clone()]);
            values
                .extend(source.indices[at.clone()].iter().zip(&source.values[at]).map(|(&j, &x)| f(i, j as usize, x)));
        });
    }

    /// Becomes the transpose of `source`, in its memory.
    pub fn transpose_from(&mut self, source: &Self) {
        (self.rows, self.cols) = (source.cols, source.rows);
        self.row_starts.clear();
        self.row_starts.resize(self.rows + 2, 0);
        source.indices.iter().for_each(|&j| self.row_starts[j as usize + 2] += 1);
        (2..self.row_starts.len()).for_each(|j| self.row_starts[j] += self.row_starts[j - 1]);
        self.indices.resize(source.nnz(), 0);
        self.values.resize(source.nnz(), 0.0);
        for i in 0..source.rows {
            for (j, value) in source.row(i) {
                // While it is filled, a row's start stands one place further on and moves to the row's end.
                let at = self.row_starts[j + 1];
                (self.indices[at], self.values[at]) = (i as u32, value);
                self.row_starts[j + 1] += 1;
            }
        }
        self.row_starts.pop();
    }

    /// A transposed copy.
    pub fn transposed(&self) -> Self {
        let mut out = Self::default();
        out.transpose_from(self);
        out
    }

    /// Converts to a dense matrix.
    pub fn to_dense(&self) -> Matrix {
        let mut dense = Matrix::zeros(self.rows, self.cols);
        for i in 0..self.rows {
            for (j, value) in self.row(i) {
                dense.as_mut_slice()[i * self.cols + j] = value;
            }
        }
        dense
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Number of stored entries.
    pub fn nnz(&self) -> usize {
        self.values.len()
    }

    /// Start of each row in [`Csr::indices`] and [`Csr::values`]; `rows + 1` numbers.
    pub fn row_starts(&self) -> &[usize] {
        &self.row_starts
    }

    /// Column of each stored entry.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// Value of each stored entry.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Value of each stored entry, mutable.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The `(column, value)` pairs of row `i`.
    pub fn row(&self, i: usize) -> impl Iterator<Item = (usize, f32)> + '_ {
        let at = self.row_starts[i]..self.row_starts[i + 1];
        self.indices[at.clone()].iter().map(|&j| j as usize).zip(self.values[at].iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dense_to_csr_and_back() {
        let dense = Matrix::from_vec(2, 3, vec![0.0, 2.0, -1.0, 0.0, 0.0, 5.0]);
        let csr = Csr::from_dense(&dense);
        assert_eq!(csr.row_starts(), [0, 2, 3]);
        assert_eq!(csr.indices(), [1, 2, 2]);
        assert_eq!(csr.values(), [2.0, -1.0, 5.0]);
        assert_eq!(csr.to_dense(), dense);
        assert_eq!(csr.transposed(), Csr::from_dense(&dense.transposed()));
        assert_eq!(csr.transposed().transposed(), csr);
        let mut scaled = Csr::default();
        scaled.copy_from(&csr, |i, j, x| x * (10 * i + j) as f32);
        assert_eq!(scaled.values(), [2.0, -2.0, 60.0]);
    }
}
