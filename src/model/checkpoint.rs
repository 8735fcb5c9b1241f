//! An opened checkpoint: its list of tensors, and layers read on demand.

use super::bytes::Bytes;
use super::names::{natural, nearest};
#[cfg(target_arch = "wasm32")]
use super::remote::RemoteFile;
use super::safetensors::Contents;
use super::tensor::{StoredTensor, TensorInfo};
use super::{Dtype, Error, Layer, index::Index, npy, safetensors};
use crate::matrix::Matrix;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Order of a stored weight matrix's dimensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Orientation {
    /// `[out, in]`, as `nn.Linear` and convolutions do.
    #[default]
    AsStored,
    /// `[in, out]`, as in GPT-2's Conv1D: transposed when read.
    Transposed,
}

/// The tensors of one file, or of all shards of a checkpoint.
///
/// Opening reads headers only; values are read and checked by [`Checkpoint::layer`].
#[derive(Serialize, Deserialize)]
pub struct Checkpoint {
    name: String,
    parts: Vec<Bytes>,
    tensors: Vec<TensorInfo>,
    stored: Vec<StoredTensor>,
    positions: HashMap<String, usize>,
    metadata: BTreeMap<String, String>,
}

impl Checkpoint {
    /// Opens a `.safetensors` or a `.npy` in memory, by the ending of `file_name`.
    pub fn from_bytes(file_name: &str, bytes: Vec<u8>) -> Result<Self, Error> {
        let file = last_part(file_name);
        if file.ends_with(".index.json") {
            return Err(Error::IndexAlone { file: file.to_owned() });
        }
        Self::from_part(file, Bytes::Owned(bytes))
    }

    /// Opens a `.safetensors` in memory.
    pub fn from_safetensors(file_name: &str, bytes: Vec<u8>) -> Result<Self, Error> {
        let (file, bytes) = (last_part(file_name), Bytes::Owned(bytes));
        let contents = safetensors::read(file, &bytes, 0)?;
        Ok(Self::new(file, vec![bytes], contents))
    }

    /// Opens a sharded checkpoint in memory: its index, called `file_name`, and its shards by file name.
    pub fn from_shards(file_name: &str, index: &[u8], mut shards: BTreeMap<String, Vec<u8>>) -> Result<Self, Error> {
        let file = last_part(file_name);
        Self::assemble(file, file, index, |shard| shards.remove(shard).map(Bytes::Owned).ok_or(None))
    }

    /// Opens one file by its ending.
    pub(super) fn from_part(file: &str, bytes: Bytes) -> Result<Self, Error> {
        let ending = |wanted: &str| file.to_ascii_lowercase().ends_with(wanted);
        let contents = if ending(".safetensors") {
            safetensors::read(file, &bytes, 0)?
        } else if ending(".npy") {
            npy::read(file, &bytes, 0)?
        } else {
            return Err(Error::UnknownKind { file: file.to_owned() });
        };
        Ok(Self::new(file, vec![bytes], contents))
    }

    /// Opens the shards of an index called `file`. `load` returns a shard; it fails with the reason, or with `None` if
    /// there is no such file.
    pub(super) fn assemble(
        name: &str,
        file: &str,
        index: &[u8],
        mut load: impl FnMut(&str) -> Result<Bytes, Option<Error>>,
    ) -> Result<Self, Error> {
        let index = Index::read(file, index)?;
        let (mut parts, mut tensors) = (Vec::new(), Vec::<(TensorInfo, StoredTensor)>::new());
        let mut holders: HashMap<String, String> = HashMap::new();
        let mut metadata = BTreeMap::new();
        for shard in index.shards() {
            let missing = || Error::MissingShard { file: file.to_owned(), shard: shard.to_owned() };
            let bytes = load(shard).map_err(|error| error.unwrap_or_else(missing))?;
            let contents = safetensors::read(shard, &bytes, parts.len())?;
            for (info, _) in &contents.tensors {
                if let Some(first) = holders.insert(info.name.clone(), shard.to_owned()) {
                    return Err(Error::TwoShards { tensor: info.name.clone(), first, second: shard.to_owned() });
                }
            }
            metadata.extend(contents.metadata);
            tensors.extend(contents.tensors);
            parts.push(bytes);
        }
        for (tensor, shard) in &index.weight_map {
            if holders.get(tensor) != Some(shard) {
                let (file, tensor, shard) = (file.to_owned(), tensor.clone(), shard.clone());
                return Err(Error::NotInShard { file, tensor, shard });
            }
        }
        metadata.extend(index.metadata);
        Ok(Self::new(name, parts, Contents { metadata, tensors }))
    }

