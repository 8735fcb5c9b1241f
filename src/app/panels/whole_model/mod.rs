//! What the pages for whole models have in common, whatever kind of model it is.

pub mod commands;
pub mod layer_table;
pub mod method;
pub mod percent;
pub mod tradeoff;
pub mod tuning;
pub mod typed_source;
