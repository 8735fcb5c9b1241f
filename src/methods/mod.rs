//! The methods that Double Sparse Factorization is compared with: each replaces W by something with the same number of
//! nonzeros.
//!
//! [`Method`] lists them all. Those beside DSF are [`Baseline`]s: one call each, in a file with its formulas and its
//! source.
//!
//! DSF is no baseline but a [run](crate::job) of many steps; `compare::Candidate` makes one call of either. All results
//! are measured by the same report. Methods side by side, and the points of a sweep, get one thread each, so that their
//! seconds are comparable.

mod admm;
mod baseline;
mod error;
mod hessian;
mod low_rank;
mod magnitude;
mod method;
mod monarch;
mod obc;
mod palm4msa;
mod shares;
mod sparsegpt;
mod threshold;
mod wanda;

pub use admm::Admm;
use baseline::report_progress;
pub use baseline::{Baseline, ProgressFn};
pub use error::Error;
pub use low_rank::{LowRank, truncated_svd};
pub use magnitude::Magnitude;
pub use method::Method;
pub use monarch::{Monarch, monarch};
pub use obc::{Obc, Trace, trace};
pub use palm4msa::{Hierarchical, Palm4msa};
pub use sparsegpt::SparseGpt;
pub use threshold::ThresholdScope;
pub use wanda::Wanda;
