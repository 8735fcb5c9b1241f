//! Why a pattern is not translated.

/// Why a pattern is not translated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Oniguruma refuses it as well.
    #[error("{0}")]
    Invalid(&'static str),
    /// It has a part that cannot be said in the other syntax, or is not worth it.
    #[error("{0} is not supported")]
    Unsupported(String),
}

/// A refusal of the part of a pattern that reads `what`.
pub fn unsupported(what: impl Into<String>) -> Refusal {
    Refusal::Unsupported(what.into())
}
