//! The changed network as a folder that timm, torchvision or transformers load.

use super::evaluate::BATCH;
use super::lazy_network::{LazyNetwork, network_set};
use super::network_set::NetworkSet;
use crate::app::platform::SaveTarget;
use crate::app::platform::written::Written;
use crate::app::state::tuned_tensor::{TunedTensor, with_tensors};
use crate::app::tasks::on_threads::on_threads;
use crate::compress::{CompressedLayer, Plan};
use crate::hint::Failure;
use crate::tasks::{Queue, SilentTask, shared};
use crate::vision::VisionModel;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Writes the network with its compressed layers, and with batch normalization estimated anew unless it was tuned with them; says in
/// a sentence what came of it.
#[derive(Serialize, Deserialize)]
pub struct SaveNetwork {
    /// The network, loaded where the task runs.
    #[serde(with = "shared")]
    pub network: Arc<LazyNetwork>,
    /// Compressed layers of the network.
    #[serde(with = "shared::list")]
    pub layers: Vec<Arc<CompressedLayer<usize>>>,
    /// Tensors that were tuned with them.
    pub tensors: Vec<TunedTensor>,
    /// Whether batch normalization is estimated anew with them, on the calibration images.
    pub estimates_norms: bool,
    /// Plan by which they were compressed.
    pub plan: Plan<usize>,
    /// Number of worker threads.
    pub threads: Option<usize>,
    /// Folder for the network; in a page, the downloads.
    pub target: SaveTarget,
}

impl SilentTask for SaveNetwork {
    const NAME: &'static str = "save network";
    const QUEUE: Queue = Queue::Vision;
    type Output = Result<Written, Failure>;

    #[cfg(not(target_arch = "wasm32"))]
    fn make(self) -> Self::Output {
        use crate::app::tasks::whole_model::save_folder::save_folder;
        use crate::compress::{Output, VisionInputs};
        use crate::export::Layout;
        use crate::model::Source;
        use crate::vision;

        let set = network_set(&self.network)?;
        let model = with_tensors(&set.model, &self.tensors);
        let values = on_threads(self.threads, || self.norms(set, &model))?;
        let companions = match &self.network.source().from {
            Some(Source::Path(path)) => vision::companions(path)?,
            None => vision::example_companions(),
        };
        let layouts = vec![Layout::Merged, Layout::Bitmask];
        let output = Output { layouts, companions, values, ..Output::default() };
        save_folder((&model, &VisionInputs::Unknown), &self.plan, &self.layers, &output, &self.target)
    }

    #[cfg(target_arch = "wasm32")]
    fn make(self) -> Self::Output {
        use crate::app::platform::written::Download;

        let set = network_set(&self.network)?;
        let model = with_tensors(&set.model, &self.tensors);
        let values = on_threads(self.threads, || self.norms(set, &model))?;
        let merged = crate::compress::merged_model(&model, &self.layers, &values)?;
        let mut files = vec![Download { name: "model.safetensors".into(), bytes: merged }];
        // Of a network of one's own these are at hand already.
        if self.network.source().from.is_none() {
            let companions = crate::vision::example_companions().into_iter();
            files.extend(companions.map(|(name, bytes)| Download { name, bytes }));
        }
        let count = self.layers.len();
        Ok(Written { said: format!("The network with {count} compressed layers is in the downloads"), files })
    }
}

impl SaveNetwork {
    /// Means and variances of the network with these layers, estimated anew, by name; none where those of `model` stay.
    fn norms(&self, set: &NetworkSet, model: &VisionModel) -> Result<BTreeMap<String, Vec<f32>>, Failure> {
        let Some(calibrating) = set.calibrating.as_ref().filter(|_| self.estimates_norms) else {
            return Ok(BTreeMap::new());
        };
        let mut network = model.network()?;
        self.layers.iter().for_each(|layer| network.replace(layer.id, &layer.weight));
        network.estimate_norms(calibrating, BATCH, set.augment)?;
        Ok(network.running_values())
    }
}
