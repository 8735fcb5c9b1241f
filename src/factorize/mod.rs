//! Double Sparse Factorization: W ≈ A·B with at most z nonzeros in A and B together.
//!
//! [`Settings`] say what is wanted, [`Solver`] does it, one half-step per [`Solver::step`]: first one factor is solved
//! for while the other is held, then the other way round, the paper's Algorithm 1. There are no threads, clocks or
//! windows in here, so pausing, stepping, cancelling and watching are left to whoever calls `step`.
//!
//! **Names.** W is `[out, in]` as checkpoints store it; A `[out, k]` is the output side and B `[k, in]` the input side,
//! y = A(Bx). (The paper multiplies from the left and calls the two the other way round.) Unless an orientation is set,
//! the solver works on the one that has no more rows than columns, and calls the factor on the side of its rows the
//! *first* (square when k = n); it is A when out < in, else B. Inside, both factors have k rows (the first one is kept
//! transposed), so that one half-step serves both.
//!
//! **Layer-wise.** With a [`Calibration`](crate::matrix::Calibration), the statistics XᵀX of the layer's inputs, W is scaled by the inputs' norms
//! before it is factorized, and a [`Finalizer`] solves for the values again on the final masks. With [`Objective::Outputs`]
//! they take part in every half-step as a metric (`metric.rs`, `weighed.rs`), so that the masks see them.
//!
//! **Cost.** A half-step costs what its products cost. Given one factor, each column of the other is a regression of
//! its own. The factor is therefore kept in panels of 64 columns: a thread takes a panel through right-hand side,
//! triangular solves and update while it is in the cache, and the threads meet only where the mask is chosen. The fixed
//! factor is 75 to 94 % zeros: its Gram matrix and its products are sparse ([`crate::compute::spmm`]), and when k >
//! n the small n×n system is solved instead (Woodbury's identity). The mask's threshold comes from a sample and is then
//! checked: the choice is exact.
//!
//! **Reproducibility.** The panels are the same on any number of threads, other passes work on chunks of a fixed size
//! and add partial sums in order, and top-k breaks ties by position: a seed gives the same factors, bit for bit, on any
//! number of threads.
//!
#![doc = include_str!("SCHEDULES.md")]

mod budget;
mod check;
mod engine;
mod error;
mod factor_state;
#[cfg(feature = "gpu")]
mod gpu;
mod half_step;
mod inputs;
mod layerwise;
mod lifted;
mod masked_rows;
mod metric;
mod panel_scratch;
mod phase;
mod preset;
mod scale;
mod schedule;
mod search;
mod setting;
mod settings;
mod solver;
mod start;
mod target;
mod weighed;
mod working;

pub use budget::Budget;
pub(crate) use budget::share;
use check::check_factors;
pub use error::Error;
#[cfg(feature = "gpu")]
pub use gpu::{KernelTime, kernel_times};
pub use inputs::Inputs;
pub use layerwise::{Finalize, FinalizeReport, Finalizer, Sides, Solve, polish};
pub use phase::{Clock, Phase};
pub use preset::Preset;
pub use schedule::Schedule;
pub use search::Search;
pub use setting::Setting;
pub use settings::{IterationParams, Objective, Orientation, Settings, Split};
pub use solver::{Report, Solver};

pub use start::Start;
