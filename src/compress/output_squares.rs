//! How much the loss feels an error of each output of each layer.

use super::Error;
use crate::language::{BlockProgress, LanguageModel, LayerId, Windows};
use crate::matrix::OutputWeights;
use crate::model::Checkpoint;
use std::collections::BTreeMap;

/// Mean squared gradient of the loss with respect to each output of each layer of the dense model.
#[derive(Clone, Debug, Default)]
pub struct OutputSquares {
    /// `[out]` for each layer.
    squares: BTreeMap<LayerId, Vec<f32>>,
}

/// What is added to each mean square, as a share of the layer's mean: no output counts for nothing.
const LEAST: f64 = 1e-3;

impl OutputSquares {
    /// Measures them on `windows`; takes about as long as computing the loss three times.
    pub fn measure(model: &LanguageModel, windows: &Windows, progress: BlockProgress<'_>) -> Result<Self, Error> {
        Ok(Self { squares: model.output_squares(windows, progress)? })
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
        Ok(Self { squares })
    }

    /// The layers and their mean squares.
    pub fn iter(&self) -> impl Iterator<Item = (LayerId, &[f32])> {
        self.squares.iter().map(|(&id, squares)| (id, &squares[..]))
    }

    /// Weights of the entries of the stream after a block.
    pub fn stream_weights(&self, _: usize) -> Option<Vec<f32>> {
        None
    }

    /// Weights of a layer's outputs: the mean squares, as shares of their mean and with a thousandth added, to `power`.
    /// `None` where nothing is known, or nothing flows back.
    pub fn weights(&self, id: LayerId, power: f64) -> Option<OutputWeights> {
        let squares = self.squares.get(&id)?;
        let mean = squares.iter().map(|&square| f64::from(square)).sum::<f64>() / squares.len() as f64;
        if power == 0.0 || !(mean > 0.0 && mean.is_finite()) {
            return None;
        }
        let weights: Vec<f32> =
            squares.iter().map(|&square| (f64::from(square) / mean + LEAST).powf(power) as f32).collect();
        OutputWeights::new(&weights).ok()
    }
}

/// Name under which they are saved.
pub(super) fn tensor(model: &LanguageModel, id: LayerId) -> String {
    format!("{}.output_weights", model.config().stem(id))
}
