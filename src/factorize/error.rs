//! Why a factorization cannot be done.

use crate::hint::{Explain, Hint};
use crate::matrix::{CalibrationError, OutputWeightsError};

/// Why a factorization cannot be done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// A setting is outside its range.
    #[error("{name} is {value}: it must be {range}")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// Value that was given.
        value: String,
        /// Range of the values it accepts.
        range: &'static str,
    },
    /// The nonzeros do not suffice for two factors.
    #[error(
        "density {density} leaves {nonzeros} nonzeros for a {rows}×{cols} matrix, and two factors need at least one each"
    )]
    NoRoom {
        /// Kept nonzeros / entries of W.
        density: f64,
        /// Number of nonzeros at this density.
        nonzeros: usize,
        /// Number of rows of W.
        rows: usize,
        /// Number of columns of W.
        cols: usize,
    },
    /// The factors are too small for the nonzeros.
    #[error(
        "density {density} asks for {nonzeros} nonzeros, and factors with an inner dimension of {inner_dim} have {places} places"
    )]
    NoPlaces {
        /// Kept nonzeros / entries of W.
        density: f64,
        /// Number of nonzeros at this density.
        nonzeros: usize,
        /// Inner dimension k of the factors.
        inner_dim: usize,
        /// Entries of both factors.
        places: usize,
    },
    /// The split leaves nothing for one factor.
    #[error(
        "a factor density of {factor_density} gives the first factor {first} of {total} nonzeros, and each factor needs one"
    )]
    EmptyFactor {
        /// Nonzeros of the first factor / n².
        factor_density: f64,
        /// Number of nonzeros of the first factor at this density.
        first: usize,
        /// Number of nonzeros in all.
        total: usize,
    },
    /// W has no entries.
    #[error("a {rows}×{cols} matrix has no entries to factorize")]
    EmptyMatrix {
        /// Number of rows of W.
        rows: usize,
        /// Number of columns of W.
        cols: usize,
    },
    /// W holds an infinity or something that is not a number.
    #[error("the value in row {row}, column {col} is {value}, and only finite values can be factorized")]
    NotFinite {
        /// Row of the value, from 0.
        row: usize,
        /// Column of the value, from 0.
        col: usize,
        /// Value that is not finite.
        value: f32,
    },
    /// Values became infinite or NaN.
    #[error("the run left the finite numbers in half-step {step}")]
    Diverged {
        /// Number of the half-step, from 1.
        step: usize,
    },
    /// W and the factors do not multiply.
    #[error(
        "W is {}×{}, A {}×{} and B {}×{}, and A·B must have W's shape",
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
    Calibration(#[from] CalibrationError),
    /// The weights of outputs do not fit the layer.
    #[error(transparent)]
    OutputWeights(#[from] OutputWeightsError),
}

impl Explain for Error {
    fn hint(&self) -> Option<Hint> {
        Some(match self {
            // The range says what to do.
            Self::Setting { .. } => return None,
            Self::NoRoom { .. } => Hint::RaiseDensity,
            Self::NoPlaces { .. } => Hint::LowerDensityOrRaiseExpansion,
            Self::EmptyFactor { .. } => Hint::OtherFactorDensity,
            Self::EmptyMatrix { .. } => Hint::say("choose another tensor"),
            Self::NotFinite { .. } => Hint::say("repair the file, or choose another tensor"),
            Self::Diverged { .. } => Hint::RaiseRidgeOrRho,
            Self::Shapes { .. } => Hint::say("give the factors of this layer"),
            Self::Calibration(error) => return error.hint(),
            Self::OutputWeights(error) => return error.hint(),
        })
    }
}
