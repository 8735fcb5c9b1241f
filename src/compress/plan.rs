//! What is to be done with each layer.

use super::Error;
use crate::export::Layout;
use crate::factorize::{Preset, Settings};
use crate::language::{Config, LayerId, Linear};
use crate::methods::{Method, Threshold};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Nonzeros of each layer, as a share of its weights. The most particular one given counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Densities {
    /// Of layers that are not named otherwise.
    pub all: f64,
    /// Of a kind of layer, in every block.
    pub by_kind: BTreeMap<Linear, f64>,
    /// Of single layers.
    pub by_layer: BTreeMap<LayerId, f64>,
}

impl Densities {
    /// The same for every layer.
    pub fn uniform(density: f64) -> Self {
        Self { all: density, ..Self::default() }
    }

    /// Of this layer; 1 leaves it as it is.
    pub fn of(&self, id: LayerId) -> f64 {
        let kind = || self.by_kind.get(&id.linear);
        *self.by_layer.get(&id).or_else(kind).unwrap_or(&self.all)
    }

    /// Refuses shares outside (0, 1].
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |&density: &f64| !(density > 0.0 && density <= 1.0);
        let all = [&self.all].into_iter().chain(self.by_kind.values()).chain(self.by_layer.values());
        match all.copied().find(wrong) {
            Some(density) => Err(Error::Plan(format!("density is {density}: it must be above 0 and at most 1"))),
            None => Ok(()),
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// How layers are replaced.
    pub method: Method,
    /// Over what entries compete, where a method leaves that open.
    #[serde(default)]
    pub threshold: Threshold,
    /// Where the settings started from.
    pub preset: Option<Preset>,
    /// Of every layer's run, but for the density.
    pub settings: Settings,
    /// Each layer's share.
    pub densities: Densities,
    /// Every layer sees what the dense model gives it, and not what the compressed layers before it give.
    pub parallel: bool,
    /// The form in which values count: errors and nonzeros are those of what will be written so.
    pub layout: Layout,
    /// Worker threads, for the report.
    pub threads: usize,
}

impl Plan {
    /// The paper's: settings of `preset`, all layers alike.
    pub fn new(preset: Preset, density: f64) -> Self {
        Self {
            method: Method::Dsf,
            threshold: Threshold::default(),
            preset: Some(preset),
            settings: Settings { density, ..Settings::default() }.with_preset(preset),
            densities: Densities::uniform(density),
            parallel: false,
            layout: Layout::Merged,
            threads: 1,
        }
    }

    /// The settings of a layer's run.
    pub fn settings_of(&self, id: LayerId) -> Settings {
        let settings = Settings { density: self.densities.of(id), ..self.settings.clone() };
        match self.settings.preset() {
            // `compact` follows the density.
            Some(preset) => settings.with_preset(preset),
            None => settings,
        }
    }

    /// How many weights are in layers that stay as they are.
    pub fn dense_weights(&self, model: &Config) -> usize {
        let dense = model.layers().filter(|&id| self.densities.of(id) >= 1.0);
        dense.map(|id| model.shape(id)).map(|(rows, cols)| rows * cols).sum()
    }

    /// What the layers cost against each other, those that are to be done.
    pub fn costs(&self, model: &Config) -> BTreeMap<LayerId, f64> {
        let done = model.layers().filter(|&id| self.densities.of(id) < 1.0);
        let cost = |(rows, cols): (usize, usize)| (rows.min(cols) as f64).powi(2) * rows.max(cols) as f64;
        done.map(|id| (id, cost(model.shape(id)))).collect()
    }

    /// Refuses what no layer can be done with.
    pub fn check(&self) -> Result<(), Error> {
        self.densities.check()?;
        self.settings.check().map_err(|error| Error::Plan(error.to_string()))?;
        if self.method != Method::Dsf && self.layout != Layout::Merged {
            return Err(Error::NoFactors { method: self.method.title() });
        }
        Ok(())
    }
}
