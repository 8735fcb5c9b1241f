//! Text generation, token by token, with a cache of keys and values.

use super::block::{Block, check};
use super::model::LanguageModel;
use super::outer_layers::EmbeddingAndHead;
use super::rope::Angles;
use super::{Config, Error, stream::BlockProgress};
use crate::compute::Par;
use crate::compute::sparse::ValueFormat;
use crate::matrix::Matrix;
use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use web_time::Instant;

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
    model: &LanguageModel,
    prompt: &[u32],
    sampling: Sampling,
    progress: BlockProgress<'_>,
) -> Result<Vec<u32>, Error> {
    let runtime = Runtime::load(model, prompt.len().saturating_add(sampling.tokens), None)?;
    let mut told = 0;
    let mut go_on = |_: u32| {
        told += 1;
        progress(told, sampling.tokens)
    };
    Ok(runtime.generate(prompt, sampling, Par::Seq, &mut go_on)?.tokens)
}

/// A model in memory with all its blocks, ready to generate texts. Weights are as they are stored: what is f16 stays f16, and
/// what is sparse stays sparse.
pub struct Runtime {
    config: Arc<Config>,
    outer_layers: EmbeddingAndHead,
    blocks: Vec<Block>,
    positions: usize,
}

/// A generated text, and how long it took.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Generated {
    /// The new tokens.
    pub tokens: Vec<u32>,
    /// Tokens computed before the first new one.
    pub prompt_tokens: usize,
    /// Time of the prompt, up to the first new token, in seconds.
    pub prefill_seconds: f64,
    /// Steps of one token each that were computed after it.
    pub decode_steps: usize,
    /// Their time, in seconds.
    pub decode_seconds: f64,
}

impl Generated {
    /// Tokens of the prompt a second.
    pub fn prefill_rate(&self) -> Option<f64> {
        rate(self.prompt_tokens, self.prefill_seconds)
    }

    /// New tokens a second, without the first, which is the prompt's.
    pub fn decode_rate(&self) -> Option<f64> {
        rate(self.decode_steps, self.decode_seconds)
    }
}

fn rate(count: usize, seconds: f64) -> Option<f64> {
    (count > 0 && seconds > 0.0).then(|| count as f64 / seconds)
}

/// Tokens of prompt and text together at most, unless the model is made for more.
const MOST_POSITIONS: usize = 1 << 16;

/// Tokens of a prompt that are computed at a time, so that their activations stay small.
const PREFILL: usize = 256;

impl Runtime {
    /// Loads `model` for texts of at most `positions` tokens, with values as stored or in `values`.
    pub fn load(model: &LanguageModel, positions: usize, values: Option<ValueFormat>) -> Result<Self, Error> {
        // Angles are kept for all of them.
        let room = model.config().most_positions().unwrap_or(MOST_POSITIONS.max(model.config().positions));
        if positions > room {
            return Err(Error::TooLong { tokens: positions, positions: room });
        }
        // Blocks of texts that grow are given the angles of each.
        let angles = Arc::new(Angles::default());
        let blocks = (0..model.config().blocks).map(|number| model.prepared_block(number, &angles, values));
        Ok(Self {
            config: model.shared_config(),
            outer_layers: model.prepared_embedding_and_head(values)?,
            blocks: blocks.collect::<Result<_, _>>()?,
            positions,
        })
    }

    /// Bytes of all weights in memory.
    pub fn weight_bytes(&self) -> usize {
        self.outer_layers.bytes() + self.blocks.iter().map(Block::bytes).sum::<usize>()
    }

