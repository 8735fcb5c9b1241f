//! **DSF Explorer**: replace a weight matrix W by the product A·B of two sparse matrices, and watch it happen.
//!
//! The method is Double Sparse Factorization (*Two Sparse Matrices are Better than One*): alternating ADMM finds
//! sparse A and B whose product is much closer to W than one sparse matrix with as many nonzeros.
//!
//! The modules in pipeline order; each one uses only those before it:
//!
//! - [`tasks`]: background work on threads, or in a page's Workers
//! - [`matrix`]: dense and sparse matrices, factors, input statistics, masks, exact top-k
//! - [`compute`]: dense and sparse kernels, on the CPU and on a graphics processor
//! - [`measure`]: errors and storage
//! - [`factorize`]: the solver, a step machine without threads or clocks
//! - [`model`]: checkpoints and their layers
//! - [`stories`]: the built-in model's language of small stories, with known probabilities
//! - [`language`]: decoder-only language models, their layers' inputs, and perplexity
//! - [`glyphs`]: the built-in network's small pictures, unlimited by seed
//! - [`vision`]: residual networks that classify images, and their accuracy
//! - [`job`]: a run as an actor: commands in, events out
//! - [`methods`]: the methods that DSF is compared with
//! - [`finetune`]: values of compressed layers tuned on their fixed masks
//! - [`export`]: safetensors layouts, pictures, charts, reports
//! - [`compress`]: compression of a whole language model, layer by layer
//! - [`compare`]: methods side by side, and sweeps
//! - `app`: the window (feature `gui`)
//! - `cli`: the command line (not in a page)
//! - `python`: the native part of the Python package (feature `python`)
//!
//! All of them may use [`hint`]: what a person can do about an error, apart from its message.
//!
//! ```
//! use dsf_explorer::{factorize::{Preset, Solver}, measure, model};
//!
//! // The built-in model; model::open(path) opens a file.
//! let layer = model::example().layer(model::EXAMPLE_LAYER, model::Orientation::AsStored)?;
//! let mut solver = Solver::new(&layer.weight, &Preset::Fast.settings())?;
//! while let Some(report) = solver.step()? {
//!     println!("half-step {} of {}: error {:.4}", report.step, solver.steps(), report.error);
//! }
//! let factors = solver.finish(); // A [out, k] and B [k, in]
//! assert_eq!(factors.nnz(), 256 * 256 / 4);
//! assert!(measure::relative_error(&layer.weight, &factors.a, &factors.b) < 0.31);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "gui")]
pub mod app;
#[cfg(not(target_arch = "wasm32"))]
pub mod cli;
pub mod compare;
pub mod compress;
pub mod compute;
pub mod export;
pub mod factorize;
pub mod finetune;
pub mod glyphs;
pub mod hint;
pub mod job;
pub mod language;
pub mod matrix;
pub mod measure;
pub mod methods;
pub mod model;
mod named;
#[cfg(feature = "python")]
mod python;
pub mod stories;
pub mod tasks;
pub mod vision;

pub use named::Named;

/// The library lines of the README are a test too.
#[cfg(all(doctest, not(target_arch = "wasm32")))]
#[doc = include_str!("../README.md")]
struct Readme;
