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
        use crate::compress::{Folder, Inputs, Output, Totals};
        use crate::export::Layout;
        use crate::language;
        use crate::model::Source;

        let Self { model, layers, tensors, plan, target } = self;
        let set = model.get().as_ref().map_err(Clone::clone)?;
        set.model.checkpoint().check_not_quantized()?;
        let tuned = with_tensors(&set.model, &tensors);
        let companions = match &model.source().from {
            Some(Source::Path(folder)) => language::companions(folder)?,
            None => language::example_companions(),
        };
        let (out, replace) = (target.path(), target.replaces());
        let folder = Folder::open(&tuned, &plan, &Inputs::Unknown, out, replace, false)?;
        let mut store = folder.store();
        for layer in &layers {
            store.keep(layer)?;
        }
        let reports: Vec<_> = layers.iter().map(|layer| layer.report.clone()).collect();
        let (kept, all) =
            reports.iter().fold((0, 0), |(kept, all), layer| (kept + layer.nnz, all + layer.rows * layer.cols));
        let density = kept as f64 / all.max(1) as f64;
        let seconds = reports.iter().map(|layer| layer.seconds).sum();
        let totals = Totals::new(reports, plan.dense_weights(set.model.config().shapes()), density, seconds);
        let output = Output { layouts: vec![Layout::Merged, Layout::Bitmask], companions, ..Output::default() };
        folder.finish(&plan, &totals, &output, replace)?;
        let said = format!("The model with {} compressed layers was written to {}", layers.len(), out.display());
        Ok(Written { said, files: Vec::new() })
    }

    #[cfg(target_arch = "wasm32")]
    fn make(self) -> Self::Output {
        use crate::app::platform::written::Download;

        let set = self.model.get().as_ref().map_err(Clone::clone)?;
        set.model.checkpoint().check_not_quantized()?;
        let merged = crate::compress::merged_model(&with_tensors(&set.model, &self.tensors), &self.layers)?;
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
