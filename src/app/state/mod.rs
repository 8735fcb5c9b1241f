//! What the window knows, without how it is drawn or computed.

pub mod action;
pub mod chart_files;
pub mod display_options;
pub mod factors_at;
pub mod frame_times;
pub mod inputs;
pub mod kept;
pub mod link;
pub mod messages;
pub mod method_result;
pub mod persistence;
pub mod run;
pub mod series;
pub mod snapshot_history;
pub mod timeline;
pub mod workspace;
