//! Why a method does not apply.

use crate::factorize;
use crate::hint::{Explain, Hint};

/// Error that stops a method.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// W, or the statistics of its inputs.
    #[error(transparent)]
    Problem(#[from] factorize::Error),
    /// There are no statistics.
    #[error("{method} needs the layer's inputs")]
    NeedsInputs {
        /// Title of the method.
        method: &'static str,
    },
    /// The statistics have no inverse.
    #[error("{method} cannot invert the inputs' statistics")]
    NotInvertible {
        /// Title of the method.
        method: &'static str,
    },
    /// It would take hours.
    #[error("OBC takes inputs³ operations for each row, here about {minutes} minutes, and stops at {limit} inputs")]
    TooManyInputs {
        /// At some 10⁹ operations a second.
        minutes: u64,
        /// Largest number of inputs.
        limit: usize,
    },
    /// The budget is smaller than anything the method makes.
    #[error("{budget} nonzeros are too few for {method}, which needs {least} at least here")]
    NoRoom {
        /// Title of the method.
        method: &'static str,
        /// Number of nonzeros in the budget.
        budget: usize,
        /// Least number of nonzeros.
        least: usize,
    },
    /// W cannot be cut into blocks.
    #[error(
        "Monarch needs a number of blocks that divides both sides, and {rows} and {cols} have no common divisor but 1"
    )]
    NoBlocks {
        /// Number of rows of W.
        rows: usize,
        /// Number of columns of W.
        cols: usize,
    },
    /// An iteration of the decomposition came to no end.
    #[error("the singular value decomposition does not converge for this matrix")]
    NotConverged,
    /// It was asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// DSF is done by a run, step by step.
    #[error("DSF is done by a run of its own")]
    HasARun,
}

impl Explain for Error {
    fn hint(&self) -> Option<Hint> {
        Some(match self {
            Self::Problem(error) => return error.hint(),
            Self::NeedsInputs { .. } => Hint::GiveCalibration,
            Self::NotInvertible { .. } => Hint::say("collect them over more samples"),
            Self::TooManyInputs { .. } => Hint::say("take SparseGPT for this layer"),
            Self::NoRoom { .. } => Hint::RaiseDensity,
            Self::NoBlocks { .. } => Hint::say("take another method, or pad the layer"),
            Self::NotConverged => Hint::say("scale it nearer to 1"),
            Self::Cancelled | Self::HasARun => return None,
        })
    }
}
