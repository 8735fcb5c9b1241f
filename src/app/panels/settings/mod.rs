//! The settings of the next run, its controls, the layer's inputs.

pub mod accuracy;
pub mod annealing;
pub mod controls;
pub mod estimate;
pub mod inputs;
mod on_screen;
pub mod panel;
pub mod perplexity;
pub mod setting;
pub mod split;
