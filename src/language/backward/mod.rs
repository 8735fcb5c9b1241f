//! Gradients of a loss with respect to what a model computes and is made of: backpropagation, block by block.
//!
//! Only the streams before each block are kept on the way forward. On the way back a block computes again what it needs
//! (gradient checkpointing, Chen et al., arXiv 1604.06174), so that the weights, inner values and gradients of one block are
//! in memory at a time. The gradient of a weight is that of the product, dense, where a layer is stored as factors: with
//! W = A·B the factors' own follow from it, ∂L/∂A = ∂L/∂W·Bᵀ and ∂L/∂B = Aᵀ·∂L/∂W, for a product of all tokens at once.
//!
//! Own code rather than a tensor library's, as the blocks are: every family of models, in a browser too, with the same bits
//! on any number of threads.

mod block;
mod gradients;
mod outer_layers;
mod record;

pub use gradients::{BlockGradients, Wanted};
pub use outer_layers::{OuterWanted, Target};

use super::block::check;
use super::layers::LayerId;
use super::model::LanguageModel;
use super::stream::{BlockProgress, Loss, ResidualStreams};
use super::{Block, Error, Windows};
use crate::compute::{chunks_of_mut, prelude::*};
use crate::matrix::Matrix;
use record::Record;
use std::collections::BTreeMap;

/// Windows computed at a time, whose layers' inputs and outputs' gradients are in memory. Fixed, because gradients are
/// summed in this order.
const WINDOWS_AT_A_TIME: usize = 8;

impl ResidualStreams {
    /// Computes back through `block`, number `number` of its model: `self` are the streams before it, and `gradients` those
    /// with respect to the streams after it, which are replaced by those with respect to the streams before it.
    pub fn backward(
        &self,
        block: &Block,
        number: usize,
        gradients: &mut ResidualStreams,
        wanted: Wanted,
    ) -> Result<BlockGradients, Error> {
        let mut sums = BlockGradients::default();
        if wanted.output_squares {
            sums.stream_squares = gradients.column_squares();
        }
        let block = &block.with_dense_weights();
        let windows = self.streams.chunks(WINDOWS_AT_A_TIME);
        for (before, after) in windows.zip(gradients.streams.chunks_mut(WINDOWS_AT_A_TIME)) {
            let mut work: Vec<(&Matrix, &mut Matrix, Record, Result<(), Error>)> =
                before.iter().zip(after).map(|(h, g)| (h, g, Record::new(wanted), Ok(()))).collect();
            chunks_of_mut(&mut work, 1).for_each(|window| {
                let (h, g, record, checked) = &mut window[0];
                let after = std::mem::replace(*g, Matrix::zeros(0, 0));
                **g = block.backward(h, after, record);
                *checked = check(g, number);
            });
            let mut records = Vec::with_capacity(work.len());
            for (_, _, record, checked) in work {
                checked?;
                records.push(record);
            }
            record::add_all(block, number, records, wanted, &mut sums);
        }
        Ok(sums)
    }
}

/// How much the loss feels an error in what a model computes: mean squared gradients, at any scale.
#[derive(Clone, Debug, Default)]
pub struct LossSquares {
    /// Of each output of each layer, `[out]`.
    pub outputs: BTreeMap<LayerId, Vec<f32>>,
    /// Of each entry of the stream after each block, `[hidden]`.
    pub streams: Vec<Vec<f32>>,
}

impl LanguageModel {
    /// Computes the loss on `windows` and goes back through all blocks, the last first: `block` is called with each one's
    /// number and gradients. Returns the loss and the gradients of outer layers.
    ///
    /// In memory: the windows' streams before each block, and one block with its gradients.
    pub fn backward(
        &self,
        windows: &Windows,
        target: Target<'_>,
        (wanted, outer): (Wanted, OuterWanted),
        mut block: impl FnMut(usize, BlockGradients),
        progress: BlockProgress<'_>,
    ) -> Result<(Loss, BTreeMap<String, Vec<f32>>), Error> {
        let outer_layers = self.embedding_and_head()?;
        let angles = self.angles(windows.context());
        let blocks = self.config().blocks;
        let told = |done: usize| if progress(done, 3 * blocks) { Ok(()) } else { Err(Error::Cancelled) };
        let mut streams = ResidualStreams::embed(&outer_layers, windows)?;
        let mut before = Vec::with_capacity(blocks);
        for number in 0..blocks {
            told(number)?;
            before.push(streams.clone());
            streams.forward(&self.block(number, &angles)?, number)?;
        }
        let (loss, mut gradients, mut tensors) = outer_layers.loss_gradients(&streams, windows, target, outer);
        if !loss.nll.is_finite() {
            return Err(Error::LossNotFinite);
        }
        drop(streams);
        while let Some(streams) = before.pop() {
            let number = before.len();
            // The way back takes twice as long as the way forward, and computes that again.
            told(3 * blocks - 2 * (number + 1))?;
            let of_block = streams.backward(&self.block(number, &angles)?, number, &mut gradients, wanted)?;
            block(number, of_block);
        }
        if outer.matrices {
            outer_layers.embedding_gradients(windows, &gradients, &mut tensors)?;
        }
        Ok((loss, tensors))
    }

    /// Mean squared gradients of the loss over the tokens of `windows`.
    pub fn loss_squares(&self, windows: &Windows, progress: BlockProgress<'_>) -> Result<LossSquares, Error> {
        /// Bytes of streams in memory at a time; more windows are computed in parts.
        const STREAMS: usize = 1 << 30;
        let blocks = self.config().blocks;
        let bytes = 4 * self.config().hidden * windows.context() * (blocks + 1);
        let parts = windows.parts((STREAMS / bytes).max(1));
        let wanted = Wanted { output_squares: true, ..Wanted::default() };
        let mut outputs: BTreeMap<LayerId, Vec<f64>> = BTreeMap::new();
        let mut streams: Vec<Vec<f64>> = vec![Vec::new(); blocks];
        for (at, part) in parts.iter().enumerate() {
            let told = |done: usize, all: usize| progress(at * all + done, parts.len() * all);
            // Gradients of a part's mean loss, on which all windows of a part weigh alike.
            let share = (part.predicted() as f64).powi(2);
            let add = |sum: &mut Vec<f64>, squares: Vec<f64>| {
                sum.resize(squares.len(), 0.0);
                sum.iter_mut().zip(squares).for_each(|(sum, square)| *sum += share * square);
            };
            let block = |number: usize, gradients: BlockGradients| {
                for (id, squares) in gradients.output_squares {
                    add(outputs.entry(id).or_default(), squares);
                }
                add(&mut streams[number], gradients.stream_squares);
            };
            self.backward(part, Target::Tokens, (wanted, OuterWanted::default()), block, &told)?;
        }
        let tokens = (windows.len() * windows.context()) as f64;
        let mean = |squares: Vec<f64>| squares.into_iter().map(|square| (square / tokens) as f32).collect();
        Ok(LossSquares {
            outputs: outputs.into_iter().map(|(id, squares)| (id, mean(squares))).collect(),
            streams: streams.into_iter().map(mean).collect(),
        })
    }
}
