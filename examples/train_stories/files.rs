//! What a run leaves behind: the model in Hugging Face layout, and the state to resume from.
//!
//! Every file is written beside its place and then renamed, so that a reader never sees half of one.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use candle_core::{Device, Var};
use half::f16;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use serde_json::{Map, Value, json};

use crate::adam::Adam;
use crate::model::{FEED_FORWARD, HEADS, HIDDEN, LAYERS, MAX_POSITIONS, Parameters, ROPE_THETA, shapes};
use crate::ops::NORM_EPS;
use crate::text::{BOS, EOS, Tokens, UNKNOWN};

/// Anything that can go wrong with files.
pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Writes `config.json`, `tokenizer.json` and `model.safetensors`.
///
/// # Errors
/// If a file cannot be written.
pub fn write_model(folder: &Path, parameters: &Parameters, tokens: &Tokens) -> Result<()> {
    fs::create_dir_all(folder)?;
    write_json(&folder.join("config.json"), &config(tokens.texts.len()))?;
    write_json(&folder.join("tokenizer.json"), &tokenizer(tokens))?;
    let mut data = Vec::new();
    for (name, variable) in parameters {
        let values = variable.flatten_all()?.to_vec1::<f32>()?;
        let bytes: Vec<u8> = values.into_iter().flat_map(|value| f16::from_f32(value).to_le_bytes()).collect();
        data.push((name, variable.dims().to_vec(), bytes));
    }
    let views = data.iter().map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F16, shape.clone(), bytes)?)));
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let bytes = serialize(views.collect::<Result<Vec<_>>>()?, Some(metadata))?;
    write_beside(&folder.join("model.safetensors"), &bytes)
}

/// Writes everything that a run needs to go on: the parameters, the moments of their gradients, and the step.
///
/// # Errors
/// If the file cannot be written.
pub fn write_state(path: &Path, parameters: &Parameters, adam: &Adam, step: u64) -> Result<()> {
    let mut data = Vec::new();
    for (name, variable) in parameters {
        let values = variable.flatten_all()?.to_vec1::<f32>()?;
        let [first, second] = &adam.moments[name];
        for (prefix, values) in [("value", &values), ("first", first), ("second", second)] {
            let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            data.push((format!("{prefix}.{name}"), variable.dims().to_vec(), bytes));
        }
    }
    let views = data.iter().map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)));
    let metadata = HashMap::from([("step".to_owned(), step.to_string())]);
    write_beside(path, &serialize(views.collect::<Result<Vec<_>>>()?, Some(metadata))?)
}

/// Reads what [`write_state`] wrote.
///
/// # Errors
/// If the file cannot be read, or does not fit this model.
pub fn read_state(path: &Path, vocabulary: usize) -> Result<(Parameters, Adam, u64)> {
    let bytes = fs::read(path)?;
    let (_, header) = SafeTensors::read_metadata(&bytes)?;
    let step = header.metadata().as_ref().and_then(|metadata| metadata.get("step")).ok_or("no step in the state")?;
    let tensors = SafeTensors::deserialize(&bytes)?;
    let floats = |name: String| -> Result<Vec<f32>> {
        let four = |bytes: &[u8]| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        Ok(tensors.tensor(&name)?.data().chunks_exact(4).map(four).collect())
    };
    let mut parameters = Parameters::new();
    let mut adam = Adam::default();
    for (name, shape) in shapes(vocabulary) {
        let variable = Var::from_vec(floats(format!("value.{name}"))?, shape, &Device::Cpu)?;
        parameters.insert(name.clone(), variable);
        let moments = [floats(format!("first.{name}"))?, floats(format!("second.{name}"))?];
        adam.moments.insert(name, moments);
    }
    Ok((parameters, adam, step.parse()?))
}

fn config(vocabulary: usize) -> Value {
    json!({
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": false,
        "attention_dropout": 0.0,
        "bos_token_id": BOS,
        "eos_token_id": EOS,
        "head_dim": HIDDEN / HEADS,
        "hidden_act": "silu",
        "hidden_size": HIDDEN,
        "initializer_range": 0.02,
        "intermediate_size": FEED_FORWARD,
        "max_position_embeddings": MAX_POSITIONS,
        "mlp_bias": false,
        "model_type": "llama",
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "num_key_value_heads": HEADS,
        "rms_norm_eps": NORM_EPS,
        "rope_theta": ROPE_THETA,
        "tie_word_embeddings": true,
        "torch_dtype": "float16",
        "use_cache": true,
        "vocab_size": vocabulary,
    })
}

/// A word-level tokenizer: the text is split at blanks and each piece looked up; `<s>` is put before it.
fn tokenizer(tokens: &Tokens) -> Value {
    let special = [(BOS, "<s>"), (EOS, "</s>"), (UNKNOWN, "<unk>")];
    let added: Vec<_> = special
        .map(|(id, content)| {
            json!({
                "id": id, "content": content, "special": true,
                "single_word": false, "lstrip": false, "rstrip": false, "normalized": false,
            })
        })
        .into();
    let vocabulary: Map<String, Value> =
        tokens.texts.iter().zip(0..).map(|(text, id)| ((*text).into(), json!(id))).collect();
    let start = json!({ "SpecialToken": { "id": "<s>", "type_id": 0 } });
    let text = |id: &str, type_id: u32| json!({ "Sequence": { "id": id, "type_id": type_id } });
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": null,
        "pre_tokenizer": { "type": "WhitespaceSplit" },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [start, text("A", 0)],
            "pair": [start, text("A", 0), text("B", 1)],
            "special_tokens": { "<s>": { "id": "<s>", "ids": [BOS], "tokens": ["<s>"] } },
        },
        "decoder": null,
        "model": { "type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>" },
    })
}

fn write_json(path: &Path, value: &Value) -> Result<()> {
    write_beside(path, format!("{value:#}\n").as_bytes())
}

fn write_beside(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = path.with_extension("part");
    fs::write(&beside, bytes)?;
    Ok(fs::rename(beside, path)?)
}
