//! A run: commands go in, events come out.
//!
//! [`Pipeline`] is a run without a clock: it joins the stages of a run and turns each step into an [`Event`]. [`RunActor`]
//! drives it, with its own pool of threads, and listens between the steps: [`Job`] as an actor in the background,
//! [`run`] on the calling thread. The window and the command line see only events.

pub mod bench;
#[cfg(feature = "gpu")]
pub mod bench_gpu;
mod compute_config;
mod pipeline;
mod run_actor;

pub use compute_config::{Backend, ComputeConfig, OpenedDevice, adapter, device};
pub use pipeline::{
    Command, DeviceInfo, End, Event, LayerErrors, Outcome, Pipeline, Problem, Progress, Snapshot, Stage, Warmup,
};
pub use run_actor::{Job, RunActor, run};
