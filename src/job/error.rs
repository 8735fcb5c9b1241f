//! Why a run fails.

use crate::compute::NoThreads;
use crate::factorize;
use crate::hint::{Explain, Hint};

/// Why a run ends without a result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// Of the problem, the settings or the numbers.
    #[error(transparent)]
    Factorize(#[from] factorize::Error),
    /// There is nothing to compute on.
    #[error(transparent)]
    Threads(#[from] NoThreads),
    /// A panic, or a Worker that is gone.
    #[error("the solver broke off (a bug; please report it with the settings and the matrix)")]
    Broken,
}

impl Explain for Error {
    fn hint(&self) -> Option<Hint> {
        match self {
            Self::Factorize(error) => error.hint(),
            Self::Threads(error) => error.hint(),
            Self::Broken => None,
        }
    }
}

/// Why runs cannot be computed on a graphics adapter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAdapter {
    /// The program was compiled without it.
    #[error("this build has no graphics backend (feature `gpu`)")]
    NotBuilt,
    /// None can be opened.
    #[cfg(feature = "gpu")]
    #[error(transparent)]
    Gpu(#[from] crate::compute::gpu::Error),
}

impl Explain for NoAdapter {
    fn hint(&self) -> Option<Hint> {
        match self {
            Self::NotBuilt => None,
            #[cfg(feature = "gpu")]
            Self::Gpu(error) => error.hint(),
        }
    }
}
