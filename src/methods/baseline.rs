//! A method that replaces W in one call.

use super::Error;
use crate::matrix::{Problem, Replacement};

/// Progress callback: the share done, 0 to 1; returns whether to continue.
pub type ProgressFn<'a> = &'a (dyn Fn(f64) -> bool + Sync);

/// Reports progress; fails when the result is no longer wanted.
pub(super) fn report_progress(progress: ProgressFn<'_>, share: f64) -> Result<(), Error> {
    if progress(share) { Ok(()) } else { Err(Error::Cancelled) }
}

/// A method that replaces W in one call.
pub trait Baseline: Send + Sync {
    /// Replaces W by at most `budget` nonzeros; for dense factors all entries count.
    ///
    /// W is finite, has entries, and the statistics of the problem's inputs fit it: [`Method::replace`](super::Method::replace) sees to that.
    fn replace(&self, problem: &Problem, budget: usize, progress: ProgressFn<'_>) -> Result<Replacement, Error>;
}
