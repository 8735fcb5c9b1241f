//! What the methods that a run is measured against reach on its layer, computed in the background.

use super::async_memo::AsyncMemo;
use super::by_identity::ByIdentity;
use crate::app::state::series::Baselines;
use crate::matrix::keep_largest;
use crate::measure::{self, Spectrum};
use crate::model::Layer;
use crate::tasks::{Queue, SilentTask, shared};
use eframe::egui::Context;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The error of magnitude pruning to so many entries.
#[derive(Serialize, Deserialize)]
pub struct Magnitude(#[serde(with = "shared")] Arc<Layer>, usize);

impl SilentTask for Magnitude {
    const NAME: &'static str = "magnitude";
    const QUEUE: Queue = Queue::Files;
    type Output = f64;

    fn make(self) -> f64 {
        let w = &self.0.weight;
        measure::relative_difference(w, &keep_largest(w, self.1))
    }
}

/// Task that computes the singular values.
#[derive(Serialize, Deserialize)]
pub struct Spectra(#[serde(with = "shared")] Arc<Layer>);

impl SilentTask for Spectra {
    const NAME: &'static str = "spectrum";
    const QUEUE: Queue = Queue::Slow;
    type Output = Option<Spectrum>;

    fn make(self) -> Option<Spectrum> {
        Spectrum::of(&self.0.weight)
    }
}

/// The baselines of the layer on screen.
#[derive(Default)]
pub struct BaselineMemo {
    magnitude: AsyncMemo<(ByIdentity<Layer>, usize), Magnitude>,
    spectrum: AsyncMemo<ByIdentity<Layer>, Spectra>,
    /// A large layer whose singular values were asked for.
    asked: Option<ByIdentity<Layer>>,
    /// The errors as far as they are known.
    latest: Baselines,
}

impl BaselineMemo {
    /// The errors of the layer on screen, as far as they are known.
    pub fn latest(&self) -> Baselines {
        self.latest
    }

    /// Sees that the errors on `layer` with `kept` nonzeros are computed; none are wanted without.
    pub fn want(&mut self, ctx: &Context, wanted: Option<(Arc<Layer>, usize)>) {
        self.latest = wanted.map(|(layer, kept)| self.of(ctx, layer, kept)).unwrap_or_default();
    }

    fn of(&mut self, ctx: &Context, layer: Arc<Layer>, kept: usize) -> Baselines {
        let layer = ByIdentity(layer);
        let key = (layer.clone(), kept);
        self.magnitude.want(ctx, key.clone(), |(ByIdentity(layer), kept)| Magnitude(layer.clone(), *kept));
        if !is_slow(&layer.0) || self.asked.as_ref() == Some(&layer) {
            self.spectrum.want(ctx, layer.clone(), |ByIdentity(layer)| Spectra(layer.clone()));
        }
        let (rows, cols) = layer.0.weight.shape();
        let rank = Spectrum::rank(rows, cols, kept);
        let spectrum = self.spectrum.of(&layer).and_then(|spectrum| spectrum.as_ref().as_ref());
        Baselines {
            magnitude: self.magnitude.of(&key).map(|error| **error),
            svd: spectrum.map(|spectrum| spectrum.error(rank)),
        }
    }

    /// Returns whether SVD's error on a layer has been asked for; `None` where it is known or computed unasked.
    pub fn svd_missing(&self, layer: &Arc<Layer>) -> Option<bool> {
        let missing = is_slow(layer) && self.latest.svd.is_none();
        missing.then(|| self.asked.as_ref().is_some_and(|asked| Arc::ptr_eq(&asked.0, layer)))
    }

    /// Asks for the error of a large layer's SVD.
    pub fn ask_svd(&mut self, layer: &Arc<Layer>) {
        self.asked = Some(ByIdentity(layer.clone()));
    }
}

/// Whether SVD's error is not computed unless asked for.
fn is_slow(layer: &Layer) -> bool {
    let (rows, cols) = layer.weight.shape();
    !measure::cost::is_quick_svd(rows, cols)
}
