//! Comparison of methods: one layer, one budget, a report for each.
//!
//! A [`Candidate`] is a method with its settings. [`Candidate::replace`] replaces and measures a layer in one call with
//! progress and cancellation: on a thread of the command line, or as a task in the background.
//!
//! A [`Sweep`] does so repeatedly with one or two things varied, and [`Results`] make a chart and a table of it. The
//! paper's figures are sweeps ([`Figure`]). [`ModelResults`] compare methods on a whole language model.

mod candidate;
mod error;
mod figures;
mod models;
mod results;
mod sweep;

pub use candidate::{Candidate, Made, choose};
pub use error::Error;
pub use figures::Figure;
pub use models::{ModelRecord, ModelResults, ModelRow, ModelStudy, ModelTuning, RowTuning};
pub use results::{Drawn, Results};
pub use sweep::{Choice, Point, Quantity, Record, Subject, Sweep, View};
