//! PyTorch's checkpoints: a ZIP archive with a pickle that describes the tensors, and a file for each storage.
//!
//! No code of the pickle is run: see [`Pickle`]. The archive stores its files uncompressed, so that a tensor's values
//! are a range of bytes of the whole file, and are read when they are wanted.

use super::bytes::Bytes;
use super::encoding::Encoding;
use super::float8::Float8;
use super::names::{one_line, quoted};
use super::pickle::{Id, Pickle, Value};
use super::reader::{Reader, unread};
use super::safetensors::{Contents, HEADER_LIMIT};
use super::tensor::{StoredTensor, TensorInfo, check_dimensions};
use super::{Dtype, Error};
use std::collections::{HashMap, HashSet};
use zip::{CompressionMethod, ZipArchive};

/// Keys under which programs keep a model's tensors beside those of its training.
const NESTED: [&str; 10] = [
    "state_dict",
    "model_state_dict",
    "model",
    "module",
    "params_ema",
    "params",
    "weights",
    "net",
    "network",
    "generator",
];

/// Attributes of a module that hold its tensors.
const MODULE: [&str; 3] = ["_parameters", "_buffers", "_modules"];

/// Bytes that all names together may take.
const NAMES: usize = 1 << 26;

/// Dictionaries within dictionaries that are followed.
const DEPTH: usize = 32;

/// Values of a tensor that repeats values of its storage: more would take memory that no file has to show for.
const REPEATED: usize = 1 << 20;

/// Reads the description of the tensors in `bytes`, a whole file called `file`.
pub(super) fn read(file: &str, bytes: &Bytes, part: usize) -> Result<Contents, Error> {
    let archive = Archive::read(file, bytes)?;
    let pickle = archive.entry("data.pkl")?;
    if pickle.len() as u64 > HEADER_LIMIT {
        return Err(Error::HeaderTooLong { file: file.to_owned(), bytes: pickle.len() as u64, limit: HEADER_LIMIT });
    }
    let pickle = Pickle::read(&bytes.read(pickle)?).map_err(|problem| archive.malformed(&problem.to_string()))?;
    let big_endian = match archive.find("byteorder") {
        Some(order) => *bytes.read(order)? == *b"big",
        None => false,
    };

    let mut contents = Contents::default();
    let found = Found::model(&pickle).ok_or_else(|| archive.malformed("names of its tensors are too long"))?;
    if found.tensors.is_empty() {
        let known =
            |name: &str| ["torch.", "collections.", "numpy.", "_codecs."].iter().any(|start| name.starts_with(start));
        if let Some(object) = pickle.first_global(|name| !known(name)) {
            return Err(Error::NotTensors { file: file.to_owned(), object: one_line(object) });
        }
    }
    if let Some(key) = found.under.filter(|_| found.others) {
        contents.notes.push(format!("{file}: the tensors under {} are listed, and not those beside it", quoted(&key)));
    }
    let mut names = HashSet::new();
    for (name, tensor) in found.tensors {
        // A file with one tensor and no dictionary.
        let name = if name.is_empty() { stem(file).to_owned() } else { name };
        if !names.insert(name.clone()) {
            return Err(Error::Duplicate { file: file.to_owned(), tensor: name });
        }
        contents.tensors.push(tensor.stored(&archive, name, part, big_endian)?);
    }
    Ok(contents)
}

/// A file's name without its ending.
fn stem(file: &str) -> &str {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// The files of an archive.
struct Archive<'a> {
    file: &'a str,
    bytes: &'a Bytes,
    /// Position of each file's own header, and its length, by name; nothing if it is compressed.
    entries: HashMap<String, Option<(u64, u64)>>,
    /// What stands before all names.
    root: String,
}

