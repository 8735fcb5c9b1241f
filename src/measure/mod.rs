//! What a factorization is worth: its error, and what it takes to store.

mod error;
mod storage;

pub use error::{relative_difference, relative_error};
pub use storage::Storage;
