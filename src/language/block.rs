//! A transformer block: attention and feed-forward, each added to the residual stream.
//!
//! For the residual stream `h` of one text, `[tokens, hidden]`:
//!
//! ```text
//! x = norm(h)     q, k, v = x·Qᵀ, x·Kᵀ, x·Vᵀ     m = softmax(q·kᵀ/√d, causal)·v     h ← h + m·Oᵀ
//! x = norm(h)     f = silu(x·Gateᵀ) ⊙ x·Upᵀ                                         h ← h + f·Downᵀ
//! ```
//!
//! The four left-hand sides x, m, x, f are the inputs of the linear layers, one for each [`BlockStage`]. Own code
//! rather than a tensor library's: the inputs of every layer are needed, layers are replaced one by one, and texts are
//! computed in parallel with the same bits on any number of threads. The products are faer's, and of weights that
//! are stored sparse [`crate::compute::sparse`]'s.

use super::layers::{BlockStage, Linear};
use super::rope::Angles;
use super::{Config, Error, Weight};
use crate::Named;
use crate::compute::{Par, exp};
use crate::matrix::Matrix;
use faer::linalg::matmul::{matmul, triangular};
use faer::{Accum, MatRef};
use std::sync::Arc;

/// The weights of a block.
#[derive(Clone)]
pub struct Block {
    pub(super) config: Arc<Config>,
    pub(super) angles: Arc<Angles>,
    /// Weight of the norm before the attention, `[hidden]`.
    pub(super) attention_norm: Vec<f32>,
    /// Weight of the norm before the feed-forward part, `[hidden]`.
    pub(super) feed_forward_norm: Vec<f32>,
    /// Weights `[out, in]`, in the order of [`Linear::ALL`].
    pub(super) weights: [Weight; 7],
    /// Biases `[out]`, in the same order.
    pub(super) biases: [Option<Vec<f32>>; 7],
}

impl Block {
    /// Weight `[out, in]` of a layer.
    pub fn weight(&self, linear: Linear) -> &Weight {
        &self.weights[linear as usize]
    }

    /// Replaces the weight of a layer by another of the same shape.
    ///
    /// # Panics
    /// Panics if the shape differs.
    pub fn replace(&mut self, linear: Linear, weight: impl Into<Weight>) {
        let weight = weight.into();
        assert_eq!(weight.shape(), self.weight(linear).shape(), "the shape of {}", linear.name());
        self.weights[linear as usize] = weight;
    }

    /// Bytes of all its weights in memory.
    pub fn bytes(&self) -> usize {
        let vectors = self.biases.iter().flatten().chain([&self.attention_norm, &self.feed_forward_norm]);
        self.weights.iter().map(Weight::bytes).sum::<usize>()
            + vectors.map(|vector| size_of_val(&vector[..])).sum::<usize>()
    }

    /// Computes the block for one text: updates its residual stream `h`, `[tokens, hidden]`.
    pub fn forward(&self, h: &mut Matrix, par: Par) {
        let mixed = self.mixed(h, par);
        self.add_attention(h, &mixed, par);
        let gated = self.gated(h, par);
        self.add_feed_forward(h, &gated, par);
    }

    /// Inputs of the first stage: the normed stream.
    pub fn attention_inputs(&self, h: &Matrix) -> Matrix {
        norm(h, &self.attention_norm, self.config.norm_eps)
    }

    /// Inputs of the attention's output layer: each head's mixture of earlier tokens' values, `[tokens, heads ·
    /// head_dim]`.
    pub fn mixed(&self, h: &Matrix, par: Par) -> Matrix {
        let x = self.attention_inputs(h);
        let [mut q, mut k, v] = self.linears([Linear::Query, Linear::Key, Linear::Value], &x, par);
        for heads in [&mut q, &mut k] {
            let width = heads.cols();
            heads.as_mut_slice().chunks_exact_mut(width).enumerate().for_each(|(at, row)| self.angles.rotate(row, at));
        }
        attend(&self.config, &q, &k, &v, par)
    }

    /// `h ← h + mixed·Oᵀ`.
    pub fn add_attention(&self, h: &mut Matrix, mixed: &Matrix, par: Par) {
        self.add(Linear::Output, h, mixed, par);
    }

    /// Inputs of the third stage: the normed stream.
    pub fn feed_forward_inputs(&self, h: &Matrix) -> Matrix {
        norm(h, &self.feed_forward_norm, self.config.norm_eps)
    }

    /// Inputs of the feed-forward's output layer: the gated values, `[tokens, feed_forward]`.
    pub fn gated(&self, h: &Matrix, par: Par) -> Matrix {
        let x = self.feed_forward_inputs(h);
        let [mut gate, up] = self.linears([Linear::Gate, Linear::Up], &x, par);
        // silu(x) = x / (1 + e⁻ˣ)
        let mut powers: Vec<f32> = gate.as_slice().iter().map(|x| -x).collect();
        exp(&mut powers);
        for ((gate, up), power) in gate.as_mut_slice().iter_mut().zip(up.as_slice()).zip(powers) {
            *gate = *gate / (1.0 + power) * up;
        }
        gate
    }

