//! Why methods cannot be compared as asked.

use crate::Named;
use crate::hint::{Explain, Hint};
use crate::matrix::CalibrationError;
use crate::methods::Method;
use crate::{export, factorize, methods};

/// Why a candidate, or a point of a sweep, cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Settings outside their range, a W that cannot be factorized, or a run that broke off.
    #[error(transparent)]
    Factorize(#[from] factorize::Error),
    /// A method that does not apply, or that was told to stop.
    #[error(transparent)]
    Method(#[from] methods::Error),
    /// Values that the file's format does not hold.
    #[error(transparent)]
    Export(#[from] export::Error),
    /// Statistics of the inputs of a part of W.
    #[error(transparent)]
    Calibration(#[from] CalibrationError),
    /// No method has this name.
    #[error("there is no method {name}")]
    NoMethod {
        /// Name as given on the command line.
        name: String,
    },
    /// No preset has this name.
    #[error("there is no preset {name}")]
    NoPreset {
        /// Name as given on the command line.
        name: String,
    },
    /// No setting has this name.
    #[error("there is no setting {name}")]
    NoSetting {
        /// Name as given on the command line.
        name: String,
        /// The settings there are.
        known: Vec<String>,
    },
    /// Something else than a number.
    #[error("{name} is {value}: it must be a number{of}")]
    NotANumber {
        /// Name of the setting.
        name: &'static str,
        /// Value that was given.
        value: String,
        /// End of the message that says what is counted, with a blank before it; may be empty.
        of: &'static str,
    },
    /// A value that a setting does not take.
    #[error("{name} cannot be {value}: {reason}")]
    Value {
        /// Name of the setting.
        name: String,
        /// Value that was given.
        value: String,
        /// Reason why it cannot be used.
        reason: String,
    },
    /// A W that is smaller than the part of it that is wanted.
    #[error("{layer} is {rows}×{cols} and has no square of {size}")]
    NoSquare {
        /// Name of the layer.
        layer: String,
        /// Number of rows of W.
        rows: usize,
        /// Number of columns of W.
        cols: usize,
        /// Rows and columns of the part.
        size: usize,
    },
    /// A method that takes so long that it is measured only where someone asks for it.
    #[error("{method} takes about {minutes:.0} minutes for a {rows}×{cols} matrix")]
    Slow {
        /// Title of the method.
        method: &'static str,
        /// Predicted minutes on one thread.
        minutes: f64,
        /// Number of rows of W.
        rows: usize,
        /// Number of columns of W.
        cols: usize,
    },
}

impl Error {
    /// Whether it was told to stop.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Method(methods::Error::Cancelled))
    }
}

impl Explain for Error {
    fn hint(&self) -> Option<Hint> {
        Some(match self {
            Self::Factorize(error) => return error.hint(),
            Self::Method(error) => return error.hint(),
            Self::Export(error) => return error.hint(),
            Self::Calibration(error) => return error.hint(),
            Self::NoMethod { .. } => {
                let names: Vec<&str> = Method::ALL.iter().map(|method| method.name()).collect();
                Hint::Say(format!("take one of {}", names.join(", ")).into())
            }
            Self::NoPreset { .. } => Hint::say("take published, best, fast or compact"),
            Self::NoSetting { known, .. } => {
                Hint::Say(format!("take method, size, preset, or one of {}", known.join(", ")).into())
            }
            Self::Slow { .. } => Hint::AskByName,
            Self::NotANumber { .. } | Self::Value { .. } | Self::NoSquare { .. } => return None,
        })
    }
}
