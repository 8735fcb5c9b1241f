//! A walk through a model, stage by stage: what each linear layer reads, with the layers before it replaced or not.

use super::block::{Block, check};
use super::layers::{LayerId, Stage};
use super::llama::Llama;
use super::rope::Angles;
use super::stream::Streams;
use super::{Error, Windows};
use crate::compute::{CalibrationSum, Par, chunks_of, chunks_of_mut, prelude::*};
use crate::matrix::{Calibration, Matrix};
use std::sync::Arc;

/// Goes through the blocks of a model with calibration windows, and stops at each [`Stage`].
///
/// At a stop, [`Walk::statistics`] gives XᵀX of what the stage's layers read, and [`Walk::replace`] puts other weights in
/// their place; what comes later reads what these make of it. This is the paper's setup: layers are compressed in order,
/// each seeing the already compressed ones before it. Without replacing, all statistics are those of the dense model.
///
/// In memory: one block, and for each token of the windows its stream and what the heads have mixed.
pub struct Walk {
    model: Llama,
    angles: Arc<Angles>,
    streams: Streams,
    /// At the second stage, what the heads have mixed in each window.
    mixed: Vec<Matrix>,
    block: Option<Block>,
    at: usize,
    stage: Stage,
}

/// Windows worked on at a time where their intermediate results are not kept. Fixed: the statistics are added up in its
/// order.
const AT_A_TIME: usize = 16;

impl Walk {
    /// Stands before the first block of `model`.
    pub fn new(model: &Llama, windows: &Windows) -> Result<Self, Error> {
        let angles = model.angles(windows.context());
        let streams = Streams::embed(&model.ends()?, windows)?;
        let block = Some(model.block(0, &angles)?);
        let model = model.clone();
        Ok(Self { model, angles, streams, mixed: Vec::new(), block, at: 0, stage: Stage::Attention })
    }

    /// The layers of the stage it stands at; none at the end.
    pub fn layers(&self) -> Vec<LayerId> {
        match self.block {
            Some(_) => self.stage.layers().iter().map(|&linear| LayerId { block: self.at, linear }).collect(),
            None => Vec::new(),
        }
    }

    /// XᵀX of what the stage's layers read.
    ///
    /// # Panics
    /// At the end.
    pub fn statistics(&mut self) -> Result<Calibration, Error> {
        let block = self.block.as_ref().expect("there is a stage to stand at");
        if self.stage == Stage::AttentionOutput && self.mixed.is_empty() {
            self.mixed = mixed(block, &self.streams);
        }
        let config = self.model.config();
        let mut sum = CalibrationSum::new(self.stage.first().shape(config).1);
        let windows = self.streams.streams.len();
        for from in (0..windows).step_by(AT_A_TIME) {
            let range = from..(from + AT_A_TIME).min(windows);
            let inputs = match self.stage {
                Stage::AttentionOutput => joined(&self.mixed[range]),
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

    /// Puts `weight` in the place of a layer of this stage.
    ///
    /// # Panics
    /// When the layer is not of this stage, or the shape is another.
    pub fn replace(&mut self, id: LayerId, weight: Arc<Matrix>) {
        assert!(self.layers().contains(&id), "{} is not of this stage", id.tensor());
        if let Some(block) = &mut self.block {
            block.replace(id.linear, weight);
        }
    }

    /// The residual streams: before the block at its first two stages, between its two parts at the others.
    pub fn streams(&self) -> &Streams {
        &self.streams
    }

    /// On to the next stage.
    pub fn advance(&mut self) -> Result<(), Error> {
        let Some(block) = &self.block else { return Ok(()) };
        self.stage = match self.stage {
            Stage::Attention => {
                self.mixed = mixed(block, &self.streams);
                Stage::AttentionOutput
            }
            Stage::AttentionOutput => {
                let mixed = std::mem::take(&mut self.mixed);
                let mut work: Vec<(&mut Matrix, Matrix)> = self.streams.streams.iter_mut().zip(mixed).collect();
                chunks_of_mut(&mut work, 1).for_each(|window| {
                    let (h, mixed) = &mut window[0];
                    block.add_attention(h, mixed, Par::Seq);
                });
                Stage::FeedForward
            }
            Stage::FeedForward => Stage::FeedForwardOutput,
            Stage::FeedForwardOutput => {
                let at = self.at;
                self.streams.each(|h| {
                    let gated = block.gated(h, Par::Seq);
                    block.add_feed_forward(h, &gated, Par::Seq);
                    check(h, at)
                })?;
                self.at += 1;
                // The old block goes before the new one comes: one is in memory at a time.
                self.block = None;
                if self.at < self.model.config().blocks {
                    self.block = Some(self.model.block(self.at, &self.angles)?);
                }
                Stage::Attention
            }
        };
        Ok(())
    }
}

fn mixed(block: &Block, streams: &Streams) -> Vec<Matrix> {
    chunks_of(&streams.streams, 1).map(|h| block.mixed(&h[0], Par::Seq)).collect()
}

/// Matrices below each other.
fn joined(parts: &[Matrix]) -> Matrix {
    let rows = parts.iter().map(Matrix::rows).sum();
    let cols = parts.first().map_or(0, Matrix::cols);
    let mut values = Vec::with_capacity(rows * cols);
    parts.iter().for_each(|part| values.extend_from_slice(part.as_slice()));
    Matrix::from_vec(rows, cols, values)
}
