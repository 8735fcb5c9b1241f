//! The native part of the Python package `dsf_explorer`; what people see of it is under `python/`.
//!
//! Arrays come in through Python's buffers and go out as bytes; settings and reports are JSON. Work runs on a thread of its
//! own, so that other Python threads go on and Ctrl-C is heard.

mod background;
mod command;
mod error;
mod files;
mod hints;
mod numbers;
mod parts;
mod product;
mod replace;
mod replaced;

/// What the package is built on, and not meant for its users.
#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use super::command::{call, modeling_code, options, program};
    #[pymodule_export]
    use super::files::{example, factorizations, read};
    #[pymodule_export]
    use super::product::Product;
    #[pymodule_export]
    use super::replace::{replace, settings};
    #[pymodule_export]
    use super::replaced::Replaced;
}
