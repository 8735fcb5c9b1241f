//! Residual streams of many windows between two blocks, and the loss after the last.

use super::block::{Block, check};
use super::model::LanguageModel;
use super::outer_layers::EmbeddingAndHead;
use super::rope::Angles;
use super::{Error, Windows};
use crate::compute::{Par, chunks_of_mut, prelude::*};
use crate::matrix::Matrix;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Progress callback: steps done and their total; returns whether to continue.
pub type BlockProgress<'a> = &'a (dyn Fn(usize, usize) -> bool + Sync);

/// A [`BlockProgress`] that ignores the progress and never cancels.
pub fn ignore_progress(_: usize, _: usize) -> bool {
    true
}

/// The residual stream `[context, hidden]` of each window, before a block or after the last.
#[derive(Clone, Default)]
pub struct ResidualStreams {
    pub(super) streams: Vec<Matrix>,
}

impl From<Vec<Matrix>> for ResidualStreams {
    fn from(streams: Vec<Matrix>) -> Self {
        Self { streams }
    }
}

impl ResidualStreams {
    /// Streams before the first block.
    pub fn embed(outer_layers: &EmbeddingAndHead, windows: &Windows) -> Result<Self, Error> {
        let streams = windows.iter().map(|window| outer_layers.embed(window, 0)).collect::<Result<_, _>>()?;
        Ok(Self { streams })
    }

    /// The stream of each window, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Matrix> {
        self.streams.iter()
    }

    /// Number of windows.
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// The streams of some windows.
    pub fn some(&self, windows: &[usize]) -> Self {
        Self { streams: windows.iter().map(|&window| self.streams[window].clone()).collect() }
    }

    /// Squared distance from `target`, each entry of the stream weighted, `[hidden]`, if there are weights.
    pub fn distance(&self, target: &Self, weights: Option<&[f32]>) -> f64 {
        let pairs = self.streams.iter().zip(&target.streams);
        let squares = pairs.map(|(h, target)| {
            let differences = h.as_slice().iter().zip(target.as_slice()).map(|(h, target)| f64::from(h - target));
            weighted(differences.map(|x| x * x), weights)
        });
        squares.sum()
    }

    /// Sum of squares, each entry of the stream weighted, `[hidden]`, if there are weights.
    pub fn squares(&self, weights: Option<&[f32]>) -> f64 {
        let squares =
            self.streams.iter().map(|h| weighted(h.as_slice().iter().map(|&h| f64::from(h) * f64::from(h)), weights));
        squares.sum()
    }

    /// Sum of squares of each entry of the stream, `[hidden]`.
    pub(super) fn column_squares(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.streams.first().map_or(0, Matrix::cols)];
        let width = sums.len().max(1);
        for row in self.streams.iter().flat_map(|h| h.as_slice().chunks_exact(width)) {
            sums.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x) * f64::from(x));
        }
        sums
    }

    /// Gradient of half of the mean weighted [distance](Self::distance) of an entry with respect to these streams.
    pub fn towards(&self, target: &Self, weights: Option<&[f32]>) -> Self {
        let entries: usize = self.streams.iter().map(Matrix::len).sum();
        let scale = 1.0 / entries.max(1) as f32;
        let mut gradients = self.clone();
        for (g, target) in gradients.streams.iter_mut().zip(&target.streams) {
            let width = g.cols().max(1);
            for (g, target) in g.as_mut_slice().chunks_exact_mut(width).zip(target.as_slice().chunks_exact(width)) {
                g.iter_mut().zip(target).for_each(|(g, target)| *g = scale * (*g - target));
                if let Some(weights) = weights {
                    g.iter_mut().zip(weights).for_each(|(g, weight)| *g *= weight);
                }
            }
        }
        gradients
    }

    /// Advances all streams through `block`, number `number` of its model.
    pub fn forward(&mut self, block: &Block, number: usize) -> Result<(), Error> {
        self.each(|h| {
            block.forward(h, Par::Seq);
            check(h, number)
        })
    }

    /// Calls `work` for each window, in parallel. A window is one thread's work, so that results do not depend on the
    /// number of threads.
    pub(super) fn each(&mut self, work: impl Fn(&mut Matrix) -> Result<(), Error> + Sync) -> Result<(), Error> {
        let work = &work;
        let results: Vec<Result<(), Error>> =
            chunks_of_mut(&mut self.streams, 1).map(|window| work(&mut window[0])).collect();
        results.into_iter().collect()
    }

    /// Mean −ln P of the windows' tokens, each given the tokens before it in its window.
    pub fn loss(&self, outer_layers: &EmbeddingAndHead, windows: &Windows) -> Loss {
        let mut work: Vec<(&Matrix, &[u32], f64)> =
            self.streams.iter().zip(windows.iter()).map(|(h, tokens)| (h, tokens, 0.0)).collect();
        chunks_of_mut(&mut work, 1).for_each(|window| {
            let (h, tokens, sum) = &mut window[0];
            *sum = outer_layers.losses(h, &tokens[1..], Par::Seq).iter().sum();
        });
        let sum: f64 = work.iter().map(|window| window.2).sum();
        let tokens = windows.predicted();
        Loss { nll: sum / tokens as f64, tokens }
    }
}

