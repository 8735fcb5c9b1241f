//! The window, driven by its labels as a person or a screen reader finds them.
#![cfg(feature = "gui")]

mod compare;
mod device;
mod driver;
mod first_minute;
mod flows;
mod model;
mod snapshots;
mod sweeps;
mod teach;
mod views;