impl<'a> Archive<'a> {
    fn read(file: &'a str, bytes: &'a Bytes) -> Result<Self, Error> {
        let mut archive = Self { file, bytes, entries: HashMap::new(), root: String::new() };
        // The list of files is at the end: without it the whole file would be searched.
        let end = bytes.read(bytes.len().saturating_sub(22 + 0xffff)..bytes.len())?;
        if !end.windows(4).any(|window| window == b"PK\x05\x06") {
            return Err(archive.malformed("the list of its files is missing, which stands at its end"));
        }
        let zip = ZipArchive::new(Reader::new(bytes)).map_err(|error| match error {
            zip::result::ZipError::Io(error) => unread(file, error),
            error => archive.malformed(&error.to_string()),
        })?;
        for index in 0..zip.len() {
            let entry = zip.by_index_data(index).map_err(|error| archive.malformed(&error.to_string()))?;
            let Ok(name) = entry.name() else { continue };
            let plain = entry.compression() == CompressionMethod::Stored && !entry.encrypted();
            archive.entries.insert(name.into_owned(), plain.then(|| (entry.header_start(), entry.size())));
        }
        let pickles = archive.entries.keys().filter_map(|name| name.strip_suffix("data.pkl"));
        let root = pickles.filter(|root| root.is_empty() || root.ends_with('/')).min_by_key(|root| root.len());
        match root.map(str::to_owned) {
            Some(root) => Ok(Self { root, ..archive }),
            None => Err(archive.malformed("it is an archive, but not one of PyTorch")),
        }
    }

    fn malformed(&self, problem: &str) -> Error {
        Error::Malformed { file: self.file.to_owned(), problem: one_line(problem) }
    }

    /// The range of bytes of a file, if there is one.
    fn find(&self, name: &str) -> Option<std::ops::Range<usize>> {
        self.entries.contains_key(&format!("{}{name}", self.root)).then(|| self.entry(name).ok())?
    }

    /// The range of bytes of a file that has to be there.
    fn entry(&self, name: &str) -> Result<std::ops::Range<usize>, Error> {
        let shown = || quoted(name);
        let entry = self.entries.get(&format!("{}{name}", self.root));
        let entry = entry.ok_or_else(|| self.malformed(&format!("{} is missing in it", shown())))?;
        let (header, size) = entry.ok_or_else(|| self.malformed(&format!("{} is compressed in it", shown())))?;
        let damaged = || self.malformed(&format!("{} has no header in it", shown()));
        // Signature, 22 bytes that the list at the end has too, lengths of a name and of more, which stand before the values.
        let header = usize::try_from(header).ok().filter(|&at| at < self.bytes.len()).ok_or_else(damaged)?;
        let start = self.bytes.read(header..header.saturating_add(30))?;
        let [b'P', b'K', 3, 4, .., a, b, c, d] = *start else { return Err(damaged()) };
        let before = 30 + usize::from(u16::from_le_bytes([a, b])) + usize::from(u16::from_le_bytes([c, d]));
        let start = header + before;
        let end = usize::try_from(size).ok().and_then(|size| start.checked_add(size));
        let end = end.filter(|&end| end <= self.bytes.len()).ok_or_else(damaged)?;
        Ok(start..end)
    }
}

/// A tensor as the pickle describes it.
struct Tensor {
    /// Name of its storage.
    key: String,
    dtype: String,
    encoding: Encoding,
    /// Position of its first value in the storage.
    offset: usize,
    shape: Vec<usize>,
    strides: Vec<usize>,
}

impl Tensor {
    /// The tensor that a value stands for; `None` if it is something else.
    fn of(pickle: &Pickle, id: Id) -> Option<Self> {
        let Value::Call { called, arguments, .. } = *pickle.get(id) else { return None };
        Self::rebuilt(pickle, called, arguments, 0)
    }

    fn rebuilt(pickle: &Pickle, called: Id, arguments: Id, depth: usize) -> Option<Self> {
        let arguments = pickle.list(arguments)?;
        let first = *arguments.first()?;
        match pickle.global(called)? {
            "torch._utils._rebuild_parameter"
            | "torch._utils._rebuild_parameter_with_state"
            | "torch.nn.parameter.Parameter"
            | "torch.nn.parameter.Buffer"
                if depth < DEPTH =>
            {
                let Value::Call { called, arguments, .. } = *pickle.get(first) else { return None };
                Self::rebuilt(pickle, called, arguments, depth + 1)
            }
            // How it is rebuilt, its own class, the arguments of the first.
            "torch._tensor._rebuild_from_type_v2" if depth < DEPTH => {
                Self::rebuilt(pickle, first, *arguments.get(2)?, depth + 1)
            }
            "torch._utils._rebuild_tensor" | "torch._utils._rebuild_tensor_v2" => {
                Self::described(pickle, arguments, None)
            }
            "torch._utils._rebuild_tensor_v3" => {
                let dtype = pickle.global(*arguments.get(6)?)?;
                Self::described(pickle, arguments, Some(dtype))
            }
            _ => None,
        }
    }

