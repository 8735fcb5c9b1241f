//! Results into the state, and commands onto it.

pub mod actions;
pub mod automation;
pub mod commands;
pub mod compare;
pub mod export;
pub mod language;
pub mod link;
pub mod loaded;
pub mod poll;
pub mod runs;
pub mod sweep;
pub mod tour;
pub mod vision;
pub mod whole_model;
