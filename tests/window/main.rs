//! The window, driven by its labels as a person or a screen reader finds them.
#![cfg(feature = "gui")]

mod access;
mod compare;
mod device;
mod driver;
mod first_minute;
mod fits;
mod flows;
mod large;
mod model;
mod opening;
mod runs;
mod snapshots;
mod sweeps;
mod teach;
mod tuning;
mod views;
mod vision;