    /// `h ← h + gated·Downᵀ`.
    pub fn add_feed_forward(&self, h: &mut Matrix, gated: &Matrix, par: Par) {
        self.add(Linear::Down, h, gated, par);
    }

    /// Inputs of the layers of `stage`. `h` is the residual stream at that point: before the attention for the first
    /// two stages, after it for the others.
    pub fn inputs(&self, stage: BlockStage, h: &Matrix, par: Par) -> Matrix {
        match stage {
            BlockStage::Attention => self.attention_inputs(h),
            BlockStage::AttentionOutput => self.mixed(h, par),
            BlockStage::FeedForward => self.feed_forward_inputs(h),
            BlockStage::FeedForwardOutput => self.gated(h, par),
        }
    }

    /// `x·Wᵀ`, plus the bias, of each of these layers.
    pub(super) fn linears<const COUNT: usize>(&self, of: [Linear; COUNT], x: &Matrix, par: Par) -> [Matrix; COUNT] {
        let mut out = Weight::apply_all(of.map(|linear| self.weight(linear)), x, par);
        of.iter().zip(&mut out).for_each(|(&linear, out)| self.add_bias(linear, out));
        out
    }

    fn add(&self, linear: Linear, h: &mut Matrix, x: &Matrix, par: Par) {
        self.weight(linear).add(h, x, par);
        self.add_bias(linear, h);
    }

    fn add_bias(&self, linear: Linear, out: &mut Matrix) {
        if let Some(bias) = &self.biases[linear as usize] {
            for row in out.as_mut_slice().chunks_exact_mut(bias.len()) {
                row.iter_mut().zip(bias).for_each(|(x, bias)| *x += bias);
            }
        }
    }
}

/// RMS norm: each row divided by its root mean square, times `weight` entry by entry.
pub(super) fn norm(h: &Matrix, weight: &[f32], eps: f32) -> Matrix {
    let mut out = h.clone();
    let width = h.cols();
    for row in out.as_mut_slice().chunks_exact_mut(width) {
        let squares: f64 = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        let scale = ((squares / width as f64) as f32 + eps).sqrt().recip();
        row.iter_mut().zip(weight).for_each(|(x, weight)| *x *= scale * weight);
    }
    out
}

/// Head number `at` of a matrix of heads side by side, each `width` wide.
fn head(matrix: &Matrix, at: usize, width: usize) -> MatRef<'_, f32> {
    matrix.view().subcols(at * width, width)
}

/// softmax(q·kᵀ/√d)·v for each head, causal. `q` may hold only the last tokens of the text that `k` and `v` hold. Each
/// head of keys and values serves `heads / kv_heads` heads of queries.
pub(super) fn attend(config: &Config, q: &Matrix, k: &Matrix, v: &Matrix, par: Par) -> Matrix {
    let (width, shared) = (config.head_dim, config.heads / config.kv_heads);
    let (tokens, seen) = (q.rows(), k.rows());
    let scale = (width as f32).sqrt().recip();
    let mut out = Matrix::zeros(tokens, q.cols());
    let mut scores = Matrix::zeros(tokens, seen);
    for at in 0..config.heads {
        let (q, k, v) = (head(q, at, width), head(k, at / shared, width), head(v, at / shared, width));
        matmul(scores.view_mut(), Accum::Replace, q, k.transpose(), scale, par);
        for (row, scores) in scores.as_mut_slice().chunks_exact_mut(seen).enumerate() {
            let (visible, hidden) = scores.split_at_mut(seen - tokens + row + 1);
            softmax(visible);
            hidden.fill(0.0);
        }
        let mixed = out.view_mut().subcols_mut(at * width, width);
        if tokens == seen && tokens > 1 {
            // Half of the weights are zeros.
            let lower = triangular::BlockStructure::TriangularLower;
            let full = triangular::BlockStructure::Rectangular;
            triangular::matmul(mixed, full, Accum::Replace, scores.view(), lower, v, full, 1.0, par);
        } else {
            matmul(mixed, Accum::Replace, scores.view(), v, 1.0, par);
        }
    }
    out
}

fn softmax(scores: &mut [f32]) {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    scores.iter_mut().for_each(|score| *score -= most);
    exp(scores);
    let scale = 1.0 / scores.iter().sum::<f32>();
    scores.iter_mut().for_each(|score| *score *= scale);
}

/// Fails when an entry is not finite; `block` is for the message.
pub(super) fn check(h: &Matrix, block: usize) -> Result<(), Error> {
    if h.first_not_finite().is_some() { Err(Error::NotFinite { block }) } else { Ok(()) }
}