    /// A tensor of these arguments: storage, offset, shape, strides, and more. `dtype` if the storage has none.
    fn described(pickle: &Pickle, arguments: &[Id], dtype: Option<&str>) -> Option<Self> {
        let &[storage, offset, shape, strides, ..] = arguments else { return None };
        let Value::Persistent(storage) = *pickle.get(storage) else { return None };
        let &[_, kind, key, ..] = pickle.list(storage)? else { return None };
        let (dtype, encoding) = format(dtype.or(pickle.global(kind))?)?;
        let (shape, strides) = (pickle.sizes(shape)?, pickle.sizes(strides)?);
        let key = pickle.text(key).map(str::to_owned).or_else(|| Some(pickle.size(key)?.to_string()))?;
        let offset = pickle.size(offset)?;
        (shape.len() == strides.len()).then(|| Self { key, dtype: dtype.to_owned(), encoding, offset, shape, strides })
    }

    /// The tensor's place in the file.
    fn stored(
        self,
        archive: &Archive,
        name: String,
        part: usize,
        big_endian: bool,
    ) -> Result<(TensorInfo, StoredTensor), Error> {
        let lying = || archive.malformed(&format!("tensor {} is larger than its storage", quoted(&name)));
        check_dimensions(archive.file, &name, self.shape.iter().map(|&n| n as u64))?;
        let storage = archive.entry(&format!("data/{}", self.key))?;
        let unit = self.encoding.unit_bytes();
        let room = storage.len() / unit;
        let values = self.shape.iter().try_fold(1usize, |all, &n| all.checked_mul(n)).ok_or_else(lying)?;
        // Values from the first to the last one, both included.
        let extent = self
            .shape
            .iter()
            .zip(&self.strides)
            .try_fold(1usize, |all, (&n, &stride)| all.checked_add(n.saturating_sub(1).checked_mul(stride)?));
        let extent = if values == 0 { Some(0) } else { extent };
        let end = extent.and_then(|extent| self.offset.checked_add(extent)).filter(|&end| end <= room || values == 0);
        let (Some(extent), Some(_)) = (extent, end) else { return Err(lying()) };
        if values > room.max(REPEATED) {
            return Err(lying());
        }
        let start = if values == 0 { storage.start } else { storage.start + self.offset * unit };
        let strides: Vec<usize> =
            self.shape.iter().zip(&self.strides).map(|(&n, &stride)| if n > 1 { stride } else { 0 }).collect();
        let mut stored = StoredTensor::plain(part, start..start + extent * unit, self.encoding);
        stored.big_endian = big_endian;
        stored.strides = (values > 0 && !is_usual(&self.shape, &strides)).then_some(strides);
        let info = TensorInfo {
            name,
            shape: self.shape,
            dtype: self.dtype,
            format: self.encoding.format(),
            bytes: (values * unit) as u64,
            file: archive.file.to_owned(),
            is_scale: false,
        };
        Ok((info, stored))
    }
}

/// Whether the last index is the fastest; along a dimension of 1 nothing is told.
fn is_usual(shape: &[usize], strides: &[usize]) -> bool {
    let mut expected = 1;
    shape.iter().zip(strides).rev().filter(|&(&n, _)| n > 1).all(|(&n, &stride)| {
        let usual = stride == expected;
        expected *= n;
        usual
    })
}

/// Name, as in a `.safetensors`, and encoding of a storage's values or of a `torch.dtype`.
fn format(name: &str) -> Option<(&'static str, Encoding)> {
    let float = Encoding::Float;
    Some(match name.strip_prefix("torch.")? {
        "DoubleStorage" | "float64" => ("F64", float(Dtype::F64)),
        "FloatStorage" | "float32" => ("F32", float(Dtype::F32)),
        "HalfStorage" | "float16" => ("F16", float(Dtype::F16)),
        "BFloat16Storage" | "bfloat16" => ("BF16", float(Dtype::BF16)),
        "float8_e4m3fn" => ("F8_E4M3", Encoding::Float8(Float8::E4M3)),
        "float8_e5m2" => ("F8_E5M2", Encoding::Float8(Float8::E5M2)),
        "float8_e8m0fnu" => ("F8_E8M0", Encoding::Float8(Float8::E8M0)),
        "LongStorage" | "int64" => ("I64", Encoding::Other(8)),
        "uint64" => ("U64", Encoding::Other(8)),
        "IntStorage" | "int32" => ("I32", Encoding::Other(4)),
        "uint32" => ("U32", Encoding::Other(4)),
        "ShortStorage" | "int16" => ("I16", Encoding::Other(2)),
        "uint16" => ("U16", Encoding::Other(2)),
        "CharStorage" | "int8" => ("I8", Encoding::Other(1)),
        "ByteStorage" | "uint8" => ("U8", Encoding::Other(1)),
        "BoolStorage" | "bool" => ("BOOL", Encoding::Other(1)),
        "ComplexFloatStorage" | "complex64" => ("C64", Encoding::Other(8)),
        _ => return None,
    })
}

