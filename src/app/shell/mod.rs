//! The window around the panels: bars, dialogs, the dock layout and the eframe App.

pub mod closing;
pub mod dialogs;
pub mod keyboard;
pub mod labels;
pub mod layout;
pub mod status_bar;
pub mod toasts;
pub mod toolbar;
pub mod tour_card;
