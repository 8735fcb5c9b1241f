//! A run: commands go in, events come out.
//!
//! [`Drive`] is a run without a clock or a thread: it joins the stages of a run and turns each step into an [`Event`]. On
//! the desktop [`Job`] drives it on a thread of its own with its own pool of workers, and [`run`] on the calling
//! thread. The window and the command line see only events.

#[cfg(not(target_arch = "wasm32"))]
pub mod bench;
mod drive;
#[cfg(not(target_arch = "wasm32"))]
mod native;

pub use drive::{Command, Drive, End, Event, LayerErrors, Outcome, Problem, Progress, Settled, Snapshot, Stage};
#[cfg(not(target_arch = "wasm32"))]
pub use native::{Job, run};
