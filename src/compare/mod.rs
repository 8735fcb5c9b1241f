//! Methods side by side: one layer, one budget, a report of each.
//!
//! A [`Candidate`] is a method with what it can be told. [`Candidate::replace`] does it and measures it, in one call that
//! tells how far it is and can be stopped: on a thread of the command line, or as a task away from the window.

mod candidate;

pub use candidate::{Candidate, Made, choose};
