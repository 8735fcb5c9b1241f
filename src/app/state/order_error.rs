//! Why an order of a program that drives the window is not followed.

use crate::app::state::error::Error;
use crate::app::state::hints::sentence;
use crate::hint::{Explain, Failure, Hint};
use crate::{compress, factorize};

/// Why an order is not followed.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// Something else than an object with one key.
    #[error("an order is an object with one key")]
    NotAnOrder,
    /// A value of another kind.
    #[error("{what} takes {takes}")]
    Takes {
        /// Name of the order.
        what: String,
        /// Description of the values it takes.
        takes: String,
    },
    /// A name of nothing.
    #[error("there is no {kind} {name}")]
    Unknown {
        /// Kind of thing that was looked for.
        kind: &'static str,
        /// Name that was looked for.
        name: String,
    },
    /// It cannot be done as things are.
    #[error("{why}")]
    NotNow {
        /// Reason, in the words that a disabled button would show.
        why: String,
    },
    /// Text that is no JSON of what was expected.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// Settings outside their range.
    #[error(transparent)]
    Settings(#[from] factorize::Error),
    /// Densities outside their range.
    #[error(transparent)]
    Densities(#[from] compress::Error),
    /// Nothing is there to do it with.
    #[error(transparent)]
    Window(#[from] Error),
    /// It was begun and could not be done.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl OrderError {
    /// Message and hint, as the window says them.
    pub fn sentence(&self) -> String {
        sentence(&Failure { message: self.to_string(), hint: self.hint() })
    }

    /// It cannot be done as things are.
    pub fn not_now(why: impl Into<String>) -> Self {
        Self::NotNow { why: why.into() }
    }

    /// No `kind` has this name.
    pub fn unknown(kind: &'static str, name: impl ToString) -> Self {
        Self::Unknown { kind, name: name.to_string() }
    }

    /// The order `what` takes something else.
    pub fn takes(what: &str, takes: impl Into<String>) -> Self {
        Self::Takes { what: what.to_owned(), takes: takes.into() }
    }
}

impl Explain for OrderError {
    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Settings(error) => error.hint(),
            Self::Densities(error) => error.hint(),
            Self::Window(error) => error.hint(),
            Self::Failed(failure) => failure.hint.clone(),
            Self::NotAnOrder | Self::Takes { .. } | Self::Unknown { .. } | Self::NotNow { .. } | Self::Json(_) => None,
        }
    }
}
