//! A transformer block: attention and feed-forward, each added to the residual stream.
//!
//! For the residual stream `h` of one text, `[tokens, hidden]`, in Llama's order of norms:
//!
//! ```text
//! x = norm(h)     q, k, v = x·Qᵀ, x·Kᵀ, x·Vᵀ     m = softmax(q·kᵀ/√d, causal)·v     h ← h + m·Oᵀ
//! x = norm(h)     f = silu(x·Gateᵀ) ⊙ x·Upᵀ                                         h ← h + f·Downᵀ
//! ```
//!
//! The four left-hand sides x, m, x, f are the inputs of the linear layers, one for each [`BlockStage`]. What other
//! families do differently is in [`Config`]. Own code rather than a tensor library's: the inputs of every layer are needed,
//! layers are replaced one by one, and texts are computed in parallel with the same bits on any number of threads. The
//! products are faer's, and of weights that are stored sparse [`crate::compute::sparse`]'s.
//!
//! [`BlockStage`]: super::BlockStage

use super::attention::Attention;
use super::config::{BlockKind, BlockOrder, Config, Experts};
use super::experts::Routes;
use super::layers::Linear;
use super::norm::Norm;
use super::rope::Angles;
use super::{Error, LayerId};
use crate::Named;
use crate::compute::Par;
use crate::compute::Weight;
use crate::matrix::Matrix;
use std::sync::Arc;

/// The weights of a block.
#[derive(Clone)]
pub struct Block {
    pub(super) config: Arc<Config>,
    pub(super) kind: BlockKind,
    pub(super) angles: Arc<Angles>,
    /// In the order of [`NormPlace::ALL`](super::config::names::NormPlace::ALL).
    pub(super) norms: [Option<Norm>; 4],
    /// Norms of queries and keys.
    pub(super) query_key_norms: [Option<Norm>; 2],
    /// In the order of [`Linear`]: those that do not belong to an expert.
    pub(super) linears: [Option<LinearWeights>; 7],
    pub(super) experts: Option<ExpertWeights>,
}

/// A linear layer.
#[derive(Clone)]
pub(super) struct LinearWeights {
    /// `[out, in]`.
    pub weight: Weight,
    /// `[out]`.
    pub bias: Option<Vec<f32>>,
}

/// The experts of a block, and what chooses among them.
#[derive(Clone)]
pub(super) struct ExpertWeights {
    pub description: Experts,
    /// `[experts, hidden]`.
    pub router: Weight,
    /// For each expert, in the order of [`Linear`].
    pub experts: Vec<[Option<LinearWeights>; 7]>,
}

impl LinearWeights {
    pub(super) fn apply(&self, x: &Matrix, par: Par) -> Matrix {
        let mut out = self.weight.apply(x, par);
        self.add_bias(&mut out);
        out
    }

    fn add_bias(&self, out: &mut Matrix) {
        if let Some(bias) = &self.bias {
            for row in out.as_mut_slice().chunks_exact_mut(bias.len()) {
                row.iter_mut().zip(bias).for_each(|(x, bias)| *x += bias);
            }
        }
    }

    fn bytes(&self) -> usize {
        self.weight.bytes() + self.bias.as_ref().map_or(0, |bias| size_of_val(&bias[..]))
    }
}

impl Block {
    /// Weight `[out, in]` of a layer of this block.
    ///
    /// # Panics
    /// Panics if the block has no such layer.
    pub fn weight(&self, id: LayerId) -> &Weight {
        &self.linear_of(id.expert, id.linear).weight
    }

    /// Replaces the weight of a layer by another of the same shape.
    ///
    /// # Panics
    /// Panics if the block has no such layer, or the shape differs.
    pub fn replace(&mut self, id: LayerId, weight: impl Into<Weight>) {
        let weight = weight.into();
        assert_eq!(weight.shape(), self.weight(id).shape(), "the shape of {}", id.linear.name());
        let place = match (id.expert, &mut self.experts) {
            (Some(expert), Some(experts)) => &mut experts.experts[expert][id.linear as usize],
            _ => &mut self.linears[id.linear as usize],
        };
        if let Some(linear) = place {
            linear.weight = weight;
        }
    }

