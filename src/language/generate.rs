//! Text generation, token by token, with a cache of keys and values.

use super::block::{Block, attend};
use super::layers::Linear;
use super::llama::Llama;
use super::{Error, stream::BlockProgress};
use crate::compute::Par;
use crate::matrix::Matrix;
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// Settings of text generation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// Divisor of the logits: 1 samples from the model's distribution, towards 0 the likeliest token.
    pub temperature: f32,
    /// Seed of the draws. Two models with the same seed draw alike as long as they agree.
    pub seed: u64,
    /// Largest number of new tokens.
    pub tokens: usize,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { temperature: 0.7, seed: 0, tokens: 120 }
    }
}

/// Continues `prompt`, which must not be empty, until the text ends or there are enough tokens; returns the new tokens.
/// Calls `progress` after each.
pub fn generate(
    model: &Llama,
    prompt: &[u32],
    sampling: Sampling,
    progress: BlockProgress<'_>,
) -> Result<Vec<u32>, Error> {
    let (config, outer_layers) = (model.config(), model.embedding_and_head()?);
    let angles = model.angles(prompt.len() + sampling.tokens);
    let blocks = (0..config.blocks).map(|number| model.block(number, &angles)).collect::<Result<Vec<_>, _>>()?;
    let mut memories: Vec<KvCache> = blocks.iter().map(|_| KvCache::default()).collect();
    let mut random = Pcg64Mcg::seed_from_u64(sampling.seed);
    let mut told = Vec::new();
    let mut new = prompt.to_vec();
    while told.len() < sampling.tokens && progress(told.len(), sampling.tokens) {
        let mut h = outer_layers.embed(&new)?;
        for (block, memory) in blocks.iter().zip(&mut memories) {
            memory.forward(block, &mut h);
        }
        let last = Matrix::from_vec(1, h.cols(), h.row(h.rows() - 1).to_vec());
        let logits = outer_layers.logits(&last, Par::Seq);
        let token = sample_token(logits.as_slice(), sampling.temperature, &mut random);
        if config.eos.contains(&token) {
            break;
        }
        told.push(token);
        new = vec![token];
    }
    Ok(told)
}

/// Keys and values of the tokens so far, in one block.
#[derive(Default)]
struct KvCache {
    tokens: usize,
    keys: Vec<f32>,
    values: Vec<f32>,
}

impl KvCache {
    /// Computes the block for the stream `h` of new tokens, after those in the cache.
    fn forward(&mut self, block: &Block, h: &mut Matrix) {
        let x = block.attention_inputs(h);
        let project = |linear: Linear| block.linear(linear, &x, Par::Seq);
        let (mut q, mut k, v) = (project(Linear::Query), project(Linear::Key), project(Linear::Value));
        for heads in [&mut q, &mut k] {
            let width = heads.cols();
            for (at, row) in heads.as_mut_slice().chunks_exact_mut(width).enumerate() {
                block.angles.rotate(row, self.tokens + at);
            }
        }
        self.tokens += h.rows();
        self.keys.extend_from_slice(k.as_slice());
        self.values.extend_from_slice(v.as_slice());
        let width = k.cols();
        let all = |values: &mut Vec<f32>| Matrix::from_vec(self.tokens, width, std::mem::take(values));
        let (keys, values) = (all(&mut self.keys), all(&mut self.values));
        let mixed = attend(&block.config, &q, &keys, &values, Par::Seq);
        (self.keys, self.values) = (keys.into_vec(), values.into_vec());
        block.add_attention(h, &mixed, Par::Seq);
        let gated = block.gated(h, Par::Seq);
        block.add_feed_forward(h, &gated, Par::Seq);
    }
}

/// Samples a token: inverts the cumulative distribution in the order of the tokens.
fn sample_token(logits: &[f32], temperature: f32, random: &mut Pcg64Mcg) -> u32 {
    let uniform = (random.next_u64() >> 11) as f64 * 0.5f64.powi(53);
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weight = |logit: f32| f64::from(((logit - most) / temperature.max(1e-3)).exp());
    let mut rest = uniform * logits.iter().map(|&logit| weight(logit)).sum::<f64>();
    let likeliest = || logits.iter().position(|&logit| logit == most).unwrap_or(0);
    let drawn = logits.iter().position(|&logit| {
        rest -= weight(logit);
        rest < 0.0
    });
    drawn.unwrap_or_else(likeliest) as u32
}
