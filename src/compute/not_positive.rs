//! Why a Cholesky factorization stops.

/// The matrix to factorize is not positive definite: its pivot number `pivot` is zero, negative or not a number.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("not positive definite: pivot {pivot}")]
pub struct NotPositive {
    /// Index of the pivot, from 0.
    pub pivot: usize,
}
