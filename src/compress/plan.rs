//! What to do with each layer.

use super::{Error, LayerKey};
use crate::Named;
use crate::export::Layout;
use crate::factorize::{self, Preset, Settings};
use crate::finetune::Blockwise;
use crate::language::LayerId;
use crate::matrix::ReplacementKind;
use crate::measure::cost::layer_cost;
use crate::methods::{Method, ThresholdScope};
use crate::model::Dtype;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use strum::{IntoStaticStr, VariantArray};

/// Density of each layer, its nonzeros as a share of its weights. The most specific one applies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "K: LayerKey")]
pub struct Densities<K: LayerKey = LayerId> {
    /// Density of all other layers.
    pub all: f64,
    /// Density of a kind of layer, in every block.
    pub by_kind: BTreeMap<K::Kind, f64>,
    /// Density of single layers.
    pub by_layer: BTreeMap<K, f64>,
}

impl<K: LayerKey> Default for Densities<K> {
    fn default() -> Self {
        Self { all: 0.0, by_kind: BTreeMap::new(), by_layer: BTreeMap::new() }
    }
}

impl<K: LayerKey> Densities<K> {
    /// The same density for every layer.
    pub fn uniform(density: f64) -> Self {
        Self { all: density, ..Self::default() }
    }

    /// Density of a layer; 1 leaves it unchanged.
    pub fn of(&self, id: K) -> f64 {
        let kind = || self.by_kind.get(&id.kind()?);
        *self.by_layer.get(&id).or_else(kind).unwrap_or(&self.all)
    }

    /// Refuses densities outside (0, 1].
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |&density: &f64| !(density > 0.0 && density <= 1.0);
        let all = [&self.all].into_iter().chain(self.by_kind.values()).chain(self.by_layer.values());
        match all.copied().find(wrong) {
            Some(density) => {
                let (name, range) = ("density", "above 0 and at most 1");
                Err(factorize::Error::Setting { name, value: density.to_string(), range }.into())
            }
            None => Ok(()),
        }
    }
}

/// Layers that are compressed side by side, for none of them sees what the others give when they are compressed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Parallel {
    /// Each layer sees all layers before it compressed, as in the paper
    #[default]
    No,
    /// Those of a block: each sees the blocks before it compressed, and its own block as it was. Of language models
    Block,
    /// All: each sees the dense model
    All,
}

/// The plan of a compression.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "K: LayerKey")]
pub struct Plan<K: LayerKey = LayerId> {
    /// Method that replaces the layers.
    pub method: Method,
    /// Scope in which entries compete, for methods that leave it open.
    #[serde(default)]
    pub threshold: ThresholdScope,
    /// Preset that the settings started from.
    pub preset: Option<Preset>,
    /// Settings of every layer's run, except for the density.
    pub settings: Settings,
    /// Densities of the layers.
    pub densities: Densities<K>,
    /// Which layers before it a layer sees as they were.
    pub parallel: Parallel,
    /// Of a vision model: whether batch normalization is estimated anew after each layer, for those behind it to read what they
    /// would read in the end. Not where every layer reads the dense model's activations.
    #[serde(default = "default_true")]
    pub norms: bool,
    /// How each block is tuned while its layers are compressed, if it is.
    #[serde(default)]
    pub blockwise: Option<Blockwise>,
    /// Layout whose rounded values count in errors and nonzeros.
    pub layout: Layout,
    /// Number format of factors, in layouts that keep them apart. What is one matrix is written in its layer's own.
    pub dtype: Dtype,
    /// Number of worker threads, for the report.
    pub threads: usize,
}

impl<K: LayerKey> Plan<K> {
    /// The paper's plan: settings of `preset`, the same density for all layers.
    pub fn new(preset: Preset, density: f64) -> Self {
        Self {
            method: Method::Dsf,
            threshold: ThresholdScope::default(),
            preset: Some(preset),
            settings: Settings { density, ..Settings::default() }.with_preset(preset),
            densities: Densities::uniform(density),
            parallel: Parallel::No,
            norms: true,
            blockwise: None,
            layout: Layout::Merged,
            dtype: Dtype::F32,
            threads: 1,
        }
    }

    /// Settings of a layer's run.
    pub fn settings_of(&self, id: K) -> Settings {
        let settings = Settings { density: self.densities.of(id), ..self.settings.clone() };
        match self.settings.preset() {
            // The preset `compact` follows the density.
            Some(preset) => settings.with_preset(preset),
            None => settings,
        }
    }

    /// Whether layers' outputs are weighed by what the loss feels there: only DSF has a use for it.
    pub fn weighs_outputs(&self) -> bool {
        self.method == Method::Dsf && self.settings.output_power > 0.0
    }

    /// Refuses settings that fail for every layer.
    pub fn check(&self) -> Result<(), Error> {
        self.densities.check()?;
        self.settings.check()?;
        self.check_layout(self.layout)
    }

    /// Refuses a layout that does not hold what the method makes.
    pub fn check_layout(&self, layout: Layout) -> Result<(), Error> {
        match holds(layout, self.method.kind()) {
            true => Ok(()),
            false => Err(Error::NoFactors { method: self.method.title(), layout: layout.name() }),
        }
    }

    /// Number format of factors in the layout that counts, where it is not the layout's own.
    pub(super) fn export_dtype(&self) -> Option<Dtype> {
        (self.layout != Layout::Merged).then_some(self.dtype)
    }
}

impl<K: LayerKey> Plan<K> {
    /// Number of weights in layers that stay dense, of those with these shapes.
    pub fn dense_weights(&self, shapes: impl IntoIterator<Item = (K, (usize, usize))>) -> usize {
        let dense = shapes.into_iter().filter(|&(key, _)| self.densities.of(key) >= 1.0);
        dense.map(|(_, (rows, cols))| rows * cols).sum()
    }

    /// Relative predicted costs of the layers to be replaced, of those with these shapes.
    pub fn costs(&self, shapes: impl IntoIterator<Item = (K, (usize, usize))>) -> BTreeMap<K, f64> {
        let done = shapes.into_iter().filter(|&(key, _)| self.densities.of(key) < 1.0);
        done.map(|(key, (rows, cols))| (key, layer_cost(rows, cols))).collect()
    }
}

fn default_true() -> bool {
    true
}

/// Whether a layout holds replacements of this kind.
pub(super) fn holds(layout: Layout, kind: ReplacementKind) -> bool {
    match kind {
        ReplacementKind::Chain => layout == Layout::Merged,
        ReplacementKind::Sparse => layout != Layout::Dense,
        ReplacementKind::Factors | ReplacementKind::LowRank | ReplacementKind::Blocks => true,
    }
}
