//! Names of a model's tensors, and where in them a layer's weight stands.
//!
//! Most families use Llama's names. Some store several layers as one tensor, rows above rows; GPT-2 stores transposes.

use super::parts::{BlockOrder, NormKind, NormSpan, QueryKeyNorm};
use crate::language::layers::{LayerId, Linear};
use crate::model::Checkpoint;
use serde::{Deserialize, Serialize};

/// Names of one model's tensors: those of its family, behind what its file puts before them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    style: Style,
    /// What stands before the names of the embedding and the blocks: `model.`.
    base: String,
    /// Name of the output layer, without `.weight`.
    head: String,
}

/// Families with the same names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Style {
    /// Llama and most others.
    Llama,
    /// Queries, keys and values are one tensor, and so are gate and up.
    Phi3,
    /// Llama's names with Phi's feed-forward part.
    Phi,
    /// Meta's OPT.
    Opt,
    /// GPT-2, which stores transposes (`Conv1D`).
    Gpt2,
    /// GPT-NeoX and Pythia, in whose one tensor each head has its queries, keys and values.
    GptNeox,
    /// Mixtral, with experts of its own names.
    Mixtral,
}

/// Place of a norm in its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::language) enum NormPlace {
    BeforeAttention,
    AfterAttention,
    BeforeFeedForward,
    AfterFeedForward,
}

impl NormPlace {
    pub const ALL: [Self; 4] =
        [Self::BeforeAttention, Self::AfterAttention, Self::BeforeFeedForward, Self::AfterFeedForward];
}

