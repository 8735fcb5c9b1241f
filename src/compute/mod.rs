//! The dense kernels of the solver, on the CPU: faer's products and factorizations, and passes over whole matrices.
//!
//! Every kernel gives the same bits on any number of threads: faer's do by construction (asserted in this module's
//! tests), and the passes work on chunks of a fixed size whose partial results are combined in order.

mod chunks;
mod dense;

pub use chunks::{chunks, chunks_mut, chunks_of, dot, prelude};
pub use dense::{Cholesky, NotPositive, Svd, gram, product, svd};
