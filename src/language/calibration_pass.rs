//! A pass through a model that stops at each stage: statistics of the layers' inputs, with earlier layers replaced or
//! not.

use super::block::{Block, check};
use super::experts::Routes;
use super::layers::{BlockStage, LayerId};
use super::model::LanguageModel;
use super::rope::Angles;
use super::stream::ResidualStreams;
use super::{Error, Windows};
use crate::compute::{CalibrationSum, Par, chunks_of, chunks_of_mut, prelude::*};
use crate::matrix::{Calibration, Matrix};
use std::sync::Arc;

/// A pass through a model with calibration windows that stops at each [`BlockStage`], of each expert where there are some.
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
    /// Inputs of the feed-forward part of each window, where the block computes them before the attention is added.
    feed_forward: Vec<Matrix>,
    /// The experts that each window's tokens use, while at the stages of experts.
    routes: Vec<Routes>,
    block: Option<Block>,
    at: usize,
    stage: BlockStage,
    expert: Option<usize>,
}

/// What the layers of a stage read.
#[derive(Clone, Debug)]
pub struct StageInputs {
    /// Number of tokens that they read: of experts, those that were routed to them.
    pub tokens: usize,
    /// XᵀX of the inputs; `None` if no token was routed to them.
    pub statistics: Option<Calibration>,
}

/// Windows computed at a time where intermediate results are not kept. Fixed, because statistics are summed in this
/// order.
const WINDOWS_AT_A_TIME: usize = 16;

impl CalibrationPass {
    /// A pass at the first stage of the first block of `model`.
    pub fn new(model: &LanguageModel, windows: &Windows) -> Result<Self, Error> {
        let streams = ResidualStreams::embed(&model.embedding_and_head()?, windows)?;
        Self::at_block(model, windows.context(), 0, streams)
    }

    /// A pass at the first stage of a block, from the streams before it of windows of `context` tokens.
    ///
    /// # Panics
    /// Panics if `model` has no such block.
    pub fn at_block(
        model: &LanguageModel,
        context: usize,
        block: usize,
        streams: ResidualStreams,
    ) -> Result<Self, Error> {
        assert!(block < model.config().blocks, "{} has no block {block}", model.name());
        let angles = model.angles(context);
        let first = Some(model.block(block, &angles)?);
        let model = model.clone();
        let (mixed, feed_forward, routes) = Default::default();
        let (stage, expert) = (BlockStage::Attention, None);
        Ok(Self { model, angles, streams, mixed, feed_forward, routes, block: first, at: block, stage, expert })
    }

    /// Layers of the current stage; none at the end.
    pub fn layers(&self) -> Vec<LayerId> {
        match self.block {
            Some(_) => {
                let mut layers = self.model.config().layers_of(self.at);
                layers.retain(|id| id.stage() == self.stage && id.expert == self.expert);
                layers
            }
            None => Vec::new(),
        }
    }

    /// Statistics XᵀX of the current stage's inputs.
    ///
    /// # Panics
    /// Panics if the pass is at its end.
    pub fn statistics(&mut self) -> Result<StageInputs, Error> {
        let block = self.block.as_ref().expect("there is a stage to stand at");
        if self.stage == BlockStage::AttentionOutput && self.mixed.is_empty() {
            self.mixed = mixed(block, &self.streams);
        }
        if self.expert.is_some() && self.routes.is_empty() {
            self.routes = (0..self.streams.streams.len())
                .map(|window| self.feed_forward_inputs(block, window))
                .filter_map(|x| block.routes(&x, Par::Seq))
                .collect();
        }
        let (_, inputs) = self.model.shape(self.layers()[0]);
        let mut sum = CalibrationSum::new(inputs);
        let (windows, mut tokens) = (self.streams.streams.len(), 0);
        for from in (0..windows).step_by(WINDOWS_AT_A_TIME) {
            let range: Vec<usize> = (from..(from + WINDOWS_AT_A_TIME).min(windows)).collect();
            let parts: Vec<Matrix> = chunks_of(&range, 1).map(|at| self.inputs(block, at[0])).collect();
            let inputs = joined(&parts);
            tokens += inputs.rows();
            if inputs.rows() > 0 {
                sum.add(&inputs).map_err(|_| Error::NotFinite { block: self.at })?;
            }
        }
        let statistics = (tokens > 0).then(|| sum.finish().map_err(|_| Error::NotFinite { block: self.at }));
        Ok(StageInputs { tokens, statistics: statistics.transpose()? })
    }

    /// Inputs of the current stage's layers, of one window.
    fn inputs(&self, block: &Block, window: usize) -> Matrix {
        match self.stage {
            BlockStage::Attention => block.attention_inputs(&self.streams.streams[window]),
            BlockStage::AttentionOutput => self.mixed[window].clone(),
            BlockStage::FeedForward => self.expert_inputs(block, window),
            BlockStage::FeedForwardOutput => block.inner(self.expert, &self.expert_inputs(block, window), Par::Seq),
        }
    }

    /// Inputs of the feed-forward part, or of the current expert.
    fn expert_inputs(&self, block: &Block, window: usize) -> Matrix {
        let x = self.feed_forward_inputs(block, window);
        match self.expert {
            Some(expert) => self.routes[window].rows(expert, &x),
            None => x,
        }
    }

