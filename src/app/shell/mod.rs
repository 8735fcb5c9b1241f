//! The window around the panels: bars, dialogs, the dock layout and the eframe App.

pub mod dialogs;
pub mod layout;
pub mod toolbar;
