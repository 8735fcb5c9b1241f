//! The Methods panel: one layer by all methods at one density.

pub mod columns;
pub mod line;
pub mod panel;
pub mod table;
