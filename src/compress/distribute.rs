//! Distribution of a total budget among the layers, by the predicted effect of their errors on the loss.

use super::Proxy;
use crate::language::{Config, LayerId};
use std::collections::BTreeMap;

/// Lowest density of a layer.
const LEAST: f64 = 0.05;

/// Lowest sensitivity of a layer, as a share of the median.
const LEAST_COST: f64 = 0.1;

/// Lowest density of a layer, as a share of the uniform one.
const LEAST_PART: f64 = 0.6;

/// Nonzeros given at a time, as a share of a layer's weights.
const PORTION: f64 = 0.005;

/// Densities of all layers with the lowest predicted loss, for `density` of all weights together.
///
/// The predicted loss is a sum of decreasing, nearly convex functions of each layer's nonzeros, so giving each portion
/// to the layer where it helps most is optimal up to one portion.
pub fn distribute(model: &Config, proxy: &Proxy, density: f64) -> BTreeMap<LayerId, f64> {
    let sizes: Vec<(LayerId, f64)> = model
        .layers()
        .map(|id| {
            let (rows, cols) = model.shape(id);
            (id, (rows * cols) as f64)
        })
        .collect();
    let least = (LEAST_PART * density).max(LEAST).min(density);
    let budget = density * sizes.iter().map(|size| size.1).sum::<f64>();
    let mut left = budget - least * sizes.iter().map(|size| size.1).sum::<f64>();
    let mut shares: Vec<f64> = vec![least; sizes.len()];
    // What was measured for one layer is uncertain: no layer counts as insensitive.
    let mut sorted: Vec<f64> = proxy.alphas.values().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let floor = LEAST_COST * sorted.get(sorted.len() / 2).copied().unwrap_or(0.0);
    let cost = |at: usize, share: f64| {
        let id = sizes[at].0;
        let alpha = proxy.alphas.get(&id).copied().unwrap_or(0.0).max(floor);
        alpha * proxy.curves.get(&id).map_or(0.0, |curve| curve.error(share))
    };
    // Gain of the next portion for each layer, per nonzero.
    let gain = |at: usize, share: f64| {
        let portion = PORTION.min(1.0 - share);
        if portion <= 0.0 {
            f64::NEG_INFINITY
        } else {
            (cost(at, share) - cost(at, share + portion)) / (portion * sizes[at].1)
        }
    };
    let mut gains: Vec<f64> = (0..sizes.len()).map(|at| gain(at, least)).collect();
    while let Some(best) = (0..sizes.len()).max_by(|&a, &b| gains[a].total_cmp(&gains[b])) {
        let portion = PORTION.min(1.0 - shares[best]).min(left / sizes[best].1);
        if portion <= 0.0 || gains[best] == f64::NEG_INFINITY {
            break;
        }
        shares[best] += portion;
        left -= portion * sizes[best].1;
        gains[best] = gain(best, shares[best]);
    }
    sizes.into_iter().map(|size| size.0).zip(shares).collect()
}
