//! Windows over the panels: opening, exporting, sharing, the command palette.

pub mod command_palette;
pub mod export;
#[cfg(not(target_arch = "wasm32"))]
pub mod file_list;
pub mod open;
pub mod palette_search;
pub mod share;
