//! The loss of a vision model on pictures, as a tuning sees it.

use super::parameters::{Change, Gradients, Name, Parameter, Parameters, Values};
use super::settings::{Settings, Train};
use super::state::HeldOut;
use super::subject::{Slope, Subject};
use super::{Error, Images};
use crate::vision::{self, ImageSet, LayerShape, Network, Pictures, Wanted};
use std::collections::BTreeMap;

/// As in training.
const TRAINING: Wanted = Wanted { batch_statistics: true, output_squares: false };

/// A vision model, the pictures that it is tuned on, and others that are held out.
pub struct ImageLoss {
    network: Network,
    images: Images,
    held_out: ImageSet,
    settings: Settings,
}

impl ImageLoss {
    /// Of `network` as it is before the tuning.
    pub(super) fn new(network: Network, images: Images, held_out: Pictures, settings: Settings) -> Self {
        Self { network, images, held_out: ImageSet::of(held_out), settings }
    }

    /// The network with these values.
    fn network(&self, parameters: &Parameters<usize>) -> Network {
        let mut network = self.network.clone();
        for layer in 0..network.architecture().layers.len() {
            if let Some(masked) = parameters.layer(layer) {
                network.replace(layer, &masked.merged());
            }
        }
        for (name, parameter) in parameters.tensors() {
            network.replace_values(name, parameter.values.as_slice());
        }
        network
    }
}

impl Subject for ImageLoss {
    type Key = usize;

    fn slope(&self, parameters: &Parameters<usize>, step: usize) -> Result<Slope<usize>, Error> {
        let train = self.settings.train;
        let pictures = self.images.batch(&self.settings, step);
        let mut found = self.network(parameters).gradients(&pictures, TRAINING)?;
        let mut gradients: Gradients<usize> = BTreeMap::new();
        let mut batch = BTreeMap::new();
        for (layer, shape) in self.network.architecture().layers.iter().enumerate() {
            let of_weight = std::mem::take(&mut found.weights[layer]);
            if let Some(masked) = parameters.layer(layer) {
                gradients.insert(Name::Layer(layer), masked.gradients(&of_weight));
            } else if train == Train::All {
                gradients.insert(Name::Tensor(shape.tensor()), of_weight.into_vec());
            }
            let Some([scale, shift, mean, variance]) = shape.norm_tensors() else { continue };
            if train != Train::Values {
                gradients.insert(Name::Tensor(scale), std::mem::take(&mut found.scales[layer]));
                gradients.insert(Name::Tensor(shift), std::mem::take(&mut found.shifts[layer]));
            }
            let of_batch = std::mem::take(&mut found.batch[layer]);
            batch.extend([(mean, of_batch.mean), (variance, of_batch.variance)]);
        }
        if train != Train::Values {
            gradients.insert(Name::Tensor(self.network.architecture().bias_tensor()), found.bias);
        }
        Ok(Slope { loss: found.loss, gradients, batch })
    }

    fn batch_loss(&self, parameters: &Parameters<usize>, step: usize) -> Result<f64, Error> {
        let pictures = self.images.batch(&self.settings, step);
        Ok(self.network(parameters).gradients(&pictures, TRAINING)?.loss)
    }

    fn held_out(&self, parameters: &Parameters<usize>) -> Result<HeldOut, Error> {
        let evaluation = self.network(parameters).classify(&self.held_out, &|_, _| true)?.evaluation;
        let loss = evaluation.loss().ok_or(vision::Error::NoLabels)?;
        Ok(HeldOut { loss, accuracy: evaluation.accuracy() })
    }

    fn tensor(&self, name: &str) -> Result<Parameter, Error> {
        let missing = || Error::State { reason: format!("{name} is no tensor of the network") };
        let values = Values::Tensor(self.network.tensor_values(name).ok_or_else(missing)?);
        let layers = &self.network.architecture().layers;
        let follows = |shape: &LayerShape| {
            shape.norm_tensors().is_some_and(|[_, _, running @ ..]| running.iter().any(|own| own == name))
        };
        let change = match () {
            () if layers.iter().any(|shape| shape.tensor() == name) => Change::DecayingDescent,
            () if layers.iter().any(follows) => Change::Following,
            () => Change::Descent,
        };
        Ok(Parameter::new(values, change))
    }
}
