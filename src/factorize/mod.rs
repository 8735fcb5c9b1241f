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
//! before it is factorized, and a [`Finalizer`] solves for the values again on the final masks.
//!
//! **Cost.** A half-step costs what its products cost. Given one factor, each column of the other is a regression of
//! its own. The factor is therefore kept in panels of 64 columns: a thread takes a panel through right-hand side,
//! triangular solves and update while it is in the cache, and the threads meet only where the mask is chosen. The fixed
//! factor is 75 to 94 % zeros: its Gram matrix and its products are sparse ([`crate::compute::multiply`]), and when k >
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
mod factor_state;
#[cfg(feature = "gpu")]
mod gpu;
mod half_step;
mod layerwise;
mod panel_scratch;
mod phase;
mod preset;
mod rows;
mod schedule;
mod search;
mod settings;
mod solver;
mod start;
mod target;

pub use budget::Budget;
pub(crate) use budget::share;
use check::check_factors;
#[cfg(feature = "gpu")]
pub use gpu::{KernelTime, kernel_times};
pub use layerwise::{Finalize, FinalizeReport, Finalizer, Sides, Solve, polish};
pub use phase::{Clock, Phase};
pub use preset::Preset;
pub use schedule::Schedule;
pub use search::Search;
pub use settings::{IterationParams, Orientation, Settings, Split};
use solver::scale_of;
pub use solver::{Report, Solver};
pub use start::Start;

/// Why a factorization cannot be done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A setting is outside its range.
    #[error("{name} is {value}: it must be {range}")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// What it was set to.
        value: String,
        /// What it may be.
        range: &'static str,
    },
    /// The nonzeros do not suffice for two factors.
    #[error(
        "density {density} leaves {nonzeros} nonzeros for a {rows}×{cols} matrix, and two factors need at least one each: raise the density"
    )]
    NoRoom {
        /// Kept nonzeros / entries of W.
        density: f64,
        /// What that comes to.
        nonzeros: usize,
        /// Rows of W.
        rows: usize,
        /// Columns of W.
        cols: usize,
    },
    /// The factors are too small for the nonzeros.
    #[error(
        "density {density} asks for {nonzeros} nonzeros, and factors with an inner dimension of {inner_dim} have {places} places: lower the density or raise the expansion"
    )]
    NoPlaces {
        /// Kept nonzeros / entries of W.
        density: f64,
        /// What that comes to.
        nonzeros: usize,
        /// k.
        inner_dim: usize,
        /// Entries of both factors.
        places: usize,
    },
    /// The split leaves nothing for one factor.
    #[error(
        "a factor density of {factor_density} gives the first factor {first} of {total} nonzeros, and each factor needs one: choose another factor density, or leave it out"
    )]
    EmptyFactor {
        /// Nonzeros of the first factor / n².
        factor_density: f64,
        /// What that comes to.
        first: usize,
        /// The whole budget.
        total: usize,
    },
    /// W has no entries.
    #[error("a {rows}×{cols} matrix has no entries to factorize: choose another tensor")]
    EmptyMatrix {
        /// Rows of W.
        rows: usize,
        /// Columns of W.
        cols: usize,
    },
    /// W holds an infinity or something that is not a number.
    #[error(
        "the value in row {row}, column {col} is {value}, and only finite values can be factorized: repair the file, or choose another tensor"
    )]
    NotFinite {
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        col: usize,
        /// The value.
        value: f32,
    },
    /// The numbers ran away.
    #[error("the run left the finite numbers in half-step {step}: try a larger ridge or ρ")]
    Diverged {
        /// Which half-step, from 1.
        step: usize,
    },
    /// W and the factors do not multiply.
    #[error(
        "W is {}×{}, A {}×{} and B {}×{}, and A·B must have W's shape: give the factors of this layer",
        w.0, w.1, a.0, a.1, b.0, b.1
    )]
    Shapes {
        /// Rows and columns of W.
        w: (usize, usize),
        /// Rows and columns of A.
        a: (usize, usize),
        /// Rows and columns of B.
        b: (usize, usize),
    },
    /// The input statistics do not fit the layer.
    #[error(transparent)]
    Calibration(#[from] crate::matrix::CalibrationError),
}
