//! The panels, a file or a folder each.

pub mod action_button;
pub mod compare;
pub mod curves;
pub mod device;
pub mod dialogs;
pub mod histogram;
pub mod language;
pub mod layers;
pub mod lesson;
pub mod linked_views;
pub mod log;
pub mod masks;
pub mod paths;
pub mod runs;
pub mod save_to;
pub mod settings;
pub mod speed;
pub mod state;
pub mod sweeps;
pub mod timeline;
pub mod vision;
pub mod whole_model;
