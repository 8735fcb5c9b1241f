//! Tuning of each block while a model is compressed.

use super::{CompressedLayer, Error, LayerKey, Plan};
use crate::export::{self, Export, Layout, RunReport};
use crate::finetune::{BlockTask, Blockwise};
use crate::language::{CalibrationPass, LanguageModel, LayerId, ResidualStreams};
use crate::matrix::{Matrix, Problem, Replacement};
use crate::methods::Method;
use crate::model::Layer;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A block whose layers are compressed one after the other, and which is tuned in between.
pub(super) struct BlockWork {
    how: Blockwise,
    /// The model with everything that is finished in its place, and layers that are not as they were tuned.
    model: LanguageModel,
    /// Streams of the dense model after the block.
    target: ResidualStreams,
    /// Streams before the block of the compressed model.
    before: ResidualStreams,
    /// Layers of this block that are finished but for the tuning.
    finished: BTreeMap<LayerId, Finished>,
    /// Values of norms and biases of this block, tuned.
    tensors: BTreeMap<String, Vec<f32>>,
    /// Whether layers were finished since the last tuning.
    is_due: bool,
}

/// A layer that is finished but for the tuning.
pub(super) struct Finished {
    /// The layer of the dense model.
    pub layer: Layer,
    /// Its W with the statistics of its inputs, for the report.
    pub problem: Problem,
    pub compressed: Arc<CompressedLayer>,
}

/// A block that is compressed and tuned, as far as it is yet. `K` identifies a layer.
#[derive(Clone, Debug)]
pub struct TunedBlock<K: LayerKey = LayerId> {
    /// Number of the block.
    pub block: usize,
    /// Its layers with tuned values.
    pub layers: Vec<Arc<CompressedLayer<K>>>,
    /// Values of its norms and biases, by name, as the file has them.
    pub tensors: BTreeMap<String, Vec<f32>>,
    /// Distance from the dense model's streams after the block as a share of them, on windows that were not tuned on, before
    /// the last tuning.
    pub before: f64,
    /// The same after it.
    pub after: f64,
    /// Whether all of its layers are finished. Until then layers that are to come make up for some of what the finished ones
    /// lose, and these are of use with them alone.
    pub is_finished: bool,
}

impl BlockWork {
    /// Before the first block of `pass`.
    pub fn new(how: &Blockwise, model: &LanguageModel, pass: &CalibrationPass) -> Self {
        let streams = pass.streams().clone();
        Self {
            how: how.clone(),
            model: model.clone(),
            target: streams.clone(),
            before: streams,
            finished: BTreeMap::new(),
            tensors: BTreeMap::new(),
            is_due: false,
        }
    }

    /// Enters the block at whose start `pass` stands; `dense` is the model without replacements.
    pub fn enter(&mut self, dense: &LanguageModel, pass: &CalibrationPass) -> Result<(), Error> {
        self.before = pass.streams().clone();
        let number = pass.block_number();
        self.target.forward(&dense.block(number, pass.angles())?, number)?;
        (self.finished, self.tensors, self.is_due) = Default::default();
        Ok(())
    }

    /// W of a layer that is not finished, if it was tuned.
    pub fn weight(&self, id: LayerId) -> Option<Arc<Matrix>> {
        self.model.replacement(id).map(|weight| weight.to_dense())
    }

    /// A layer is finished but for the tuning.
    pub fn finished(&mut self, finished: Finished) {
        let compressed = &finished.compressed;
        self.model.replace(compressed.id, compressed.weight.clone());
        self.finished.insert(compressed.id, finished);
        self.is_due = true;
    }

    /// A layer was finished and tuned before.
    pub fn found(&mut self, layer: &CompressedLayer) {
        self.model.replace(layer.id, layer.weight.clone());
    }

    /// Norms and biases were tuned before.
    pub fn found_tensors(&mut self, tensors: &BTreeMap<String, Vec<f32>>) {
        tensors.iter().for_each(|(name, values)| self.model.replace_values(name, Arc::new(values.clone())));
    }

    /// The model with everything in its place.
    pub fn model(&self) -> &LanguageModel {
        &self.model
    }

    /// Tunes the block, if layers were finished since the last time, and computes `pass` anew up to where it stands;
    /// `is_last` if no further layer of the block is to be finished.
    pub fn tune(
        &mut self,
        pass: &mut CalibrationPass,
        plan: &Plan,
        weights: Option<&[f32]>,
        is_last: bool,
        progress: &dyn Fn(f64) -> bool,
    ) -> Result<Option<TunedBlock>, Error> {
        if !std::mem::take(&mut self.is_due) {
            return Ok(None);
        }
        let number = pass.block_number();
        let layers: BTreeMap<LayerId, Arc<Replacement>> =
            self.finished.iter().map(|(&id, finished)| (id, finished.compressed.replacement.clone())).collect();
        let of_block = self.model.config().layers_of(number).into_iter();
        let to_come: Vec<LayerId> =
            of_block.filter(|&id| !layers.contains_key(&id) && plan.densities.of(id) < 1.0).collect();
        let task = BlockTask {
            model: &self.model,
            number,
            layers: &layers,
            angles: &pass.angles().clone(),
            before: &self.before,
            target: &self.target,
            weights,
            to_come: &to_come,
        };
        let tuned = task.run(&self.how, progress)?;
        for (id, replacement) in tuned.layers {
            let Some(finished) = self.finished.get_mut(&id) else { continue };
            finished.compressed = Arc::new(finished.with_values(plan, replacement)?);
            self.model.replace(id, finished.compressed.weight.clone());
        }
        tuned.dense.into_iter().for_each(|(id, weight)| self.model.replace(id, Arc::new(weight)));
        for (name, values) in tuned.tensors {
            // As the file will have them.
            let format = self.model.checkpoint().tensor(&name)?.format;
            let values = format.map_or(values.clone(), |dtype| dtype.decode(&dtype.encode(&values)));
            self.model.replace_values(&name, Arc::new(values.clone()));
            self.tensors.insert(name, values);
        }
        pass.restart_block(&self.model, self.before.clone())?;
        let layers = self.finished.values().map(|finished| finished.compressed.clone()).collect();
        let (before, after) = (tuned.before, tuned.after);
        let tensors = self.tensors.clone();
        Ok(Some(TunedBlock { block: number, layers, tensors, before, after, is_finished: is_last }))
    }
}

impl Finished {
    /// The same layer with other values on its masks, and a report of them.
    fn with_values(&self, plan: &Plan, replacement: Replacement) -> Result<CompressedLayer, Error> {
        let (layer, old) = (&self.layer, &*self.compressed);
        let replacement = Arc::new(replacement);
        let (layout, dtype) = match replacement.kind().is_two_factors() {
            true => (plan.layout, plan.export_dtype()),
            false => (Layout::Merged, None),
        };
        let export = Export::new(layer, &replacement, layout, dtype)?;
        let took = (old.report.seconds, old.report.threads);
        let method = old.report.method().unwrap_or(Method::Dsf);
        let report = RunReport::new(layer, &self.problem, (method, old.report.density), &export, took);
        let report = RunReport {
            relative_error: report.relative_error,
            layer_error: report.layer_error,
            nnz: report.nnz,
            nnz_a: report.nnz_a,
            nnz_b: report.nnz_b,
            ..old.report.clone()
        };
        let weight = Arc::new(export::merged(&replacement, layer.dtype)?);
        Ok(CompressedLayer { id: old.id, replacement, weight, settings: old.settings.clone(), report })
    }
}
