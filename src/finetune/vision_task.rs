//! What a tuning of a vision model works on.

use super::image_loss::ImageLoss;
use super::settings::{Distill, Settings};
use super::subject::{Prepare, Prepared};
use super::tuning::Tuning;
use super::{Error, Images};
use crate::matrix::Replacement;
use crate::vision::{self, Network, Pictures};
use std::collections::BTreeMap;

/// A tuning of a vision model on the cross entropy of labelled pictures.
///
/// Batches are normalized by their own means and variances, as in training, and the running ones follow them; what is held
/// out is classified with the running ones.
pub type VisionTuning = Tuning<ImageLoss>;

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

impl Prepare for VisionTask {
    type Subject = ImageLoss;

    fn prepare(self, settings: &Settings) -> Result<Prepared<ImageLoss>, Error> {
        let VisionTask { network, layers, images, held_out } = self;
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
        let subject = ImageLoss::new(network, images, held_out, settings.clone());
        Ok(Prepared { subject, layers, steps })
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
