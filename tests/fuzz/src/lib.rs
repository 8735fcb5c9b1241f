//! Fuzzing the readers: what is fed with inputs, and what makes them.

pub mod mutate;
pub mod seeds;
pub mod targets;
