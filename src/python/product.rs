//! Products with sparse matrices on this processor, for inference.

use super::parts::to_csr;
use super::{error, numbers};
use crate::compute::sparse::{Operator, Prepared, ValueFormat};
use crate::compute::{NoThreads, ThreadPool, parallelism};
use crate::tasks::processors;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyByteArray;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The shape of a sparse matrix, the starts of its rows, its columns and its values.
type Sparse<'py> = ((usize, usize), PyBuffer<i64>, PyBuffer<i32>, PyBuffer<f32>);

/// One sparse matrix or the product of several, in the form in which it is multiplied fastest.
#[pyclass(frozen)]
pub struct Product(Operator);

#[pymethods]
impl Product {
    /// From the matrices, the left one first; `dtype` is that of the values in memory: f32, f16 or bf16.
    #[new]
    fn new(py: Python<'_>, matrices: Vec<Sparse<'_>>, dtype: &str) -> PyResult<Self> {
        let format: ValueFormat = numbers::named(py, "dtype", dtype)?;
        let mut factors = Vec::new();
        for (shape, starts, columns, values) in matrices {
            let csr = to_csr(shape, starts.to_vec(py)?, columns.to_vec(py)?, values.to_vec(py)?)?;
            factors.push(Prepared::sparse(&csr, format));
        }
        let fit = factors.windows(2).all(|pair| pair[0].shape().1 == pair[1].shape().0);
        if factors.is_empty() || !fit {
            return Err(PyValueError::new_err("the shapes of the matrices do not fit each other"));
        }
        Ok(Self(Operator::product(factors)))
    }

    /// X·Wᵀ of an array X `[rows, in]` of f32, as bytes of f32 `[rows, out]`; on `threads` threads.
    fn apply<'py>(
        &self,
        py: Python<'py>,
        x: &Bound<'py, PyAny>,
        threads: Option<usize>,
    ) -> PyResult<Bound<'py, PyByteArray>> {
        let x = numbers::matrix(py, x, "float32")?;
        let inputs = self.0.shape().1;
        if x.cols() != inputs {
            return Err(PyValueError::new_err(format!("rows of {inputs} values are needed, not of {}", x.cols())));
        }
        let threads = threads.unwrap_or_else(processors).max(1);
        let pool = pool(threads).map_err(|why| error::of_library(py, why))?;
        let par = parallelism(threads);
        let y = py.detach(|| pool.run(|| self.0.apply(&x, par)));
        Ok(numbers::bytes(py, y.as_slice()))
    }

    /// Bytes in memory.
    #[getter]
    fn nbytes(&self) -> usize {
        self.0.bytes()
    }

    /// Names of the formats of its matrices.
    #[getter]
    fn formats(&self) -> Vec<&'static str> {
        self.0.factors().iter().map(Prepared::format).collect()
    }
}

/// A pool of so many threads, kept for the next product.
fn pool(threads: usize) -> Result<Arc<ThreadPool>, NoThreads> {
    static POOLS: Mutex<BTreeMap<usize, Arc<ThreadPool>>> = Mutex::new(BTreeMap::new());
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pool) = pools.get(&threads) {
        return Ok(pool.clone());
    }
    let pool = Arc::new(ThreadPool::new(Some(threads))?);
    pools.insert(threads, pool.clone());
    Ok(pool)
}
