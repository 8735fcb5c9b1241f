//! A compressed model as one file in memory, where there is no folder to write to.

use super::{CompressedLayer, Error, Layered};
use crate::export::{Entry, header, sort_entries};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The bytes of a `model.safetensors`: the model's tensors, with the compressed layers in place of the dense ones and
/// the values that replace others', those of `values` by name too, each in its own format. Takes the file's size in memory.
pub fn merged_model<M: Layered>(
    model: &M,
    layers: &[Arc<CompressedLayer<M::Key>>],
    values: &BTreeMap<String, Vec<f32>>,
) -> Result<Vec<u8>, Error> {
    let checkpoint = model.checkpoint();
    let mut others = model.replaced_values();
    others.extend(values.iter().map(|(name, values)| (name.clone(), values.clone())));
    let replaced: BTreeMap<_, _> = layers.iter().map(|layer| (layer.id, &layer.weight)).collect();
    let entry = |info: &crate::model::TensorInfo| {
        let (name, dtype, shape) = (info.name.clone(), info.dtype.clone(), info.shape.clone());
        Entry { name, dtype, shape, bytes: info.bytes as usize }
    };
    let mut entries: Vec<Entry> = checkpoint.tensors().iter().map(entry).collect();
    sort_entries(&mut entries, |entry| entry);
    let metadata = [("format".to_owned(), "pt".to_owned())].into(); // transformers refuses files without it
    let mut file = header(&entries, &metadata);
    file.reserve_exact(entries.iter().map(|entry| entry.bytes).sum());
    for entry in &entries {
        let find = &mut |key| Ok(replaced.get(&key).map(|&weight| weight.clone()));
        let weight = model.with_replacements(&entry.name, find)?;
        let info = checkpoint.tensor(&entry.name)?;
        let values = weight.as_ref().map(|weight| weight.as_slice());
        match (values.or(others.get(&entry.name).map(Vec::as_slice)), info.format) {
            (Some(values), Some(dtype)) => file.extend(dtype.encode(values)),
            _ => file.extend_from_slice(&checkpoint.bytes(&entry.name)?),
        }
    }
    Ok(file)
}
