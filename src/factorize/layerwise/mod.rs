//! Against the error that a layer's real inputs see: their statistics, and values solved again on the final masks.

mod calibration;
mod finalize;
mod masked;
mod regression;

pub use calibration::{Calibration, CalibrationError, CalibrationSum};
pub use finalize::{Finalize, FinalizeReport, Finalizer, Sides, Solve};
pub use regression::polish;
