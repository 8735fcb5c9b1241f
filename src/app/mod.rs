//! The window, in rooms that import only from the ones before them: `widgets`, `platform`, `state` → `tasks` → `panels`
//! → `explorer` → `update`, `shell`.
//!
//! - `widgets/`: parts that any panel is drawn with; `widgets/picture/` draws a matrix.
//! - `platform/`: files and dialogs of the desktop and of a browser.
//! - `state/`: what the window knows.
//! - `tasks/`: everything that runs in the background for it; nothing is drawn there.
//! - `panels/`: what is drawn, one file a panel. A panel changes only its own state, and returns what it asks for.
//! - `explorer.rs`: [`Explorer`] owns all state.
//! - `update/`: results into the state, commands onto it.
//! - `shell/`: the bars, the dialogs, the dock layout, the keyboard.
//!
//! **What can be asked for.** `Action` names every command of the window; keys, buttons and the palette all go through
//! it. `update/automation.rs` is the window as a program drives it.
//!
//! **Pictures of a run.** The run's thread packs the factors at each outer iteration and sends them. `SnapshotHistory`
//! keeps them within a bound, `Timeline` says which one is on screen, and `ViewRenderer` makes W, A, B, A·B and the
//! error of that moment. It is an `AsyncMemo`: it makes one at a time, and the last one stays until the next is there.
//!
//! **Comparison and sweeps.** Each method, and each point of a sweep, is a task on one thread, so that their seconds
//! can be compared. As many run at once as there are processors, the others wait; dropping a `PendingTask` cancels it.
//! A result joins the list of runs when it is shown.

mod explorer;
#[cfg(not(target_arch = "wasm32"))]
mod frame_bench;
#[cfg(target_arch = "wasm32")]
pub mod page;
mod panels;
mod platform;
mod shell;
mod state;
mod tasks;
mod update;
mod widgets;

pub use explorer::{Explorer, LaunchOptions};
#[cfg(not(target_arch = "wasm32"))]
pub use frame_bench::{FrameBench, FramePlan, FrameReport};
pub use shell::labels::Labels;
pub use state::action::Action;
pub use state::display_options::DisplayOptions;
pub use state::frame_times::FrameTimes;
pub use state::link::Link;
pub use state::loaded_layer::LoadedLayer;
pub use state::pane::Pane;
pub use state::pointer::Pointer;
pub use state::run::{Run, RunState};
pub use tasks::language::model_state::LanguageModelState;
pub use tasks::pictures::Pictures;
pub use tasks::vision::vision_state::VisionModelState;
pub use widgets::picture;