    fn feed_forward_inputs(&self, block: &Block, window: usize) -> Matrix {
        match self.feed_forward.get(window) {
            Some(x) => x.clone(),
            None => block.feed_forward_inputs(&self.streams.streams[window]),
        }
    }

    /// Replaces the weight of a layer of the current stage.
    ///
    /// # Panics
    /// Panics if the layer is not of this stage, or the shape differs.
    pub fn replace(&mut self, id: LayerId, weight: Arc<Matrix>) {
        assert!(self.layers().contains(&id), "{} is not of this stage", self.model.config().tensor(id));
        if let Some(block) = &mut self.block {
            block.replace(id, weight);
        }
    }

    /// Residual streams: before the block at its first two stages, after its attention at the others.
    pub fn streams(&self) -> &ResidualStreams {
        &self.streams
    }

    /// Number of the current block.
    pub fn block_number(&self) -> usize {
        self.at
    }

    /// Rotary angles of the windows.
    pub fn angles(&self) -> &Arc<Angles> {
        &self.angles
    }

    /// Computes the current block anew up to the current stage, with the weights of `model`, from the streams `before` it.
    pub fn restart_block(&mut self, model: &LanguageModel, before: ResidualStreams) -> Result<(), Error> {
        let (stage, expert) = (self.stage, self.expert);
        self.block = Some(model.block(self.at, &self.angles)?);
        self.streams = before;
        (self.stage, self.expert) = (BlockStage::Attention, None);
        (self.mixed, self.feed_forward, self.routes) = Default::default();
        while (self.stage, self.expert) != (stage, expert) {
            self.advance()?;
        }
        Ok(())
    }

    /// Ends the current block anew, from the streams `before` it and with these layers replaced, and reads the next block.
    ///
    /// # Panics
    /// Panics at the end.
    pub fn end_block_with(
        &mut self,
        before: ResidualStreams,
        replaced: impl IntoIterator<Item = (LayerId, Arc<Matrix>)>,
    ) -> Result<(), Error> {
        let block = self.block.as_mut().expect("there is a block to end");
        replaced.into_iter().for_each(|(id, weight)| block.replace(id, weight));
        self.streams = before;
        (self.mixed, self.feed_forward) = Default::default();
        self.streams.forward(block, self.at)?;
        self.enter_next()
    }

    /// Computes the current stage and advances to the next.
    pub fn advance(&mut self) -> Result<(), Error> {
        let Some(block) = &self.block else { return Ok(()) };
        let experts = block.experts.as_ref().map_or(0, |experts| experts.experts.len());
        self.stage = match self.stage {
            BlockStage::Attention => {
                if self.mixed.is_empty() {
                    self.mixed = mixed(block, &self.streams);
                }
                BlockStage::AttentionOutput
            }
            BlockStage::AttentionOutput => {
                let mixed = std::mem::take(&mut self.mixed);
                let before = chunks_of(&self.streams.streams, 1).map(|h| block.feed_forward_inputs_before(&h[0]));
                let before: Vec<Option<Matrix>> = before.collect();
                self.feed_forward = before.into_iter().flatten().collect();
                let mut work: Vec<(&mut Matrix, Matrix)> = self.streams.streams.iter_mut().zip(mixed).collect();
                chunks_of_mut(&mut work, 1).for_each(|window| {
                    let (h, mixed) = &mut window[0];
                    block.add_attention(h, mixed, Par::Seq);
                });
                self.expert = (experts > 0).then_some(0);
                BlockStage::FeedForward
            }
            BlockStage::FeedForward => BlockStage::FeedForwardOutput,
            BlockStage::FeedForwardOutput => match self.expert.filter(|expert| expert + 1 < experts) {
                Some(expert) => {
                    self.expert = Some(expert + 1);
                    BlockStage::FeedForward
                }
                None => {
                    self.end_block()?;
                    BlockStage::Attention
                }
            },
        };
        Ok(())
    }

    /// Adds the feed-forward part to the streams, and reads the next block.
    fn end_block(&mut self) -> Result<(), Error> {
        let Some(block) = &self.block else { return Ok(()) };
        let (at, before) = (self.at, std::mem::take(&mut self.feed_forward));
        let mut before = before.into_iter();
        let mut work: Vec<(&mut Matrix, Option<Matrix>, Result<(), Error>)> =
            self.streams.streams.iter_mut().map(|h| (h, before.next(), Ok(()))).collect();
        chunks_of_mut(&mut work, 1).for_each(|window| {
            let (h, x, checked) = &mut window[0];
            let x = x.take().unwrap_or_else(|| block.feed_forward_inputs(h));
            block.add_feed_forward(h, &x, Par::Seq);
            *checked = check(h, at);
        });
        work.into_iter().try_for_each(|(_, _, checked)| checked)?;
        self.enter_next()
    }

    /// Reads the next block, if there is one, and stands at its first stage.
    fn enter_next(&mut self) -> Result<(), Error> {
        self.at += 1;
        (self.stage, self.expert, self.routes) = (BlockStage::Attention, None, Vec::new());
        // The old block is dropped before the new one is read: one is in memory at a time.
        self.block = None;
        if self.at < self.model.config().blocks {
            self.block = Some(self.model.block(self.at, &self.angles)?);
        }
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
