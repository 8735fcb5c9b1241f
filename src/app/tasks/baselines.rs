//! What the methods that a run is measured against reach on its layer, computed in the background.

use crate::app::state::series::Baselines;
use crate::app::tasks::async_memo::AsyncMemo;
use crate::matrix::keep_largest;
use crate::measure::{self, Spectrum};
use crate::model::Layer;
use crate::tasks::{Queue, SilentTask, shared};
use eframe::egui::Context;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The singular values of larger layers are only computed when asked for: it takes minutes.
const QUICK: usize = 1536;

/// A layer, compared by identity.
#[derive(Clone)]
struct Whose(Arc<Layer>);

impl PartialEq for Whose {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

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

/// The singular values.
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

/// The two baselines of the layer on screen.
#[derive(Default)]
pub struct BaselineMaker {
    magnitude: AsyncMemo<(Whose, usize), Magnitude>,
    spectrum: AsyncMemo<Whose, Spectra>,
    /// A large layer whose singular values were asked for.
    asked: Option<Whose>,
}

impl BaselineMaker {
    /// The errors with `kept` nonzeros, as far as they are known.
    pub fn want(&mut self, ctx: &Context, layer: &Arc<Layer>, kept: usize) -> Baselines {
        let whose = Whose(layer.clone());
        let key = (whose.clone(), kept);
        self.magnitude.want(ctx, key.clone(), |(Whose(layer), kept)| Magnitude(layer.clone(), *kept));
        if !self.is_slow(layer) || self.asked.as_ref() == Some(&whose) {
            self.spectrum.want(ctx, whose.clone(), |Whose(layer)| Spectra(layer.clone()));
        }
        let (rows, cols) = layer.weight.shape();
        let rank = Spectrum::rank(rows, cols, kept);
        Baselines {
            magnitude: self.magnitude.of(&key).map(|error| **error),
            svd: self
                .spectrum
                .of(&whose)
                .and_then(|spectrum| spectrum.as_ref().as_ref())
                .map(|spectrum| spectrum.error(rank)),
        }
    }

    /// Whether SVD's error is not computed unless asked for.
    pub fn is_slow(&self, layer: &Layer) -> bool {
        layer.weight.rows().min(layer.weight.cols()) > QUICK
    }

    /// Whether it has been asked for.
    pub fn is_asked(&self, layer: &Arc<Layer>) -> bool {
        self.asked.as_ref() == Some(&Whose(layer.clone()))
    }

    /// Asks for it.
    pub fn ask(&mut self, layer: &Arc<Layer>) {
        self.asked = Some(Whose(layer.clone()));
    }
}
