//! A changed model as a folder.

use crate::app::platform::SaveTarget;
use crate::app::platform::written::Written;
use crate::compress::{CompressedLayer, Folder, Layered, Output, Plan, Totals};
use crate::hint::Failure;
use std::sync::Arc;

/// Writes `model` with these layers in place of its own, and what `output` has beside them; says in a sentence what came of it.
pub fn save_folder<M: Layered>(
    (model, inputs): (&M, &M::Inputs),
    plan: &Plan<M::Key>,
    layers: &[Arc<CompressedLayer<M::Key>>],
    output: &Output,
    target: &SaveTarget,
) -> Result<Written, Failure> {
    let (out, replace) = (target.path(), target.replaces());
    let folder = Folder::open(model, plan, inputs, out, replace, false)?;
    let mut store = folder.store();
    for layer in layers {
        store.keep(layer)?;
    }
    let reports: Vec<_> = layers.iter().map(|layer| layer.report.clone()).collect();
    let (kept, all) =
        reports.iter().fold((0, 0), |(kept, all), layer| (kept + layer.nnz, all + layer.rows * layer.cols));
    let density = kept as f64 / all.max(1) as f64;
    let seconds = reports.iter().map(|layer| layer.seconds).sum();
    let shapes = model.keys().into_iter().map(|key| (key, model.shape_of(key)));
    let totals = Totals::new(reports, plan.dense_weights(shapes), density, seconds);
    folder.finish(plan, &totals, output, replace)?;
    let said = format!("The model with {} compressed layers was written to {}", layers.len(), out.display());
    Ok(Written { said, files: Vec::new() })
}
