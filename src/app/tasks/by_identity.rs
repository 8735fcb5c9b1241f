//! Keys of results that depend on large data.

use std::sync::Arc;

/// Shared data, compared by where it lies and not by what it holds.
pub struct ByIdentity<T>(pub Arc<T>);

impl<T> Clone for ByIdentity<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> PartialEq for ByIdentity<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
