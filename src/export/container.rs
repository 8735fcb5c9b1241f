//! The safetensors container: a JSON header and the tensors' bytes.
//!
//! The header is written here and not by the safetensors crate, whose metadata is a `HashMap` of changing order: the
//! same input shall give the same bytes.

use crate::model::Dtype;
use std::collections::BTreeMap;

/// A tensor ready to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    name: String,
    dtype: &'static str,
    value_size: usize,
    shape: Vec<usize>,
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

    fn new(name: String, dtype: &'static str, value_size: usize, shape: &[usize], bytes: Vec<u8>) -> Self {
        assert_eq!(bytes.len(), value_size * shape.iter().product::<usize>(), "{name} is {shape:?}");
        Self { name, dtype, value_size, shape: shape.to_vec(), bytes }
    }

    /// Its name in the file.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// The bytes of a safetensors file. Wider formats come first, so that every tensor lies at a multiple of its format's
/// size; within a format tensors are sorted by name.
pub fn safetensors(mut tensors: Vec<Tensor>, metadata: &BTreeMap<String, String>) -> Vec<u8> {
    tensors.sort_by(|a, b| b.value_size.cmp(&a.value_size).then_with(|| a.name.cmp(&b.name)));
    let mut entries = vec![format!("\"__metadata__\":{}", serde_json::json!(metadata))];
    let mut start = 0;
    for Tensor { name, dtype, shape, bytes, .. } in &tensors {
        let end = start + bytes.len();
        let name = serde_json::json!(name);
        entries.push(format!(r#"{name}:{{"dtype":"{dtype}","shape":{},"data_offsets":[{start},{end}]}}"#, list(shape)));
        start = end;
    }
    let mut header = format!("{{{}}}", entries.join(","));
    // Spaces at the end, so that the data start at a multiple of 8.
    header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
    let mut file = Vec::with_capacity(8 + header.len() + start);
    file.extend((header.len() as u64).to_le_bytes());
    file.extend(header.as_bytes());
    tensors.iter().for_each(|tensor| file.extend(&tensor.bytes));
    file
}

fn list(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("[{}]", sizes.join(","))
}
