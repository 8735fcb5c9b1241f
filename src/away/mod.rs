//! Work done away from the window, which must never wait: on threads on the desktop, in Workers in a page.
//!
//! What a [`Task`] or a [`Process`] needs is in it, and what it makes comes back as a message. On the desktop nothing of
//! that is copied. A Worker has a memory of its own: there a task is sent as bytes ([`raw`]), and what several tasks
//! share ([`shared`]) is sent once.

#[cfg(target_arch = "wasm32")]
mod attached;
mod lane;
#[cfg(target_arch = "wasm32")]
mod letter;
mod made;
#[cfg(target_arch = "wasm32")]
mod page;
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
pub use attached::{Attached, with_attached};
pub use lane::Lane;
pub use made::{Made, Recipe};
#[cfg(target_arch = "wasm32")]
pub use page::{Line, Ticket, converse, drop_later, instead_of_gpu, notices, processors, side_by_side, start};
pub use task::{Flow, Message, Process, Silent, Task};
#[cfg(not(target_arch = "wasm32"))]
pub use threads::{Line, Ticket, converse, drop_later, instead_of_gpu, notices, processors, side_by_side, start, wake};
#[cfg(target_arch = "wasm32")]
pub use worker::{Registry, serve, wake};
