//! Compressed sparse rows.

use super::Matrix;

/// A sparse matrix in CSR form: the entries of row `i` are `indices` and `values` at
/// `row_starts[i]..row_starts[i + 1]`, columns ascending.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Csr {
    rows: usize,
    cols: usize,
    row_starts: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f32>,
}

impl Csr {
    /// The entries of `dense` that are not zero.
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

    /// With all zeros written out.
    pub fn to_dense(&self) -> Matrix {
        let mut dense = Matrix::zeros(self.rows, self.cols);
        for i in 0..self.rows {
            for (j, value) in self.row(i) {
                dense.as_mut_slice()[i * self.cols + j] = value;
            }
        }
        dense
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The number of stored entries.
    pub fn nnz(&self) -> usize {
        self.values.len()
    }

    /// Where each row starts in [`Csr::indices`] and [`Csr::values`]; `rows + 1` numbers.
    pub fn row_starts(&self) -> &[usize] {
        &self.row_starts
    }

    /// The column of each stored entry.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// The stored entries.
    pub fn values(&self) -> &[f32] {
        &self.values
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
    }
}
