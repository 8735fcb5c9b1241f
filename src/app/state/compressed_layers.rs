//! The compressed layers of a model.

use super::tuned_tensor::TunedTensor;
use crate::compress::{CompressedLayer, LayerKey};
use crate::language::LayerId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The layers that were compressed, and what became of the model's perplexity or accuracy meanwhile.
pub struct CompressedLayers<K: LayerKey = LayerId> {
    layers: BTreeMap<K, Arc<CompressedLayer<K>>>,
    /// Of layers whose values were tuned, what they were before.
    untuned: BTreeMap<K, Arc<CompressedLayer<K>>>,
    /// Tensors that were tuned with them; none without a tuned layer.
    tensors: Vec<TunedTensor>,
    /// Layers that were tuned with their block while they were compressed, and the block's number.
    of_blocks: BTreeMap<K, usize>,
    /// Tensors that were tuned with these, by block; none of a block without one of its layers.
    block_tensors: BTreeMap<usize, Vec<TunedTensor>>,
    /// Counts the changes of `layers`.
    version: usize,
    /// The version that was written.
    saved: Option<usize>,
    /// Points as (number of replaced layers, perplexity or accuracy).
    trail: Vec<(usize, f64)>,
}

impl<K: LayerKey> Default for CompressedLayers<K> {
    fn default() -> Self {
        let (layers, untuned, tensors, of_blocks, block_tensors, version, saved, trail) = Default::default();
        Self { layers, untuned, tensors, of_blocks, block_tensors, version, saved, trail }
    }
}

