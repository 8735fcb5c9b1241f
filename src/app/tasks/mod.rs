//! Everything that runs in the background for the window.

pub mod async_memo;
pub mod baselines;
pub mod comparison;
pub mod loader;
pub mod pending_task;
pub mod replace;
pub mod sweep;
pub mod view_renderer;