/// Sum of squares, the entries of each row weighted.
fn weighted(squares: impl Iterator<Item = f64>, weights: Option<&[f32]>) -> f64 {
    match weights {
        Some(weights) => squares.zip(weights.iter().cycle()).map(|(square, &weight)| square * f64::from(weight)).sum(),
        None => squares.sum(),
    }
}

/// Loss of a model on a text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    /// Mean −ln P of a token, in nats.
    pub nll: f64,
    /// Number of predicted tokens.
    pub tokens: usize,
}

impl Loss {
    /// Perplexity, exp of the mean: the number of equally likely tokens with the same loss.
    pub fn perplexity(&self) -> f64 {
        self.nll.exp()
    }
}

impl LanguageModel {
    /// Loss on `windows`. One block is in memory at a time, and the streams of at most a gigabyte of windows.
    pub fn loss(&self, windows: &Windows, progress: BlockProgress<'_>) -> Result<Loss, Error> {
        /// Bytes of streams in memory at a time; a longer text is computed in parts, each through all blocks.
        const STREAMS: usize = 1 << 30;
        let outer_layers = self.embedding_and_head()?;
        let bytes = 4 * self.config().hidden * windows.context();
        let parts = windows.parts((STREAMS / bytes).max(1));
        let blocks = self.config().blocks;
        let (mut sum, all) = (0.0, blocks * parts.len());
        for (at, part) in parts.iter().enumerate() {
            let streams = ResidualStreams::embed(&outer_layers, part)?;
            let told = |done: usize, _: usize| progress(at * blocks + done, all);
            let loss = self.loss_from(0, streams, &outer_layers, part, &told)?;
            sum += loss.nll * loss.tokens as f64;
        }
        let tokens = windows.predicted();
        Ok(Loss { nll: sum / tokens as f64, tokens })
    }

    /// Loss on `windows` from their `streams` before block `from`.
    pub fn loss_from(
        &self,
        from: usize,
        mut streams: ResidualStreams,
        outer_layers: &EmbeddingAndHead,
        windows: &Windows,
        progress: BlockProgress<'_>,
    ) -> Result<Loss, Error> {
        let blocks = self.config().blocks;
        let angles = self.angles(windows.context());
        for number in from..blocks {
            if !progress(number - from, blocks - from) {
                return Err(Error::Cancelled);
            }
            streams.forward(&self.block(number, &angles)?, number)?;
        }
        let loss = streams.loss(outer_layers, windows);
        if loss.nll.is_finite() { Ok(loss) } else { Err(Error::LossNotFinite) }
    }
}

/// Cached streams of a model before each block, on some windows: a model that differs in one layer is computed from
/// that layer's block on.
pub struct StreamCache {
    windows: Windows,
    outer_layers: EmbeddingAndHead,
    /// Streams before each block.
    before: Vec<ResidualStreams>,
    loss: Loss,
}

impl StreamCache {
    /// Computes and keeps the streams of `model`, hidden × tokens × blocks × 4 bytes.
    pub fn new(model: &LanguageModel, windows: Windows, progress: BlockProgress<'_>) -> Result<Self, Error> {
        let outer_layers = model.embedding_and_head()?;
        let angles: Arc<Angles> = model.angles(windows.context());
        let mut streams = ResidualStreams::embed(&outer_layers, &windows)?;
        let mut before = Vec::new();
        let blocks = model.config().blocks;
        for number in 0..blocks {
            if !progress(number, blocks) {
                return Err(Error::Cancelled);
            }
            before.push(streams.clone());
            streams.forward(&model.block(number, &angles)?, number)?;
        }
        let loss = streams.loss(&outer_layers, &windows);
        Ok(Self { windows, outer_layers, before, loss })
    }

    /// The windows of the streams.
    pub fn windows(&self) -> &Windows {
        &self.windows
    }

    /// Loss of the model the streams are from.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// Loss of `model`, which equals the cached one before block `from`.
    pub fn loss_from(&self, model: &LanguageModel, from: usize, progress: BlockProgress<'_>) -> Result<Loss, Error> {
        model.loss_from(from, self.before[from].clone(), &self.outer_layers, &self.windows, progress)
    }
}
