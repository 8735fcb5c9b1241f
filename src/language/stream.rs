//! The residual streams of many windows between two blocks, and what the model makes of them.

use super::block::{Block, check};
use super::llama::{Ends, Llama};
use super::rope::Angles;
use super::{Error, Windows};
use crate::compute::{Par, chunks_of_mut, prelude::*};
use crate::matrix::Matrix;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Told after each block of a long computation, with how many there are; says whether to go on.
pub type Progress<'a> = &'a (dyn Fn(usize, usize) -> bool + Sync);

/// A [`Progress`] that nobody looks at.
pub fn unobserved(_: usize, _: usize) -> bool {
    true
}

/// The residual stream of each window, `[context, hidden]`, before a block or after the last.
#[derive(Clone)]
pub struct Streams {
    pub(super) streams: Vec<Matrix>,
}

impl Streams {
    /// Before the first block.
    pub fn embed(ends: &Ends, windows: &Windows) -> Result<Self, Error> {
        let streams = windows.iter().map(|window| ends.embed(window)).collect::<Result<_, _>>()?;
        Ok(Self { streams })
    }

    /// Through `block`, the `number`-th of its model.
    pub fn forward(&mut self, block: &Block, number: usize) -> Result<(), Error> {
        self.each(|h| {
            block.forward(h, Par::Seq);
            check(h, number)
        })
    }

    /// Does something to each window, beside each other: one window is one thread's work, so that the results do not depend
    /// on the number of threads.
    pub(super) fn each(&mut self, work: impl Fn(&mut Matrix) -> Result<(), Error> + Sync) -> Result<(), Error> {
        let work = &work;
        let results: Vec<Result<(), Error>> =
            chunks_of_mut(&mut self.streams, 1).map(|window| work(&mut window[0])).collect();
        results.into_iter().collect()
    }

    /// The mean of −ln P of the windows' tokens, each given those before it in its window.
    pub fn loss(&self, ends: &Ends, windows: &Windows) -> Loss {
        let mut work: Vec<(&Matrix, &[u32], f64)> =
            self.streams.iter().zip(windows.iter()).map(|(h, tokens)| (h, tokens, 0.0)).collect();
        chunks_of_mut(&mut work, 1).for_each(|window| {
            let (h, tokens, sum) = &mut window[0];
            *sum = ends.losses(h, &tokens[1..], Par::Seq).iter().sum();
        });
        let sum: f64 = work.iter().map(|window| window.2).sum();
        let tokens = windows.predicted();
        Loss { nll: sum / tokens as f64, tokens }
    }
}

/// How well a text is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    /// The mean of −ln P of a token.
    pub nll: f64,
    /// How many tokens were predicted.
    pub tokens: usize,
}

impl Loss {
    /// exp of the mean: among how many equally likely tokens one would have to guess.
    pub fn perplexity(&self) -> f64 {
        self.nll.exp()
    }
}

impl Llama {
    /// The loss on `windows`. One block is in memory at a time, and the streams of at most a gigabyte of windows.
    pub fn loss(&self, windows: &Windows, progress: Progress<'_>) -> Result<Loss, Error> {
        /// Bytes of streams held at a time; a longer text is read in parts, each through all blocks.
        const STREAMS: usize = 1 << 30;
        let ends = self.ends()?;
        let bytes = 4 * self.config().hidden * windows.context();
        let parts = windows.parts((STREAMS / bytes).max(1));
        let blocks = self.config().blocks;
        let (mut sum, all) = (0.0, blocks * parts.len());
        for (at, part) in parts.iter().enumerate() {
            let streams = Streams::embed(&ends, part)?;
            let told = |done: usize, _: usize| progress(at * blocks + done, all);
            let loss = self.loss_from(0, streams, &ends, part, &told)?;
            sum += loss.nll * loss.tokens as f64;
        }
        let tokens = windows.predicted();
        Ok(Loss { nll: sum / tokens as f64, tokens })
    }

    /// The same for streams that have already come before the block `from`.
    pub fn loss_from(
        &self,
        from: usize,
        mut streams: Streams,
        ends: &Ends,
        windows: &Windows,
        progress: Progress<'_>,
    ) -> Result<Loss, Error> {
        let blocks = self.config().blocks;
        let angles = self.angles(windows.context());
        for number in from..blocks {
            if !progress(number - from, blocks - from) {
                return Err(Error::Cancelled);
            }
            streams.forward(&self.block(number, &angles)?, number)?;
        }
        Ok(streams.loss(ends, windows))
    }
}

/// A model's streams before each block on some windows, kept: a model that differs in one layer is then computed from
/// that layer's block on.
pub struct Prepared {
    windows: Windows,
    ends: Ends,
    /// Before each block.
    before: Vec<Streams>,
    loss: Loss,
}

impl Prepared {
    /// Computes and keeps the streams of `model`: hidden × tokens × blocks × 4 bytes.
    pub fn new(model: &Llama, windows: Windows, progress: Progress<'_>) -> Result<Self, Error> {
        let ends = model.ends()?;
        let angles: Arc<Angles> = model.angles(windows.context());
        let mut streams = Streams::embed(&ends, &windows)?;
        let mut before = Vec::new();
        let blocks = model.config().blocks;
        for number in 0..blocks {
            if !progress(number, blocks) {
                return Err(Error::Cancelled);
            }
            before.push(streams.clone());
            streams.forward(&model.block(number, &angles)?, number)?;
        }
        let loss = streams.loss(&ends, &windows);
        Ok(Self { windows, ends, before, loss })
    }

    /// What is predicted.
    pub fn windows(&self) -> &Windows {
        &self.windows
    }

    /// The loss of the model it was made from.
    pub fn loss(&self) -> Loss {
        self.loss
    }

    /// The loss of `model`, which is the same up to the block `from`.
    pub fn loss_from(&self, model: &Llama, from: usize, progress: Progress<'_>) -> Result<Loss, Error> {
        model.loss_from(from, self.before[from].clone(), &self.ends, &self.windows, progress)
    }
}