    /// Opens a file that stays in place.
    #[cfg(target_arch = "wasm32")]
    pub(super) fn from_remote(file: RemoteFile) -> Result<Self, Error> {
        Self::from_part(&file.name(), Bytes::RemoteFile(file.checked()?))
    }

    /// Opens the shards of an index, which stay in place.
    #[cfg(target_arch = "wasm32")]
    pub(super) fn from_remote_shards(
        name: &str,
        file: &str,
        index: &[u8],
        mut load: impl FnMut(&str) -> Result<RemoteFile, Option<Error>>,
    ) -> Result<Self, Error> {
        Self::assemble(name, file, index, |shard| Ok(Bytes::RemoteFile(load(shard)?.checked().map_err(Some)?)))
    }

    /// Opens files in place whose tensors belong together although no index says so.
    #[cfg(target_arch = "wasm32")]
    pub(super) fn from_remote_files(files: impl Iterator<Item = RemoteFile>) -> Result<Self, Error> {
        let files: Vec<(String, Bytes)> =
            files.map(|file| Ok((file.name(), Bytes::RemoteFile(file.checked()?)))).collect::<Result<_, Error>>()?;
        Self::from_files(files)
    }

    /// Opens files whose tensors belong together although no index says so, called as the first one is.
    pub(super) fn from_files(files: Vec<(String, Bytes)>) -> Result<Self, Error> {
        let (mut parts, mut tensors) = (Vec::new(), Vec::<(TensorInfo, StoredTensor)>::new());
        let (mut metadata, mut holders) = (BTreeMap::new(), HashMap::<String, String>::new());
        let mut first = None;
        for (name, bytes) in files {
            let contents = match name.to_ascii_lowercase().ends_with(".npy") {
                true => npy::read(&name, &bytes, parts.len())?,
                false => safetensors::read(&name, &bytes, parts.len())?,
            };
            for (info, _) in &contents.tensors {
                if let Some(first) = holders.insert(info.name.clone(), name.clone()) {
                    return Err(Error::TwoShards { tensor: info.name.clone(), first, second: name });
                }
            }
            metadata.extend(contents.metadata);
            tensors.extend(contents.tensors);
            parts.push(bytes);
            first.get_or_insert(name);
        }
        Ok(Self::new(&first.unwrap_or_default(), parts, Contents { metadata, tensors }))
    }

    fn new(name: &str, parts: Vec<Bytes>, contents: Contents) -> Self {
        let mut found = contents.tensors;
        found.sort_by(|(a, _), (b, _)| natural(&a.name, &b.name));
        let (tensors, stored): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let positions = tensors.iter().enumerate().map(|(at, info)| (info.name.clone(), at)).collect();
        Self { name: name.to_owned(), parts, tensors, stored, positions, metadata: contents.metadata }
    }

