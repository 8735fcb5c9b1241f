//! The network: a Llama of four blocks, with the embedding as its output layer too.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::{Device, Result, Tensor, Var};

use crate::ops::{Angles, causal_softmax, merge_heads, rms_norm, split_heads, swiglu};
use dsf_explorer::stories::SplitMix64;

/// Width of the residual stream.
pub const HIDDEN: usize = 256;
/// Inner width of the feed-forward part.
pub const FEED_FORWARD: usize = 688;
/// Number of blocks.
pub const LAYERS: usize = 4;
/// Number of attention heads.
pub const HEADS: usize = 8;
/// Longest text in tokens.
pub const MAX_POSITIONS: usize = 512;
/// Base of the rotary angles.
pub const ROPE_THETA: f64 = 10_000.0;

/// The linear layers of a block: name, rows (outputs) and columns (inputs).
pub const LINEAR: [(&str, usize, usize); 7] = [
    ("self_attn.q_proj", HIDDEN, HIDDEN),
    ("self_attn.k_proj", HIDDEN, HIDDEN),
    ("self_attn.v_proj", HIDDEN, HIDDEN),
    ("self_attn.o_proj", HIDDEN, HIDDEN),
    ("mlp.gate_proj", FEED_FORWARD, HIDDEN),
    ("mlp.up_proj", FEED_FORWARD, HIDDEN),
    ("mlp.down_proj", HIDDEN, FEED_FORWARD),
];

/// How much of a value matrix an output matrix starts as.
const COPYING: f64 = 0.5;

const EMBEDDING: &str = "model.embed_tokens.weight";
const FINAL_NORM: &str = "model.norm.weight";

/// All parameters under their Hugging Face names, in the order of the names.
pub type Parameters = BTreeMap<String, Var>;

/// The parameters and the constants of the network.
pub struct Model {
    /// What is learned.
    pub parameters: Parameters,
    angles: Angles,
}

/// The name of a linear layer's matrix.
pub fn linear_name(layer: usize, linear: &str) -> String {
    format!("model.layers.{layer}.{linear}.weight")
}

/// Names and shapes of all parameters, in the order of the names.
pub fn shapes(vocabulary: usize) -> Vec<(String, Vec<usize>)> {
    let mut shapes = vec![(EMBEDDING.to_owned(), vec![vocabulary, HIDDEN]), (FINAL_NORM.to_owned(), vec![HIDDEN])];
    for layer in 0..LAYERS {
        for norm in ["input_layernorm", "post_attention_layernorm"] {
            shapes.push((linear_name(layer, norm), vec![HIDDEN]));
        }
        for (linear, rows, columns) in LINEAR {
            shapes.push((linear_name(layer, linear), vec![rows, columns]));
        }
    }
    shapes.sort();
    shapes
}

impl Model {
    /// The network with random weights that follow from `seed`.
    ///
    /// The output matrix of each attention starts as a part of its value matrix transposed. As the embedding is the
    /// output layer too, a head then makes more likely the words that it looks at, and only has to learn where to look:
    /// otherwise both must be found at once, neither being of use without the other.
    pub fn new(vocabulary: usize, seed: u64) -> Result<Self> {
        let mut random = SplitMix64(seed);
        let values = shapes(vocabulary).into_iter().map(|(name, shape)| {
            let count = shape.iter().product();
            let values = match shape[..] {
                [_] => vec![1.0; count],
                _ => normal(&mut random, deviation(&name, shape[1]), count),
            };
            Ok((name, Var::from_vec(values, shape, &Device::Cpu)?))
        });
        let parameters = values.collect::<Result<Parameters>>()?;
        for layer in 0..LAYERS {
            let values = parameters[&linear_name(layer, "self_attn.v_proj")].t()?;
            parameters[&linear_name(layer, "self_attn.o_proj")].set(&(values * COPYING)?)?;
        }
        Ok(Self::from_parameters(parameters))
    }

