//! A residual network as it was opened.

use super::convolution::Convolution;
use super::names;
use super::network::Network;
use super::norm::{BatchNorm, NormValues};
use super::{Architecture, Augment, Error, Preprocess};
use crate::compute::Weight;
use crate::matrix::Matrix;
use crate::model::{Checkpoint, Dtype, Layer, Orientation, Source, StoredSparse};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A residual network: its description, and weights that stay in their file. Clones share everything.
#[derive(Clone)]
pub struct VisionModel {
    name: String,
    architecture: Arc<Architecture>,
    checkpoint: Arc<Checkpoint>,
    preprocess: Preprocess,
    class_names: Vec<String>,
    /// How images were changed in training, where its files say so.
    augment: Option<Augment>,
    /// Values that replace those of tensors, by name.
    values: BTreeMap<String, Arc<Vec<f32>>>,
}

/// Opens a folder with weights, `config.json` and `preprocessor_config.json`, the latter two if they are there, or a file of
/// weights.
#[cfg(not(target_arch = "wasm32"))]
pub fn open(path: &std::path::Path) -> Result<VisionModel, Error> {
    open_with(&Source::from(path.to_owned()), Arc::new(crate::model::open(path)?))
}

/// `config.json` and `preprocessor_config.json`, where they lie beside the weights: names and contents.
#[cfg(not(target_arch = "wasm32"))]
pub fn companions(path: &std::path::Path) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let source = Source::from(path.to_owned());
    let mut found = Vec::new();
    for name in ["config.json", "preprocessor_config.json"] {
        found.extend(source.beside(name)?.map(|bytes| (name.to_owned(), bytes)));
    }
    Ok(found)
}

/// Opens the model at `source` with weights that are open already.
pub fn open_with(source: &Source, checkpoint: Arc<Checkpoint>) -> Result<VisionModel, Error> {
    let [config, preprocessor] = ["config.json", "preprocessor_config.json"].map(|name| source.beside(name));
    VisionModel::new(checkpoint, config?.as_deref(), preprocessor?.as_deref())
}

/// The names that a Hugging Face `config.json` gives to the classes, in order; empty without.
fn class_names(config: &[u8]) -> Vec<String> {
    let config: serde_json::Value = serde_json::from_slice(config).unwrap_or_default();
    let name = |class: usize| Some(config["id2label"].get(class.to_string())?.as_str()?.to_owned());
    (0..).map_while(name).collect()
}

/// A key of our own in `preprocessor_config.json`.
fn augment(preprocessor: &[u8]) -> Option<Augment> {
    let preprocessor: serde_json::Value = serde_json::from_slice(preprocessor).ok()?;
    serde_json::from_value(preprocessor.get("augment")?.clone()).ok()
}

impl VisionModel {
    /// Builds a model from its weights and, if there are such, `config.json` and `preprocessor_config.json`. Checks that every
    /// tensor is there and has the right shape.
    pub fn new(checkpoint: Arc<Checkpoint>, config: Option<&[u8]>, preprocessor: Option<&[u8]>) -> Result<Self, Error> {
        let architecture = Arc::new(names::read(&checkpoint, config)?);
        let preprocess = match preprocessor {
            Some(bytes) => Preprocess::from_config(bytes)?,
            // As torchvision's networks for large images were trained; networks for small ones read CIFAR-10's size.
            None if architecture.pools => Preprocess::default().for_sides(256, 224),
            None => Preprocess::default().for_sides(32, 32),
        };
        let class_names =
            config.map(class_names).filter(|names| names.len() == architecture.classes()).unwrap_or_default();
        let augment = preprocessor.and_then(augment);
        let (name, values) = (checkpoint.name().to_owned(), BTreeMap::new());
        Ok(Self { name, architecture, checkpoint, preprocess, class_names, augment, values })
    }

    /// Name of its file or folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it consists of.
    pub fn architecture(&self) -> &Arc<Architecture> {
        &self.architecture
    }

    /// The checkpoint with its weights.
    pub fn checkpoint(&self) -> &Arc<Checkpoint> {
        &self.checkpoint
    }

    /// How pixels become its input.
    pub fn preprocess(&self) -> &Preprocess {
        &self.preprocess
    }

    /// How images of this size were changed at random in training, and so those that the means and variances of batch
    /// normalization are of: as `augment` in `preprocessor_config.json` says, or else as is usual for networks of its kind.
    pub fn augment(&self, size: (usize, usize)) -> Augment {
        self.augment.unwrap_or_else(|| self.architecture.augment(size))
    }

    /// Names of its classes, by number; empty where none are known.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// The same model with pixels taken otherwise.
    pub fn with_preprocess(self, preprocess: Preprocess) -> Self {
        Self { preprocess, ..self }
    }

