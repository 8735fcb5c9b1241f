//! A run: commands go in, events come out.
//!
//! [`Drive`] is a run without a clock: it joins the stages of a run and turns each step into an [`Event`]. [`Session`]
//! drives it, with its own pool of threads, and listens between the steps: [`Job`] as a process away from the window,
//! [`run`] on the calling thread. The window and the command line see only events.

mod backend;
pub mod bench;
#[cfg(feature = "gpu")]
pub mod bench_gpu;
mod drive;
mod session;

pub use backend::{Backend, Means, Opened, adapter, device};
pub use drive::{Command, Drive, End, Event, LayerErrors, Outcome, Place, Problem, Progress, Settled, Snapshot, Stage};
pub use session::{Job, Session, run};
