//! Files as the window asks for them: through the system's dialogs on the desktop, through the browser in a page.

#[cfg(not(target_arch = "wasm32"))]
mod desktop;
pub mod dropping;
pub mod example_error;
#[cfg(not(target_arch = "wasm32"))]
pub mod listing;
#[cfg(target_arch = "wasm32")]
mod page;
pub mod pick;
pub mod written;

#[cfg(not(target_arch = "wasm32"))]
pub use desktop::*;
#[cfg(target_arch = "wasm32")]
pub use page::*;