    /// Replaces the values of a tensor of its files: of a norm, a bias, or a layer.
    ///
    /// # Panics
    /// Panics if the model has no such tensor, or their number differs.
    pub fn replace_values(&mut self, tensor: &str, values: Arc<Vec<f32>>) {
        let stored = self.checkpoint.tensor(tensor).map(|info| info.shape.iter().product::<usize>());
        assert_eq!(stored.ok(), Some(values.len()), "the number of values of {tensor}");
        self.values.insert(tensor.to_owned(), values);
    }

    /// All tensors whose values are replaced, by name.
    pub fn all_replaced_values(&self) -> impl Iterator<Item = (&str, &Arc<Vec<f32>>)> {
        self.values.iter().map(|(tensor, values)| (&**tensor, values))
    }

    /// A layer, replaced or as stored: W `[out, in·kh·kw]`; factors are multiplied out.
    ///
    /// # Panics
    /// Panics if there is no such layer.
    pub fn layer(&self, layer: usize) -> Result<Layer, Error> {
        let mut found = self.stored_layer(layer)?;
        if let Some(values) = self.values.get(&found.name) {
            let (rows, cols) = found.weight.shape();
            found.weight = Arc::new(Matrix::from_vec(rows, cols, values.to_vec()));
        }
        Ok(found)
    }

    fn stored_layer(&self, layer: usize) -> Result<Layer, Error> {
        let shape = &self.architecture.layers[layer];
        let Some(stored) = self.sparse(layer)? else {
            return Ok(self.checkpoint.layer(&shape.tensor(), Orientation::AsStored)?);
        };
        Ok(Layer {
            name: shape.tensor(),
            file: self.checkpoint.name().to_owned(),
            shape: shape.dimensions(),
            transposed: false,
            dtype: stored.dtype,
            weight: Arc::new(self.checkpoint.replacement(&shape.stem)?.to_dense()),
        })
    }

    /// The number format in which a layer is stored.
    ///
    /// # Panics
    /// Panics if there is no such layer.
    pub fn dtype(&self, layer: usize) -> Dtype {
        match self.sparse(layer) {
            Ok(Some(stored)) => stored.dtype,
            _ => {
                let stored = self.checkpoint.tensor(&self.architecture.layers[layer].tensor());
                stored.ok().and_then(|info| info.format).unwrap_or(Dtype::F32)
            }
        }
    }

    /// Whether some of its layers are stored as factors, or as one sparse matrix.
    pub fn is_sparse(&self) -> bool {
        (0..self.architecture.layers.len()).any(|layer| self.sparse(layer).is_ok_and(|stored| stored.is_some()))
    }

    /// What is stored in place of a layer's dense weight.
    fn sparse(&self, layer: usize) -> Result<Option<StoredSparse>, Error> {
        let shape = &self.architecture.layers[layer];
        match self.checkpoint.has(&shape.tensor()) {
            true => Ok(None),
            false => Ok(self.checkpoint.stored_sparse(&shape.stem)?),
        }
    }

    /// A convolution, on what is stored of it.
    fn convolution(&self, layer: usize) -> Result<Convolution, Error> {
        let shape = self.architecture.layers[layer].clone();
        Ok(match self.sparse(layer)? {
            Some(stored) => {
                let replacement = self.checkpoint.replacement(&shape.stem)?;
                Convolution::sparse(shape, &replacement, stored.dtype.into())
            }
            None => Convolution::new(shape, &self.layer(layer)?.weight),
        })
    }

    /// The network in memory. Layers that are stored sparse compute with what is stored.
    pub fn network(&self) -> Result<Network, Error> {
        let architecture = self.architecture.clone();
        let (mut convolutions, mut norms) = (Vec::new(), Vec::new());
        let values = |name: String| -> Result<Vec<f32>, Error> {
            let values = match self.values.get(&name) {
                Some(values) => values.to_vec(),
                None => self.checkpoint.values(&name)?,
            };
            match values.iter().all(|x| x.is_finite()) {
                true => Ok(values),
                false => Err(Error::NotFinite { tensor: name }),
            }
        };
        let classifier = architecture.classifier();
        for (at, shape) in architecture.layers[..classifier].iter().enumerate() {
            convolutions.push(Arc::new(self.convolution(at)?));
            let [scale, shift, mean, variance] = shape.norm_tensors().expect("a convolution has a norm").map(values);
            let running = NormValues { mean: mean?, variance: variance? };
            norms.push(BatchNorm { scale: scale?, shift: shift?, running });
        }
        Ok(Network {
            preprocess: self.preprocess.clone(),
            convolutions,
            norms,
            classifier: Weight::Dense(self.layer(classifier)?.weight),
            bias: values(architecture.bias_tensor())?,
            architecture,
        })
    }
}
