//! A run: commands go in, events come out.
//!
//! The solver knows neither threads nor time. [`Pipeline`] joins the stages of a run (search, factorize, finalize: each
//! a step machine of its own) and turns their steps into [`Event`]s, still without a clock. [`RunActor`] drives it,
//! with its own pool of threads, and takes [`Command`]s between the steps: [`Job`] as an actor in the background,
//! [`run`] on the calling thread. It makes a [`PackedSnapshot`] of the factors when asked, when it is paused, and after each
//! outer iteration for a caller that records them. The window and the command line see only events.

pub mod bench;
#[cfg(feature = "gpu")]
pub mod bench_gpu;
pub mod bench_sparse;
mod compute_config;
mod error;
mod pipeline;
mod run_actor;
mod snapshot;
pub mod speed;

pub use compute_config::{Backend, ComputeConfig, OpenedDevice, adapter, device};
pub use error::{Error, NoAdapter};
pub use pipeline::{Command, DeviceInfo, End, Event, LayerErrors, Outcome, Pipeline, Progress, RunStage, Warmup};
pub use run_actor::{Job, RunActor, run};
pub use snapshot::PackedSnapshot;
