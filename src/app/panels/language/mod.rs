//! The language model: its perplexity, what becomes of it, and what it tells.

pub mod budget;
pub mod compression;
pub mod info;
pub mod layers;
pub mod model;
pub mod perplexity;
pub mod story;
pub mod table;
pub mod tradeoff;
pub mod tuning;
