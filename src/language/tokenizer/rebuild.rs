//! Tokenizers that a class builds from the vocabulary, in place of what `tokenizer.json` says about splitting a text.
//!
//! What is set here was read off the classes of transformers 5.24, and tested against them in `tests/tokenizer.rs`.

use super::class::Class;
use super::files::TokenizerFiles;
use super::json::{Object, flag, object};
use crate::language::Error;
use serde_json::{Value, json};

/// How Qwen 2 and 3 split a text.
const QWEN2: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// How Qwen 3.5 does: marks belong to letters.
const QWEN3_5: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// A `tokenizer.json` with the vocabulary of `vocab.json` and `merges.txt`, and nothing about splitting a text.
pub fn from_vocabulary(files: &TokenizerFiles) -> Result<Object, Error> {
    let vocabulary = object("vocab.json", files.vocabulary.as_deref().unwrap_or_default())?;
    let merges = std::str::from_utf8(files.merges.as_deref().unwrap_or_default());
    let merges = merges.map_err(|error| Error::Tokenizer { file: "merges.txt", problem: error.to_string() })?;
    let merges: Vec<&str> = merges.lines().filter(|line| !line.starts_with("#version") && !line.is_empty()).collect();
    let model = json!({ "type": "BPE", "vocab": vocabulary, "merges": merges });
    let mut json = Object::new();
    json.insert("version".into(), "1.0".into());
    json.insert("model".into(), model);
    Ok(json)
}

/// Whether a `tokenizer.json` has a vocabulary made of merges; old ones do not name what they have.
pub fn has_merges(json: &Object) -> bool {
    let Some(Value::Object(model)) = json.get("model") else { return false };
    model.get("type").map_or_else(|| model.contains_key("merges"), |kind| kind == "BPE")
}

/// Replaces what the class builds by itself.
pub fn rebuild(class: Class, json: &mut Object, config: &Object, unknown: Option<&str>) {
    let Some(Value::Object(model)) = json.get_mut("model") else { return };
    if class == Class::File {
        return;
    }
    let pieces = matches!(class, Class::Llama | Class::CodeLlama | Class::Gemma);
    model.retain(|key, _| matches!(key.as_str(), "vocab" | "merges"));
    model.insert("type".into(), "BPE".into());
    model.insert("fuse_unk".into(), pieces.into());
    model.insert("byte_fallback".into(), pieces.into());
    if let (Class::Gemma | Class::CodeLlama, Some(unknown)) = (class, unknown) {
        model.insert("unk_token".into(), unknown.into());
    }
    let (normalizer, pre_tokenizer, decoder) = parts(class, config);
    json.insert("normalizer".into(), normalizer);
    json.insert("pre_tokenizer".into(), pre_tokenizer);
    json.insert("decoder".into(), decoder);
    json.insert("added_tokens".into(), json!([]));
    // These two have one of their own, which adds nothing.
    if matches!(class, Class::GptNeoX | Class::CodeLlama) {
        json.insert("post_processor".into(), Value::Null);
    }
}

/// Normalizer, pre-tokenizer and decoder of a class that builds its own.
fn parts(class: Class, config: &Object) -> (Value, Value, Value) {
    let prefixed = flag(config, "add_prefix_space").unwrap_or(matches!(class, Class::Llama | Class::CodeLlama));
    let nfc = || json!({ "type": "NFC" });
    let bytes = |regex: bool| json!({ "type": "ByteLevel", "add_prefix_space": prefixed, "trim_offsets": true, "use_regex": regex });
    let decoder = || json!({ "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true });
    let qwen = |pattern: &str| {
        let split = json!({
            "type": "Split", "pattern": { "Regex": pattern }, "behavior": "Isolated", "invert": false
        });
        json!({ "type": "Sequence", "pretokenizers": [split, bytes(false)] })
    };
    match class {
        Class::Llama | Class::CodeLlama => {
            // Every part of a text between special tokens begins with a space, or only the first.
            let everywhere = class == Class::Llama && flag(config, "legacy").unwrap_or(false);
            let scheme = match prefixed {
                false => "never",
                true if everywhere => "always",
                true => "first",
            };
            let spaces = json!({ "type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": false });
            (Value::Null, spaces, pieces_decoder(prefixed || class == Class::CodeLlama))
        }
        Class::Gemma => {
            let spaces = json!({ "type": "Replace", "pattern": { "String": " " }, "content": "▁" });
            let split = json!({
                "type": "Split", "pattern": { "String": " " }, "behavior": "MergedWithPrevious", "invert": false
            });
            (spaces, split, pieces_decoder(false))
        }
        Class::Qwen2 => (nfc(), qwen(QWEN2), decoder()),
        Class::Qwen35 => (nfc(), qwen(QWEN3_5), decoder()),
        Class::GptNeoX => (nfc(), bytes(true), decoder()),
        Class::Cohere => {
            let digits = json!({ "type": "Digits", "individual_digits": true });
            (nfc(), json!({ "type": "Sequence", "pretokenizers": [digits, bytes(true)] }), decoder())
        }
        Class::File | Class::Gpt2 | Class::CodeGen => (Value::Null, bytes(true), decoder()),
    }
}

/// Decoder of pieces with spaces as ▁, and of bytes for what has no piece; with or without the first space.
fn pieces_decoder(strip: bool) -> Value {
    let mut steps = vec![
        json!({ "type": "Replace", "pattern": { "String": "▁" }, "content": " " }),
        json!({ "type": "ByteFallback" }),
        json!({ "type": "Fuse" }),
    ];
    if strip {
        steps.push(json!({ "type": "Strip", "content": " ", "start": 1, "stop": 0 }));
    }
    json!({ "type": "Sequence", "decoders": steps })
}
