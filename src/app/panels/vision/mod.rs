//! The vision model: its accuracy, what becomes of it, and what it sees.

pub mod accuracy;
pub mod answers;
pub mod budget;
pub mod changed;
pub mod compression;
pub mod confusion;
pub mod images;
pub mod info;
pub mod kernel_tiles;
pub mod kernels;
pub mod layers;
pub mod network;
pub mod tradeoff;
pub mod tuning;
