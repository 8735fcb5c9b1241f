//! The changed model as a folder that transformers loads.

use super::lazy_model::LazyModel;
use crate::app::platform::SaveTarget;
use crate::app::platform::written::Written;
use crate::app::state::tuned_tensor::{TunedTensor, with_tensors};
use crate::compress::{CompressedLayer, Plan};
use crate::hint::Failure;
use crate::tasks::{Queue, SilentTask, shared};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Writes the model with its compressed layers; says in a sentence what came of it.
#[derive(Serialize, Deserialize)]
pub struct SaveModel {
    /// The model, loaded where the task runs.
    #[serde(with = "shared")]
    pub model: Arc<LazyModel>,
    /// Compressed layers of the model.
    #[serde(with = "shared::list")]
    pub layers: Vec<Arc<CompressedLayer>>,
    /// Tensors that were tuned with them.
    pub tensors: Vec<TunedTensor>,
    /// Plan by which they were compressed.
    pub plan: Plan,
    /// Folder for the model; in a page, the downloads.
    pub target: SaveTarget,
}

impl SilentTask for SaveModel {
    const NAME: &'static str = "save model";
    const QUEUE: Queue = Queue::Language;
    type Output = Result<Written, Failure>;

    #[cfg(not(target_arch = "wasm32"))]
    fn make(self) -> Self::Output {
        use crate::app::tasks::whole_model::save_folder::save_folder;
        use crate::compress::{Inputs, Output};
        use crate::export::Layout;
        use crate::language;
        use crate::model::Source;

        let set = self.model.get().as_ref().map_err(Clone::clone)?;
        set.model.checkpoint().check_not_quantized()?;
        let tuned = with_tensors(&set.model, &self.tensors);
        let companions = match &self.model.source().from {
            Some(Source::Path(folder)) => language::companions(folder)?,
            None => language::example_companions(),
        };
        let layouts = vec![Layout::Merged, Layout::Bitmask];
        let output = Output { layouts, companions, ..Output::default() };
        save_folder((&tuned, &Inputs::Unknown), &self.plan, &self.layers, &output, &self.target)
    }

    #[cfg(target_arch = "wasm32")]
    fn make(self) -> Self::Output {
        use crate::app::platform::written::Download;

        let set = self.model.get().as_ref().map_err(Clone::clone)?;
        set.model.checkpoint().check_not_quantized()?;
        let merged = {
            let tuned = with_tensors(&set.model, &self.tensors);
            crate::compress::merged_model(&tuned, &self.layers, &Default::default())?
        };
        let mut files = vec![Download { name: "model.safetensors".into(), bytes: merged }];
        // Of a model of one's own these are at hand already.
        if self.model.source().from.is_none() {
            let companions = crate::language::example_companions().into_iter();
            files.extend(companions.map(|(name, bytes)| Download { name, bytes }));
        }
        let count = self.layers.len();
        Ok(Written { said: format!("The model with {count} compressed layers is in the downloads"), files })
    }
}
