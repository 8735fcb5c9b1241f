//! Against the error that a layer's real inputs see: their statistics, and values solved again on the final masks.

mod finalize;
mod masked;
mod regression;

pub use finalize::{Finalize, FinalizeReport, Finalizer, Sides, Solve};
pub use regression::polish;
