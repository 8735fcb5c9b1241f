//! What a tuning sees of a model and its data.

use super::Error;
use super::parameters::{Gradients, Key, Parameter, Parameters};
use super::settings::Settings;
use super::state::HeldOut;
use crate::matrix::Replacement;
use std::collections::BTreeMap;

/// A model with what it is tuned on: the losses of parameters, and their gradients. Made of a [`Task`](super::Task) or a
/// [`VisionTask`](super::VisionTask).
pub trait Subject {
    /// Identifies a layer of the model.
    type Key: Key;

    /// The loss on the batch of step number `step`, from 0, and its gradients.
    fn slope(&self, parameters: &Parameters<Self::Key>, step: usize) -> Result<Slope<Self::Key>, Error>;

    /// The loss alone.
    fn batch_loss(&self, parameters: &Parameters<Self::Key>, step: usize) -> Result<f64, Error>;

    /// How good the values are on what is held out.
    fn held_out(&self, parameters: &Parameters<Self::Key>) -> Result<HeldOut, Error>;

    /// A tensor that is tuned beside the layers, as it was before.
    fn tensor(&self, name: &str) -> Result<Parameter, Error>;

    /// Takes up the values of such tensors.
    fn apply(&mut self, _parameters: &Parameters<Self::Key>) {}
}

/// What a batch gives.
pub struct Slope<K> {
    /// Its mean loss, in nats.
    pub loss: f64,
    /// Gradients with respect to the parameters; a tensor that is seen here for the first time becomes one.
    pub gradients: Gradients<K>,
    /// Its own values of what the parameters follow, by the tensors' names.
    pub batch: BTreeMap<String, Vec<f32>>,
}

/// What a tuning works on: it becomes a [`Subject`].
pub trait Prepare {
    /// What it becomes.
    type Subject: Subject;

    /// Checks it against the settings, which are right in themselves.
    fn prepare(self, settings: &Settings) -> Result<Prepared<Self::Subject>, Error>;
}

/// A tuning before its first step.
pub struct Prepared<S: Subject> {
    pub subject: S,
    /// What stands in the places of the layers to tune.
    pub layers: BTreeMap<S::Key, Replacement>,
    /// Number of steps.
    pub steps: usize,
}
