//! A tuning of a vision model, step by step.

use super::image_loss::ImageLoss;
use super::machine::Machine;
use super::settings::{Distill, Settings};
use super::state::{Moment, Stop};
use super::tuned::{Progress, Tuned};
use super::{Error, Images};
use crate::matrix::Replacement;
use crate::vision::{self, Network, Pictures};
use std::collections::BTreeMap;

/// A tuning of a vision model on the cross entropy of labelled pictures: a machine of single steps, without threads or a
/// clock of its own.
///
/// Batches are normalized by their own means and variances, as in training, and the running ones follow them; what is held
/// out is classified with the running ones. The first call of [`VisionTuning::step`] measures that, each further one takes a
/// step on one batch, and measures again where that is due. The values with the lowest held-out loss are the result.
pub struct VisionTuning(Machine<ImageLoss>);

/// What a tuning of a vision model works on.
pub struct VisionTask {
    /// The compressed network, its layers dense.
    pub network: Network,
    /// What stands in the places of the layers to tune, by index.
    pub layers: BTreeMap<usize, Replacement>,
    /// The pictures to train on.
    pub images: Images,
    /// Labelled pictures that are not trained on.
    pub held_out: Pictures,
}

impl VisionTuning {
    /// Checks the settings, and prepares the first step.
    pub fn new(task: VisionTask, settings: Settings) -> Result<Self, Error> {
        settings.check()?;
        let VisionTask { network, layers, images, held_out } = task;
        if layers.is_empty() {
            return Err(Error::NothingSparse { model: "the network".into() });
        }
        for (&layer, replacement) in &layers {
            let shapes = &network.architecture().layers;
            let shape = shapes.get(layer).map_or((0, 0), |shape| shape.shape());
            let found = replacement.shape();
            if found != shape {
                let tensor = shapes.get(layer).map_or_else(|| format!("layer {layer}"), |shape| shape.tensor());
                return Err(Error::Shape { tensor, found, shape });
            }
        }
        if settings.distill != Distill::None {
            return Err(Error::NoTeacher);
        }
        if let Images::Pictures { pictures, .. } = &images {
            check(&network, pictures)?;
        }
        check(&network, &held_out)?;
        let steps = settings.steps_on(images.count())?;
        Ok(Self(Machine::new(ImageLoss::new(network, images, held_out, settings.clone()), &layers, settings, steps)))
    }

    /// Number of all steps.
    pub fn steps(&self) -> usize {
        self.0.steps()
    }

    /// Steps that are done.
    pub fn done(&self) -> usize {
        self.0.state.step
    }

    /// Losses step by step.
    pub fn history(&self) -> &[Moment] {
        &self.0.state.history
    }

    /// Why it ended, if before the last step.
    pub fn stopped(&self) -> Option<Stop> {
        self.0.state.stop
    }

    /// Takes the next step; `None` when all are done, or it has stopped before.
    pub fn step(&mut self) -> Result<Option<Progress>, Error> {
        self.0.step()
    }

    /// All that changes from step to step, as bytes for [`VisionTuning::restore`].
    pub fn save(&self) -> Result<Vec<u8>, Error> {
        self.0.save()
    }

    /// Goes on from what [`VisionTuning::save`] gave for the same task and settings.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.0.restore(bytes)
    }

    /// The values with the best held-out loss so far, to look at before the end: what stands in the layers' places, and tensors
    /// that are tuned beside them, by name.
    pub fn best(&self) -> (BTreeMap<usize, Replacement>, BTreeMap<String, Vec<f32>>) {
        let best = self.0.state.parameters.best();
        (best.layers(), best.values_of_tensors())
    }

    /// Ends it: the values with the best held-out loss.
    pub fn finish(self) -> Result<Tuned<usize>, Error> {
        self.0.finish()
    }
}

/// Refuses pictures that the network cannot read or has no classes for.
fn check(network: &Network, pictures: &Pictures) -> Result<(), Error> {
    network.check_size(pictures.height, pictures.width)?;
    let classes = network.architecture().classes();
    if pictures.is_empty() {
        return Err(vision::Error::NoImages.into());
    }
    if pictures.labels.len() != pictures.len() {
        return Err(vision::Error::NoLabels.into());
    }
    match pictures.labels.iter().find(|&&label| label >= classes) {
        Some(&label) => Err(vision::Error::Label { label, classes }.into()),
        None => Ok(()),
    }
}
