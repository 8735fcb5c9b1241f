//! A network with its images, read on each side that works with it.

use super::network_set::{NetworkInfo, NetworkSet, VisionSource};
use crate::app::tasks::whole_model::open_model::ModelSource;
use crate::hint::Failure;
use crate::model::{Checkpoint, Source};
use crate::tasks::{Lazy, Queue, SilentTask, shared};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A network with its images: read on each side that works with it.
pub type LazyNetwork = Lazy<VisionSource>;

/// The network and its images, read if they are not yet.
pub fn network_set(opened: &LazyNetwork) -> Result<&NetworkSet, Failure> {
    opened.get().as_ref().map_err(Clone::clone)
}

/// Reads the network; what the panels need of it.
#[derive(Serialize, Deserialize)]
pub struct ReadNetwork(#[serde(with = "shared")] pub Arc<LazyNetwork>);

impl SilentTask for ReadNetwork {
    const NAME: &'static str = "read network";
    const QUEUE: Queue = Queue::Vision;
    type Output = Result<NetworkInfo, Failure>;

    fn make(self) -> Self::Output {
        network_set(&self.0).map(NetworkInfo::of)
    }
}

impl ModelSource for VisionSource {
    type Info = NetworkInfo;
    type Read = ReadNetwork;

    fn reading(lazy: Arc<LazyNetwork>) -> ReadNetwork {
        ReadNetwork(lazy)
    }

    fn with_data(self, images: Option<Source>) -> Self {
        Self { images, ..self }
    }

    fn checkpoint(&self) -> &Arc<Checkpoint> {
        &self.checkpoint
    }

    fn is_example(&self) -> bool {
        self.from.is_none()
    }
}
