//! Why the built-in checkpoint is not there: a page fetches it beside its program.

use crate::hint::{Explain, Hint};
use crate::model;

/// Why the built-in checkpoint is not there.
#[cfg_attr(not(target_arch = "wasm32"), expect(dead_code, reason = "only a page fetches it"))]
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ExampleError {
    /// It has not been fetched.
    #[error("The example is not there")]
    Missing,
    /// The example could not be fetched.
    #[error("The example cannot be fetched ({reason})")]
    Fetch {
        /// In the browser's words.
        reason: String,
    },
    /// The bytes that came are no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] model::Error),
}

impl Explain for ExampleError {
    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Missing | Self::Fetch { .. } => Some(Hint::say("reload the page")),
            Self::Checkpoint(error) => error.hint(),
        }
    }
}
