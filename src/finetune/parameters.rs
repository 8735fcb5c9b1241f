//! The numbers that are tuned, and what an optimizer remembers of them.

use super::masked::MaskedLayer;
use super::optimizer::{Moments, Optimizer};
use crate::compute::dot;
use crate::language::LayerId;
use crate::matrix::Matrix;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Name {
    /// The values of a compressed layer.
    Layer(LayerId),
    /// The values of a tensor that is no layer of a block.
    Tensor(String),
}

/// Gradients, entry by entry as the parameters' values.
pub(super) type Gradients = BTreeMap<Name, Vec<f32>>;

/// The values of a parameter.
#[derive(Clone, Debug)]
pub(super) enum Values {
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

/// A parameter.
#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub values: Values,
    /// Whether weight decay applies.
    pub decays: bool,
    pub moments: Moments,
    /// Values at the best held-out loss.
    pub best: Vec<f32>,
}

impl Parameter {
    pub fn new(values: Values, decays: bool) -> Self {
        let best = values.as_slice().to_vec();
        Self { values, decays, moments: Moments::default(), best }
    }
}

/// All parameters.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters(pub BTreeMap<Name, Parameter>);

impl Parameters {
    pub fn layer(&self, id: LayerId) -> Option<&MaskedLayer> {
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
        (gradients, scale): (&mut Gradients, f64),
        (rate, decay): (f64, f64),
        step: usize,
    ) {
        for (name, parameter) in &mut self.0 {
            let decay = if parameter.decays { decay } else { 0.0 };
            let values = parameter.values.as_mut_slice();
            let gradient = gradients.remove(name).unwrap_or_else(|| vec![0.0; values.len()]);
            optimizer.step(values, &mut parameter.moments, (&gradient, scale), (rate, decay), step);
        }
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

    /// Goes back to the best values.
    pub fn restore_best(&mut self) {
        self.0.values_mut().for_each(|parameter| parameter.values.as_mut_slice().copy_from_slice(&parameter.best));
    }
}

/// Euclidean norm of all gradients together.
pub(super) fn norm(gradients: &Gradients) -> f64 {
    gradients.values().map(|gradient| dot(gradient, gradient)).sum::<f64>().sqrt()
}
