//! What a model's description is made of.

use super::rope::Rope;
use serde::{Deserialize, Serialize};

/// A norm of vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NormKind {
    /// Divided by the root mean square, times a weight.
    Rms,
    /// The same with one plus the stored weight (Gemma).
    RmsFromOne,
    /// Centred and divided by the standard deviation, times a weight, plus a bias.
    Layer,
    /// The same without a bias (Cohere).
    LayerWithoutBias,
}

impl NormKind {
    /// Whether it has a bias.
    pub fn has_bias(self) -> bool {
        self == Self::Layer
    }
}

/// Order of norms, attention and feed-forward part in a block, for the stream h.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlockOrder {
    /// `h + attention(norm(h))`, then `h + feed_forward(norm(h))`.
    NormBefore,
    /// `h + norm(attention(norm(h)))`, then the same with the feed-forward part (Gemma 2 and 3).
    NormAround,
    /// `h + norm(attention(h))`, then the same with the feed-forward part (OLMo 2).
    NormOfOutput,
    /// `norm(h + attention(h))`, then the same with the feed-forward part (OPT-350m).
    NormAfter,
    /// `h + attention(norm(h)) + feed_forward(norm(h))`, with one norm or with one for each part.
    Parallel {
        /// Whether both parts read the same normed stream.
        one_norm: bool,
    },
}

/// Norm of queries and keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryKeyNorm {
    /// Kind of the norm.
    pub kind: NormKind,
    /// Vectors that are normed.
    pub span: NormSpan,
}

/// What a norm of queries or keys takes as one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NormSpan {
    /// Each head, with the same weight.
    Head,
    /// Each head, with a weight of its own: stored as `[heads, head_dim]`.
    OwnHead,
    /// Each head, with a weight of its own: stored in one tensor each (StableLM).
    NumberedHead,
    /// All heads together.
    All,
}

/// Rotary positions: entries of queries and keys are rotated in pairs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rotary {
    /// Entries of a head that are rotated, the first ones.
    pub width: usize,
    /// Whether neighbours are pairs, instead of the entries j and j + width/2.
    pub interleaved: bool,
    /// Frequencies; blocks say which are theirs.
    pub ropes: Vec<Rope>,
}

/// What differs from block to block.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BlockKind {
    /// Number of tokens that attention sees, the present one among them; all earlier ones if `None`.
    pub window: Option<usize>,
    /// Index of its frequencies in [`Rotary::ropes`]; `None` without positions.
    pub rope: Option<usize>,
    /// Factor of queries times keys.
    pub score_scale: f32,
    /// Whether its feed-forward part consists of experts.
    pub has_experts: bool,
}

/// A feed-forward part of which each token uses a few experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experts {
    /// Number of experts of a block.
    pub count: usize,
    /// Experts that a token uses.
    pub per_token: usize,
    /// Inner width of an expert.
    pub feed_forward: usize,
    /// Whether the weights of the experts that a token uses are scaled to sum to one.
    pub normalized: bool,
}

/// Which layers have biases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Biases {
    /// Queries, keys and values.
    pub attention: bool,
    /// Output layer of the attention.
    pub attention_output: bool,
    /// Feed-forward part.
    pub feed_forward: bool,
    /// Output layer of the model.
    pub head: bool,
}

/// A function of each entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    /// x / (1 + e⁻ˣ).
    Silu,
    /// x·Φ(x), with the normal distribution's Φ.
    Gelu,
    /// The same with tanh in place of Φ.
    GeluTanh,
    /// max(x, 0).
    Relu,
    /// max(x, 0)².
    ReluSquared,
    /// x / (1 + e^(−1.702·x)).
    QuickGelu,
}
