//! What is worked out for the open vision model, in the background.
//!
//! Everything slow is a task, with a file each. A [`NetworkSet`](network_set::NetworkSet) is the network with the images that
//! it is measured and calibrated on; its [`NetworkInfo`](network_set::NetworkInfo) is what the panels need of it.
//! [`VisionModelState`](vision_state::VisionModelState) holds what came of the tasks.

pub mod accuracies;
mod by_portions;
pub mod collect;
pub mod evaluate;
pub mod evaluate_layer;
pub mod images;
pub mod lazy_network;
pub mod measured;
pub mod network_set;
pub mod samples;
pub mod save;
pub mod tuning;
pub mod vision_poll;
pub mod vision_state;
