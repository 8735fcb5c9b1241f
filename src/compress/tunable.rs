//! What stands in the layers' places in a folder that a compression wrote.

use super::assembly::of_kind;
use super::work_folder::REPORT;
use super::{Error, Layered};
use crate::Named;
use crate::export::Layout;
use crate::finetune;
use crate::language::LanguageModel;
use crate::matrix::{Csr, Replacement, ReplacementKind};
use crate::methods::Method;
use crate::model::{self, Checkpoint, Dtype};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// A compressed model's layers, to be tuned.
pub struct Tunable<M: Layered = LanguageModel> {
    /// What stands in the layers' places.
    pub layers: BTreeMap<M::Key, Replacement>,
    /// Layouts of the folder.
    pub layouts: Vec<Layout>,
    /// Number format of the factors.
    pub dtype: Dtype,
    /// `report.json`, null if there is none.
    pub(super) report: Value,
}

/// A layer of which at least one weight in so many is 0 is taken for one sparse matrix, where no report says so.
const ZEROS: usize = 20;

impl<M: Layered> Tunable<M> {
    /// Reads the layers of `model`, which was opened from `folder`.
    ///
    /// Factors are taken from where they are kept: in the model's files, or beside a model with their products. A model whose
    /// layers are one sparse matrix each needs nothing beside it: its masks are its nonzeros.
    pub fn read(folder: &Path, model: &M) -> Result<Self, Error> {
        let report: Value = std::fs::read(folder.join(REPORT))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        let kinds = kinds(&report);
        let kind = |key: M::Key| kinds.get(&model.tensor_of(key)).copied();
        let checkpoint = model.checkpoint();
        if !model.sparse_stems()?.is_empty() {
            let layout = checkpoint.metadata().get("dsf.layout").and_then(|name| Layout::named(name));
            let (layers, dtype) = stored(model, checkpoint, kind)?;
            return Ok(Self { layers, dtype, layouts: vec![layout.unwrap_or(Layout::Bitmask)], report });
        }
        for layout in [Layout::Bitmask, Layout::Csr, Layout::Dense] {
            let file = folder.join(format!("factors-{}.safetensors", layout.name()));
            if file.exists() {
                let factors = model::open(&file)?;
                let (layers, dtype) = stored(model, &factors, kind)?;
                if !layers.is_empty() {
                    return Ok(Self { layers, dtype, layouts: vec![Layout::Merged, layout], report });
                }
            }
        }
        let mut layers = BTreeMap::new();
        for key in model.keys() {
            let is_one = match kind(key) {
                Some(ReplacementKind::Sparse) => true,
                Some(_) => return Err(Error::OnlyProducts { model: model.name().to_owned() }),
                // Of a folder with a report a layer that it does not name was left dense.
                None if !kinds.is_empty() => false,
                None => {
                    let weight = model.layer_of(key)?.weight;
                    ZEROS * (weight.len() - weight.nnz()) >= weight.len()
                }
            };
            if is_one {
                layers.insert(key, Replacement::Sparse(Csr::from_dense(&model.layer_of(key)?.weight)));
            }
        }
        if layers.is_empty() {
            return Err(finetune::Error::NothingSparse { model: model.name().to_owned() }.into());
        }
        Ok(Self { layers, dtype: Dtype::F32, layouts: vec![Layout::Merged], report })
    }
}

/// What is stored sparse in a checkpoint, and the number format of its first layer.
fn stored<M: Layered>(
    model: &M,
    checkpoint: &Checkpoint,
    kind: impl Fn(M::Key) -> Option<ReplacementKind>,
) -> Result<(BTreeMap<M::Key, Replacement>, Dtype), Error> {
    let (mut layers, mut dtype) = (BTreeMap::new(), None);
    for key in model.keys() {
        let stem = model.stem_of(key);
        let Some(found) = checkpoint.stored_sparse(&stem)? else { continue };
        let replacement = match checkpoint.replacement(&stem)? {
            Replacement::Factors(factors) => {
                dtype.get_or_insert(found.dtype);
                of_kind(kind(key), factors)
            }
            other => other,
        };
        layers.insert(key, replacement);
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
