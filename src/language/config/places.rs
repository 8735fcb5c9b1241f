//! The layers of a model, and where their weights stand in its files.

use super::description::Config;
use super::names::Part;
use crate::Named;
use crate::language::layers::{BlockStage, LayerId, Linear};
use std::ops::Range;
use strum::VariantArray;

/// Where a layer's weight `[out, in]` stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Name of the tensors that hold it, without `.weight` and `.bias`.
    pub stem: String,
    /// Its outputs among those of the tensor, where that holds several layers.
    pub outputs: Option<Vec<Range<usize>>>,
    /// Whether the tensor is `[in, out]`.
    pub transposed: bool,
}

impl Config {
    /// All linear layers of all blocks, in order of computation.
    pub fn layers(&self) -> impl Iterator<Item = LayerId> + use<> {
        let blocks: Vec<Vec<LayerId>> = (0..self.blocks).map(|block| self.layers_of(block)).collect();
        blocks.into_iter().flatten()
    }

    /// Linear layers of a block, in order of computation.
    pub fn layers_of(&self, block: usize) -> Vec<LayerId> {
        let of = |expert: Option<usize>, feed_forward: bool| {
            let linears = self.linears().filter(move |linear| linear.is_feed_forward() == feed_forward);
            linears.map(move |linear| LayerId { block, expert, linear })
        };
        let attention = of(None, false);
        match self.experts_of(block) {
            Some(experts) => attention.chain((0..experts.count).flat_map(|expert| of(Some(expert), true))).collect(),
            None => attention.chain(of(None, true)).collect(),
        }
    }

    /// The roles that linear layers have in this model.
    pub fn linears(&self) -> impl Iterator<Item = Linear> + use<> {
        let gated = self.gated;
        Linear::VARIANTS.iter().copied().filter(move |linear| gated || *linear != Linear::Gate)
    }

    /// The first of the layers that read the same inputs as this one: its name stands for them.
    pub fn first_with_inputs_of(&self, id: LayerId) -> LayerId {
        let linear = match id.stage() {
            BlockStage::Attention => Linear::Query,
            BlockStage::AttentionOutput => Linear::Output,
            BlockStage::FeedForward if self.gated => Linear::Gate,
            BlockStage::FeedForward => Linear::Up,
            BlockStage::FeedForwardOutput => Linear::Down,
        };
        LayerId { linear, ..id }
    }

    /// Shape `(out, in)` of a layer's weight.
    pub fn shape(&self, id: LayerId) -> (usize, usize) {
        let Self { hidden, heads, kv_heads, head_dim, .. } = *self;
        let inner = match (id.expert, self.experts_of(id.block)) {
            (Some(_), Some(experts)) => experts.feed_forward,
            _ => self.feed_forward,
        };
        match id.linear {
            Linear::Query => (heads * head_dim, hidden),
            Linear::Key | Linear::Value => (kv_heads * head_dim, hidden),
            Linear::Output => (hidden, heads * head_dim),
            Linear::Gate | Linear::Up => (inner, hidden),
            Linear::Down => (hidden, inner),
        }
    }

    /// Whether a layer has a bias.
    pub fn has_bias(&self, linear: Linear) -> bool {
        match linear.stage() {
            BlockStage::Attention => self.biases.attention,
            BlockStage::AttentionOutput => self.biases.attention_output,
            BlockStage::FeedForward | BlockStage::FeedForwardOutput => self.biases.feed_forward,
        }
    }

    /// All layers with their shapes `(out, in)`, in order of computation.
    pub fn shapes(&self) -> impl Iterator<Item = (LayerId, (usize, usize))> {
        self.layers().map(|id| (id, self.shape(id)))
    }

    /// Number of weights of all linear layers together.
    pub fn layer_weights(&self) -> usize {
        self.layers().map(|id| self.shape(id)).map(|(rows, cols)| rows * cols).sum()
    }
}

