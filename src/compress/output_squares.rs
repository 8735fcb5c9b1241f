//! How much the loss feels an error of each output of each layer.

use super::Error;
use crate::language::{BlockProgress, LanguageModel, LayerId, LossSquares, Windows};
use crate::matrix::OutputWeights;
use crate::model::Checkpoint;
use std::collections::BTreeMap;

/// Mean squared gradients of the dense model's loss, as weights of what it computes.
#[derive(Clone, Debug, Default)]
pub struct OutputSquares(LossSquares);

/// What is added to each mean square, as a share of the layer's mean: no output counts for nothing.
const LEAST: f64 = 1e-3;

impl OutputSquares {
    /// Measures them on `windows`; takes about as long as computing the loss three times.
    pub fn measure(model: &LanguageModel, windows: &Windows, progress: BlockProgress<'_>) -> Result<Self, Error> {
        Ok(Self(model.loss_squares(windows, progress)?))
    }

    /// Those of the layers' outputs that were saved with the statistics, if they were; nothing of the streams.
    pub fn saved(model: &LanguageModel, saved: &Checkpoint) -> Result<Self, Error> {
        let mut outputs = BTreeMap::new();
        for id in model.layers() {
            let name = tensor(model, id);
            if saved.has(&name) {
                outputs.insert(id, saved.values(&name)?);
            }
        }
        Ok(Self(LossSquares { outputs, streams: Vec::new() }))
    }

    /// The layers and their mean squares.
    pub fn iter(&self) -> impl Iterator<Item = (LayerId, &[f32])> {
        self.0.outputs.iter().map(|(&id, squares)| (id, &squares[..]))
    }

    /// Weights of the entries of the stream after a block, as [`weights`](Self::weights) of outputs.
    pub fn stream_weights(&self, block: usize, power: f64) -> Option<Vec<f32>> {
        weights(self.0.streams.get(block)?, power)
    }

    /// Weights of a layer's outputs: the mean squares, as shares of their mean and with a thousandth added, to `power`.
    /// `None` where nothing is known, or nothing flows back.
    pub fn weights(&self, id: LayerId, power: f64) -> Option<OutputWeights> {
        OutputWeights::new(&weights(self.0.outputs.get(&id)?, power)?).ok()
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
pub(super) fn tensor(model: &LanguageModel, id: LayerId) -> String {
    format!("{}.output_weights", model.config().stem(id))
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
