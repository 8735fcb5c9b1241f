//! The changed model as a folder that transformers loads.

use super::{LanguageRoom, Study};
use crate::compress::{CompressedLayer, Folder, Inputs, Output, Plan, Totals};
use crate::export::Layout;
use crate::factorize::Settings;
use crate::language;
use std::path::PathBuf;
use std::sync::Arc;

impl LanguageRoom {
    /// What writes the model with its compressed layers to `out`; says in a sentence what came of it.
    pub(super) fn saving(
        &self,
        settings: &Settings,
        out: PathBuf,
        replace: bool,
    ) -> Option<impl FnOnce() -> Result<String, String> + Send + 'static> {
        let study = self.study()?.clone();
        let layers: Vec<Arc<CompressedLayer>> = self.layers.values().cloned().collect();
        let plan = self.plan(settings, &Default::default(), 1);
        Some(move || write(&study, &layers, &plan, out, replace))
    }
}

fn write(
    study: &Study,
    layers: &[Arc<CompressedLayer>],
    plan: &Plan,
    out: PathBuf,
    replace: bool,
) -> Result<String, String> {
    let told = |error: crate::compress::Error| error.to_string();
    let companions = match &study.folder {
        Some(folder) => language::companions(folder).map_err(|error| error.to_string())?,
        None => language::example_companions(),
    };
    let folder = Folder::open(&study.model, plan, &Inputs::Unknown, &out, replace, false).map_err(told)?;
    let mut store = folder.store();
    for layer in layers {
        store.keep(layer).map_err(told)?;
    }
    let reports: Vec<_> = layers.iter().map(|layer| layer.report.clone()).collect();
    let (kept, all) =
        reports.iter().fold((0, 0), |(kept, all), layer| (kept + layer.nnz, all + layer.rows * layer.cols));
    let density = kept as f64 / all.max(1) as f64;
    let seconds = reports.iter().map(|layer| layer.seconds).sum();
    let totals = Totals::new(reports, plan.dense_weights(&study.model), density, seconds);
    let output = Output { layouts: vec![Layout::Merged, Layout::Bitmask], companions, statistics: None };
    folder.finish(plan, &totals, &output, replace).map_err(told)?;
    Ok(format!("The model with {} compressed layers was written to {}", layers.len(), out.display()))
}
