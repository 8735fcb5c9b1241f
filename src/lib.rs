//! **DSF Explorer**: replace a weight matrix W by the product A·B of two sparse matrices, and watch it happen.
//!
//! The method is Double Sparse Factorization (*Two Sparse Matrices are Better than One*): alternating ADMM finds
//! sparse A and B whose product is much closer to W than one sparse matrix with as many nonzeros.
//!
//! The modules in pipeline order; each one uses only those before it:
//!
//! - [`tasks`]: background work on threads, or in a page's Workers
//! - [`matrix`]: dense and sparse matrices, masks, exact top-k, factors, input statistics
//! - [`compute`]: kernels on the CPU and the GPU
//! - [`measure`]: errors and storage
//! - [`factorize`]: the solver, a step machine without threads or clocks
//! - [`model`]: checkpoints and their layers
//! - [`stories`]: the built-in model's language of small stories, with known probabilities
//! - [`language`]: decoder-only language models, their layers' inputs, and perplexity
//! - [`job`]: a run as an actor: commands in, events out
//! - [`methods`]: the methods that DSF is compared with
//! - [`export`]: safetensors layouts, pictures, charts, reports
//! - [`compress`]: compression of a whole language model, layer by layer
//! - [`compare`]: methods side by side, and sweeps
//! - `app`: the window (feature `gui`)
//!
//! ```
//! use dsf_explorer::{factorize::{Settings, Solver}, matrix::Matrix, measure};
//!
//! let w = Matrix::from_fn(32, 48, |i, j| ((i * 7 + j * 13) % 17) as f32 - 8.0);
//! let mut solver = Solver::new(&w, &Settings { density: 0.5, outer: 10, ..Settings::default() })?;
//! while let Some(report) = solver.step()? {
//!     println!("{} of {}: {:.4}", report.step, solver.steps(), report.error);
//! }
//! let factors = solver.finish();
//! assert_eq!(factors.nnz(), 32 * 48 / 2);
//! assert!(measure::relative_error(&w, &factors.a, &factors.b) < 0.1);
//! # Ok::<(), dsf_explorer::factorize::Error>(())
//! ```

#[cfg(feature = "gui")]
pub mod app;
pub mod compare;
pub mod compress;
pub mod compute;
pub mod export;
pub mod factorize;
pub mod job;
pub mod language;
pub mod matrix;
pub mod measure;
pub mod methods;
pub mod model;
mod named;
pub mod stories;
pub mod tasks;

pub use named::Named;
