//! Arrays that come in through Python's buffers, and go out as bytes.

use super::error;
use crate::Named;
use crate::matrix::Matrix;
use crate::model::Dtype;
use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyByteArray;

/// All values of a buffer, as f32, in the order of its rows. Those of 16 bits come as whole numbers and are of `dtype`; f32
/// are copied once, whatever their strides.
pub fn values(py: Python<'_>, array: &Bound<'_, PyAny>, dtype: &str) -> PyResult<Vec<f32>> {
    match dtype {
        "float32" => elements(py, array),
        "float64" => Ok(elements::<f64>(py, array)?.into_iter().map(|value| value as f32).collect()),
        "float16" => Ok(elements(py, array)?.into_iter().map(|bits| half::f16::from_bits(bits).to_f32()).collect()),
        "bfloat16" => Ok(elements(py, array)?.into_iter().map(|bits| half::bf16::from_bits(bits).to_f32()).collect()),
        other => Err(PyTypeError::new_err(format!("{other} is not read: give float16, bfloat16, float32 or float64"))),
    }
}

fn elements<T: Element>(py: Python<'_>, array: &Bound<'_, PyAny>) -> PyResult<Vec<T>> {
    PyBuffer::<T>::get(array)?.to_vec(py)
}

/// A buffer with two dimensions as a matrix.
pub fn matrix(py: Python<'_>, array: &Bound<'_, PyAny>, dtype: &str) -> PyResult<Matrix> {
    let shape: Vec<usize> = array.getattr("shape")?.extract()?;
    let [rows, cols] = shape[..] else {
        return Err(PyValueError::new_err(format!("an array of two dimensions is needed, not of shape {shape:?}")));
    };
    Ok(Matrix::from_vec(rows, cols, values(py, array, dtype)?))
}

/// f32 values as bytes that NumPy takes for an array of its own.
pub fn bytes<'py, T: bytemuck::NoUninit>(py: Python<'py>, values: &[T]) -> Bound<'py, PyByteArray> {
    PyByteArray::new(py, bytemuck::cast_slice(values))
}

/// A value of one of the library's enums, by its name.
pub fn named<T: Named + 'static>(py: Python<'_>, what: &str, name: &str) -> PyResult<T> {
    T::named(name).ok_or_else(|| {
        let names: Vec<&str> = T::ALL.iter().map(|one| one.name()).collect();
        error::unexplained(py, format!("{what} is {name:?}, and must be one of {}", names.join(", ")))
    })
}

/// A number format by its name in NumPy.
pub fn dtype(name: &str) -> PyResult<Dtype> {
    match name {
        "float32" | "f32" => Ok(Dtype::F32),
        "float16" | "f16" => Ok(Dtype::F16),
        "bfloat16" | "bf16" => Ok(Dtype::BF16),
        other => Err(PyValueError::new_err(format!("dtype is {other:?}, and must be one of f32, f16, bf16"))),
    }
}
