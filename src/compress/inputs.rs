//! What is known of the layers' inputs.

use crate::language::{Llama, Windows};
use crate::model::{Checkpoint, Fingerprint};
use serde_json::{Value, json};
use std::sync::Arc;

/// Where the statistics of the layers' inputs come from.
#[derive(Clone)]
pub enum Inputs {
    /// Nothing is known: the plain error of each layer counts.
    Unknown,
    /// The model reads these windows, layer by layer.
    Windows(Windows),
    /// From a file that an earlier compression has saved.
    Saved(Arc<Checkpoint>),
}

/// A model and what it reads, to progress whether another time both are the same.
pub fn identity(model: &Llama, inputs: &Inputs) -> Value {
    let mut weights = Fingerprint::default();
    for tensor in model.checkpoint().tensors() {
        weights.add(tensor.name.as_bytes());
        weights.add(format!("{:?}{}", tensor.shape, tensor.dtype).as_bytes());
        let bytes = model.checkpoint().bytes(&tensor.name).unwrap_or_default();
        // Enough to progress trained weights apart, without reading many gigabytes.
        weights.add(&bytes[..bytes.len().min(4096)]);
    }
    let inputs = match inputs {
        Inputs::Unknown => json!(null),
        Inputs::Windows(windows) => {
            let mut tokens = Fingerprint::default();
            windows.iter().flatten().for_each(|token| tokens.add(&token.to_le_bytes()));
            json!({ "windows": windows.len(), "context": windows.context(), "tokens": tokens.hex() })
        }
        Inputs::Saved(checkpoint) => {
            let mut hash = Fingerprint::default();
            for tensor in checkpoint.tensors() {
                hash.add(tensor.name.as_bytes());
                let bytes = checkpoint.bytes(&tensor.name).unwrap_or_default();
                hash.add(&bytes[..bytes.len().min(4096)]);
            }
            json!({ "file": hash.hex() })
        }
    };
    json!({
        "model": model.name(),
        "config": format!("{:?}", model.config()),
        "weights": weights.hex(),
        "inputs": inputs,
    })
}
