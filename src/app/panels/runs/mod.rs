//! The list of runs, and what differs between two of them.

pub mod differences;
pub mod panel;
pub mod row;
