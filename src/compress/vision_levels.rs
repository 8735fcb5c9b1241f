//! Densities of a vision model's layers, chosen together.

use super::levels::check_bound;
use super::{Error, Layered, LevelChoice, MeasuredBy, choose_levels};
use crate::factorize::share;
use crate::matrix::Problem;
use crate::vision::{CalibrationPass, Pictures, VisionModel};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a network may cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum VisionBound {
    /// This share of the weights of the layers that are replaced.
    Density(f64),
    /// This share of the dense network's operations for an image.
    Operations(f64),
}

/// The densities of `layers` with the smallest sum of errors within `bound`, the others staying dense. The errors are those
/// in the dense network, on `pictures`; `progress` receives the share that is done.
pub fn choose_vision_levels(
    model: &VisionModel,
    layers: &[usize],
    pictures: &Pictures,
    (by, bound): (MeasuredBy, VisionBound),
    progress: &(dyn Fn(f64) -> bool + Sync),
) -> Result<BTreeMap<usize, f64>, Error> {
    let architecture = model.architecture();
    let operations = architecture.multiplications((pictures.height, pictures.width));
    let weights = |layer: usize| {
        let (rows, cols) = architecture.layers[layer].shape();
        rows * cols
    };
    let cost = |layer: usize| match bound {
        VisionBound::Operations(_) => operations[layer] / weights(layer),
        VisionBound::Density(_) => 1,
    };
    let allowed = match bound {
        VisionBound::Density(density) => layers.iter().map(|&layer| share(density, weights(layer))).sum(),
        VisionBound::Operations(part) => {
            let kept = (0..operations.len()).filter(|layer| !layers.contains(layer)).map(|layer| operations[layer]);
            let (bound, least) = (share(part, operations.iter().sum()), kept.sum());
            bound.checked_sub(least).ok_or(Error::Bound { bound, least })?
        }
    };
    // Before anything is measured.
    check_bound(layers.iter().map(|&layer| (weights(layer), cost(layer))), allowed)?;
    let mut pass = CalibrationPass::new(model.network()?, pictures)?;
    let mut choices = BTreeMap::new();
    for layer in 0..architecture.layers.len() {
        if layers.contains(&layer) {
            let calibration = Some(Arc::new(pass.statistics()?));
            let weight = model.layer(layer)?.weight;
            let problem = Problem { weight, calibration, held_out: None, output_weights: None };
            let done = choices.len() as f64;
            let inside = |share: f64| progress((done + share) / layers.len() as f64);
            let failed = |error| match error {
                crate::methods::Error::Cancelled => Error::Cancelled,
                source => Error::Layer { tensor: model.tensor_of(layer), source },
            };
            let curve = by.curve(&problem, &inside).map_err(failed)?;
            choices.insert(layer, LevelChoice { weights: weights(layer), cost: cost(layer), curve });
        }
        pass.advance();
    }
    choose_levels(&choices, allowed)
}
