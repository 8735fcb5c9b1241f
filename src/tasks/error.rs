//! Why a page and its Workers do not work together.

/// Why a page and its Workers do not work together. Both are of one build: all but the first are bugs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The browser starts no Worker.
    #[cfg(target_arch = "wasm32")]
    #[error("This page cannot start a Worker: {reason}")]
    NoWorker {
        /// In the browser's words.
        reason: String,
    },
    /// Bytes of something else than what was expected.
    #[error(transparent)]
    Format(#[from] postcard::Error),
    /// No task or actor is registered under this name.
    #[cfg(target_arch = "wasm32")]
    #[error("there is no task called {name}")]
    UnknownTask {
        /// The name.
        name: String,
    },
}
