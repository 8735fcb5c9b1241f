//! A tensor beside the compressed layers whose values were tuned.

use crate::compress::Layered;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A norm, a bias, or another tensor that is no layer, with the values that replace its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TunedTensor {
    /// Its name in the model's files.
    pub name: String,
    /// Values as the files have them, row by row.
    #[serde(with = "crate::tasks::shared")]
    pub values: Arc<Vec<f32>>,
}

/// The model with these tensors in place of its own.
pub fn with_tensors<M: Layered>(model: &M, tensors: &[TunedTensor]) -> M {
    let mut model = model.clone();
    tensors.iter().for_each(|tensor| model.replace_tensor_values(&tensor.name, tensor.values.clone()));
    model
}