    /// The network with these weights.
    pub fn from_parameters(parameters: Parameters) -> Self {
        let half = HIDDEN / HEADS / 2;
        let angle = |position: usize, j: usize| position as f64 * ROPE_THETA.powf(-(j as f64) / half as f64);
        let angles = (0..MAX_POSITIONS).flat_map(|position| (0..half).map(move |j| angle(position, j)));
        let angles = Arc::new(angles.map(|angle| (angle.cos() as f32, angle.sin() as f32)).collect());
        Self { parameters, angles }
    }

    /// The logits `(batch * time, vocabulary)` for `batch` texts of equal length, one after the other in `tokens`.
    pub fn forward(&self, tokens: &[u32], batch: usize) -> Result<Tensor> {
        let time = tokens.len() / batch;
        let embedding = self.parameter(EMBEDDING);
        let mut x = embedding.index_select(&Tensor::new(tokens, &Device::Cpu)?, 0)?;
        for layer in 0..LAYERS {
            let normed = self.norm(layer, "input_layernorm", &x)?;
            x = (x + self.attention(layer, &normed, batch, time)?)?;
            let normed = self.norm(layer, "post_attention_layernorm", &x)?;
            let gate = self.linear(layer, "mlp.gate_proj", &normed)?;
            let up = self.linear(layer, "mlp.up_proj", &normed)?;
            x = (x + self.linear(layer, "mlp.down_proj", &swiglu(&gate, &up)?)?)?;
        }
        rms_norm(&x, self.parameter(FINAL_NORM))?.matmul(&embedding.t()?)
    }

    fn attention(&self, layer: usize, x: &Tensor, batch: usize, time: usize) -> Result<Tensor> {
        let project = |linear: &str, angles: Option<&Angles>| {
            let flat = self.linear(layer, linear, x)?.reshape((batch, time, HIDDEN))?;
            split_heads(&flat, HEADS, angles)
        };
        let q = project("self_attn.q_proj", Some(&self.angles))?;
        let k = project("self_attn.k_proj", Some(&self.angles))?;
        let v = project("self_attn.v_proj", None)?;
        let scale = ((HIDDEN / HEADS) as f32).sqrt().recip();
        let weights = causal_softmax(&q.matmul(&k.t()?)?, scale)?;
        let mixed = merge_heads(&weights.matmul(&v)?)?.reshape((batch * time, HIDDEN))?;
        self.linear(layer, "self_attn.o_proj", &mixed)
    }

    fn norm(&self, layer: usize, norm: &str, x: &Tensor) -> Result<Tensor> {
        rms_norm(x, self.parameter(&linear_name(layer, norm)))
    }

    fn linear(&self, layer: usize, linear: &str, x: &Tensor) -> Result<Tensor> {
        x.matmul(&self.parameter(&linear_name(layer, linear)).t()?)
    }

    fn parameter(&self, name: &str) -> &Tensor {
        self.parameters[name].as_tensor()
    }
}

/// Standard deviation of a matrix at the start: half of what keeps the size of its input, and less for what writes into
/// the residual stream, so that the stream does not grow with the depth.
fn deviation(name: &str, columns: usize) -> f64 {
    let writes = name.contains("down_proj");
    match name {
        EMBEDDING => 0.05,
        _ if writes => 0.5 / (columns as f64 * 2.0 * LAYERS as f64).sqrt(),
        _ => 0.5 / (columns as f64).sqrt(),
    }
}

/// Normally distributed numbers after Box and Muller.
fn normal(random: &mut SplitMix64, deviation: f64, count: usize) -> Vec<f32> {
    let mut draw = || {
        let radius = (-2.0 * (1.0 - random.unit()).ln()).sqrt();
        (deviation * radius * (std::f64::consts::TAU * random.unit()).cos()) as f32
    };
    (0..count).map(|_| draw()).collect()
}
