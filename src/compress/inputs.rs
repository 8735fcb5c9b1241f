//! Input statistics of the layers.

use crate::language::{LanguageModel, Windows};
use crate::model::{Checkpoint, Fingerprint};
use serde_json::{Value, json};
use std::sync::Arc;

/// Source of the layers' input statistics.
#[derive(Clone)]
pub enum Inputs {
    /// No statistics: the plain error of each layer is minimized.
    Unknown,
    /// The model reads these calibration windows, layer by layer.
    Windows(Windows),
    /// Statistics saved by an earlier compression.
    Saved(Arc<Checkpoint>),
}

/// Identity of a model and its inputs, to tell whether both are the same another time.
pub fn identity(model: &LanguageModel, inputs: &Inputs) -> Value {
    let mut weights = Fingerprint::default();
    for tensor in model.checkpoint().tensors() {
        weights.add(tensor.name.as_bytes());
        weights.add(format!("{:?}{}", tensor.shape, tensor.dtype).as_bytes());
        // Enough to tell trained weights apart, without reading many gigabytes.
        weights.add(&model.checkpoint().first_bytes(&tensor.name, 4096).unwrap_or_default());
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
                hash.add(&checkpoint.first_bytes(&tensor.name, 4096).unwrap_or_default());
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
