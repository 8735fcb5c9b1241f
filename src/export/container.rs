//! The safetensors container: a JSON header and the tensors' bytes.
//!
//! The header is written here and not by the safetensors crate, whose metadata is a `HashMap` of changing order: the
//! same input shall give the same bytes.

use crate::model::Dtype;
use std::collections::BTreeMap;

/// What a file's header says of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its format in the file's words: `F32`, `I64`.
    pub dtype: String,
    /// Its dimensions.
    pub shape: Vec<usize>,
    /// The bytes of all its values.
    pub bytes: usize,
}

impl Entry {
    /// The bytes of one value; 1 for a tensor without values.
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
    /// Numbers in C order; rounded to `dtype` where they are not yet.
    ///
    /// # Panics
    /// When there are not as many values as `shape` says.
    pub fn values(name: impl Into<String>, dtype: Dtype, shape: &[usize], values: &[f32]) -> Self {
        let kind = match dtype {
            Dtype::F64 => "F64",
            Dtype::F32 => "F32",
            Dtype::F16 => "F16",
            Dtype::BF16 => "BF16",
        };
        Self::new(name.into(), kind, dtype.size(), shape, dtype.encode(values))
    }

    /// Integers (I64) in C order.
    ///
    /// # Panics
    /// When there are not as many numbers as `shape` says.
    pub fn integers(name: impl Into<String>, shape: &[usize], numbers: impl IntoIterator<Item = usize>) -> Self {
        let bytes = numbers.into_iter().flat_map(|number| (number as i64).to_le_bytes()).collect();
        Self::new(name.into(), "I64", 8, shape, bytes)
    }

    /// Plain bytes (U8).
    ///
    /// # Panics
    /// When there are not as many bytes as `shape` says.
    pub fn bytes(name: impl Into<String>, shape: &[usize], bytes: Vec<u8>) -> Self {
        Self::new(name.into(), "U8", 1, shape, bytes)
    }

    fn new(name: String, dtype: &str, value_size: usize, shape: &[usize], bytes: Vec<u8>) -> Self {
        assert_eq!(bytes.len(), value_size * shape.iter().product::<usize>(), "{name} is {shape:?}");
        let entry = Entry { name, dtype: dtype.to_owned(), shape: shape.to_vec(), bytes: bytes.len() };
        Self { entry, bytes }
    }

    /// Its name in the file.
    pub fn name(&self) -> &str {
        &self.entry.name
    }

    /// What the header says of it.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Its values as the file holds them.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// Puts wider formats first, so that every tensor lies at a multiple of its format's size, and sorts by name within a
/// format.
pub fn sort_entries<T>(items: &mut [T], entry: impl Fn(&T) -> &Entry) {
    items.sort_by(|a, b| {
        let (a, b) = (entry(a), entry(b));
        b.value_size().cmp(&a.value_size()).then_with(|| a.name.cmp(&b.name))
    });
}

/// The beginning of a safetensors file: what follows are the bytes of these tensors in this order.
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
    // Spaces at the end, so that the data start at a multiple of 8.
    json.push_str(&" ".repeat(json.len().next_multiple_of(8) - json.len()));
    let mut header = (json.len() as u64).to_le_bytes().to_vec();
    header.extend(json.as_bytes());
    header
}

/// The bytes of a safetensors file.
pub fn safetensors(mut tensors: Vec<Tensor>, metadata: &BTreeMap<String, String>) -> Vec<u8> {
    sort_entries(&mut tensors, Tensor::entry);
    let mut file = header(tensors.iter().map(Tensor::entry), metadata);
    tensors.iter().for_each(|tensor| file.extend(&tensor.bytes));
    file
}

fn list(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("[{}]", sizes.join(","))
}
