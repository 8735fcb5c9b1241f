//! How much the loss feels an error of each output of each layer.

use super::{Error, LayerKey, Layered};
#[cfg(not(target_arch = "wasm32"))]
use crate::export::Tensor;
use crate::language::{BlockProgress, LanguageModel, LayerId, LossSquares, Windows};
use crate::matrix::OutputWeights;
#[cfg(not(target_arch = "wasm32"))]
use crate::model::Dtype;
use crate::model::SavedStatistics;
use crate::vision::{Network, Pictures, Wanted};
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

impl OutputSquares<usize> {
    /// Measures them on labelled pictures; takes a few times as long as classifying them.
    pub fn of_network(network: &Network, pictures: &Pictures, progress: &dyn Fn(f64) -> bool) -> Result<Self, Error> {
        /// Pixels of a batch: of it everything that its layers compute is in memory.
        const PIXELS: usize = 128 * 32 * 32;
        let batch = (PIXELS / (pictures.height * pictures.width).max(1)).clamp(1, 128);
        let wanted = Wanted { batch_statistics: false, output_squares: true };
        let mut outputs: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for from in (0..pictures.len()).step_by(batch) {
            if !progress(from as f64 / pictures.len() as f64) {
                return Err(Error::Cancelled);
            }
            let part = pictures.range(from..(from + batch).min(pictures.len()));
            for (layer, squares) in network.gradients(&part, wanted)?.output_squares.into_iter().enumerate() {
                let sums = outputs.entry(layer).or_insert_with(|| vec![0.0; squares.len()]);
                sums.iter_mut().zip(squares).for_each(|(sum, square)| *sum += square);
            }
        }
        let mean = |(layer, sums): (usize, Vec<f64>)| {
            (layer, sums.into_iter().map(|sum| (sum / pictures.len() as f64) as f32).collect())
        };
        Ok(Self::of_outputs(outputs.into_iter().map(mean).collect()))
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
    pub fn saved<M: Layered<Key = K>>(model: &M, saved: &SavedStatistics) -> Result<Self, Error> {
        let mut outputs = BTreeMap::new();
        for id in model.keys() {
            if let Some(squares) = saved.output_squares_of(&model.stem_of(id))? {
                outputs.insert(id, squares);
            }
        }
        Ok(Self::of_outputs(outputs))
    }

    /// With those of other layers' outputs.
    pub fn extend(&mut self, other: Self) {
        self.outputs.extend(other.outputs);
    }

    /// The layers and their mean squares.
    pub fn iter(&self) -> impl Iterator<Item = (K, &[f32])> {
        self.outputs.iter().map(|(&id, squares)| (id, &squares[..]))
    }

    /// Mean squares of a layer's outputs, `[out]`.
    pub fn of(&self, id: K) -> Option<&[f32]> {
        self.outputs.get(&id).map(Vec::as_slice)
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

/// The tensor as which those of a layer are saved.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn tensor_of<M: Layered>(model: &M, key: M::Key, squares: &[f32]) -> Tensor {
    Tensor::values(format!("{}.output_weights", model.stem_of(key)), Dtype::F32, &[squares.len()], squares)
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