/// The tensors that were found, by name.
struct Found {
    tensors: Vec<(String, Tensor)>,
    /// Key of the dictionary they were found in, if it is not the outermost.
    under: Option<String>,
    /// Whether there are tensors beside that.
    others: bool,
}

impl Found {
    /// The model's tensors: all there are, or those under one of the usual keys. `None` if their names take too much room.
    fn model(pickle: &Pickle) -> Option<Self> {
        let (mut root, mut under) = (pickle.root(), Vec::new());
        let all = Collector::all(pickle, root)?;
        let mut tensors = None;
        while let Value::Dict(pairs) = pickle.get(root)
            && under.len() < DEPTH
            && !pairs.iter().any(|&(_, value)| Tensor::of(pickle, value).is_some())
        {
            let mut inside = None;
            for wanted in NESTED {
                let Some((_, value)) = pairs.iter().find(|&&(key, _)| pickle.text(key) == Some(wanted)) else {
                    continue;
                };
                let found = Collector::all(pickle, *value)?;
                if !found.is_empty() {
                    inside = Some((wanted, *value, found));
                    break;
                }
            }
            let Some((key, value, found)) = inside else { break };
            under.push(key);
            root = value;
            tensors = Some(found);
        }
        let others = tensors.as_ref().is_some_and(|tensors| tensors.len() < all.len());
        let under = (!under.is_empty()).then(|| under.join("."));
        Some(Self { tensors: tensors.unwrap_or(all), under, others })
    }
}

/// Finds all tensors within a value, named by the keys that lead there. What is shared is found once.
struct Collector<'a> {
    pickle: &'a Pickle,
    seen: HashSet<Id>,
    found: Vec<(String, Tensor)>,
    /// Bytes left for names.
    room: Option<usize>,
}

impl<'a> Collector<'a> {
    /// All tensors; `None` if their names take too much room.
    fn all(pickle: &'a Pickle, root: Id) -> Option<Vec<(String, Tensor)>> {
        let mut collector = Self { pickle, seen: HashSet::new(), found: Vec::new(), room: Some(NAMES) };
        collector.visit(root, String::new(), 0);
        collector.room.map(|_| collector.found)
    }

    fn visit(&mut self, id: Id, name: String, depth: usize) {
        // A key that many values share is written out for each of them.
        self.room = self.room.and_then(|room| room.checked_sub(name.len() + 1));
        if self.room.is_none() {
            return;
        }
        let pickle = self.pickle;
        if let Some(tensor) = Tensor::of(pickle, id) {
            return self.found.push((name, tensor));
        }
        if depth == DEPTH || !self.seen.insert(id) {
            return;
        }
        let within = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
        match pickle.get(id) {
            Value::Dict(pairs) => {
                for &(key, value) in pairs {
                    match pickle.get(key) {
                        Value::Text(key) => self.visit(value, within(key), depth + 1),
                        Value::Int(Some(number)) => self.visit(value, within(&number.to_string()), depth + 1),
                        _ => {}
                    }
                }
            }
            Value::List(items) => {
                items.iter().enumerate().for_each(|(at, &item)| self.visit(item, within(&at.to_string()), depth + 1));
            }
            // An object: a module has its parameters in dictionaries of their own, which have no names.
            Value::Call { state: Some(state), .. } => {
                let Value::Dict(pairs) = pickle.get(*state) else { return };
                let attribute = |wanted: &&str| pairs.iter().find(|&&(key, _)| pickle.text(key) == Some(*wanted));
                let parts: Vec<Id> = MODULE.iter().filter_map(|part| Some(attribute(part)?.1)).collect();
                match parts.is_empty() {
                    false => parts.into_iter().for_each(|part| self.visit(part, name.clone(), depth + 1)),
                    true => self.visit(*state, name, depth + 1),
                }
            }
            _ => {}
        }
    }
}