/// Part of a tensor that holds several layers, with its name.
#[derive(Clone, Copy)]
pub(in crate::language) enum Part {
    /// Queries, keys and values one below the other.
    Stacked(&'static str),
    /// Queries, keys and values of each head one below the other.
    OfHeads(&'static str),
    /// Gates above the values that are gated.
    Halves(&'static str),
}

/// Names of a family.
struct Table {
    base: &'static str,
    embedding: &'static str,
    positions: &'static str,
    blocks: &'static str,
    norms: [&'static str; 2],
    final_norm: &'static str,
    head: &'static str,
    /// In the order of [`Linear`]; with the part, where it is one.
    linears: [(&'static str, Option<Part>); 7],
    experts: &'static str,
    /// Gate, up and down of an expert.
    of_expert: [&'static str; 3],
    router: &'static str,
}

const LLAMA: Table = Table {
    base: "model.",
    embedding: "embed_tokens",
    positions: "embed_positions",
    blocks: "layers",
    norms: ["input_layernorm", "post_attention_layernorm"],
    final_norm: "norm",
    head: "lm_head",
    linears: [
        ("self_attn.q_proj", None),
        ("self_attn.k_proj", None),
        ("self_attn.v_proj", None),
        ("self_attn.o_proj", None),
        ("mlp.gate_proj", None),
        ("mlp.up_proj", None),
        ("mlp.down_proj", None),
    ],
    experts: "mlp.experts",
    of_expert: ["gate_proj", "up_proj", "down_proj"],
    router: "mlp.gate",
};

static TABLES: [Table; 7] = [
    LLAMA,
    Table {
        linears: [
            ("self_attn.qkv_proj", Some(Part::Stacked("q"))),
            ("self_attn.qkv_proj", Some(Part::Stacked("k"))),
            ("self_attn.qkv_proj", Some(Part::Stacked("v"))),
            ("self_attn.o_proj", None),
            ("mlp.gate_up_proj", Some(Part::Halves("gate"))),
            ("mlp.gate_up_proj", Some(Part::Halves("up"))),
            ("mlp.down_proj", None),
        ],
        ..LLAMA
    },
    Table {
        final_norm: "final_layernorm",
        linears: [
            ("self_attn.q_proj", None),
            ("self_attn.k_proj", None),
            ("self_attn.v_proj", None),
            ("self_attn.dense", None),
            ("", None),
            ("mlp.fc1", None),
            ("mlp.fc2", None),
        ],
        ..LLAMA
    },
    Table {
        base: "model.decoder.",
        norms: ["self_attn_layer_norm", "final_layer_norm"],
        final_norm: "final_layer_norm",
        linears: [
            ("self_attn.q_proj", None),
            ("self_attn.k_proj", None),
            ("self_attn.v_proj", None),
            ("self_attn.out_proj", None),
            ("", None),
            ("fc1", None),
            ("fc2", None),
        ],
        ..LLAMA
    },
    Table {
        base: "transformer.",
        embedding: "wte",
        positions: "wpe",
        blocks: "h",
        norms: ["ln_1", "ln_2"],
        final_norm: "ln_f",
        linears: [
            ("attn.c_attn", Some(Part::Stacked("q"))),
            ("attn.c_attn", Some(Part::Stacked("k"))),
            ("attn.c_attn", Some(Part::Stacked("v"))),
            ("attn.c_proj", None),
            ("", None),
            ("mlp.c_fc", None),
            ("mlp.c_proj", None),
        ],
        ..LLAMA
    },
    Table {
        base: "gpt_neox.",
        embedding: "embed_in",
        final_norm: "final_layer_norm",
        head: "embed_out",
        linears: [
            ("attention.query_key_value", Some(Part::OfHeads("q"))),
            ("attention.query_key_value", Some(Part::OfHeads("k"))),
            ("attention.query_key_value", Some(Part::OfHeads("v"))),
            ("attention.dense", None),
            ("", None),
            ("mlp.dense_h_to_4h", None),
            ("mlp.dense_4h_to_h", None),
        ],
        ..LLAMA
    },
    Table {
        experts: "block_sparse_moe.experts",
        of_expert: ["w1", "w3", "w2"],
        router: "block_sparse_moe.gate",
        ..LLAMA
    },
];

impl Style {
    fn table(self) -> &'static Table {
        &TABLES[self as usize]
    }
}

/// Tensors that older versions of transformers saved beside the weights: masks and frequencies, which are computed.
const COMPUTED: [&str; 5] =
    ["rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias", ".attention.bias", ".attention.masked_bias"];

impl Names {
    /// Names of a family, as its own files have them.
    pub fn new(style: Style) -> Self {
        let table = style.table();
        Self { style, base: table.base.to_owned(), head: table.head.to_owned() }
    }

    /// The names in this file, which may lack the family's start or put another before it: `model.`, `_orig_mod.`,
    /// `module.`, `base_model.model.`, `model.language_model.`.
    pub(in crate::language) fn found_in(&self, checkpoint: &Checkpoint) -> Self {
        let table = self.style.table();
        // What stands before the wanted part of a name.
        let starts = |part: &str| -> Vec<&str> {
            let part = format!("{part}.weight");
            let names = checkpoint.tensors().iter().map(|tensor| tensor.name.as_str());
            let starts = names.filter_map(|name| name.strip_suffix(part.as_str()));
            let mut starts: Vec<_> = starts.filter(|start| start.is_empty() || start.ends_with('.')).collect();
            starts.sort_by_key(|start| start.len());
            starts
        };
        let has_blocks = |start: &&str| {
            let blocks = format!("{start}{}.0.", table.blocks);
            checkpoint.tensors().iter().any(|tensor| tensor.name.starts_with(&blocks))
        };
        let base = starts(table.embedding).into_iter().find(has_blocks).unwrap_or(table.base);
        let head = starts(table.head).first().map_or(table.head.to_owned(), |start| format!("{start}{}", table.head));
        Self { style: self.style, base: base.to_owned(), head }
    }

    /// Whether linear layers are stored as `[in, out]`.
    pub(in crate::language) fn are_transposed(&self) -> bool {
        self.style == Style::Gpt2
    }

    /// Name of the embedding.
    pub(in crate::language) fn embedding(&self) -> String {
        format!("{}{}.weight", self.base, self.style.table().embedding)
    }

    /// Name of the learned positions.
    pub(in crate::language) fn positions(&self) -> String {
        format!("{}{}.weight", self.base, self.style.table().positions)
    }

    /// Name of the projection between an embedding of another width and the stream: into it, or out.
    pub(in crate::language) fn projection(&self, into: bool) -> String {
        format!("{}{}.weight", self.base, if into { "project_in" } else { "project_out" })
    }

    /// Start of the names of the norm after the last block.
    pub(in crate::language) fn final_norm(&self) -> String {
        format!("{}{}", self.base, self.style.table().final_norm)
    }

    /// Start of the names of the output layer.
    pub(in crate::language) fn head(&self) -> &str {
        &self.head
    }

    /// Name of the output layer's weight.
    pub(in crate::language) fn head_weight(&self) -> String {
        format!("{}.weight", self.head)
    }

    /// Start of the names of a block, without the last dot.
    pub(in crate::language) fn block(&self, block: usize) -> String {
        format!("{}{}.{block}", self.base, self.style.table().blocks)
    }

    /// Start of the names of a norm, if the block has one there.
    pub(in crate::language) fn norm(&self, block: usize, place: NormPlace, order: BlockOrder) -> Option<String> {
        use NormPlace::{AfterAttention, AfterFeedForward, BeforeAttention, BeforeFeedForward};
        let [first, second] = self.style.table().norms;
        let name = match (order, place) {
            (BlockOrder::NormBefore | BlockOrder::Parallel { .. }, BeforeAttention) => first,
            (BlockOrder::NormBefore | BlockOrder::Parallel { one_norm: false }, BeforeFeedForward) => second,
            (BlockOrder::NormAfter, AfterAttention) => first,
            (BlockOrder::NormAfter, AfterFeedForward) => second,
            (BlockOrder::NormAround, BeforeAttention) => first,
            (BlockOrder::NormAround | BlockOrder::NormOfOutput, AfterAttention) => second,
            (BlockOrder::NormAround, BeforeFeedForward) => "pre_feedforward_layernorm",
            (BlockOrder::NormAround | BlockOrder::NormOfOutput, AfterFeedForward) => "post_feedforward_layernorm",
            _ => return None,
        };
        Some(format!("{}.{name}", self.block(block)))
    }

    /// Start of the names of the norm of queries or of keys.
    pub(in crate::language) fn query_key_norm(&self, block: usize, of: Linear, norm: QueryKeyNorm) -> String {
        // Phi's and StableLM's.
        let layer_norm = norm.kind == NormKind::Layer || norm.span == NormSpan::NumberedHead;
        let name = match (of, layer_norm) {
            (Linear::Query, false) => "q_norm",
            (Linear::Query, true) => "q_layernorm",
            (_, false) => "k_norm",
            (_, true) => "k_layernorm",
        };
        format!("{}.self_attn.{name}", self.block(block))
    }

    /// Name of the layer that chooses a token's experts.
    pub(in crate::language) fn router(&self, block: usize) -> String {
        format!("{}.{}.weight", self.block(block), self.style.table().router)
    }

    /// Common start of a layer's names, that of its part where a tensor holds several layers.
    pub(in crate::language) fn stem(&self, id: LayerId) -> String {
        match self.entry(id) {
            (stem, Some(Part::Stacked(part) | Part::OfHeads(part) | Part::Halves(part))) => format!("{stem}.{part}"),
            (stem, None) => stem,
        }
    }

    /// Name of a role in this family: `out_proj`, `c_attn.q`; `mlp.c_proj` where the attention has a `c_proj` too.
    pub(in crate::language) fn short(&self, linear: Linear, experts: bool) -> String {
        let id = LayerId { block: 0, expert: (experts && linear.is_feed_forward()).then_some(0), linear };
        let (stem, _) = self.entry(id);
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        let whole = self.block(0).len() + 1;
        let others = self.style.table().linears.iter().filter(|(name, _)| last(name) == last(&stem));
        let names: std::collections::BTreeSet<&str> = others.map(|(name, _)| *name).collect();
        let from = if names.len() > 1 && id.expert.is_none() { whole } else { stem.len() - last(&stem).len() };
        self.stem(id)[from..].to_owned()
    }

    /// Start of the names of the tensor that holds a layer, and which part of it the layer is.
    pub(in crate::language) fn entry(&self, id: LayerId) -> (String, Option<Part>) {
        let table = self.style.table();
        let block = self.block(id.block);
        match id.expert {
            Some(expert) => {
                let at = id.linear as usize - Linear::Gate as usize;
                (format!("{block}.{}.{expert}.{}", table.experts, table.of_expert[at]), None)
            }
            None => {
                let (name, part) = table.linears[id.linear as usize];
                (format!("{block}.{name}"), part)
            }
        }
    }

    /// Whether a tensor of this name needs no mention although nothing reads it.
    pub(in crate::language) fn is_computed(name: &str) -> bool {
        COMPUTED.iter().any(|end| name.ends_with(end))
    }
}

/// Whether a tensor of this name belongs to a block of a transformer, in any family.
pub fn is_in_block(name: &str) -> bool {
    let mut parts = name.split('.').peekable();
    while let Some(part) = parts.next() {
        if matches!(part, "layers" | "h" | "blocks") && parts.peek().is_some_and(|next| next.parse::<usize>().is_ok()) {
            return true;
        }
    }
    false
}

/// Whether a tensor of this name is the embedding, in any family.
pub(in crate::language) fn is_embedding(name: &str) -> bool {
    TABLES.iter().any(|table| {
        let start = name.strip_suffix(".weight").and_then(|name| name.strip_suffix(table.embedding));
        start.is_some_and(|start| start.is_empty() || start.ends_with('.'))
    })
}
