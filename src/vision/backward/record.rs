//! What the way back needs of the way forward.

use crate::vision::Activations;
use crate::vision::architecture::Shortcut;
use crate::vision::network::Network;
use crate::vision::norm::NormValues;
use std::sync::Arc;

/// A convolution with its norm.
pub(super) struct OfLayer {
    /// What the convolution read.
    pub(super) input: Arc<Activations>,
    /// What it gave, before the norm.
    pub(super) output: Activations,
    /// What its output was normalized by.
    pub(super) values: NormValues,
}

/// Values between the layers, for one batch.
pub(super) struct Record {
    layers: Vec<Option<OfLayer>>,
    /// The stem's output, before pooling.
    pub(super) stem: Arc<Activations>,
    /// What each block read, and what the last one gave.
    between: Vec<Arc<Activations>>,
}

impl Record {
    /// Computes the network for a batch.
    pub(super) fn new(network: &Network, x: Activations, batch_statistics: bool) -> Self {
        let mut way = Way { network, batch_statistics, layers: Vec::new() };
        way.layers.resize_with(network.convolutions.len(), || None);
        let mut stem = way.layer(0, &Arc::new(x));
        stem.relu();
        let stem = Arc::new(stem);
        let mut at = if network.architecture.pools { Arc::new(stem.max_pool()) } else { stem.clone() };
        let mut between = vec![at.clone()];
        for block in 0..network.architecture.blocks.len() {
            at = Arc::new(way.block(block, &at));
            between.push(at.clone());
        }
        Self { layers: way.layers, stem, between }
    }

    /// What was kept of a layer.
    pub(super) fn layer(&self, layer: usize) -> &OfLayer {
        self.layers[layer].as_ref().expect("every layer was computed")
    }

    /// What a block read.
    pub(super) fn before(&self, block: usize) -> &Activations {
        &self.between[block]
    }

    /// What a block gave.
    pub(super) fn after(&self, block: usize) -> &Activations {
        &self.between[block + 1]
    }

    /// What the last block gave.
    pub(super) fn features(&self) -> &Activations {
        self.between.last().expect("at least what the stem gave")
    }

    /// The population's means and variances as this batch lets them be estimated, by layer.
    pub(super) fn population(&self) -> Vec<NormValues> {
        self.layers.iter().flatten().map(|kept| kept.values.population(kept.output.values.rows())).collect()
    }
}

/// The way forward.
struct Way<'a> {
    network: &'a Network,
    batch_statistics: bool,
    layers: Vec<Option<OfLayer>>,
}

impl Way<'_> {
    fn layer(&mut self, layer: usize, x: &Arc<Activations>) -> Activations {
        let output = self.network.convolutions[layer].apply(x);
        let norm = &self.network.norms[layer];
        let values = if self.batch_statistics { NormValues::of(&output) } else { norm.running.clone() };
        let mut y = output.clone();
        norm.apply(&mut y, &values);
        self.layers[layer] = Some(OfLayer { input: x.clone(), output, values });
        y
    }

    fn block(&mut self, block: usize, x: &Arc<Activations>) -> Activations {
        let shape = &self.network.architecture.blocks[block];
        let (last, before) = shape.main.split_last().expect("a block has convolutions");
        let mut at = x.clone();
        for &layer in before {
            let mut next = self.layer(layer, &at);
            next.relu();
            at = Arc::new(next);
        }
        let mut y = self.layer(*last, &at);
        match shape.shortcut {
            Shortcut::Identity => y.add(x),
            Shortcut::Convolution(layer) => y.add(&self.layer(layer, x)),
            Shortcut::Padded { stride, channels } => y.add(&x.padded(stride, channels)),
        }
        y.relu();
        y
    }
}
