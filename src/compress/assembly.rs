//! The files of a model whose layers are replaced: weights, factors, companions, report.

use super::work_folder::{MODELING, REPORT, failed};
use super::{Error, Layered};
use crate::Named;
use crate::export::{self, Entry, Layout, Tensor};
use crate::matrix::{Factors, Matrix, Replacement, ReplacementKind};
use crate::model::{Dtype, TensorInfo};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

const INDEX: &str = ".index.json";

/// Code in Python that transformers loads a folder with factors by, which `compress` writes beside them.
pub static MODELING_SOURCE: &str = include_str!("../../assets/python/modeling_dsf.py");

/// What replaces a model's layers.
pub(super) trait Replaced<K> {
    /// What stands in a layer's place, if it is replaced.
    fn replacement(&mut self, id: K) -> Result<Option<Arc<Replacement>>, Error>;

    /// The same as one matrix `[out, in]` with values of `dtype`, that of the tensor it is written to.
    fn weight(&mut self, id: K, dtype: Dtype) -> Result<Option<Arc<Matrix>>, Error>;
}

/// A model to be written.
pub(super) struct Assembly<'a, M> {
    /// The model as it was opened; its layers may be stored sparse.
    pub model: &'a M,
    /// Layouts, see [`Output`](super::Output).
    pub layouts: &'a [Layout],
    /// Files that accompany the model: names and contents.
    pub companions: &'a [(String, Vec<u8>)],
    /// Number format of two factors where they are kept apart. One matrix is written in its layer's own.
    pub dtype: Dtype,
    /// Whether transformers loads such a model with its factors.
    pub loads: bool,
    /// Metadata beside what every file of ours has.
    pub metadata: BTreeMap<String, String>,
    /// Values of tensors that are no layers, where they differ from the model's files.
    pub values: &'a BTreeMap<String, Vec<f32>>,
    /// `report.json`.
    pub report: &'a str,
}

