//! A method that replaces W in one call.

use super::Error;
use crate::matrix::{Problem, Replacement};

/// Told the share that is done, from 0 to 1; answers whether to go on.
pub type ProgressFn<'a> = &'a (dyn Fn(f64) -> bool + Sync);

/// Tells; an error when it is no longer wanted.
pub(super) fn report_progress(progress: ProgressFn<'_>, share: f64) -> Result<(), Error> {
    if progress(share) { Ok(()) } else { Err(Error::Cancelled) }
}

/// A way to replace W.
pub trait Baseline: Send + Sync {
    /// Replaces W by at most `budget` nonzeros, the entries of dense factors counted as well.
    ///
    /// W is finite, has entries, and the statistics of the problem's inputs fit it: [`Method::replace`](super::Method::replace) sees to that.
    fn replace(&self, problem: &Problem, budget: usize, progress: ProgressFn<'_>) -> Result<Replacement, Error>;
}
