//! Layers of language models.

use super::{FindWeight, LayerKey, Layered, saved_identity};
use crate::Named;
use crate::compress::{Error, Inputs};
use crate::export::Entry;
use crate::language::{self, LanguageModel, LayerId, Linear};
use crate::matrix::Matrix;
use crate::model::{Checkpoint, Dtype, Fingerprint, Layer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

impl LayerKey for LayerId {
    type Kind = Linear;

    fn kind(self) -> Option<Linear> {
        Some(self.linear)
    }

    fn kind_name(kind: Linear) -> &'static str {
        kind.name()
    }
}

impl Layered for LanguageModel {
    type Key = LayerId;
    type Inputs = Inputs;

    fn name(&self) -> &str {
        self.name()
    }

    fn checkpoint(&self) -> &Arc<Checkpoint> {
        self.checkpoint()
    }

    fn description(&self) -> String {
        format!("{:?}", self.config())
    }

    fn inputs_identity(inputs: &Inputs) -> Value {
        match inputs {
            Inputs::Unknown => json!(null),
            Inputs::Windows(windows) => {
                let mut tokens = Fingerprint::default();
                windows.iter().flatten().for_each(|token| tokens.add(&token.to_le_bytes()));
                json!({ "windows": windows.len(), "context": windows.context(), "tokens": tokens.hex() })
            }
            Inputs::Saved(saved) => saved_identity(saved),
        }
    }

    fn samples(inputs: &Inputs) -> usize {
        match inputs {
            Inputs::Windows(windows) => windows.len() * windows.context(),
            Inputs::Unknown | Inputs::Saved(_) => 0,
        }
    }

    fn keys(&self) -> Vec<LayerId> {
        self.layers().collect()
    }

    fn shape_of(&self, id: LayerId) -> (usize, usize) {
        self.shape(id)
    }

    fn stem_of(&self, id: LayerId) -> String {
        self.config().stem(id)
    }

    fn tensor_of(&self, id: LayerId) -> String {
        self.config().tensor(id)
    }

    fn dtype_of(&self, id: LayerId) -> Dtype {
        self.dtype(id)
    }

    fn layer_of(&self, id: LayerId) -> Result<Layer, Error> {
        Ok(self.layer(id)?)
    }

    fn first_with_inputs_of(&self, id: LayerId) -> LayerId {
        self.config().first_with_inputs_of(id)
    }

    fn layers_in(&self, tensor: &str) -> Vec<LayerId> {
        self.config().layers_in(tensor)
    }

    fn entry_with(&self, id: LayerId, dtype: Dtype) -> Entry {
        let config = self.config();
        let (outputs, inputs) = (config.outputs_with(id), config.shape(id).1);
        let shape = if config.place(id).transposed { [inputs, outputs] } else { [outputs, inputs] };
        Entry::new(config.tensor_with(id), dtype, &shape)
    }

    fn with_replacements(&self, tensor: &str, find: FindWeight<'_, LayerId>) -> Result<Option<Arc<Matrix>>, Error> {
        self.with_replaced(tensor, find)
    }

    /// That of the largest tensor outside of the blocks.
    fn format(&self) -> Dtype {
        let outside = self.checkpoint().tensors().iter().filter(|tensor| !language::is_in_block(&tensor.name));
        outside.max_by_key(|tensor| tensor.bytes).and_then(|tensor| tensor.format).unwrap_or(Dtype::F32)
    }

    fn replaced_values(&self) -> BTreeMap<String, Vec<f32>> {
        self.all_replaced_values().map(|(tensor, values)| (tensor.to_owned(), values.to_vec())).collect()
    }

    fn replace_tensor_values(&mut self, tensor: &str, values: Arc<Vec<f32>>) {
        self.replace_values(tensor, values);
    }

    /// A head that is a copy of the embedding stays one.
    fn original<'a>(
        &self,
        tensor: &str,
        names: &mut dyn Iterator<Item = &'a String>,
    ) -> Result<Option<&'a String>, Error> {
        if !self.config().tied || language::is_in_block(tensor) {
            return Ok(None);
        }
        let checkpoint = self.checkpoint();
        let own = checkpoint.tensor(tensor)?;
        for name in names.filter(|name| !language::is_in_block(name)) {
            let other = checkpoint.tensor(name)?;
            if (&own.shape, &own.dtype) == (&other.shape, &other.dtype)
                && own.shape.len() == 2
                && checkpoint.bytes(tensor)? == checkpoint.bytes(name)?
            {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    fn block_of(&self, id: LayerId) -> Option<usize> {
        Some(id.block)
    }

    fn blocks(&self) -> usize {
        self.config().blocks
    }

    /// Not with experts, which are one tensor in its memory, nor where only some of the layers that a tensor holds are replaced.
    fn is_loaded_with_factors(&self, replaced: &dyn Fn(LayerId) -> bool) -> bool {
        let config = self.config();
        let whole = |id: LayerId| {
            let together = config.place(id).outputs.map_or(Vec::new(), |_| config.layers_in(&config.tensor_with(id)));
            together.into_iter().all(|other| replaced(other) == replaced(id))
        };
        config.experts.is_none() && config.layers().all(whole)
    }

    fn sparse_stems(&self) -> Result<Vec<String>, Error> {
        let mut stems = Vec::new();
        if self.is_sparse() {
            for id in self.layers() {
                let stem = self.config().stem(id);
                if self.checkpoint().stored_sparse(&stem)?.is_some() {
                    stems.push(stem);
                }
            }
        }
        Ok(stems)
    }
}
