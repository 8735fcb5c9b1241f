//! Errors as Python's exceptions.

use super::hints;
use crate::cli;
use crate::hint::Failure;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// The package's exception of this message, with advice if any is known.
fn exception(py: Python<'_>, message: &str, hint: Option<&str>) -> PyErr {
    let class = || Ok::<_, PyErr>(py.import("dsf_explorer._error")?.getattr("Error")?.cast_into::<PyType>()?);
    match class() {
        Ok(class) => PyErr::from_type(class, (message.to_owned(), hint.map(str::to_owned))),
        Err(why) => why,
    }
}

/// The exception of an error of the library.
pub fn of_library(py: Python<'_>, error: impl Into<Failure>) -> PyErr {
    let Failure { message, hint } = error.into();
    exception(py, &message, hint.as_ref().map(hints::words).as_deref())
}

/// The exception of a failed command, whose words are those of the command line.
pub fn of_command(py: Python<'_>, failure: &cli::Failure) -> PyErr {
    exception(py, failure.message(), failure.hint())
}

/// The exception of an error for which no advice is known.
pub fn unexplained(py: Python<'_>, error: impl std::fmt::Display) -> PyErr {
    exception(py, &error.to_string(), None)
}
