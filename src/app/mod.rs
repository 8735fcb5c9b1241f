//! The window. [`Explorer`] holds what its panels share; one panel per file.
//!
//! - *State:* [`Explorer`] (`explorer.rs`), what comes into it (`intake.rs`), what can be asked of it (`action.rs`,
//!   `perform.rs`), how its parts are put together (`desk.rs`, `bars.rs`, `dialogs.rs`, `workspace.rs`), what is kept
//!   between starts (`saved.rs`).
//! - *Runs:* `run.rs` receives a job's events, `film.rs` keeps its iterations, `timeline.rs` says which is on screen,
//!   `showing.rs` makes the pictures of that one, on a thread (`background.rs`).
//! - *Other methods:* `comparing/`, one layer by all of them; `sweeping/`, the paper's figures. An `errand.rs` each.
//! - *Language models:* `language/`, what becomes of a whole model.
//! - *Pictures:* [`picture`] draws a matrix, `linked_views.rs` five of them under one pointer.

mod action;
mod annealing_panel;
mod async_memo;
mod bars;
mod baselines;
mod chart_view;
mod colors;
mod command_palette;
mod comparing;
mod controls;
mod curves_panel;
mod desk;
mod device_panel;
mod dialogs;
mod dropping;
mod estimate;
mod explorer;
mod export_panel;
mod fields;
mod files;
mod fonts;
#[cfg(not(target_arch = "wasm32"))]
mod frame_bench;
mod frame_times;
mod histogram_panel;
mod hook;
mod inputs_panel;
mod intake;
mod kept;
mod language;
mod layers_panel;
mod layers_table;
mod layers_tree;
mod link;
mod linked_views;
mod loader;
mod masks_panel;
mod messages;
mod open_panel;
#[cfg(target_arch = "wasm32")]
pub mod page;
mod paths_panel;
mod pending_task;
mod perform;
pub mod picture;
mod run;
mod runs_panel;
mod saved;
mod series;
mod settings_panel;
mod share_panel;
mod snapshot_history;
mod split_search;
mod sweeping;
mod teach;
mod timeline;
mod view_renderer;
mod workspace;
mod writing;

pub use action::Action;
pub use explorer::{Explorer, LaunchOptions};
#[cfg(not(target_arch = "wasm32"))]
pub use frame_bench::{FrameBench, FramePlan, FrameReport};
pub use frame_times::FrameTimes;
pub use hook::Labels;
pub use kept::{Kept, Parts};
pub use language::LanguageModelState;
pub use link::Link;
pub use linked_views::{DisplayOptions, Pointer};
pub use run::{Ended, Run, State, Subject};
pub use view_renderer::Pictures;
pub use workspace::Pane;