impl<M: Layered> Assembly<'_, M> {
    /// Writes all files into the folder `whole`.
    pub fn write(&self, whole: &Path, replaced: &mut dyn Replaced<M::Key>) -> Result<(), Error> {
        let labelled = |layout: Layout| {
            let mut metadata = self.metadata.clone();
            for (key, value) in [
                ("format", "pt"), // transformers refuses files without it
                ("dsf.version", env!("CARGO_PKG_VERSION")),
                ("dsf.source", self.model.name()),
                ("dsf.layout", layout.name()),
            ] {
                metadata.insert(key.to_owned(), value.to_owned());
            }
            if layout != Layout::Merged {
                metadata.extend(self.model.metadata());
            }
            metadata
        };
        let is_merged = self.layouts.contains(&Layout::Merged);
        for &layout in self.layouts.iter().filter(|layout| **layout != Layout::Merged) {
            self.write_factors(whole, layout, &labelled(layout), replaced)?;
        }
        if is_merged {
            let sharded = self.companions.iter().any(|(name, _)| name.ends_with(INDEX));
            self.write_model(whole, &labelled(Layout::Merged), sharded, true, replaced)?;
            for (name, bytes) in self.companions {
                match name == "config.json" {
                    true => export::write(&whole.join(name), &without_factors(bytes), true)?,
                    false => export::write(&whole.join(name), bytes, true)?,
                }
            }
        } else if let Some(&layout) = self.layouts.first() {
            self.write_model(whole, &labelled(layout), false, false, replaced)?;
            if self.loads {
                export::write(&whole.join(MODELING), MODELING_SOURCE.as_bytes(), true)?;
            }
            for (name, bytes) in self.companions.iter().filter(|(name, _)| !name.ends_with(INDEX)) {
                match name == "config.json" {
                    true => export::write(&whole.join(name), &with_factors(bytes, layout, self.loads), true)?,
                    false => export::write(&whole.join(name), bytes, true)?,
                }
            }
        }
        Ok(export::write(&whole.join(REPORT), format!("{}\n", self.report).as_bytes(), true)?)
    }

    /// Writes the model's files, tensor by tensor: with the replaced layers in place of the dense ones if `merged`, else
    /// without those layers. If `sharded`, the files keep their names, which an index refers to.
    fn write_model(
        &self,
        folder: &Path,
        metadata: &BTreeMap<String, String>,
        sharded: bool,
        merged: bool,
        replaced: &mut dyn Replaced<M::Key>,
    ) -> Result<(), Error> {
        const SINGLE: &str = "model.safetensors";
        let checkpoint = self.model.checkpoint();
        let stored_sparse: BTreeSet<String> = self.model.sparse_stems()?.into_iter().collect();
        // `<stem>.A.bitmask`, `<stem>.shape`: a start of the name is a stem; `<stem>.bias` is no part of the factors.
        let of_sparse = |name: &str| {
            let mut starts = name.match_indices('.').map(|(at, _)| (&name[..at], &name[at + 1..]));
            starts.any(|(stem, rest)| rest != "bias" && stored_sparse.contains(stem))
        };
        let mut files: BTreeMap<&str, Vec<Entry>> = BTreeMap::new();
        for tensor in checkpoint.tensors().iter().filter(|tensor| !of_sparse(&tensor.name)) {
            if merged || !self.is_replaced(&tensor.name, replaced)? {
                files.entry(if sharded { &tensor.file } else { SINGLE }).or_default().push(entry(tensor));
            }
        }
        if merged {
            files.entry(SINGLE).or_default().extend(self.multiplied_out());
        }
        for (name, mut entries) in files {
            export::sort_entries(&mut entries, |entry| entry);
            let path = folder.join(name);
            // Shards may stand in a folder of their own.
            if let Some(inner) = path.parent() {
                fs::create_dir_all(inner).map_err(|error| failed(inner, &error))?;
            }
            export::write_with(&path, true, |out| {
                out.write_all(&export::header(&entries, metadata))?;
                for entry in &entries {
                    let bytes = self.bytes(&entry.name, merged, replaced).map_err(std::io::Error::other)?;
                    out.write_all(&bytes)?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The bytes of a tensor.
    fn bytes(&self, tensor: &str, merged: bool, replaced: &mut dyn Replaced<M::Key>) -> Result<Vec<u8>, Error> {
        let checkpoint = self.model.checkpoint();
        let stored = checkpoint.tensor(tensor).ok();
        let dtype = match stored {
            Some(info) => info.format,
            None => Some(self.model.format()),
        };
        if let (Some(dtype), true) = (dtype, merged)
            && let Some(weight) = self.model.with_replacements(tensor, &mut |key| replaced.weight(key, dtype))?
        {
            return Ok(dtype.encode(weight.as_slice()));
        }
        if let (Some(dtype), Some(values)) = (dtype, self.values_of(tensor)?) {
            return Ok(dtype.encode(values));
        }
        Ok(checkpoint.bytes(tensor)?.into_owned())
    }

    /// Values of a tensor that is no layer, where they are not the file's.
    fn values_of(&self, tensor: &str) -> Result<Option<&[f32]>, Error> {
        let known = match self.values.get(tensor) {
            None if !self.values.is_empty() => self.model.original(tensor, &mut self.values.keys())?,
            known => return Ok(known.map(Vec::as_slice)),
        };
        Ok(known.and_then(|name| self.values.get(name)).map(Vec::as_slice))
    }

    /// Tensors that the model's own files do not hold, as their layers are stored sparse there.
    fn multiplied_out(&self) -> Vec<Entry> {
        let dtype = self.model.format();
        let entries = self.model.keys().into_iter().map(|key| self.model.entry_with(key, dtype));
        let missing = entries.filter(|entry| !self.model.checkpoint().has(&entry.name));
        missing.map(|entry| (entry.name.clone(), entry)).collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// Whether all layers that a tensor holds are replaced, so that a model that keeps its factors does without it.
    fn is_replaced(&self, tensor: &str, replaced: &mut dyn Replaced<M::Key>) -> Result<bool, Error> {
        let layers = self.model.layers_in(tensor);
        for &key in &layers {
            if replaced.replacement(key)?.is_none() {
                return Ok(false);
            }
        }
        Ok(!layers.is_empty())
    }

    /// Writes all factors to one file. One layer is in memory at a time, once for each width of values.
    fn write_factors(
        &self,
        folder: &Path,
        layout: Layout,
        metadata: &BTreeMap<String, String>,
        replaced: &mut dyn Replaced<M::Key>,
    ) -> Result<(), Error> {
        let mut tensors = |key: M::Key| -> Result<Vec<Tensor>, Error> {
            Ok(match replaced.replacement(key)? {
                Some(replacement) => {
                    let two = replacement.kind().is_two_factors();
                    let dtype = if two { self.dtype } else { self.model.dtype_of(key) };
                    let rounded = export::rounded(&replacement, dtype)?;
                    export::factor_tensors(&self.model.stem_of(key), &rounded, layout, dtype)
                }
                None => Vec::new(),
            })
        };
        let mut parts: Vec<(Entry, M::Key)> = Vec::new();
        for key in self.model.keys() {
            parts.extend(tensors(key)?.iter().map(|tensor| (tensor.entry().clone(), key)));
        }
        export::sort_entries(&mut parts, |part| &part.0);
        // Of one layer, by name.
        type Bytes = BTreeMap<String, Vec<u8>>;
        let mut held: Option<(M::Key, Bytes)> = None;
        export::write_with(&folder.join(format!("factors-{}.safetensors", layout.name())), true, |out| {
            out.write_all(&export::header(parts.iter().map(|part| &part.0), metadata))?;
            for (entry, key) in &parts {
                if held.as_ref().is_none_or(|held| held.0 != *key) {
                    let tensors = tensors(*key).map_err(std::io::Error::other)?;
                    let named = tensors.into_iter().map(|tensor| (tensor.name().to_owned(), tensor.into_bytes()));
                    held = Some((*key, named.collect()));
                }
                let bytes = held.as_mut().and_then(|held| held.1.remove(&entry.name)).unwrap_or_default();
                out.write_all(&bytes)?;
            }
            Ok(())
        })?;
        Ok(())
    }
}

fn entry(info: &TensorInfo) -> Entry {
    Entry { name: info.name.clone(), dtype: info.dtype.clone(), shape: info.shape.clone(), bytes: info.bytes as usize }
}

/// `config.json` of a model that keeps its factors: where they are, and what transformers loads it with, if anything does.
/// Without a `sparsity_config`, which other runtimes refuse.
fn with_factors(config: &[u8], layout: Layout, loads: bool) -> Vec<u8> {
    let Ok(Value::Object(mut config)) = serde_json::from_slice(&without_factors(config)) else {
        return config.to_vec();
    };
    if loads {
        config.insert("auto_map".into(), json!({ "AutoModelForCausalLM": "modeling_dsf.DsfForCausalLM" }));
    }
    let factors = format!("factors-{}.safetensors", layout.name());
    config.insert("dsf".into(), json!({ "layout": layout.name(), "factors": factors }));
    format!("{:#}\n", Value::Object(config)).into_bytes()
}

/// `config.json` of a model that keeps no factors; the same bytes if it never did.
fn without_factors(config: &[u8]) -> Vec<u8> {
    match serde_json::from_slice(config) {
        Ok(Value::Object(mut values)) if values.contains_key("dsf") => {
            values.remove("dsf");
            values.remove("auto_map");
            format!("{:#}\n", Value::Object(values)).into_bytes()
        }
        _ => config.to_vec(),
    }
}

/// The replacement that these factors are of.
pub(super) fn of_kind(kind: Option<ReplacementKind>, factors: Factors) -> Replacement {
    match kind {
        Some(ReplacementKind::LowRank) => Replacement::LowRank { a: factors.a.to_dense(), b: factors.b.to_dense() },
        Some(ReplacementKind::Blocks) => Replacement::Blocks(factors),
        _ => Replacement::Factors(factors),
    }
}