impl<K: LayerKey> CompressedLayers<K> {
    /// The layers, in the order in which the model computes them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<CompressedLayer<K>>> {
        self.layers.values()
    }

    /// Returns the identifiers of the compressed layers.
    pub fn ids(&self) -> impl Iterator<Item = K> {
        self.layers.keys().copied()
    }

    /// The compressed layer of this identifier.
    pub fn get(&self, id: K) -> Option<&CompressedLayer<K>> {
        self.layers.get(&id).map(Arc::as_ref)
    }

    /// Number of compressed layers.
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether the model is dense.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// Version of the layers, increased by every change.
    pub fn version(&self) -> usize {
        self.version
    }

    /// Whether there are some that nobody has saved.
    pub fn is_unsaved(&self) -> bool {
        !self.is_empty() && self.saved != Some(self.version)
    }

    /// They were written as of this version.
    pub fn saved(&mut self, version: usize) {
        self.saved = Some(version);
    }

    /// Puts a compressed layer in its place.
    pub fn insert(&mut self, layer: Arc<CompressedLayer<K>>) {
        self.forget_tuning([layer.id]);
        // One that was dense may have been tuned so, beside the others.
        self.tensors.retain(|tensor| tensor.name != layer.report.tensor);
        self.layers.insert(layer.id, layer);
        self.version += 1;
    }

    /// These layers are no longer tuned ones. What was tuned with them is of no use without them.
    fn forget_tuning(&mut self, ids: impl IntoIterator<Item = K>) {
        for id in ids {
            self.untuned.remove(&id);
            self.of_blocks.remove(&id);
        }
        if self.untuned.is_empty() {
            self.tensors.clear();
        }
        let of_blocks = &self.of_blocks;
        self.block_tensors.retain(|block, _| of_blocks.values().any(|of| of == block));
    }

    /// Puts the layers of a block in their places that was tuned while they were compressed, with its norms and biases.
    pub fn insert_block(&mut self, block: usize, layers: Vec<Arc<CompressedLayer<K>>>, tensors: Vec<TunedTensor>) {
        for layer in layers {
            let id = layer.id;
            self.insert(layer);
            self.of_blocks.insert(id, block);
        }
        self.block_tensors.insert(block, tensors);
    }

    /// Whether layers were tuned with their blocks while they were compressed.
    pub fn are_of_tuned_blocks(&self) -> bool {
        !self.of_blocks.is_empty()
    }

    /// Puts tuned values in the layers' places, and in those of tensors beside them.
    pub fn tune(&mut self, layers: Vec<Arc<CompressedLayer<K>>>, tensors: Vec<TunedTensor>) {
        for layer in layers {
            // One that is no longer replaced is not tuned either.
            if let Some(before) = self.layers.get_mut(&layer.id) {
                let before = std::mem::replace(before, layer);
                self.untuned.entry(before.id).or_insert(before);
            }
        }
        if !self.untuned.is_empty() {
            // What an earlier tuning has moved and this one does not train stays as it was left.
            overlay(&mut self.tensors, tensors);
        }
        self.version += 1;
    }

    /// Puts the values back that were there before the tuning.
    pub fn undo_tuning(&mut self) {
        self.layers.append(&mut self.untuned);
        self.tensors.clear();
        self.version += 1;
    }

    /// Whether values were tuned.
    pub fn is_tuned(&self) -> bool {
        !self.untuned.is_empty()
    }

    /// Whether the values of all of them were tuned, together.
    pub fn are_all_tuned(&self) -> bool {
        self.is_tuned() && self.untuned.len() == self.layers.len()
    }

    /// Whether the values of this layer were tuned.
    pub fn is_tuned_layer(&self, id: K) -> bool {
        self.untuned.contains_key(&id)
    }

    /// Tensors that were tuned beside the layers.
    pub fn tensors(&self) -> Vec<TunedTensor> {
        let mut tensors: Vec<TunedTensor> = self.block_tensors.values().flatten().cloned().collect();
        overlay(&mut tensors, self.tensors.clone());
        tensors
    }

    /// Those that stay with `kept` layers: while one of them is tuned, as it was compressed or after it.
    pub fn tensors_with(&self, kept: &[Arc<CompressedLayer<K>>]) -> Vec<TunedTensor> {
        let blocks: BTreeSet<usize> = kept.iter().filter_map(|layer| self.of_blocks.get(&layer.id).copied()).collect();
        let of_blocks = self.block_tensors.iter().filter(|(block, _)| blocks.contains(block));
        let mut tensors: Vec<TunedTensor> = of_blocks.flat_map(|(_, tensors)| tensors).cloned().collect();
        if kept.iter().any(|layer| self.is_tuned_layer(layer.id)) {
            overlay(&mut tensors, self.tensors.clone());
        }
        tensors
    }

    /// Puts dense weights back.
    pub fn restore(&mut self, ids: &BTreeSet<K>) {
        let before = self.len();
        ids.iter().for_each(|id| _ = self.layers.remove(id));
        self.forget_tuning(ids.iter().copied());
        self.version += usize::from(self.len() != before);
        if self.is_empty() {
            self.trail.clear();
        }
    }

    /// What they are, in a few words: how many, of which method, with which share of their weights.
    pub fn summary(&self) -> String {
        let report = |layer: &Arc<CompressedLayer<K>>| (layer.report.nnz, layer.report.rows * layer.report.cols);
        let (nnz, all) = self.iter().map(report).fold((0, 0), |(nnz, all), (own, of)| (nnz + own, all + of));
        let mut methods: Vec<&str> = self.iter().map(|layer| layer.report.method.as_str()).collect();
        methods.sort_unstable();
        methods.dedup();
        let share = 100.0 * nnz as f64 / all.max(1) as f64;
        let by_block = if self.are_of_tuned_blocks() { ", blocks tuned" } else { "" };
        let tuned = if self.is_tuned() { ", tuned" } else { "" };
        format!("{} layers, {}, {share:.1} %{by_block}{tuned}", self.len(), methods.join(" and "))
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        self.layers.clear();
        self.untuned.clear();
        self.of_blocks.clear();
        self.forget_tuning([]);
    }

    /// Layers replaced and the perplexity or accuracy then, in the order in which it was measured.
    pub fn trail(&self) -> &[(usize, f64)] {
        &self.trail
    }

    /// This perplexity or accuracy was measured while so many layers were replaced.
    pub fn note(&mut self, count: usize, measured: f64) {
        if self.trail.last() != Some(&(count, measured)) {
            self.trail.push((count, measured));
        }
    }

    /// Forgets what was measured.
    pub fn clear_trail(&mut self) {
        self.trail.clear();
    }
}

/// Puts tensors in the place of those of the same names.
fn overlay(tensors: &mut Vec<TunedTensor>, new: Vec<TunedTensor>) {
    tensors.retain(|before| new.iter().all(|tensor| tensor.name != before.name));
    tensors.extend(new);
}
