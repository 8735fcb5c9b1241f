//! Prediction of the model's loss from the errors of its layers, for models too large to be evaluated at every change.
//!
//! The loss of a model with many layers replaced is close to the dense loss plus a sum over the layers, as long as the
//! errors are not large ("the linearity theorem" of HIGGS, arXiv 2411.17525):
//!
//! ```text
//! ln perplexity ≈ ln perplexity of the dense model + Σ αₗ·eₗ
//! ```
//!
//! Here eₗ is the layer-wise error tr(Δ·XᵀX·Δᵀ) / tr(W·XᵀX·Wᵀ), with Δ = W − A·B and X the layer's inputs in the dense
//! model. αₗ is measured once per model, by replacing one layer at a time, or taken from the loss's gradients.

use super::curve::short_run;
use super::{Curve, Error, OutputSquares};
use crate::language::{BlockProgress, BlockStage, CalibrationPass, LanguageModel, LayerId, Windows};
use crate::matrix::{Calibration, OutputWeights, Problem};
use crate::measure::{layer_difference, output_energy};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Densities of the short runs. Errors between them are interpolated: a language model's layers are too many and too large for
/// a run at every density that they may be given.
const DENSITIES: [f64; 7] = [0.08, 0.13, 0.2, 0.3, 0.42, 0.58, 0.78];

/// Windows that layers are measured on: a sample is enough for a slope.
const WINDOWS: usize = 24;

/// Predictor of the loss: the sensitivity and the error curve of each layer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proxy {
    /// Loss of the dense model.
    pub dense: f64,
    /// Sensitivity αₗ of each layer: loss per layer-wise error, ≥ 0.
    pub alphas: BTreeMap<LayerId, f64>,
    /// Layer-wise error of each layer by its density.
    pub curves: BTreeMap<LayerId, Curve>,
}

impl Proxy {
    /// Predicted loss with these layer-wise errors.
    pub fn loss(&self, errors: impl IntoIterator<Item = (LayerId, f64)>) -> f64 {
        let alpha = |id| self.alphas.get(&id).copied().unwrap_or(0.0);
        self.dense + errors.into_iter().map(|(id, error)| alpha(id) * error).sum::<f64>()
    }

    /// Predicted loss with these densities, by the curves.
    pub fn loss_at(&self, densities: impl IntoIterator<Item = (LayerId, f64)>) -> f64 {
        let error = |(id, density)| Some((id, self.curves.get(&id)?.error(density)));
        self.loss(densities.into_iter().filter_map(error))
    }

    /// Measures a model on `windows`; calls `progress` after each layer.
    ///
    /// Each layer is factorized at seven densities by short runs. αₗ is the least squares slope through the origin of
    /// the loss against the error, for some of these replacements alone in the dense model.
    pub fn measure(model: &LanguageModel, windows: &Windows, progress: BlockProgress<'_>) -> Result<Self, Error> {
        let windows = windows.clone().evenly_spaced(WINDOWS);
        let (mut alphas, mut curves) = (BTreeMap::new(), BTreeMap::new());
        let (outer_layers, mut pass) = (model.embedding_and_head()?, CalibrationPass::new(model, &windows)?);
        let dense = model.loss(&windows, &|_, _| progress(0, model.layers().count()))?.nll;
        let all = model.layers().count();
        let mut before = None;
        while let Some(&first) = pass.layers().first() {
            if first.stage() == BlockStage::Attention {
                before = Some(pass.streams().clone());
            }
            let Some(before) = &before else { break };
            let statistics = pass.statistics()?.statistics.map(Arc::new);
            for id in pass.layers() {
                if !progress(alphas.len(), all) {
                    return Err(crate::language::Error::Cancelled.into());
                }
                let loss = |changed: &LanguageModel| {
                    let told = |_: usize, _: usize| progress(alphas.len(), all);
                    Ok(changed.loss_from(id.block, before.clone(), &outer_layers, &windows, &told)?.nll - dense)
                };
                let (alpha, curve) = measure_layer(model, &loss, statistics.as_ref(), id)?;
                alphas.insert(id, alpha);
                curves.insert(id, curve);
            }
            pass.advance()?;
        }
        Ok(Self { dense, alphas, curves })
    }

