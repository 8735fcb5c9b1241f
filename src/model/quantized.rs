//! Layers that other programs have packed into integers: not read, but known by the names of their parts.

use super::tensor::TensorInfo;
use std::collections::HashSet;

/// A way of packing that is known, and not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// GPTQ's and AWQ's integers of 32 bits.
    Gptq,
    /// bitsandbytes, 4 or 8 bits.
    BitsAndBytes,
    /// compressed-tensors.
    Compressed,
    /// Blocks of 4-bit floats, as in gpt-oss.
    Mxfp4,
}

impl Packing {
    const ALL: [Self; 4] = [Self::Gptq, Self::BitsAndBytes, Self::Compressed, Self::Mxfp4];

    /// Endings that the packed tensor of a layer has, and that of what belongs to it.
    fn endings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Gptq => &[(".qweight", ".qzeros"), (".qweight", ".scales")],
            Self::BitsAndBytes => &[(".weight", ".weight.absmax"), (".weight", ".SCB")],
            Self::Compressed => &[(".weight_packed", ".weight_scale"), (".weight_packed", ".weight_shape")],
            Self::Mxfp4 => &[("_blocks", "_scales")],
        }
    }

    /// Who packs so.
    fn program(self) -> &'static str {
        match self {
            Self::Gptq => "GPTQ or AWQ",
            Self::BitsAndBytes => "bitsandbytes",
            Self::Compressed => "compressed-tensors",
            Self::Mxfp4 => "MXFP4",
        }
    }

    /// What gives weights that are read.
    pub(super) fn converter(self) -> &'static str {
        match self {
            Self::BitsAndBytes => {
                "unpack it with transformers, `AutoModelForCausalLM.from_pretrained(folder).dequantize()`, and write it \
                 with save_pretrained"
            }
            Self::Mxfp4 => {
                "unpack it with transformers, `from_pretrained(folder, \
                 quantization_config=Mxfp4Config(dequantize=True))`, and write it with save_pretrained"
            }
            Self::Gptq | Self::Compressed => "open the model that it was made from, in BF16 or F16",
        }
    }

    /// The packing that a tensor is part of.
    pub(super) fn of(name: &str, has: impl Fn(&str) -> bool) -> Option<Self> {
        Self::ALL.into_iter().find(|packing| {
            packing.endings().iter().any(|(packed, beside)| {
                let stem = name.strip_suffix(packed).or_else(|| name.strip_suffix(beside));
                stem.is_some_and(|stem| has(&format!("{stem}{packed}")) && has(&format!("{stem}{beside}")))
            })
        })
    }
}

/// Sentences on the layers of a checkpoint that are packed, one for each way.
pub(super) fn notes(tensors: &[TensorInfo], has: impl Fn(&str) -> bool) -> Vec<String> {
    let note = |packing: Packing| {
        let packed: HashSet<&str> = tensors
            .iter()
            .map(|info| info.name.as_str())
            .filter(|name| {
                packing.endings().iter().any(|(packed, beside)| {
                    name.strip_suffix(packed).is_some_and(|stem| has(&format!("{stem}{beside}")))
                })
            })
            .collect();
        let (layers, s, program) = (packed.len(), if packed.len() == 1 { "" } else { "s" }, packing.program());
        let are = if layers == 1 { "is" } else { "are" };
        (layers > 0)
            .then(|| format!("{layers} layer{s} {are} packed by {program}, which is not read: {}", packing.converter()))
    };
    Packing::ALL.into_iter().filter_map(note).collect()
}
