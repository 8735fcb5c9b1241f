//! What Double Sparse Factorization is compared with: every method replaces W by something with the same number of
//! nonzeros.
//!
//! [`Method`] names them all. Those beside DSF, which has a [run](crate::job) of its own, are [`Baseline`]s: one call,
//! a file each, in which its formulas and its source stand.
//!
//! DSF is no baseline: it is a run of many steps, and `compare::Candidate` makes one call of either. The results of all
//! methods are measured by the same report. Methods side by side, and the points of a sweep, get one thread each, so
//! that their seconds can be compared.

mod admm;
mod error;
mod hessian;
mod kept;
mod low_rank;
mod magnitude;
mod method;
mod monarch;
mod obc;
mod palm4msa;
mod shares;
mod sparsegpt;
mod wanda;

pub use admm::Admm;
pub use error::Error;
pub use kept::{Kept, Stored};
pub use low_rank::{LowRank, truncated_svd};
pub use magnitude::Magnitude;
pub use method::{Form, Method, Threshold};
pub use monarch::{Monarch, monarch};
pub use obc::{Obc, Trace, trace};
pub use palm4msa::{Hierarchical, Palm4msa};
pub use sparsegpt::SparseGpt;
pub use wanda::Wanda;

use crate::matrix::Problem;

/// Told the share that is done, from 0 to 1; answers whether to go on.
pub type ProgressFn<'a> = &'a (dyn Fn(f64) -> bool + Sync);

/// Tells; an error when it is no longer wanted.
fn report_progress(progress: ProgressFn<'_>, share: f64) -> Result<(), Error> {
    if progress(share) { Ok(()) } else { Err(Error::Cancelled) }
}

/// A way to replace W.
pub trait Baseline: Send + Sync {
    /// Replaces W by at most `budget` nonzeros, the entries of dense factors counted as well.
    ///
    /// W is finite, has entries, and the statistics of the problem's inputs fit it: [`Method::replace`] sees to that.
    fn replace(&self, problem: &Problem, budget: usize, progress: ProgressFn<'_>) -> Result<Kept, Error>;
}
