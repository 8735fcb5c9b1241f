//! How much the loss feels an error of each output of each layer.

use super::{Error, LayerKey, Layered};
use crate::language::{BlockProgress, LanguageModel, LayerId, LossSquares, Windows};
use crate::matrix::OutputWeights;
use crate::model::Checkpoint;
use std::collections::BTreeMap;

/// Mean squared gradients of the dense model's loss, as weights of what it computes.
#[derive(Clone, Debug)]
pub struct OutputSquares<K = LayerId> {
    /// Of each output of each layer, `[out]`.
    outputs: BTreeMap<K, Vec<f32>>,
    /// Of each entry of the stream after each block, `[hidden]`; none of saved ones.
    streams: Vec<Vec<f32>>,
}

/// What is added to each mean square, as a share of the layer's mean: no output counts for nothing.
const LEAST: f64 = 1e-3;

impl OutputSquares {
    /// Measures them on `windows`; takes about as long as computing the loss three times.
    pub fn measure(model: &LanguageModel, windows: &Windows, progress: BlockProgress<'_>) -> Result<Self, Error> {
        let LossSquares { outputs, streams } = model.loss_squares(windows, progress)?;
        Ok(Self { outputs, streams })
    }

    /// Weights of the entries of the stream after a block, as [`weights`](Self::weights) of outputs.
    pub fn stream_weights(&self, block: usize, power: f64) -> Option<Vec<f32>> {
        weights(self.streams.get(block)?, power)
    }
}

impl<K> Default for OutputSquares<K> {
    fn default() -> Self {
        Self { outputs: BTreeMap::new(), streams: Vec::new() }
    }
}

impl<K: LayerKey> OutputSquares<K> {
    /// Those of the layers' outputs alone.
    pub fn of_outputs(outputs: BTreeMap<K, Vec<f32>>) -> Self {
        Self { outputs, streams: Vec::new() }
    }

    /// Those of the layers' outputs that were saved with the statistics, if they were; nothing of the streams.
    pub fn saved<M: Layered<Key = K>>(model: &M, saved: &Checkpoint) -> Result<Self, Error> {
        let mut outputs = BTreeMap::new();
        for id in model.keys() {
            let name = tensor(model, id);
            if saved.has(&name) {
                outputs.insert(id, saved.values(&name)?);
            }
        }
        Ok(Self::of_outputs(outputs))
    }

    /// The layers and their mean squares.
    pub fn iter(&self) -> impl Iterator<Item = (K, &[f32])> {
        self.outputs.iter().map(|(&id, squares)| (id, &squares[..]))
    }

    /// Weights of a layer's outputs: the mean squares, as shares of their mean and with a thousandth added, to `power`.
    /// `None` where nothing is known, or nothing flows back.
    pub fn weights(&self, id: K, power: f64) -> Option<OutputWeights> {
        OutputWeights::new(&weights(self.outputs.get(&id)?, power)?).ok()
    }
}

/// (square/mean + 10⁻³) to `power`; `None` where it makes no difference, or nothing flows back.
fn weights(squares: &[f32], power: f64) -> Option<Vec<f32>> {
    let mean = squares.iter().map(|&square| f64::from(square)).sum::<f64>() / squares.len() as f64;
    if power == 0.0 || !(mean > 0.0 && mean.is_finite()) {
        return None;
    }
    Some(squares.iter().map(|&square| (f64::from(square) / mean + LEAST).powf(power) as f32).collect())
}

/// Name under which they are saved.
pub(super) fn tensor<M: Layered>(model: &M, key: M::Key) -> String {
    format!("{}.output_weights", model.stem_of(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        // Mean 4: shares ¼ and 7/4.
        let known = weights(&[1.0, 7.0], 0.5).unwrap();
        assert!((known[0] - 0.251f32.sqrt()).abs() < 1e-6 && (known[1] - 1.751f32.sqrt()).abs() < 1e-6, "{known:?}");
        assert_eq!(weights(&[1.0, 7.0], 0.0), None);
        assert_eq!([weights(&[0.0, 0.0], 0.5), weights(&[f32::INFINITY, 1.0], 0.5)], [None, None]);
    }
}