    /// Changes the name shown to the folder's.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn rename(&mut self, name: String) {
        self.name = name;
    }

    /// Name of the file or folder, without the path to it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All tensors, in natural order: `layers.2` before `layers.10`.
    pub fn tensors(&self) -> &[TensorInfo] {
        &self.tensors
    }

    /// Tensors that can be factorized: floats, 2-D or a convolution, not empty.
    pub fn layers(&self) -> impl Iterator<Item = &TensorInfo> {
        self.tensors.iter().filter(|info| info.matrix_shape().is_some())
    }

    /// Metadata of the file; an index's metadata are added to those of its shards.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// Description of the tensor `name`.
    pub fn tensor(&self, name: &str) -> Result<&TensorInfo, Error> {
        self.position(name).map(|at| &self.tensors[at])
    }

    /// Place of the tensor `name` among [`Checkpoint::tensors`].
    pub fn place(&self, name: &str) -> Option<usize> {
        self.positions.get(name).copied()
    }

    /// Whether the tensor `name` exists.
    pub fn has(&self, name: &str) -> bool {
        self.positions.contains_key(name)
    }

    /// Bytes of a tensor, as stored.
    pub fn bytes(&self, name: &str) -> Result<Cow<'_, [u8]>, Error> {
        self.bytes_at(self.position(name)?)
    }

    /// Values of a float tensor of any shape, last index fastest. They may be infinite or NaN.
    pub fn values(&self, name: &str) -> Result<Vec<f32>, Error> {
        let at = self.position(name)?;
        let format = self.format_at(at)?;
        self.values_at(at, format)
    }

    /// A tensor as weight matrix `[out, in]`; a convolution `[out, in, kh, kw]` as `[out, in·kh·kw]`.
    pub fn layer(&self, name: &str, orientation: Orientation) -> Result<Layer, Error> {
        let at = self.position(name)?;
        let info = &self.tensors[at];
        let (tensor, shape) = (|| info.name.clone(), || info.shape.clone());
        if !matches!(info.shape.len(), 2 | 4) {
            return Err(Error::NotAMatrix { tensor: tensor(), shape: shape() });
        }
        let format = self.format_at(at)?;
        let Some((rows, cols)) = info.matrix_shape() else {
            return Err(Error::EmptyTensor { tensor: tensor(), shape: shape() });
        };
        let transposed = orientation == Orientation::Transposed;
        if transposed && info.shape.len() != 2 {
            return Err(Error::TransposedConvolution { tensor: tensor(), shape: shape() });
        }
        let stored = Matrix::from_vec(rows, cols, self.values_at(at, format)?);
        check_finite(name, &stored)?;
        Ok(Layer {
            name: tensor(),
            file: info.file.clone(),
            shape: shape(),
            dtype: format,
            transposed,
            weight: Arc::new(if transposed { stored.transposed() } else { stored }),
        })
    }

    fn position(&self, name: &str) -> Result<usize, Error> {
        self.positions.get(name).copied().ok_or_else(|| Error::UnknownTensor {
            file: self.name.clone(),
            tensor: name.to_owned(),
            nearest: nearest(name, self.tensors.iter().map(|info| info.name.as_str())),
        })
    }

    fn format_at(&self, at: usize) -> Result<Dtype, Error> {
        let info = &self.tensors[at];
        info.format.ok_or_else(|| Error::NotFloat { tensor: info.name.clone(), dtype: info.dtype.clone() })
    }

    fn bytes_at(&self, at: usize) -> Result<Cow<'_, [u8]>, Error> {
        let stored = &self.stored[at];
        self.parts[stored.part].read(stored.range.clone())
    }

    fn values_at(&self, at: usize, format: Dtype) -> Result<Vec<f32>, Error> {
        Ok(self.stored[at].values(&self.bytes_at(at)?, format, &self.tensors[at].shape))
    }
}

impl std::fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Checkpoint {} of {} tensors", self.name, self.tensors.len())
    }
}

/// Refuses infinities and NaN.
fn check_finite(tensor: &str, matrix: &Matrix) -> Result<(), Error> {
    match matrix.first_not_finite() {
        None => Ok(()),
        Some((row, col)) => {
            let value = matrix.get(row, col).to_string();
            Err(Error::NotFinite { tensor: tensor.to_owned(), row, col, value })
        }
    }
}

/// The part after the last slash: browsers and callers may hand over a path.
fn last_part(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
