//! Everything that runs in the background for the window.

pub mod adapter;
pub mod async_memo;
pub mod baselines;
pub mod bench;
pub mod by_identity;
pub mod comparison;
pub mod computed;
pub mod export_data;
pub mod language;
pub mod loaded;
pub mod loader;
pub mod masks;
pub mod norms;
pub mod pending_task;
pub mod pictures;
pub mod reading;
#[cfg(target_arch = "wasm32")]
pub mod registry;
pub mod replace;
pub mod speed;
pub mod split;
pub mod sweep;
pub mod sweeps;
pub mod view_renderer;
pub mod write_export;
