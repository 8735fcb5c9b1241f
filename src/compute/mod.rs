//! Kernels of the solver. On the CPU: faer's products and factorizations, products with sparse matrices by panels, and
//! passes over whole matrices; `gpu` has those on a device.
//!
//! Every kernel gives the same bits on any number of threads: faer's products and Cholesky factorization do (asserted
//! in this module's tests), its SVD and eigenvectors do not and are computed on one, and the passes work on chunks or
//! panels of a fixed size whose partial results are combined in order.
//!
//! In a browser vectors are four wide, and faer has no kernel for those. There products, the Cholesky factorization and
//! its solves are made of tiles of 4×8 numbers (`tile`), four to six times as fast; compiled with the target feature
//! `relaxed-simd` they multiply and add in one instruction. Natively the same code runs in its tests only.

mod calibration_sum;
mod chunks;
mod dense;
mod device;
mod double;
mod eigen;
mod exp;
mod f32x4;
mod gemm;
#[cfg(feature = "gpu")]
pub mod gpu;
mod not_positive;
#[cfg(not(target_arch = "wasm32"))]
mod packed;
mod panels;
mod replacement;
pub mod sparse;
mod threads;
mod tile;
mod triangle;
mod weight;

pub use calibration_sum::CalibrationSum;
pub use chunks::{chunks, chunks_mut, chunks_of, chunks_of_mut, dot, join, prelude};
pub use dense::{
    Cholesky, Svd, add_matmul, gram, matmul, matmul_views, matmul_with, panel_product, parallelism_for, svd,
};
pub use device::Device;
pub use double::eigenvalues;
pub use double::{SmallSolver, add_gram, invert, product_lower, solve_positive};
pub use eigen::{Eigen, symmetric_eigen};
pub use exp::exp;
pub use faer::Par;
pub use not_positive::NotPositive;
pub use panels::{
    PANEL, PanelRow, fill_transposed, gram as sparse_gram, load_transposed, spmm, store_transposed, times_transposed,
    vectorized, with_panel,
};
pub use replacement::{chain_product, multiplied};
pub use threads::{NoThreads, ThreadPool, parallelism};
pub use weight::Weight;
