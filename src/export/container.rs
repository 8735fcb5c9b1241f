//! The safetensors container: a JSON header and the tensors' bytes.
//!
//! The header is written here and not by the safetensors crate, whose metadata is a `HashMap` of changing order: the
//! same input must give the same bytes.

use crate::model::Dtype;
use std::collections::BTreeMap;
use std::io::Write;

/// A tensor's entry in a file's header.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Name of the tensor.
    pub name: String,
    /// Number format as written in the file: `F32`, `I64`.
    pub dtype: String,
    /// Size of each dimension.
    pub shape: Vec<usize>,
    /// Bytes of all its values.
    pub bytes: usize,
}

impl Entry {
    /// The entry of a tensor of floats.
    pub fn new(name: impl Into<String>, dtype: Dtype, shape: &[usize]) -> Self {
        let bytes = dtype.size() * shape.iter().product::<usize>();
        Self { name: name.into(), dtype: kind(dtype).to_owned(), shape: shape.to_vec(), bytes }
    }

    /// Bytes of one value; 1 for a tensor without values.
    fn value_size(&self) -> usize {
        self.bytes.checked_div(self.shape.iter().product()).unwrap_or(1)
    }
}

/// A tensor ready to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    entry: Entry,
    bytes: Vec<u8>,
}

impl Tensor {
    /// A tensor of floats in C order, converted to `dtype`.
    ///
    /// # Panics
    /// Panics if the number of values differs from `shape`'s.
    pub fn values(name: impl Into<String>, dtype: Dtype, shape: &[usize], values: &[f32]) -> Self {
        Self::new(name.into(), kind(dtype), dtype.size(), shape, dtype.encode(values))
    }

    /// A tensor of integers (I64) in C order.
    ///
    /// # Panics
    /// Panics if the number of values differs from `shape`'s.
    pub fn integers(name: impl Into<String>, shape: &[usize], numbers: impl IntoIterator<Item = usize>) -> Self {
        let bytes = numbers.into_iter().flat_map(|number| (number as i64).to_le_bytes()).collect();
        Self::new(name.into(), "I64", 8, shape, bytes)
    }

    /// A tensor of bytes (U8).
    ///
    /// # Panics
    /// Panics if the number of bytes differs from `shape`'s.
    pub fn bytes(name: impl Into<String>, shape: &[usize], bytes: Vec<u8>) -> Self {
        Self::new(name.into(), "U8", 1, shape, bytes)
    }

    fn new(name: String, dtype: &str, value_size: usize, shape: &[usize], bytes: Vec<u8>) -> Self {
        assert_eq!(bytes.len(), value_size * shape.iter().product::<usize>(), "{name} is {shape:?}");
        let entry = Entry { name, dtype: dtype.to_owned(), shape: shape.to_vec(), bytes: bytes.len() };
        Self { entry, bytes }
    }

    /// Name of the tensor.
    pub fn name(&self) -> &str {
        &self.entry.name
    }

    /// Its entry in the header.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Bytes of its values, as in the file.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Name of a format of floats in a file's header.
fn kind(dtype: Dtype) -> &'static str {
    match dtype {
        Dtype::F64 => "F64",
        Dtype::F32 => "F32",
        Dtype::F16 => "F16",
        Dtype::BF16 => "BF16",
    }
}

/// Sorts wider formats first, so that every tensor is aligned to its format's size, and by name within a format.
pub fn sort_entries<T>(items: &mut [T], entry: impl Fn(&T) -> &Entry) {
    items.sort_by(|a, b| {
        let (a, b) = (entry(a), entry(b));
        b.value_size().cmp(&a.value_size()).then_with(|| a.name.cmp(&b.name))
    });
}

/// The start of a safetensors file: length and header. The bytes of these tensors follow, in this order.
pub fn header<'a>(entries: impl IntoIterator<Item = &'a Entry>, metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let mut parts = vec![format!("\"__metadata__\":{}", serde_json::json!(metadata))];
    let mut start = 0;
    for Entry { name, dtype, shape, bytes } in entries {
        let end = start + bytes;
        let (name, shape) = (serde_json::json!(name), list(shape));
        parts.push(format!(r#"{name}:{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{start},{end}]}}"#));
        start = end;
    }
    let mut json = format!("{{{}}}", parts.join(","));
    // Padded with spaces, so that the data start at a multiple of 8.
    json.push_str(&" ".repeat(json.len().next_multiple_of(8) - json.len()));
    let mut header = (json.len() as u64).to_le_bytes().to_vec();
    header.extend(json.as_bytes());
    header
}

/// A complete safetensors file.
pub fn safetensors(tensors: Vec<Tensor>, metadata: &BTreeMap<String, String>) -> Vec<u8> {
    let mut file = Vec::new();
    write_tensors(&mut file, tensors, metadata).expect("a vector takes all bytes");
    file
}

/// Writes a safetensors file; each tensor's memory is free once it is written.
pub fn write_tensors(
    out: &mut dyn Write,
    mut tensors: Vec<Tensor>,
    metadata: &BTreeMap<String, String>,
) -> std::io::Result<()> {
    sort_entries(&mut tensors, Tensor::entry);
    out.write_all(&header(tensors.iter().map(Tensor::entry), metadata))?;
    tensors.into_iter().try_for_each(|tensor| out.write_all(&tensor.bytes))
}

fn list(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("[{}]", sizes.join(","))
}
