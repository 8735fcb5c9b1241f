//! Layers of vision models.

use super::{FindWeight, LayerKey, Layered, saved_identity};
use crate::compress::{Error, VisionInputs};
use crate::export::Entry;
use crate::matrix::Matrix;
use crate::model::{Checkpoint, Dtype, Fingerprint, Layer};
use crate::vision::{Pictures, VisionModel};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The layers of a [`VisionModel`] by index.
impl LayerKey for usize {
    type Kind = ();

    fn kind(self) -> Option<()> {
        None
    }

    fn kind_name((): ()) -> &'static str {
        "layer"
    }
}

impl Layered for VisionModel {
    type Key = usize;
    type Inputs = VisionInputs;

    fn name(&self) -> &str {
        self.name()
    }

    fn checkpoint(&self) -> &Arc<Checkpoint> {
        self.checkpoint()
    }

    fn description(&self) -> String {
        format!("{:?} {:?}", self.architecture(), self.preprocess())
    }

    fn inputs_identity(inputs: &VisionInputs) -> Value {
        match inputs {
            VisionInputs::Unknown => json!(null),
            VisionInputs::Pictures(Pictures { height, width, pixels, labels }) => {
                let mut hash = Fingerprint::default();
                hash.add(pixels);
                labels.iter().for_each(|label| hash.add(&label.to_le_bytes()));
                json!({ "height": height, "width": width, "pixels": hash.hex() })
            }
            VisionInputs::Saved(saved) => saved_identity(saved),
        }
    }

    fn samples(inputs: &VisionInputs) -> usize {
        match inputs {
            VisionInputs::Pictures(pictures) => pictures.len(),
            VisionInputs::Unknown | VisionInputs::Saved(_) => 0,
        }
    }

    fn keys(&self) -> Vec<usize> {
        (0..self.architecture().layers.len()).collect()
    }

    fn shape_of(&self, layer: usize) -> (usize, usize) {
        self.architecture().layers[layer].shape()
    }

    fn stem_of(&self, layer: usize) -> String {
        self.architecture().layers[layer].stem.clone()
    }

    fn dtype_of(&self, layer: usize) -> Dtype {
        self.dtype(layer)
    }

    fn layer_of(&self, layer: usize) -> Result<Layer, Error> {
        Ok(self.layer(layer)?)
    }

    fn first_with_inputs_of(&self, layer: usize) -> usize {
        layer
    }

    fn layers_in(&self, tensor: &str) -> Vec<usize> {
        let mut layers = self.architecture().layers.iter();
        layers.position(|layer| tensor.strip_suffix(".weight") == Some(&layer.stem)).into_iter().collect()
    }

    fn entry_with(&self, layer: usize, dtype: Dtype) -> Entry {
        let layer = &self.architecture().layers[layer];
        Entry::new(layer.tensor(), dtype, &layer.dimensions())
    }

    fn with_replacements(&self, tensor: &str, find: FindWeight<'_, usize>) -> Result<Option<Arc<Matrix>>, Error> {
        match self.layers_in(tensor).first() {
            Some(&layer) => find(layer),
            None => Ok(None),
        }
    }

    /// That of the first convolution's norm.
    fn format(&self) -> Dtype {
        let norm = self.architecture().layers[0].norm.as_deref().unwrap_or_default();
        self.checkpoint().tensor(&format!("{norm}.weight")).ok().and_then(|info| info.format).unwrap_or(Dtype::F32)
    }

    fn replaced_values(&self) -> BTreeMap<String, Vec<f32>> {
        self.all_replaced_values().map(|(tensor, values)| (tensor.to_owned(), values.to_vec())).collect()
    }

    fn replace_tensor_values(&mut self, tensor: &str, values: Arc<Vec<f32>>) {
        self.replace_values(tensor, values);
    }

    fn metadata(&self) -> BTreeMap<String, String> {
        self.architecture().dimensions_as_metadata()
    }
}
