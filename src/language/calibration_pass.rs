//! A pass through a model that stops at each stage: statistics of the layers' inputs, with earlier layers replaced or
//! not.

use super::block::{Block, check};
use super::layers::{BlockStage, LayerId};
use super::model::LanguageModel;
use super::rope::Angles;
use super::stream::ResidualStreams;
use super::{Error, Windows};
use crate::compute::{CalibrationSum, Par, chunks_of, chunks_of_mut, prelude::*};
use crate::matrix::{Calibration, Matrix};
use std::sync::Arc;

/// A pass through a model with calibration windows that stops at each [`BlockStage`].
///
/// At a stop, [`CalibrationPass::statistics`] computes XᵀX of the stage's inputs, and [`CalibrationPass::replace`]
/// replaces its layers; later stages read what those compute. This is the paper's setup: layers are compressed in
/// order, each with the compressed ones before it. Without replacing, all statistics are those of the dense model.
///
/// In memory: one block, and for each token its stream and the heads' mixtures.
pub struct CalibrationPass {
    model: LanguageModel,
    angles: Arc<Angles>,
    streams: ResidualStreams,
    /// Heads' mixtures of each window, while at the second stage.
    mixed: Vec<Matrix>,
    block: Option<Block>,
    at: usize,
    stage: BlockStage,
}

/// Windows computed at a time where intermediate results are not kept. Fixed, because statistics are summed in this
/// order.
const WINDOWS_AT_A_TIME: usize = 16;

impl CalibrationPass {
    /// A pass at the first stage of the first block of `model`.
    pub fn new(model: &LanguageModel, windows: &Windows) -> Result<Self, Error> {
        let angles = model.angles(windows.context());
        let streams = ResidualStreams::embed(&model.embedding_and_head()?, windows)?;
        let block = Some(model.block(0, &angles)?);
        let model = model.clone();
        Ok(Self { model, angles, streams, mixed: Vec::new(), block, at: 0, stage: BlockStage::Attention })
    }

    /// Layers of the current stage; none at the end.
    pub fn layers(&self) -> Vec<LayerId> {
        match self.block {
            Some(_) => self.stage.layers().iter().map(|&linear| LayerId { block: self.at, linear }).collect(),
            None => Vec::new(),
        }
    }

    /// Statistics XᵀX of the current stage's inputs.
    ///
    /// # Panics
    /// Panics if the pass is at its end.
    pub fn statistics(&mut self) -> Result<Calibration, Error> {
        let block = self.block.as_ref().expect("there is a stage to stand at");
        if self.stage == BlockStage::AttentionOutput && self.mixed.is_empty() {
            self.mixed = mixed(block, &self.streams);
        }
        let config = self.model.config();
        let mut sum = CalibrationSum::new(self.stage.first().shape(config).1);
        let windows = self.streams.streams.len();
        for from in (0..windows).step_by(WINDOWS_AT_A_TIME) {
            let range = from..(from + WINDOWS_AT_A_TIME).min(windows);
            let inputs = match self.stage {
                BlockStage::AttentionOutput => joined(&self.mixed[range]),
                stage => {
                    let inputs: Vec<Matrix> = chunks_of(&self.streams.streams[range], 1)
                        .map(|h| block.inputs(stage, &h[0], Par::Seq))
                        .collect();
                    joined(&inputs)
                }
            };
            sum.add(&inputs).map_err(|_| Error::NotFinite { block: self.at })?;
        }
        sum.finish().map_err(|_| Error::NotFinite { block: self.at })
    }

    /// Replaces the weight of a layer of the current stage.
    ///
    /// # Panics
    /// Panics if the layer is not of this stage, or the shape differs.
    pub fn replace(&mut self, id: LayerId, weight: Arc<Matrix>) {
        assert!(self.layers().contains(&id), "{} is not of this stage", id.tensor());
        if let Some(block) = &mut self.block {
            block.replace(id.linear, weight);
        }
    }

    /// Residual streams: before the block at its first two stages, after its attention at the others.
    pub fn streams(&self) -> &ResidualStreams {
        &self.streams
    }

    /// Computes the current stage and advances to the next.
    pub fn advance(&mut self) -> Result<(), Error> {
        let Some(block) = &self.block else { return Ok(()) };
        self.stage = match self.stage {
            BlockStage::Attention => {
                self.mixed = mixed(block, &self.streams);
                BlockStage::AttentionOutput
            }
            BlockStage::AttentionOutput => {
                let mixed = std::mem::take(&mut self.mixed);
                let mut work: Vec<(&mut Matrix, Matrix)> = self.streams.streams.iter_mut().zip(mixed).collect();
                chunks_of_mut(&mut work, 1).for_each(|window| {
                    let (h, mixed) = &mut window[0];
                    block.add_attention(h, mixed, Par::Seq);
                });
                BlockStage::FeedForward
            }
            BlockStage::FeedForward => BlockStage::FeedForwardOutput,
            BlockStage::FeedForwardOutput => {
                let at = self.at;
                self.streams.each(|h| {
                    let gated = block.gated(h, Par::Seq);
                    block.add_feed_forward(h, &gated, Par::Seq);
                    check(h, at)
                })?;
                self.at += 1;
                // The old block is dropped before the new one is read: one is in memory at a time.
                self.block = None;
                if self.at < self.model.config().blocks {
                    self.block = Some(self.model.block(self.at, &self.angles)?);
                }
                BlockStage::Attention
            }
        };
        Ok(())
    }
}

fn mixed(block: &Block, streams: &ResidualStreams) -> Vec<Matrix> {
    chunks_of(&streams.streams, 1).map(|h| block.mixed(&h[0], Par::Seq)).collect()
}

/// Matrices of equal width, stacked vertically.
fn joined(parts: &[Matrix]) -> Matrix {
    let rows = parts.iter().map(Matrix::rows).sum();
    let cols = parts.first().map_or(0, Matrix::cols);
    let mut values = Vec::with_capacity(rows * cols);
    parts.iter().for_each(|part| values.extend_from_slice(part.as_slice()));
    Matrix::from_vec(rows, cols, values)
}
