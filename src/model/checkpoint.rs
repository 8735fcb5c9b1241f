//! An opened checkpoint: its list of tensors, and layers read on demand.

use super::bytes::Bytes;
use super::encoding::Encoding;
use super::float8::Float8;
use super::kind::Kind;
use super::names::{natural, nearest, quoted};
use super::quantized::{self, Packing};
#[cfg(target_arch = "wasm32")]
use super::remote::RemoteFile;
use super::safetensors::Contents;
use super::tensor::{StoredTensor, TensorInfo};
use super::{Dtype, Error, Layer, gguf, index::Index, safetensors, scale};
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
    notes: Vec<String>,
    /// Tensors that an index lists and no shard holds.
    absent: BTreeMap<String, Absent>,
}

/// The place where a tensor should be.
#[derive(Serialize, Deserialize)]
struct Absent {
    /// File name of the index.
    index: String,
    /// File name of the shard.
    shard: String,
}

impl Checkpoint {
    /// Opens a file in memory, by the ending of `file_name`: a `.safetensors`, a `.gguf`, a `.npy`, or a `.bin`, `.pt`,
    /// `.pth` or `.ckpt` of PyTorch.
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
        let contents = Kind::of(file, &bytes)?.read(file, &bytes, 0)?;
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
        let mut all = Parts::default();
        for shard in index.shards() {
            let missing = || Error::MissingShard { file: file.to_owned(), shard: shard.to_owned() };
            all.add(shard.to_owned(), load(shard).map_err(|error| error.unwrap_or_else(missing))?)?;
        }
        let mut absent = BTreeMap::new();
        // Of a shard of another model none of the tensors that are expected are there.
        let mut confirmed: HashMap<&str, bool> = HashMap::new();
        for (tensor, shard) in &index.weight_map {
            let holder = all.holders.get(tensor);
            *confirmed.entry(shard).or_default() |= holder == Some(shard);
            match holder {
                Some(holder) if holder == shard => {}
                Some(_) => return Err(Absent { index: file.to_owned(), shard: shard.clone() }.error(tensor)),
                None => drop(absent.insert(tensor.clone(), Absent { index: file.to_owned(), shard: shard.clone() })),
            }
        }
        if let Some((tensor, absent)) = absent.iter().find(|(_, absent)| confirmed.get(&*absent.shard) == Some(&false))
        {
            return Err(absent.error(tensor));
        }
        all.contents.metadata.extend(index.metadata);
        let mut checkpoint = Self::new(name, all.files, all.contents);
        // A head that is the embedding, or frequencies that are computed: whoever needs another one is told so.
        if let Some((tensor, Absent { index, .. })) = absent.first_key_value() {
            let more = if absent.len() > 1 { format!(" and {} more", absent.len() - 1) } else { String::new() };
            checkpoint.notes.push(format!("{index} lists {}{more}, which no shard holds", quoted(tensor)));
        }
        checkpoint.absent = absent;
        Ok(checkpoint)
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
        let name = files.first().map(|(name, _)| name.clone()).unwrap_or_default();
        let mut all = Parts::default();
        files.into_iter().try_for_each(|(name, bytes)| all.add(name, bytes))?;
        Ok(Self::new(&name, all.files, all.contents))
    }

    fn new(name: &str, parts: Vec<Bytes>, contents: Contents) -> Self {
        let mut found = contents.tensors;
        found.sort_by(|(a, _), (b, _)| natural(&a.name, &b.name));
        let (mut tensors, mut stored): (Vec<TensorInfo>, Vec<StoredTensor>) = found.into_iter().unzip();
        let positions: HashMap<String, usize> =
            tensors.iter().enumerate().map(|(at, info)| (info.name.clone(), at)).collect();
        for at in 0..tensors.len() {
            if matches!(stored[at].encoding, Encoding::Float8(Float8::E4M3 | Float8::E5M2)) {
                stored[at].scale = scale::names(&tensors[at].name).find_map(|name| positions.get(&name).copied());
                stored[at].scale.into_iter().for_each(|scale| tensors[scale].is_scale = true);
            }
        }
        let mut notes = contents.notes;
        notes.extend(quantized::notes(&tensors, |name| positions.contains_key(name)));
        let (name, metadata, absent) = (name.to_owned(), contents.metadata, BTreeMap::new());
        Self { name, parts, tensors, stored, positions, metadata, notes, absent }
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

    /// What a person should know of how it was read, a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Tensors that can be factorized: floats, quantized ones too, 2-D or a convolution, not empty.
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

    /// Refuses quantized tensors, of which a copy with other values in some of them cannot be written.
    pub fn check_not_quantized(&self) -> Result<(), Error> {
        match self.tensors.iter().find(|info| info.is_quantized()) {
            None => Ok(()),
            Some(info) => {
                let (tensor, dtype) = (info.name.clone(), info.dtype.clone());
                Err(Error::Quantized { file: self.name.clone(), tensor, dtype })
            }
        }
    }

    /// Bytes of a tensor in its own format, little-endian, last index fastest, whatever their order in the file.
    pub fn bytes(&self, name: &str) -> Result<Cow<'_, [u8]>, Error> {
        self.bytes_at(self.position(name)?)
    }

    /// The first `limit` of those bytes, or all: enough to tell tensors apart, without reading the rest.
    pub fn first_bytes(&self, name: &str, limit: usize) -> Result<Cow<'_, [u8]>, Error> {
        let stored = &self.stored[self.position(name)?];
        if stored.big_endian || stored.strides.is_some() {
            let mut bytes = self.bytes(name)?.into_owned();
            bytes.truncate(limit);
            return Ok(bytes.into());
        }
        let end = stored.range.end.min(stored.range.start.saturating_add(limit));
        self.parts[stored.part].read(stored.range.start..end)
    }

    /// Values of a float tensor of any shape, last index fastest. They may be infinite or NaN.
    pub fn values(&self, name: &str) -> Result<Vec<f32>, Error> {
        let at = self.position(name)?;
        self.format_at(at)?;
        self.values_at(at)
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
        let stored = Matrix::from_vec(rows, cols, self.values_at(at)?);
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
        self.positions.get(name).copied().ok_or_else(|| match self.absent.get(name) {
            Some(absent) => absent.error(name),
            None => Error::UnknownTensor {
                file: self.name.clone(),
                tensor: name.to_owned(),
                nearest: nearest(name, self.tensors.iter().map(|info| info.name.as_str())),
            },
        })
    }

    fn format_at(&self, at: usize) -> Result<Dtype, Error> {
        let info = &self.tensors[at];
        info.format.ok_or_else(|| {
            let (tensor, dtype) = (info.name.clone(), info.dtype.clone());
            let packing = Packing::of(&tensor, |name| self.has(name)).map(Packing::converter);
            let converter = packing.or_else(|| gguf::converter(&info.file, &dtype));
            Error::NotFloat { tensor, dtype, converter }
        })
    }

    fn bytes_at(&self, at: usize) -> Result<Cow<'_, [u8]>, Error> {
        let stored = &self.stored[at];
        stored.bytes(&self.parts[stored.part], &self.tensors[at].shape)
    }

    fn values_at(&self, at: usize) -> Result<Vec<f32>, Error> {
        let (info, stored) = (&self.tensors[at], &self.stored[at]);
        let mut values = stored.values(&self.parts[stored.part], &info.shape)?;
        if let Some(at) = stored.scale {
            let (scale, stored) = (&self.tensors[at], &self.stored[at]);
            let factors = stored.values(&self.parts[stored.part], &scale.shape)?;
            if !scale::apply(&mut values, &info.shape, &factors, &scale.shape) {
                let (tensor, scale, scale_shape) = (info.name.clone(), scale.name.clone(), scale.shape.clone());
                return Err(Error::ScaleShape { tensor, shape: info.shape.clone(), scale, scale_shape });
            }
        }
        Ok(values)
    }
}

impl Absent {
    /// The error for whoever needs the tensor.
    fn error(&self, tensor: &str) -> Error {
        Error::NotInShard { file: self.index.clone(), tensor: tensor.to_owned(), shard: self.shard.clone() }
    }
}

/// Files whose tensors belong together.
#[derive(Default)]
struct Parts {
    files: Vec<Bytes>,
    contents: Contents,
    /// The file of each tensor.
    holders: HashMap<String, String>,
}

impl Parts {
    /// Adds a file of any kind.
    fn add(&mut self, name: String, bytes: Bytes) -> Result<(), Error> {
        let contents = Kind::of(&name, &bytes)?.read(&name, &bytes, self.files.len())?;
        for (info, _) in &contents.tensors {
            if let Some(first) = self.holders.insert(info.name.clone(), name.clone()) {
                return Err(Error::TwoShards { tensor: info.name.clone(), first, second: name });
            }
        }
        self.contents.metadata.extend(contents.metadata);
        self.contents.tensors.extend(contents.tensors);
        self.contents.notes.extend(contents.notes);
        self.files.push(bytes);
        Ok(())
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