    /// Takes the sensitivities from the loss's gradients; calls `progress` after each layer.
    ///
    /// To the second order, with the gradients' squares in place of curvatures (the diagonal of Fisher's information), an
    /// error δ of a layer's outputs raises the loss by `½ Σᵢ E[gᵢ²]·E[δᵢ²]`. Here eₗ is the layer-wise error with rows weighed by
    /// `E[gᵢ²]`, and `αₗ = ½ Σᵢ E[gᵢ²]·E[yᵢ²]`. No model is computed with replaced layers. The short runs weigh the rows by the
    /// squares to `power`.
    pub fn from_gradients(
        model: &LanguageModel,
        windows: &Windows,
        power: f64,
        progress: BlockProgress<'_>,
    ) -> Result<Self, Error> {
        let (mut alphas, mut curves) = (BTreeMap::new(), BTreeMap::new());
        let all = model.layers().count();
        let squares = OutputSquares::measure(model, windows, &|_, _| progress(0, all))?;
        let windows = windows.clone().evenly_spaced(WINDOWS);
        let dense = model.loss(&windows, &|_, _| progress(0, all))?.nll;
        let mut pass = CalibrationPass::new(model, &windows)?;
        while !pass.layers().is_empty() {
            let collected = pass.statistics()?;
            let statistics = collected.statistics.map(Arc::new);
            for id in pass.layers() {
                if !progress(alphas.len(), all) {
                    return Err(crate::language::Error::Cancelled.into());
                }
                let felt = statistics.as_ref().zip(squares.of(id));
                let (alpha, curve) = match felt.and_then(|(inputs, felt)| Felt::new(felt, inputs, collected.tokens)) {
                    Some(felt) => felt.layer(model, id, squares.weights(id, power))?,
                    // What no token reaches, or the loss does not feel.
                    None => (0.0, Curve::new(Vec::new())),
                };
                alphas.insert(id, alpha);
                curves.insert(id, curve);
            }
            pass.advance()?;
        }
        Ok(Self { dense, alphas, curves })
    }
}

/// What the loss feels of a layer's outputs, and what the layer reads.
struct Felt<'a> {
    /// Mean of the outputs' mean squared gradients.
    mean: f64,
    /// These squares as weights.
    weights: OutputWeights,
    inputs: &'a Arc<Calibration>,
    /// Tokens that the inputs' statistics are of.
    tokens: usize,
}

impl<'a> Felt<'a> {
    /// `None` where all squares are 0, or one is not finite.
    fn new(squares: &[f32], inputs: &'a Arc<Calibration>, tokens: usize) -> Option<Self> {
        let weights = OutputWeights::new(squares).ok()?;
        let mean = squares.iter().map(|&square| f64::from(square)).sum::<f64>() / squares.len() as f64;
        Some(Self { mean, weights, inputs, tokens })
    }

    /// A layer's αₗ and curve; its short runs weigh the outputs by `run_weights`.
    fn layer(
        &self,
        model: &LanguageModel,
        id: LayerId,
        run_weights: Option<OutputWeights>,
    ) -> Result<(f64, Curve), Error> {
        let weight = model.layer(id)?.weight;
        let weighed = self.weights.weigh(&weight);
        let xtx = self.inputs.xtx();
        let energy = output_energy(&weighed, xtx) * 4f64.powi(self.inputs.exponent()) / self.tokens as f64;
        let problem = Problem {
            weight,
            calibration: Some(self.inputs.clone()),
            held_out: None,
            output_weights: run_weights.map(Arc::new),
        };
        let point = |density| {
            let failed = |error| Error::Layer { tensor: model.config().tensor(id), source: error };
            let replaced = short_run(&problem, density).map_err(failed)?.to_dense();
            Ok((density, layer_difference(&weighed, &self.weights.weigh(&replaced), xtx)))
        };
        let points: Result<Vec<_>, Error> = DENSITIES.into_iter().map(point).collect();
        Ok((0.5 * self.mean * energy, Curve::new(points?)))
    }
}

/// Measures a layer's sensitivity and curve; `rise` computes the growth of the loss of a changed model.
fn measure_layer(
    model: &LanguageModel,
    rise: &dyn Fn(&LanguageModel) -> Result<f64, Error>,
    statistics: Option<&Arc<Calibration>>,
    id: LayerId,
) -> Result<(f64, Curve), Error> {
    /// Densities at which the model is evaluated: their errors are as large as in a strongly compressed model, so that
    /// they stand out from the noise of the windows.
    const TRIED: [f64; 3] = [0.08, 0.13, 0.2];
    let layer = model.layer(id)?;
    let problem = Problem {
        weight: layer.weight.clone(),
        calibration: statistics.cloned(),
        held_out: None,
        output_weights: None,
    };
    let (mut points, mut products, mut squares) = (Vec::new(), 0.0, 0.0);
    for density in DENSITIES {
        let failed = |error| Error::Layer { tensor: model.config().tensor(id), source: error };
        let replacement = short_run(&problem, density).map_err(failed)?;
        let error = match statistics {
            Some(statistics) => replacement.layer_error(&layer.weight, statistics.xtx()),
            None => replacement.relative_error(&layer.weight).powi(2),
        };
        points.push((density, error));
        // An expert that no token was routed to changes nothing.
        if TRIED.contains(&density) && statistics.is_some() {
            let mut changed = model.clone();
            changed.replace(id, Arc::new(replacement.to_dense()));
            products += error * rise(&changed)?;
            squares += error * error;
        }
    }
    let alpha = if squares > 0.0 { (products / squares).max(0.0) } else { 0.0 };
    Ok((alpha, Curve::new(points)))
}
