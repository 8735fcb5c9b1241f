//! The class of transformers 5.24 that `AutoTokenizer` would take.

use super::json::{Object, text};

/// A class of tokenizers, by how it makes one of `tokenizer.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Takes the file as it is (`PreTrainedTokenizerFast`, by its newer name `TokenizersBackend`).
    File,
    /// `LlamaTokenizer`: Llama 1 and 2, and what followed them.
    Llama,
    /// `CodeLlamaTokenizer`.
    CodeLlama,
    /// `GemmaTokenizer`.
    Gemma,
    /// `GPT2Tokenizer`.
    Gpt2,
    /// `CodeGenTokenizer`.
    CodeGen,
    /// `GPTNeoXTokenizer`.
    GptNeoX,
    /// `Qwen2Tokenizer`.
    Qwen2,
    /// `Qwen3_5Tokenizer`.
    Qwen35,
    /// `CohereTokenizer`.
    Cohere,
}

impl Class {
    /// The class for a model with these fields of `config.json` and `tokenizer_config.json`, and this `tokenizer.json`.
    pub fn of(model: &Object, config: &Object, tokenizer: Option<&[u8]>) -> Self {
        let kind = text(model, "model_type").unwrap_or_default();
        let named = text(config, "tokenizer_class").or_else(|| text(model, "tokenizer_class"));
        let named = named.map(|name| name.strip_suffix("Fast").unwrap_or(name));
        let own = Self::of_kind(kind);
        // Code that comes with a model is not run; the class is what the configuration says.
        let custom = match config.get("auto_map") {
            Some(serde_json::Value::Object(map)) => map.get("AutoTokenizer").is_some_and(|class| !class.is_null()),
            Some(list) => list.is_array(),
            None => false,
        };
        let Some(named) = named else { return own.unwrap_or(Self::File) };
        let class = Self::by_name(named).unwrap_or(Self::File);
        if custom {
            return class;
        }
        let wrong = OFTEN_WRONG.contains(&kind);
        // Llama 3's folders name Llama's class, whose tokenizer is another.
        if class == Self::Llama && !wrong && tokenizer.is_some_and(has_byte_level) {
            return Self::File;
        }
        match own {
            Some(Self::File) => Self::File,
            Some(own) if own != class && wrong => own,
            _ => class,
        }
    }

    fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "LlamaTokenizer" => Self::Llama,
            "CodeLlamaTokenizer" => Self::CodeLlama,
            "GemmaTokenizer" => Self::Gemma,
            "GPT2Tokenizer" => Self::Gpt2,
            "CodeGenTokenizer" => Self::CodeGen,
            "GPTNeoXTokenizer" => Self::GptNeoX,
            "Qwen2Tokenizer" => Self::Qwen2,
            "Qwen3_5Tokenizer" => Self::Qwen35,
            "CohereTokenizer" => Self::Cohere,
            _ => return None,
        })
    }

    /// The class that a kind of model has by itself, `model_type`; `None` for kinds that have none.
    fn of_kind(kind: &str) -> Option<Self> {
        Some(match kind {
            "diffusion_gemma" | "gemma" | "gemma2" | "gemma3" | "gemma3_text" | "gemma3n" | "gemma3n_text"
            | "recurrent_gemma" | "shieldgemma2" | "t5gemma" | "zaya" => Self::Gemma,
            "codegen" | "dbrx" | "gpt2" | "gpt_neo" | "gptj" | "jais2" | "opt" | "phi" | "starcoder2" => Self::Gpt2,
            "falcon_mamba" | "gpt_neox" | "mamba" | "mamba2" | "mpt" | "olmo" | "olmoe" | "rwkv" | "xlstm" => {
                Self::GptNeoX
            }
            "internvl" | "ovis2" | "qwen2" | "qwen2_5_omni" | "qwen2_5_vl" | "qwen2_audio" | "qwen2_moe"
            | "qwen2_vl" | "qwen3" | "qwen3_moe" | "qwen3_next" | "qwen3_omni_moe" | "qwen3_vl" | "qwen3_vl_moe" => {
                Self::Qwen2
            }
            "qwen3_5" | "qwen3_5_moe" | "qwen3_5_moe_text" | "qwen3_5_text" | "qwen4_exp" => Self::Qwen35,
            "aya_vision" | "cohere" | "cohere2" => Self::Cohere,
            "flex_olmo" | "glm" | "glm4" | "glm4_moe" | "glm4_moe_lite" | "glm4v" | "glm4v_moe" | "gpt_bigcode"
            | "granite" | "granitemoe" | "granitemoehybrid" | "granitemoeshared" | "kimi_k25" | "kimi_linear"
            | "ministral" | "ministral3" | "mistral" | "mistral3" | "mistral_large4" | "mixtral" | "olmo2"
            | "olmo3" | "olmo_hybrid" | "persimmon" | "pixtral" | "stablelm" | "voxtral" => Self::File,
            kind if OFTEN_WRONG.contains(&kind) => Self::File,
            _ => return None,
        })
    }

    /// The class for a tokenizer of bytes without a `tokenizer.json`.
    pub fn of_bytes(self) -> Self {
        match self {
            Self::File | Self::Llama | Self::CodeLlama | Self::Gemma => Self::Gpt2,
            bytes => bytes,
        }
    }

    /// Special tokens that the class has where the configuration says nothing, by their names there.
    pub fn special_tokens(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::File => &[],
            Self::Llama => &[("unk_token", "<unk>"), ("bos_token", "<s>"), ("eos_token", "</s>")],
            Self::CodeLlama => &[
                ("unk_token", "<unk>"),
                ("bos_token", "<s>"),
                ("eos_token", "</s>"),
                ("prefix_token", "▁<PRE>"),
                ("middle_token", "▁<MID>"),
                ("suffix_token", "▁<SUF>"),
                ("eot_token", "▁<EOT>"),
                ("fill_token", "<FILL_ME>"),
            ],
            Self::Gemma => &[
                ("unk_token", "<unk>"),
                ("bos_token", "<bos>"),
                ("eos_token", "<eos>"),
                ("pad_token", "<pad>"),
                ("mask_token", "<mask>"),
            ],
            Self::Gpt2 | Self::CodeGen => {
                &[("unk_token", "<|endoftext|>"), ("bos_token", "<|endoftext|>"), ("eos_token", "<|endoftext|>")]
            }
            Self::GptNeoX => &[
                ("unk_token", "<|endoftext|>"),
                ("bos_token", "<|endoftext|>"),
                ("eos_token", "<|endoftext|>"),
                ("pad_token", "<|padding|>"),
            ],
            Self::Qwen2 | Self::Qwen35 => {
                &[("unk_token", "<|endoftext|>"), ("eos_token", "<|endoftext|>"), ("pad_token", "<|endoftext|>")]
            }
            Self::Cohere => &[
                ("unk_token", "<UNK>"),
                ("bos_token", "<BOS_TOKEN>"),
                ("eos_token", "<|END_OF_TURN_TOKEN|>"),
                ("pad_token", "<PAD>"),
                ("cls_token", "<CLS>"),
                ("sep_token", "<SEP>"),
                ("mask_token", "<MASK_TOKEN>"),
            ],
        }
    }
}

/// Kinds of models whose folders often name a class that is not theirs.
const OFTEN_WRONG: [&str; 41] = [
    "arctic",
    "chatlm",
    "ernie4_5",
    "ernie4_5_moe",
    "fuyu",
    "h2ovl_chat",
    "hyperclovax",
    "hyperclovax_vlm",
    "hyperclovax_vision_v2",
    "internlm2",
    "internlm3",
    "iquestcoder",
    "jamba",
    "llava",
    "llava_next",
    "minicpm3",
    "minicpmv",
    "minimax_m2",
    "modernbert",
    "modernbert-decoder",
    "molmo",
    "molmo2",
    "nemotron",
    "nvfp4",
    "opencua",
    "openvla",
    "paddleocr_vl",
    "phi3",
    "phi3_v",
    "phimoe",
    "qwen2",
    "qwen3_5",
    "qwen3_5_moe",
    "qwen3_5_moe_text",
    "qwen4_exp",
    "step3_vl",
    "vipllava",
    "cohere_asr",
    "camembertv2-base",
    "siglip2",
    "smolvlm",
];

/// Whether a `tokenizer.json` has a part for bytes anywhere.
fn has_byte_level(tokenizer: &[u8]) -> bool {
    const NAME: &[u8] = b"\"ByteLevel\"";
    tokenizer.windows(NAME.len()).any(|window| window == NAME)
}