    pub(super) fn linear_of(&self, expert: Option<usize>, linear: Linear) -> &LinearWeights {
        let linears = match (expert, &self.experts) {
            (Some(expert), Some(experts)) => &experts.experts[expert],
            _ => &self.linears,
        };
        linears[linear as usize].as_ref().expect("only layers of the model's description are asked for")
    }

    /// Bytes of all its weights in memory.
    pub fn bytes(&self) -> usize {
        let norms = self.norms.iter().chain(&self.query_key_norms).flatten().map(Norm::bytes).sum::<usize>();
        let experts = self.experts.iter().flat_map(|experts| &experts.experts).flatten();
        let linears = self.linears.iter().chain(experts).flatten().map(LinearWeights::bytes).sum::<usize>();
        norms + linears + self.experts.as_ref().map_or(0, |experts| experts.router.bytes())
    }

    /// Computes the block for one text: updates its residual stream `h`, `[tokens, hidden]`.
    pub fn forward(&self, h: &mut Matrix, par: Par) {
        let mixed = self.mixed(h, par);
        let x = self.feed_forward_inputs_before(h);
        self.add_attention(h, &mixed, par);
        let x = x.unwrap_or_else(|| self.feed_forward_inputs(h));
        self.add_feed_forward(h, &x, par);
    }

    /// Inputs of the first stage: the stream, normed where the model does so.
    pub fn attention_inputs(&self, h: &Matrix) -> Matrix {
        self.norms[0].as_ref().map_or_else(|| h.clone(), |norm| norm.of(h))
    }

    /// Inputs of the attention's output layer: each head's mixture of earlier tokens' values, `[tokens, heads ·
    /// head_dim]`.
    pub fn mixed(&self, h: &Matrix, par: Par) -> Matrix {
        let [q, k, v] = self.query_key_value(&self.attention_inputs(h), &self.angles, 0, par);
        self.attention().mix(&q, &k, &v, par)
    }

    /// Queries, keys and values of the attention's inputs `x`, whose first row stands at position `from`.
    pub(super) fn query_key_value(&self, x: &Matrix, angles: &Angles, from: usize, par: Par) -> [Matrix; 3] {
        let mut of = self.together([Linear::Query, Linear::Key, Linear::Value], x, par);
        for (heads, norm) in of.iter_mut().zip(&self.query_key_norms) {
            if let Some(norm) = norm {
                norm.apply(heads);
            }
            self.rotate(heads, angles, from);
        }
        of
    }

    /// Rotates the heads of queries or keys, whose first row stands at position `from`.
    pub(super) fn rotate(&self, heads: &mut Matrix, angles: &Angles, from: usize) {
        let width = heads.cols();
        if let Some(rope) = self.kind.rope {
            for (at, row) in heads.as_mut_slice().chunks_exact_mut(width).enumerate() {
                angles.rotate(rope, row, self.config.head_dim, from + at);
            }
        }
    }

    pub(super) fn attention(&self) -> Attention {
        let Config { heads, kv_heads, head_dim, score_cap, .. } = *self.config;
        let BlockKind { window, score_scale, .. } = self.kind;
        Attention { heads, kv_heads, width: head_dim, scale: score_scale, cap: score_cap, window }
    }

    /// Adds the attention's outputs to the stream, `h ← h + mixed·Oᵀ`, with the norms that the model has there.
    pub fn add_attention(&self, h: &mut Matrix, mixed: &Matrix, par: Par) {
        self.add(Linear::Output, h, mixed, self.norms[1].as_ref(), par);
    }

    /// Inputs of the third stage, where the model computes them from the stream before the attention is added.
    pub fn feed_forward_inputs_before(&self, h: &Matrix) -> Option<Matrix> {
        match self.config.order {
            BlockOrder::Parallel { one_norm: true } => Some(self.attention_inputs(h)),
            BlockOrder::Parallel { one_norm: false } => Some(self.feed_forward_inputs(h)),
            _ => None,
        }
    }

