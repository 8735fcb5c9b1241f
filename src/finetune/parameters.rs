//! The numbers that are tuned, and what an optimizer remembers of them.

use super::masked::MaskedLayer;
use super::optimizer::{Moments, Optimizer};
use crate::compute::dot;
use crate::language::LayerId;
use crate::matrix::{Matrix, Replacement};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Identifies a layer of a model.
pub trait Key: Copy + Ord + Serialize + DeserializeOwned {}

impl<K: Copy + Ord + Serialize + DeserializeOwned> Key for K {}

/// Name of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Name<K = LayerId> {
    /// The values of a compressed layer.
    Layer(K),
    /// The values of a tensor that is no compressed layer.
    Tensor(String),
}

/// Gradients, entry by entry as the parameters' values.
pub type Gradients<K = LayerId> = BTreeMap<Name<K>, Vec<f32>>;

/// The values of a parameter.
#[derive(Clone, Debug)]
pub enum Values {
    /// Packed, on masks.
    Layer(Box<MaskedLayer>),
    /// All of a tensor.
    Tensor(Vec<f32>),
    /// A layer that is dense.
    Dense(Matrix),
}

impl Values {
    pub fn as_slice(&self) -> &[f32] {
        match self {
            Self::Layer(layer) => layer.values(),
            Self::Tensor(values) => values,
            Self::Dense(weight) => weight.as_slice(),
        }
    }

    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        match self {
            Self::Layer(layer) => layer.values_mut(),
            Self::Tensor(values) => values,
            Self::Dense(weight) => weight.as_mut_slice(),
        }
    }
}

/// What changes a parameter in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its gradient.
    Descent,
    /// Its gradient, and weight decay.
    DecayingDescent,
    /// What the step's batch has in its place: it is a running mean.
    Following,
}

/// Share of a batch's values in the running means, as PyTorch has it.
const FOLLOWING: f32 = 0.1;

/// A parameter.
#[derive(Clone, Debug)]
pub struct Parameter {
    pub values: Values,
    pub change: Change,
    pub moments: Moments,
    /// Values at the best held-out loss.
    pub best: Vec<f32>,
}

impl Parameter {
    pub fn new(values: Values, change: Change) -> Self {
        let best = values.as_slice().to_vec();
        Self { values, change, moments: Moments::default(), best }
    }
}

/// All parameters.
#[derive(Clone, Debug)]
pub struct Parameters<K = LayerId>(pub BTreeMap<Name<K>, Parameter>);

impl<K: Key> Parameters<K> {
    /// The compressed layers.
    pub fn of_layers(layers: BTreeMap<K, Replacement>) -> Self {
        let parameter = |(id, replacement)| {
            let values = Values::Layer(Box::new(MaskedLayer::new(&replacement)));
            (Name::Layer(id), Parameter::new(values, Change::DecayingDescent))
        };
        Self(layers.into_iter().map(parameter).collect())
    }

    pub fn layer(&self, id: K) -> Option<&MaskedLayer> {
        match self.0.get(&Name::Layer(id)).map(|parameter| &parameter.values) {
            Some(Values::Layer(layer)) => Some(layer),
            _ => None,
        }
    }

    /// The tuned tensors that are no layers.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &Parameter)> {
        self.0.iter().filter_map(|(name, parameter)| match name {
            Name::Tensor(name) => Some((&**name, parameter)),
            Name::Layer(_) => None,
        })
    }

    /// One step with gradients that are multiplied by `scale`; where one is missing, it is 0.
    pub fn update(
        &mut self,
        optimizer: &Optimizer,
        (gradients, scale): (&mut Gradients<K>, f64),
        (rate, decay): (f64, f64),
        step: usize,
    ) {
        for (name, parameter) in &mut self.0 {
            let decay = match parameter.change {
                Change::Descent => 0.0,
                Change::DecayingDescent => decay,
                Change::Following => continue,
            };
            let values = parameter.values.as_mut_slice();
            let gradient = gradients.remove(name).unwrap_or_else(|| vec![0.0; values.len()]);
            optimizer.step(values, &mut parameter.moments, (&gradient, scale), (rate, decay), step);
        }
    }

    /// Moves the running means towards a batch's, by the tensors' names.
    pub fn follow(&mut self, batch: &BTreeMap<String, Vec<f32>>) {
        for (name, batch) in batch {
            let Some(parameter) = self.0.get_mut(&Name::Tensor(name.clone())) else { continue };
            let values = parameter.values.as_mut_slice().iter_mut().zip(batch);
            values.for_each(|(old, new)| *old += FOLLOWING * (new - *old));
        }
    }

    /// What stands in the layers' places, and the values of the tensors beside them, by name.
    pub fn into_parts(self) -> (BTreeMap<K, Replacement>, BTreeMap<String, Vec<f32>>) {
        let (mut layers, mut tensors) = (BTreeMap::new(), BTreeMap::new());
        for (name, parameter) in self.0 {
            match (name, parameter.values) {
                (Name::Layer(id), Values::Layer(layer)) => drop(layers.insert(id, layer.replacement())),
                // What is dense is tuned block by block only.
                (Name::Layer(_), _) => {}
                (Name::Tensor(name), values) => drop(tensors.insert(name, values.as_slice().to_vec())),
            }
        }
        (layers, tensors)
    }

    /// Numbers in the layers.
    pub fn entries_of_layers(&self) -> usize {
        let layers = self.0.values().filter(|parameter| matches!(parameter.values, Values::Layer(_)));
        layers.map(|parameter| parameter.values.as_slice().len()).sum()
    }

    /// Keeps the values as the best ones.
    pub fn keep_best(&mut self) {
        self.0.values_mut().for_each(|parameter| parameter.best.copy_from_slice(parameter.values.as_slice()));
    }

    /// The best values alone.
    pub fn best(&self) -> Self {
        let best = |parameter: &Parameter| {
            let mut values = parameter.values.clone();
            values.as_mut_slice().copy_from_slice(&parameter.best);
            Parameter { values, change: parameter.change, moments: Moments::default(), best: Vec::new() }
        };
        Self(self.0.iter().map(|(name, parameter)| (name.clone(), best(parameter))).collect())
    }

    /// Goes back to the best values, with an optimizer that has seen no gradient.
    pub fn restart(&mut self) {
        self.restore_best();
        self.0.values_mut().for_each(|parameter| parameter.moments = Moments::default());
    }

    /// Drops what only further steps need: what the optimizer remembers, and the best values beside the present ones.
    pub fn forget(&mut self) {
        for parameter in self.0.values_mut() {
            (parameter.moments, parameter.best) = Default::default();
        }
    }

    /// Goes back to the best values.
    pub fn restore_best(&mut self) {
        self.0.values_mut().for_each(|parameter| parameter.values.as_mut_slice().copy_from_slice(&parameter.best));
    }
}

/// Euclidean norm of all gradients together.
pub(super) fn norm<K>(gradients: &Gradients<K>) -> f64 {
    gradients.values().map(|gradient| dot(gradient, gradient)).sum::<f64>().sqrt()
}
