//! How much the loss feels an error of each output of each layer.

use super::Error;
use crate::language::{BlockProgress, LanguageModel, LayerId, LossSquares, Windows};
use crate::matrix::OutputWeights;
use crate::model::Checkpoint;
use std::collections::BTreeMap;

/// Mean squared gradient of the loss with respect to each output of each layer of the dense model.
#[derive(Clone, Debug, Default)]
pub struct OutputSquares {
    /// `[out]` for each layer.
    squares: BTreeMap<LayerId, Vec<f32>>,
    /// `[hidden]` of the stream after each block; empty if they were read from a file.
    streams: Vec<Vec<f32>>,
}

/// What is added to each mean square, as a share of the layer's mean: no output counts for nothing.
const LEAST: f64 = 1e-3;

impl OutputSquares {
    /// Measures them on `windows`; takes about as long as computing the loss three times.
    pub fn measure(model: &LanguageModel, windows: &Windows, progress: BlockProgress<'_>) -> Result<Self, Error> {
        let LossSquares { outputs, streams } = model.loss_squares(windows, progress)?;
        Ok(Self { squares: outputs, streams })
    }

    /// Those that were saved with the statistics, if they were.
    pub fn saved(model: &LanguageModel, saved: &Checkpoint) -> Result<Self, Error> {
        let mut squares = BTreeMap::new();
        for id in model.layers() {
            let name = tensor(model, id);
            if saved.has(&name) {
                squares.insert(id, saved.values(&name)?);
            }
        }
        Ok(Self { squares, streams: Vec::new() })
    }

    /// The layers and their mean squares.
    pub fn iter(&self) -> impl Iterator<Item = (LayerId, &[f32])> {
        self.squares.iter().map(|(&id, squares)| (id, &squares[..]))
    }

    /// Weights of the entries of the stream after a block, of mean 1: the mean squares with a thousandth added, to `power`.
    pub fn stream_weights(&self, block: usize, power: f64) -> Option<Vec<f32>> {
        weights(self.streams.get(block)?, power)
    }

    /// Weights of a layer's outputs: the mean squares, as shares of their mean and with a thousandth added, to `power`.
    /// `None` where nothing is known, or nothing flows back.
    pub fn weights(&self, id: LayerId, power: f64) -> Option<OutputWeights> {
        OutputWeights::new(&weights(self.squares.get(&id)?, power)?).ok()
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
