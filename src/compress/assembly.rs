//! The files of a model whose layers are replaced: weights, factors, companions, report.

use super::Error;
use super::work_folder::{MODELING, REPORT, failed};
use crate::Named;
use crate::export::{self, Entry, Layout, Tensor};
use crate::language::{self, Config, LanguageModel, LayerId};
use crate::matrix::{Factors, Matrix, Replacement, ReplacementKind};
use crate::model::{Dtype, TensorInfo};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

const INDEX: &str = ".index.json";

static MODELING_SOURCE: &[u8] = include_bytes!("../../assets/python/modeling_dsf.py");

/// What replaces a model's layers.
pub(super) trait Replaced {
    /// What stands in a layer's place, if it is replaced.
    fn replacement(&mut self, id: LayerId) -> Result<Option<Arc<Replacement>>, Error>;

    /// The same as one matrix `[out, in]` with values of `dtype`, that of the tensor it is written to.
    fn weight(&mut self, id: LayerId, dtype: Dtype) -> Result<Option<Arc<Matrix>>, Error>;
}

/// A model to be written.
pub(super) struct Assembly<'a> {
    /// The model as it was opened; its layers may be stored sparse.
    pub model: &'a LanguageModel,
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

impl Assembly<'_> {
    /// Writes all files into the folder `whole`.
    pub fn write(&self, whole: &Path, replaced: &mut dyn Replaced) -> Result<(), Error> {
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
                export::write(&whole.join(MODELING), MODELING_SOURCE, true)?;
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
        replaced: &mut dyn Replaced,
    ) -> Result<(), Error> {
        const SINGLE: &str = "model.safetensors";
        let checkpoint = self.model.checkpoint();
        let stored_sparse = self.stored_sparse()?;
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
    fn bytes(&self, tensor: &str, merged: bool, replaced: &mut dyn Replaced) -> Result<Vec<u8>, Error> {
        let checkpoint = self.model.checkpoint();
        let stored = checkpoint.tensor(tensor).ok();
        let dtype = match stored {
            Some(info) => info.format,
            None => Some(self.format()),
        };
        if let (Some(dtype), Some(values)) = (dtype, self.values_of(tensor)?) {
            return Ok(dtype.encode(values));
        }
        if let (Some(dtype), true) = (dtype, merged)
            && let Some(weight) = self.model.with_replaced(tensor, |id| replaced.weight(id, dtype))?
        {
            return Ok(dtype.encode(weight.as_slice()));
        }
        Ok(checkpoint.bytes(tensor).map_err(language::Error::from)?.into_owned())
    }

    /// Values of a tensor that is no layer, where they are not the file's. A head that is a copy of the embedding stays one.
    fn values_of(&self, tensor: &str) -> Result<Option<&[f32]>, Error> {
        if let Some(values) = self.values.get(tensor) {
            return Ok(Some(values));
        }
        let checkpoint = self.model.checkpoint();
        if !self.model.config().tied || language::is_in_block(tensor) {
            return Ok(None);
        }
        let own = checkpoint.tensor(tensor).map_err(language::Error::from)?;
        for (name, values) in self.values.iter().filter(|(name, _)| !language::is_in_block(name)) {
            let other = checkpoint.tensor(name).map_err(language::Error::from)?;
            if (&own.shape, &own.dtype) == (&other.shape, &other.dtype) && own.shape.len() == 2 {
                let [own, other] = [tensor, name].map(|name| checkpoint.bytes(name));
                if own.map_err(language::Error::from)? == other.map_err(language::Error::from)? {
                    return Ok(Some(values));
                }
            }
        }
        Ok(None)
    }

    /// Starts of the names of layers that the model's own files hold sparse.
    fn stored_sparse(&self) -> Result<BTreeSet<String>, Error> {
        let mut stems = BTreeSet::new();
        if self.model.is_sparse() {
            for id in self.model.layers() {
                let stem = self.model.config().stem(id);
                if self.model.checkpoint().stored_sparse(&stem).map_err(language::Error::from)?.is_some() {
                    stems.insert(stem);
                }
            }
        }
        Ok(stems)
    }

    /// Tensors that the model's own files do not hold, as their layers are stored sparse there.
    fn multiplied_out(&self) -> Vec<Entry> {
        let config = self.model.config();
        let dtype = self.format();
        let missing = self.model.layers().filter(|&id| !self.model.checkpoint().has(&config.tensor_with(id)));
        let tensors: BTreeMap<String, LayerId> = missing.map(|id| (config.tensor_with(id), id)).collect();
        let entry = |(name, id): (String, LayerId)| {
            let (outputs, inputs) = (config.outputs_with(id), config.shape(id).1);
            let shape = if config.place(id).transposed { [inputs, outputs] } else { [outputs, inputs] };
            Entry::new(name, dtype, &shape)
        };
        tensors.into_iter().map(entry).collect()
    }

    /// The number format of the model's largest tensor outside of its blocks.
    fn format(&self) -> Dtype {
        let outside = self.model.checkpoint().tensors().iter().filter(|tensor| !language::is_in_block(&tensor.name));
        outside.max_by_key(|tensor| tensor.bytes).and_then(|tensor| tensor.format).unwrap_or(Dtype::F32)
    }

    /// Whether all layers that a tensor holds are replaced, so that a model that keeps its factors does without it.
    fn is_replaced(&self, tensor: &str, replaced: &mut dyn Replaced) -> Result<bool, Error> {
        let layers = self.model.config().layers_in(tensor);
        for &id in &layers {
            if replaced.replacement(id)?.is_none() {
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
        replaced: &mut dyn Replaced,
    ) -> Result<(), Error> {
        let mut tensors = |id: LayerId| -> Result<Vec<Tensor>, Error> {
            Ok(match replaced.replacement(id)? {
                Some(replacement) => {
                    let two = replacement.kind().is_two_factors();
                    let dtype = if two { self.dtype } else { self.model.dtype(id) };
                    let rounded = export::rounded(&replacement, dtype)?;
                    export::factor_tensors(&self.model.config().stem(id), &rounded, layout, dtype)
                }
                None => Vec::new(),
            })
        };
        let mut parts: Vec<(Entry, LayerId)> = Vec::new();
        for id in self.model.layers() {
            parts.extend(tensors(id)?.iter().map(|tensor| (tensor.entry().clone(), id)));
        }
        export::sort_entries(&mut parts, |part| &part.0);
        let mut held: Option<(LayerId, BTreeMap<String, Vec<u8>>)> = None;
        export::write_with(&folder.join(format!("factors-{}.safetensors", layout.name())), true, |out| {
            out.write_all(&export::header(parts.iter().map(|part| &part.0), metadata))?;
            for (entry, id) in &parts {
                if held.as_ref().is_none_or(|held| held.0 != *id) {
                    let tensors = tensors(*id).map_err(std::io::Error::other)?;
                    let named = tensors.into_iter().map(|tensor| (tensor.name().to_owned(), tensor.into_bytes()));
                    held = Some((*id, named.collect()));
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

/// Whether our code for transformers loads a model with its factors of which these layers are replaced. Not with experts, which
/// are one tensor in its memory, nor where only some of the layers that a tensor holds are replaced.
pub(super) fn loads_factors(model: &Config, replaced: impl Fn(LayerId) -> bool) -> bool {
    let whole = |id: LayerId| {
        let together = model.place(id).outputs.map_or(Vec::new(), |_| model.layers_in(&model.tensor_with(id)));
        together.into_iter().all(|other| replaced(other) == replaced(id))
    };
    model.experts.is_none() && model.layers().all(whole)
}

/// The replacement that these factors are of.
pub(super) fn of_kind(kind: Option<ReplacementKind>, factors: Factors) -> Replacement {
    match kind {
        Some(ReplacementKind::LowRank) => Replacement::LowRank { a: factors.a.to_dense(), b: factors.b.to_dense() },
        Some(ReplacementKind::Blocks) => Replacement::Blocks(factors),
        _ => Replacement::Factors(factors),
    }
}
