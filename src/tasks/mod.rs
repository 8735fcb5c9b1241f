//! Work done in the background, which must never wait: on threads on the desktop, in Workers in a page.
//!
//! What a [`Task`] or a [`Actor`] needs is in it, and what it makes comes back as a message. On the desktop nothing of
//! that is copied. A Worker has a memory of its own: there a task is sent as bytes ([`raw`]), and what several tasks
//! share ([`shared`]) is sent once.

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
    ActorHandle, TaskHandle, drop_later, notices, parallel_tasks, processors, spawn, spawn_actor, why_no_gpu,
};
pub use queue::Queue;
pub use task::{Actor, Flow, Message, SilentTask, Task};
#[cfg(not(target_arch = "wasm32"))]
pub use threads::{
    ActorHandle, TaskHandle, drop_later, notices, parallel_tasks, processors, spawn, spawn_actor, wake, why_no_gpu,
};
#[cfg(target_arch = "wasm32")]
pub use worker::{Registry, serve, wake};
