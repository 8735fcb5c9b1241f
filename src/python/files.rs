//! Weights and factors that are there already: the built-in layer's, and those in files.

use super::error;
use super::parts::{self, Part};
use crate::model;
use pyo3::prelude::*;
use std::path::PathBuf;

/// The weight of a layer of the built-in language model.
#[pyfunction]
pub fn example(py: Python<'_>) -> PyResult<Part<'_>> {
    let layer = model::example().layer(model::EXAMPLE_LAYER, model::Orientation::AsStored);
    parts::dense(py, &layer.map_err(|why| error::of_library(py, why))?.weight)
}

/// Names of the layers whose factors, or whose one sparse matrix, a file or folder holds.
#[pyfunction]
pub fn factorizations(py: Python<'_>, path: PathBuf) -> PyResult<Vec<String>> {
    let opened = py.detach(|| model::open(&path)).map_err(|why| error::of_library(py, why))?;
    Ok(opened.replacements())
}

/// What a file or folder holds in place of a layer's weight: its kind, and its matrices.
#[pyfunction]
pub fn read<'py>(py: Python<'py>, path: PathBuf, layer: &str) -> PyResult<(&'static str, Vec<Part<'py>>)> {
    let read = || model::open(&path)?.replacement(layer);
    let replacement = py.detach(read).map_err(|why| error::of_library(py, why))?;
    parts::of(py, &replacement)
}
