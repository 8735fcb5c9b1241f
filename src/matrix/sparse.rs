//! Sparse matrices in compressed sparse rows (CSR).

use super::Matrix;
use serde::{Deserialize, Serialize};

/// A sparse matrix in CSR form: the entries of row `i` are `indices` and `values` at `row_starts[i]..row_starts[i +
/// 1]`, columns ascending.
#[derive(Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct Csr {
    rows: usize,
    cols: usize,
    row_starts: Vec<usize>,
    #[serde(with = "crate::tasks::raw")]
    indices: Vec<u32>,
    #[serde(with = "crate::tasks::raw")]
    values: Vec<f32>,
}

impl Clone for Csr {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        copy.clone_from(self);
        copy
    }

    fn clone_from(&mut self, source: &Self) {
        let Self { rows, cols, row_starts, indices, values } = source;
        (self.rows, self.cols) = (*rows, *cols);
        self.row_starts.clone_from(row_starts);
        self.indices.clone_from(indices);
        self.values.clone_from(values);
    }
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

    /// Takes its parts, as [`Csr::row_starts`], [`Csr::indices`] and [`Csr::values`] give them.
    ///
    /// # Panics
    /// Panics if the parts do not fit each other.
    pub fn from_parts(rows: usize, cols: usize, row_starts: Vec<usize>, indices: Vec<u32>, values: Vec<f32>) -> Self {
        assert_eq!((row_starts.len(), row_starts.last()), (rows + 1, Some(&values.len())), "the rows' starts");
        assert_eq!(indices.len(), values.len(), "a column for each value");
        debug_assert!(row_starts.is_sorted() && indices.iter().all(|&j| (j as usize) < cols));
        Self { rows, cols, row_starts, indices, values }
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

    /// Changes every value to `f(row, column, value)`.
    pub fn map_values(&mut self, f: impl Fn(usize, usize, f32) -> f32) {
        for (i, ends) in self.row_starts.windows(2).enumerate() {
            let at = ends[0]..ends[1];
            let entries = self.values[at.clone()].iter_mut().zip(&self.indices[at]);
            entries.for_each(|(x, &j)| *x = f(i, j as usize, *x));
        }
    }

    /// Becomes the transpose of `source`, in its memory.
    pub fn transpose_from(&mut self, source: &Self) {
        (self.rows, self.cols) = (source.cols, source.rows);
        self.row_starts.clear();
        self.row_starts.resize(self.rows + 2, 0);
        source.indices.iter().for_each(|&j| self.row_starts[j as usize + 2] += 1);
        (2..self.row_starts.len()).for_each(|j| self.row_starts[j] += self.row_starts[j - 1]);
        self.reserve(source.nnz());
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

    /// A transposed copy of the matrix.
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

    /// Removes stored entries that are 0, and frees their memory.
    pub fn drop_zeros(&mut self) {
        if self.values.iter().all(|&x| x != 0.0) {
            return;
        }
        let (mut read, mut kept) = (0, 0);
        for end in &mut self.row_starts[1..] {
            for at in read..*end {
                if self.values[at] != 0.0 {
                    (self.indices[kept], self.values[kept]) = (self.indices[at], self.values[at]);
                    kept += 1;
                }
            }
            (read, *end) = (*end, kept);
        }
        self.indices.truncate(kept);
        self.values.truncate(kept);
        self.indices.shrink_to_fit();
        self.values.shrink_to_fit();
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

    /// The row and column of the stored entry number `at`.
    pub fn position(&self, at: usize) -> (usize, usize) {
        (self.row_starts.partition_point(|&start| start <= at) - 1, self.indices[at] as usize)
    }

    /// The entry in row `i`, column `j`; 0 where none is stored.
    pub fn get(&self, i: usize, j: usize) -> f32 {
        let at = self.row_starts[i]..self.row_starts[i + 1];
        self.indices[at.clone()].binary_search(&(j as u32)).map_or(0.0, |found| self.values[at.start + found])
    }

    /// The largest absolute value; 0 without entries.
    pub fn max_abs(&self) -> f32 {
        self.values.iter().fold(0.0, |most, x| most.max(x.abs()))
    }

    /// The first stored entry that is infinite or not a number, as `(row, column, value)`.
    pub fn first_not_finite(&self) -> Option<(usize, usize, f32)> {
        let at = self.values.iter().position(|x| !x.is_finite())?;
        let (row, col) = self.position(at);
        Some((row, col, self.values[at]))
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
        assert_eq!([csr.get(0, 2), csr.get(1, 1)], [-1.0, 0.0]);
        let mut scaled = Csr::default();
        scaled.copy_from(&csr, |i, j, x| x * (10 * i + j) as f32);
        assert_eq!(scaled.values(), [2.0, -2.0, 60.0]);
    }

    #[test]
    fn zeros_are_dropped_and_entries_have_positions() {
        let dense = Matrix::from_vec(3, 3, vec![0.0, 2.0, -1.0, 4.0, 0.0, 0.0, 0.0, 0.0, 5.0]);
        let mut csr = Csr::from_dense(&dense);
        assert_eq!((0..4).map(|at| csr.position(at)).collect::<Vec<_>>(), [(0, 1), (0, 2), (1, 0), (2, 2)]);
        csr.values_mut()[1] = -0.0;
        csr.values_mut()[2] = 0.0;
        csr.drop_zeros();
        assert_eq!(csr, Csr::from_dense(&csr.to_dense()));
        assert_eq!((csr.row_starts(), csr.indices(), csr.values()), (&[0, 1, 1, 2][..], &[1, 2][..], &[2.0, 5.0][..]));
        csr.values_mut()[1] = f32::INFINITY;
        assert_eq!(csr.first_not_finite(), Some((2, 2, f32::INFINITY)));
    }
}