impl Config {
    /// Where a layer's weight and bias stand.
    pub fn place(&self, id: LayerId) -> Place {
        let (stem, part) = self.names.entry(id);
        let (rows, _) = self.shape(id);
        let third = || id.linear as usize;
        let one = |range: Range<usize>| std::iter::once(range).collect();
        let outputs = part.map(|part| match part {
            Part::Stacked(_) => {
                let before: usize = [Linear::Query, Linear::Key][..third().min(2)]
                    .iter()
                    .map(|&l| self.shape(LayerId { linear: l, ..id }).0)
                    .sum();
                one(before..before + rows)
            }
            Part::OfHeads(_) => {
                let width = self.head_dim;
                (0..self.heads).map(|head| (3 * head + third()) * width..(3 * head + third() + 1) * width).collect()
            }
            Part::Halves(_) if id.linear == Linear::Up => one(rows..2 * rows),
            Part::Halves(_) => one(0..rows),
        });
        Place { stem, outputs, transposed: self.names.are_transposed() }
    }

    /// Name of the tensor that holds a layer's weight, alone or with others.
    pub fn tensor_with(&self, id: LayerId) -> String {
        format!("{}.weight", self.place(id).stem)
    }

    /// Layers whose weights the tensor of this name holds, in order.
    pub fn layers_in(&self, tensor: &str) -> Vec<LayerId> {
        let Some(stem) = tensor.strip_suffix(".weight") else { return Vec::new() };
        self.near(stem).filter(|&id| self.names.entry(id).0 == stem).collect()
    }

    /// The layer of this name, a stem or a weight's name.
    pub fn layer_named(&self, name: &str) -> Option<LayerId> {
        let stem = name.strip_suffix(".weight").unwrap_or(name);
        self.near(stem).find(|&id| self.stem(id) == stem)
    }

    /// Number of outputs of the tensor that holds a layer, alone or with others.
    pub fn outputs_with(&self, id: LayerId) -> usize {
        match self.place(id).outputs {
            Some(_) => self.layers_in(&self.tensor_with(id)).into_iter().map(|id| self.shape(id).0).sum(),
            None => self.shape(id).0,
        }
    }

    /// Layers whose numbers of block and expert are in a name: not all of a large model's names have to be made.
    fn near(&self, name: &str) -> impl Iterator<Item = LayerId> + use<> {
        let numbers: Vec<usize> = name.split('.').filter_map(|part| part.parse().ok()).collect();
        let blocks: Vec<usize> = numbers.iter().copied().filter(|&block| block < self.blocks).collect();
        let layers: Vec<LayerId> = blocks.into_iter().flat_map(|block| self.layers_of(block)).collect();
        layers.into_iter().filter(move |id| id.expert.is_none_or(|expert| numbers.contains(&expert)))
    }

    /// Name of a layer's role in this family: `out_proj`.
    pub fn short_name(&self, linear: Linear) -> String {
        self.names.short(linear, self.experts.is_some() && self.block_kinds.iter().all(|kind| kind.has_experts))
    }

    /// A layer's name for people: `1.q_proj`, `1.7.w1` for an expert's.
    pub fn label(&self, id: LayerId) -> String {
        let name = self.short_name(id.linear);
        match id.expert {
            Some(expert) => format!("{}.{expert}.{name}", id.block),
            None => format!("{}.{name}", id.block),
        }
    }

    /// The name for people of the tensor that holds a layer, alone or with others: `1.c_attn`.
    pub fn tensor_label(&self, id: LayerId) -> String {
        let label = self.label(id);
        match (self.place(id).outputs, label.rsplit_once('.')) {
            (Some(_), Some((whole, _))) => whole.to_owned(),
            _ => label,
        }
    }

    /// The role of this name, either this family's or the common one.
    pub fn linear_named(&self, name: &str) -> Option<Linear> {
        let mut all = self.linears();
        all.find(|&linear| self.short_name(linear) == name || linear.name() == name)
    }
}
