//! A compressed model as one file in memory, where there is no folder to write to.

use super::{CompressedLayer, Error};
use crate::export::{Entry, header, sort_entries};
use crate::language::LanguageModel;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The bytes of a `model.safetensors`: the model's tensors, with the compressed layers in place of the dense ones and
/// the values that replace others', each in its own format. Takes the file's size in memory.
pub fn merged_model(model: &LanguageModel, layers: &[Arc<CompressedLayer>]) -> Result<Vec<u8>, Error> {
    let checkpoint = model.checkpoint();
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
    let told = |error: crate::model::Error| Error::Language(error.into());
    for entry in &entries {
        let weight =
            model.with_replaced::<Error>(&entry.name, |id| Ok(replaced.get(&id).map(|&weight| weight.clone())))?;
        let info = checkpoint.tensor(&entry.name).map_err(told)?;
        let values = weight.as_ref().map(|weight| weight.as_slice());
        match (values.or(model.replaced_values(&entry.name).map(|values| &values[..])), info.format) {
            (Some(values), Some(dtype)) => file.extend(dtype.encode(values)),
            _ => file.extend_from_slice(&checkpoint.bytes(&entry.name).map_err(told)?),
        }
    }
    Ok(file)
}