    /// Inputs of the third stage: the stream, normed where the model does so.
    pub fn feed_forward_inputs(&self, h: &Matrix) -> Matrix {
        self.norms[2].as_ref().map_or_else(|| h.clone(), |norm| norm.of(h))
    }

    /// Inputs of the feed-forward's output layer, or of an expert's: the inner values of its inputs `x`,
    /// `[tokens, feed_forward]`.
    pub fn inner(&self, expert: Option<usize>, x: &Matrix, par: Par) -> Matrix {
        let activation = self.config.activation;
        if !self.config.gated {
            let mut inner = self.linear_of(expert, Linear::Up).apply(x, par);
            activation.apply(inner.as_mut_slice());
            return inner;
        }
        let of = [Linear::Gate, Linear::Up].map(|linear| self.linear_of(expert, linear));
        let [mut gate, mut up] = Weight::apply_all(of.map(|linear| &linear.weight), x, par);
        of[0].add_bias(&mut gate);
        of[1].add_bias(&mut up);
        activation.apply(gate.as_mut_slice());
        gate.as_mut_slice().iter_mut().zip(up.as_slice()).for_each(|(gate, up)| *gate *= up);
        gate
    }

    /// Adds the feed-forward part of its inputs `x` to the stream, with the norms that the model has there.
    pub fn add_feed_forward(&self, h: &mut Matrix, x: &Matrix, par: Par) {
        let norm = self.norms[3].as_ref();
        let Some(experts) = &self.experts else {
            return self.add(Linear::Down, h, &self.inner(None, x, par), norm, par);
        };
        let routes = self.routes(x, par).unwrap_or_else(|| Routes { by_expert: Vec::new() });
        let mut out = Matrix::zeros(h.rows(), h.cols());
        for expert in (0..experts.experts.len()).filter(|&expert| !routes.by_expert[expert].is_empty()) {
            let inner = self.inner(Some(expert), &routes.rows(expert, x), par);
            routes.add(expert, &self.linear_of(Some(expert), Linear::Down).apply(&inner, par), &mut out);
        }
        self.add_outputs(h, out, norm);
    }

    /// Which rows of the feed-forward's inputs use which experts, if there are experts.
    pub(super) fn routes(&self, x: &Matrix, par: Par) -> Option<Routes> {
        self.experts.as_ref().map(|experts| Routes::new(experts.description, &experts.router, x, par))
    }

    /// `x·Wᵀ`, plus the bias, of each of these layers.
    fn together<const COUNT: usize>(&self, of: [Linear; COUNT], x: &Matrix, par: Par) -> [Matrix; COUNT] {
        let linears = of.map(|linear| self.linear_of(None, linear));
        let mut out = Weight::apply_all(linears.map(|linear| &linear.weight), x, par);
        linears.iter().zip(&mut out).for_each(|(linear, out)| linear.add_bias(out));
        out
    }

    /// Adds a layer's outputs to the stream.
    fn add(&self, linear: Linear, h: &mut Matrix, x: &Matrix, norm: Option<&Norm>, par: Par) {
        let linear = self.linear_of(None, linear);
        if norm.is_none() && self.config.residual_scale == 1.0 {
            linear.weight.add(h, x, par);
            linear.add_bias(h);
        } else {
            self.add_outputs(h, linear.apply(x, par), norm);
        }
    }

    /// Adds a part's outputs to the stream, with a norm if there is one.
    pub(super) fn add_outputs(&self, h: &mut Matrix, mut out: Matrix, norm: Option<&Norm>) {
        let after = self.config.order == BlockOrder::NormAfter;
        if let Some(norm) = norm.filter(|_| !after) {
            norm.apply(&mut out);
        }
        let scale = self.config.residual_scale;
        h.as_mut_slice().iter_mut().zip(out.as_slice()).for_each(|(h, out)| *h += scale * out);
        if let Some(norm) = norm.filter(|_| after) {
            norm.apply(h);
        }
    }
}

/// Fails when an entry is not finite; `block` is for the message.
pub(super) fn check(h: &Matrix, block: usize) -> Result<(), Error> {
    if h.first_not_finite().is_some() { Err(Error::NotFinite { block }) } else { Ok(()) }
}
