//! What models have in common whose layers are replaced one by one.

mod language;
mod vision;

use super::Error;
use crate::export::Entry;
use crate::matrix::Matrix;
use crate::model::{Checkpoint, Dtype, Fingerprint, Layer, SavedStatistics, TensorInfo};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

/// Identifies a layer of a model. In order of computation.
pub trait LayerKey: Copy + Ord + Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Kinds of layers that every block has.
    type Kind: Copy + Ord + Debug + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// The layer's kind, if its model has such.
    fn kind(self) -> Option<Self::Kind>;

    /// Name of a kind.
    fn kind_name(kind: Self::Kind) -> &'static str;
}

/// What replaces some layers: one matrix `[out, in]` for each, if it is replaced.
pub type FindWeight<'a, K> = &'a mut dyn FnMut(K) -> Result<Option<Arc<Matrix>>, Error>;

/// A model whose layers are replaced one by one.
pub trait Layered: Clone + Send + Sync + 'static {
    /// Identifies a layer.
    type Key: LayerKey;
    /// Where the statistics of its layers' inputs come from.
    type Inputs;

    /// Name of its file or folder.
    fn name(&self) -> &str;

    /// The checkpoint with its weights.
    fn checkpoint(&self) -> &Arc<Checkpoint>;

    /// What it consists of, as text that differs between models.
    fn description(&self) -> String;

    /// What tells its inputs from others.
    fn inputs_identity(inputs: &Self::Inputs) -> Value;

    /// Number of samples that statistics are taken of; 0 where none are.
    fn samples(inputs: &Self::Inputs) -> usize;

    /// All layers that can be replaced, in order of computation.
    fn keys(&self) -> Vec<Self::Key>;

    /// Shape `(out, in)` of a layer's weight.
    fn shape_of(&self, key: Self::Key) -> (usize, usize);

    /// Start of the names of a layer's tensors.
    fn stem_of(&self, key: Self::Key) -> String;

    /// Name of a layer's tensor.
    fn tensor_of(&self, key: Self::Key) -> String {
        format!("{}.weight", self.stem_of(key))
    }

    /// Number format in which a layer is stored.
    fn dtype_of(&self, key: Self::Key) -> Dtype;

    /// A layer as stored; factors are multiplied out.
    fn layer_of(&self, key: Self::Key) -> Result<Layer, Error>;

    /// The layer under which the statistics of this one's inputs are kept: the first that reads them.
    fn first_with_inputs_of(&self, key: Self::Key) -> Self::Key;

    /// Layers that a tensor holds.
    fn layers_in(&self, tensor: &str) -> Vec<Self::Key>;

    /// The tensor that holds a layer in a file of dense weights, in `dtype`.
    fn entry_with(&self, key: Self::Key, dtype: Dtype) -> Entry;

    /// The values of a tensor with replacements in its layers' places, in the order of the file; `None` where none of its layers
    /// is replaced.
    fn with_replacements(&self, tensor: &str, find: FindWeight<'_, Self::Key>) -> Result<Option<Arc<Matrix>>, Error>;

    /// Number format of the weights that are no layers.
    fn format(&self) -> Dtype;

    /// Values of tensors that are not those of the file, by name.
    fn replaced_values(&self) -> BTreeMap<String, Vec<f32>>;

    /// Replaces the values of a tensor that stands in the file, with values as the file has them.
    ///
    /// # Panics
    /// Panics if the file has no such tensor, or their number differs.
    fn replace_tensor_values(&mut self, tensor: &str, values: Arc<Vec<f32>>);

    /// The tensor among `names` of which this one is a copy that has to stay one.
    fn original<'a>(
        &self,
        _tensor: &str,
        _names: &mut dyn Iterator<Item = &'a String>,
    ) -> Result<Option<&'a String>, Error> {
        Ok(None)
    }

    /// The block that a layer is in, from 0, of a model that is compressed block after block.
    fn block_of(&self, _key: Self::Key) -> Option<usize> {
        None
    }

    /// Number of blocks whose norms and biases may be tuned.
    fn blocks(&self) -> usize {
        0
    }

    /// Whether transformers loads the model with its factors, of which these layers are replaced, by our code.
    fn is_loaded_with_factors(&self, _replaced: &dyn Fn(Self::Key) -> bool) -> bool {
        false
    }

    /// Metadata that a file needs whose layers are kept as factors.
    fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// Start of the names of layers that its files hold sparse.
    fn sparse_stems(&self) -> Result<Vec<String>, Error> {
        let stems = self.keys().into_iter().map(|key| self.stem_of(key));
        let mut sparse = Vec::new();
        for stem in stems {
            if self.checkpoint().stored_sparse(&stem)?.is_some() {
                sparse.push(stem);
            }
        }
        Ok(sparse)
    }
}

/// Identity of a model and its inputs, to tell whether both are the same another time.
pub fn identity<M: Layered>(model: &M, inputs: &M::Inputs) -> Value {
    let mut weights = Fingerprint::default();
    for TensorInfo { name, shape, dtype, .. } in model.checkpoint().tensors() {
        weights.add(name.as_bytes());
        weights.add(format!("{shape:?}{dtype}").as_bytes());
        // Enough to tell trained weights apart, without reading many gigabytes.
        weights.add(&model.checkpoint().first_bytes(name, 4096).unwrap_or_default());
    }
    json!({
        "model": model.name(),
        "config": model.description(),
        "weights": weights.hex(),
        "inputs": M::inputs_identity(inputs),
    })
}

/// What tells saved statistics from others.
fn saved_identity(saved: &SavedStatistics) -> Value {
    let mut hash = Fingerprint::default();
    for file in saved.files() {
        for tensor in file.tensors() {
            hash.add(tensor.name.as_bytes());
            hash.add(&file.first_bytes(&tensor.name, 4096).unwrap_or_default());
        }
    }
    json!({ "file": hash.hex() })
}
