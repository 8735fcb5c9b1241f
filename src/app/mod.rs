//! The window. One panel per file; [`Explorer`] holds what they share and hears what they ask for.

mod annealing_panel;
mod colors;
mod controls;
mod curve;
mod explorer;
mod export_panel;
mod fields;
mod inputs_panel;
mod layers_panel;
mod loader;
mod matrix_view;
mod messages;
mod open_panel;
mod pyramid;
mod run;
mod runs_panel;
mod settings_panel;
mod views;

pub use explorer::{Explorer, Opening};
pub use pyramid::{Colors, Pyramid};
pub use run::{Pictures, Run, State, Subject};
