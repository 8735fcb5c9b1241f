//! What stands in the layers' places in a folder that a compression wrote.

use super::Error;
use super::assembly::of_kind;
use super::work_folder::REPORT;
use crate::Named;
use crate::export::Layout;
use crate::finetune;
use crate::language::{self, LanguageModel, LayerId};
use crate::matrix::{Csr, Replacement, ReplacementKind};
use crate::methods::Method;
use crate::model::{self, Checkpoint, Dtype};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// A compressed model's layers, to be tuned.
pub struct Tunable {
    /// What stands in the layers' places.
    pub layers: BTreeMap<LayerId, Replacement>,
    /// Layouts of the folder.
    pub layouts: Vec<Layout>,
    /// Number format of the factors.
    pub dtype: Dtype,
    /// `report.json`, null if there is none.
    pub(super) report: Value,
}

/// A layer of which at least one weight in so many is 0 is taken for one sparse matrix, where no report says so.
const ZEROS: usize = 20;

impl Tunable {
    /// Reads the layers of `model`, which was opened from `folder`.
    ///
    /// Factors are taken from where they are kept: in the model's files, or beside a model with their products. A model whose
    /// layers are one sparse matrix each needs nothing beside it: its masks are its nonzeros.
    pub fn read(folder: &Path, model: &LanguageModel) -> Result<Self, Error> {
        let report: Value = std::fs::read(folder.join(REPORT))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let kinds = kinds(&report);
        let kind = |id: LayerId| kinds.get(&model.config().tensor(id)).copied();
        let checkpoint = model.checkpoint();
        if model.is_sparse() {
            let layout = checkpoint.metadata().get("dsf.layout").and_then(|name| Layout::named(name));
            let (layers, dtype) = stored(model, checkpoint, kind)?;
            return Ok(Self { layers, dtype, layouts: vec![layout.unwrap_or(Layout::Bitmask)], report });
        }
        for layout in [Layout::Bitmask, Layout::Csr, Layout::Dense] {
            let file = folder.join(format!("factors-{}.safetensors", layout.name()));
            if file.exists() {
                let factors = model::open(&file).map_err(language::Error::from)?;
                let (layers, dtype) = stored(model, &factors, kind)?;
                if !layers.is_empty() {
                    return Ok(Self { layers, dtype, layouts: vec![Layout::Merged, layout], report });
                }
            }
        }
        let mut layers = BTreeMap::new();
        for id in model.layers() {
            let is_one = match kind(id) {
                Some(ReplacementKind::Sparse) => true,
                Some(_) => return Err(Error::OnlyProducts { model: model.name().to_owned() }),
                // Of a folder with a report a layer that it does not name was left dense.
                None if !kinds.is_empty() => false,
                None => {
                    let weight = model.layer(id)?.weight;
                    ZEROS * (weight.len() - weight.nnz()) >= weight.len()
                }
            };
            if is_one {
                layers.insert(id, Replacement::Sparse(Csr::from_dense(&model.layer(id)?.weight)));
            }
        }
        if layers.is_empty() {
            return Err(finetune::Error::NothingSparse { model: model.name().to_owned() }.into());
        }
        Ok(Self { layers, dtype: Dtype::F32, layouts: vec![Layout::Merged], report })
    }
}

/// What is stored sparse in a checkpoint, and the number format of its first layer.
fn stored(
    model: &LanguageModel,
    checkpoint: &Checkpoint,
    kind: impl Fn(LayerId) -> Option<ReplacementKind>,
) -> Result<(BTreeMap<LayerId, Replacement>, Dtype), Error> {
    let (mut layers, mut dtype) = (BTreeMap::new(), None);
    for id in model.layers() {
        let stem = model.config().stem(id);
        let Some(found) = checkpoint.stored_sparse(&stem).map_err(language::Error::from)? else { continue };
        let replacement = match checkpoint.replacement(&stem).map_err(language::Error::from)? {
            Replacement::Factors(factors) => {
                dtype.get_or_insert(found.dtype);
                of_kind(kind(id), factors)
            }
            other => other,
        };
        layers.insert(id, replacement);
    }
    Ok((layers, dtype.unwrap_or(Dtype::F32)))
}

/// What the report says of layers, by the names of their tensors.
fn kinds(report: &Value) -> BTreeMap<String, ReplacementKind> {
    let layers = report["layers"].as_array().map_or(&[][..], Vec::as_slice);
    let kind = |layer: &Value| {
        let method = Method::named(layer["method"].as_str()?)?;
        Some((layer["tensor"].as_str()?.to_owned(), method.kind()))
    };
    layers.iter().filter_map(kind).collect()
}
