//! Windows over the panels: opening, exporting, sharing, the command palette.

pub mod command_palette;
pub mod export;
pub mod open;
pub mod palette_search;
pub mod share;
