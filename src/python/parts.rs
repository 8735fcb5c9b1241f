//! The matrices of a replacement, as parts that NumPy and SciPy make arrays of.

use super::numbers::bytes;
use crate::matrix::{Csr, Factors, Matrix, Replacement};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyTuple};

/// A matrix: its shape and its values, f32; of a sparse one the starts of its rows, i64, and its columns, i32, before them.
pub type Part<'py> = Bound<'py, PyTuple>;

/// What a replacement is, and its matrices from the left.
pub fn of<'py>(py: Python<'py>, replacement: &Replacement) -> PyResult<(&'static str, Vec<Part<'py>>)> {
    let kind = kind(replacement);
    let parts = match replacement {
        Replacement::Factors(Factors { a, b }) | Replacement::Blocks(Factors { a, b }) => {
            vec![sparse(py, a)?, sparse(py, b)?]
        }
        Replacement::Sparse(one) => vec![sparse(py, one)?],
        Replacement::LowRank { a, b } => vec![dense(py, a)?, dense(py, b)?],
        Replacement::Chain(chain) => chain.iter().map(|one| sparse(py, one)).collect::<PyResult<_>>()?,
    };
    Ok((kind, parts))
}

fn kind(replacement: &Replacement) -> &'static str {
    match replacement {
        Replacement::Factors(_) => "factors",
        Replacement::Sparse(_) => "sparse",
        Replacement::LowRank { .. } => "low_rank",
        Replacement::Blocks(_) => "blocks",
        Replacement::Chain(_) => "chain",
    }
}

/// A dense matrix.
pub fn dense<'py>(py: Python<'py>, matrix: &Matrix) -> PyResult<Part<'py>> {
    (matrix.shape(), bytes(py, matrix.as_slice())).into_pyobject(py)
}

fn sparse<'py>(py: Python<'py>, matrix: &Csr) -> PyResult<Part<'py>> {
    let starts: Vec<i64> = matrix.row_starts().iter().map(|&start| start as i64).collect();
    let columns: Vec<i32> = matrix.indices().iter().map(|&column| column as i32).collect();
    let parts: [Bound<'py, PyByteArray>; 3] = [bytes(py, &starts), bytes(py, &columns), bytes(py, matrix.values())];
    let [starts, columns, values] = parts;
    (matrix.shape(), starts, columns, values).into_pyobject(py)
}

/// The sparse matrix of a shape, starts of rows, columns and values, which come from outside.
pub fn to_csr(shape: (usize, usize), starts: Vec<i64>, columns: Vec<i32>, values: Vec<f32>) -> PyResult<Csr> {
    let (rows, cols) = shape;
    let refuse = |what: &str| Err(PyValueError::new_err(format!("no sparse matrix of {rows}×{cols}: {what}")));
    if starts.len() != rows + 1 || columns.len() != values.len() {
        return refuse("its arrays are not as long as they must be");
    }
    if starts.first() != Some(&0) || starts.last() != Some(&(values.len() as i64)) || !starts.is_sorted() {
        return refuse("the starts of its rows do not ascend from 0 to the number of values");
    }
    if columns.iter().any(|&column| usize::try_from(column).map_or(true, |column| column >= cols)) {
        return refuse("a column is outside of it");
    }
    let row_starts: Vec<usize> = starts.iter().map(|&start| start as usize).collect();
    let ascends = |ends: &[usize]| columns[ends[0]..ends[1]].windows(2).all(|pair| pair[0] < pair[1]);
    if !row_starts.windows(2).all(ascends) {
        return refuse("the columns of a row do not ascend");
    }
    Ok(Csr::from_parts(rows, cols, row_starts, columns.into_iter().map(|column| column as u32).collect(), values))
}
