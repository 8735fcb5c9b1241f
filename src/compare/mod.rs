//! Methods side by side: one layer, one budget, a report of each.
//!
//! A [`Candidate`] is a method with what it can be told. [`Candidate::replace`] does it and measures it, in one call that
//! tells how far it is and can be stopped: on a thread of the command line, or as a task in the background.
//!
//! A [`Sweep`] does so again and again with one or two things varied, and [`Results`] are its picture and its table. The
//! paper's figures are sweeps: [`Figure`]. What methods do to a whole language model is in [`ModelResults`].

mod candidate;
mod figures;
mod models;
mod results;
mod sweep;

pub use candidate::{Candidate, Made, choose};
pub use figures::Figure;
pub use models::{ModelRecord, ModelResults, ModelRow, ModelStudy};
pub use results::{Drawn, Results};
pub use sweep::{Choice, Point, Quantity, Record, Subject, Sweep, View};
