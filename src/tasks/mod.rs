//! Work done in the background of a caller that must never wait: on threads on the desktop, in Workers in a page.
//!
//! Whatever takes longer than a frame of the window is a [`Task`], computed in one go, or an [`Actor`], a step machine
//! that takes commands between its steps. Each is a struct that holds all it needs; what it makes comes back as a
//! message. The caller does not know where it runs:
//!
//! - On the desktop each runs on a thread, and nothing is copied.
//! - A page has no threads but Workers, each with a memory of its own. There a task is sent as bytes ([`raw`]); an
//!   [`Arc`](std::sync::Arc) that several tasks share ([`shared`]) is sent to a Worker once and named after that; and a
//!   large value that can be made anew ([`Lazy`]: a language model with its texts) is made on each side from its
//!   source.
//!
//! A Worker cannot wait either. A step that needs what a graphics device has not finished returns [`Flow::Pending`], and
//! the device's answer wakes the actor ([`wake`]).

#[cfg(any(target_arch = "wasm32", test))]
mod error;
#[cfg(target_arch = "wasm32")]
mod js_handle;
mod lazy;
#[cfg(target_arch = "wasm32")]
mod message;
#[cfg(target_arch = "wasm32")]
mod page;
mod queue;
pub mod raw;
pub mod shared;
mod task;
#[cfg(not(target_arch = "wasm32"))]
mod threads;
#[cfg(any(target_arch = "wasm32", test))]
mod wire;
#[cfg(target_arch = "wasm32")]
mod worker;

#[cfg(target_arch = "wasm32")]
pub use js_handle::{JsHandle, with_js_handle};
pub use lazy::{Lazy, LazySource};
#[cfg(target_arch = "wasm32")]
pub use page::{
    ActorHandle, TaskHandle, drop_in_background, notices, parallel_tasks, processors, spawn, spawn_actor, why_no_gpu,
};
pub use queue::Queue;
pub use task::{Actor, Flow, Message, SilentTask, Task};
#[cfg(not(target_arch = "wasm32"))]
pub use threads::{
    ActorHandle, TaskHandle, drop_in_background, notices, parallel_tasks, processors, spawn, spawn_actor, wake,
    why_no_gpu,
};
#[cfg(target_arch = "wasm32")]
pub use worker::{Registry, serve, wake};