    /// Continues `prompt`, which must not be empty, until the text ends or there are enough tokens. Calls `told` with each new
    /// token; it returns whether to continue.
    ///
    /// # Panics
    /// Panics if the prompt is empty.
    pub fn generate(
        &self,
        prompt: &[u32],
        sampling: Sampling,
        par: Par,
        told: &mut dyn FnMut(u32) -> bool,
    ) -> Result<Generated, Error> {
        assert!(!prompt.is_empty(), "a token to begin with");
        let wanted = prompt.len().saturating_add(sampling.tokens);
        if wanted > self.positions {
            return Err(Error::TooLong { tokens: wanted, positions: self.positions });
        }
        // Frequencies may depend on how much of the text was there when a token was computed.
        let angles = Angles::new(&self.config, wanted, prompt.len());
        let mut memories: Vec<KvCache> = self.blocks.iter().map(|_| KvCache::default()).collect();
        let mut random = Pcg64Mcg::seed_from_u64(sampling.seed);
        let mut out = Generated { prompt_tokens: prompt.len(), ..Generated::default() };
        if sampling.tokens == 0 {
            return Ok(out);
        }
        let begun = Instant::now();
        let mut last = Matrix::default();
        for part in prompt.chunks(PREFILL) {
            last = self.forward(part, &angles, &mut memories, par)?;
        }
        loop {
            let logits = self.outer_layers.logits(&last, par);
            let token = sample_token(logits.as_slice(), sampling.temperature, &mut random);
            let seconds = begun.elapsed().as_secs_f64();
            if out.tokens.is_empty() {
                out.prefill_seconds = seconds;
            }
            out.decode_seconds = seconds - out.prefill_seconds;
            if self.config.eos.contains(&token) {
                break;
            }
            out.tokens.push(token);
            if !told(token) || out.tokens.len() >= sampling.tokens {
                break;
            }
            last = self.forward(&[token], &angles, &mut memories, par)?;
            out.decode_steps += 1;
        }
        Ok(out)
    }

    /// The stream `[1, hidden]` of the last of some tokens, after those in the caches.
    fn forward(&self, tokens: &[u32], angles: &Angles, memories: &mut [KvCache], par: Par) -> Result<Matrix, Error> {
        let from = memories.first().map_or(0, |memory| memory.tokens);
        let mut h = self.outer_layers.embed(tokens, from)?;
        for (number, (block, memory)) in self.blocks.iter().zip(memories).enumerate() {
            memory.forward(block, angles, &mut h, par);
            check(&h, number)?;
        }
        Ok(Matrix::from_vec(1, h.cols(), h.row(h.rows() - 1).to_vec()))
    }
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
    fn forward(&mut self, block: &Block, angles: &Angles, h: &mut Matrix, par: Par) {
        let x = block.attention_inputs(h);
        let [q, k, v] = block.query_key_value(&x, angles, self.tokens, par);
        self.tokens += h.rows();
        self.keys.extend_from_slice(k.as_slice());
        self.values.extend_from_slice(v.as_slice());
        let width = k.cols();
        let all = |values: &mut Vec<f32>| Matrix::from_vec(self.tokens, width, std::mem::take(values));
        let (keys, values) = (all(&mut self.keys), all(&mut self.values));
        let mixed = block.attention().mix(&q, &keys, &values, Par::Seq);
        (self.keys, self.values) = (keys.into_vec(), values.into_vec());
        let x = block.feed_forward_inputs_before(h);
        block.add_attention(h, &mixed, par);
        let x = x.unwrap_or_else(|| block.feed_forward_inputs(h));
        block.add_feed_forward(h, &x, par);
    }
}

/// Samples a token: inverts the cumulative distribution in the order of the tokens. At temperature 0 the likeliest.
fn sample_token(logits: &[f32], temperature: f32, random: &mut Pcg64Mcg) -> u32 {
    /// Weights below e to minus this are nothing beside the largest, in f64.
    const NEGLIGIBLE: f32 = -60.0;
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let likeliest = || logits.iter().position(|&logit| logit == most).unwrap_or(0) as u32;
    if temperature == 0.0 {
        return likeliest();
    }
    let uniform = (random.next_u64() >> 11) as f64 * 0.5f64.powi(53);
    let temperature = temperature.max(1e-3);
    let weights: Vec<(usize, f64)> = logits
        .iter()
        .enumerate()
        .map(|(token, logit)| (token, (logit - most) / temperature))
        .filter(|(_, exponent)| *exponent > NEGLIGIBLE)
        .map(|(token, exponent)| (token, f64::from(exponent.exp())))
        .collect();
    let mut rest = uniform * weights.iter().map(|(_, weight)| weight).sum::<f64>();
    let drawn = weights.iter().find(|(_, weight)| {
        rest -= weight;
        rest < 0.0
    });
    drawn.map_or_else(likeliest, |(token, _)| *token as u32)
}
