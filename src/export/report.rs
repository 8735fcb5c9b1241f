//! The report of a run as JSON, which the command line prints and files carry.

use super::Export;
use crate::Named;
use crate::factorize::Preset;
use crate::job::{LayerErrors, Outcome};
use crate::matrix::{Calibration, Problem};
use crate::measure::{Note, Stored};
use crate::methods::Method;
use crate::model::Layer;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The result of replacing one layer. The keys are a contract; those without meaning for a run are null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// Name of the [`Method`].
    pub method: String,
    /// Name of the preset that the settings started from.
    pub preset: Option<String>,
    /// Name of the layer's file, without a folder.
    pub source: String,
    /// Name of the layer's tensor.
    pub tensor: String,
    /// Rows of W, its outputs.
    pub rows: usize,
    /// Columns of W, its inputs.
    pub cols: usize,
    /// Inner dimension k, the columns of A and rows of B; null where one matrix replaces W.
    pub inner_dim: Option<usize>,
    /// Requested share of W's entries.
    pub density: f64,
    /// Number of nonzeros of A, as written.
    pub nnz_a: Option<usize>,
    /// Number of nonzeros of B, as written.
    pub nnz_b: Option<usize>,
    /// Number of nonzeros of what replaces W.
    pub nnz: usize,
    /// Bytes of W with 16-bit values.
    pub bytes_dense: u64,
    /// Bytes of what replaces W with 16-bit values and one bit a position; null where no positions are stored.
    pub bytes_bitmask: Option<u64>,
    /// Bytes of what replaces W with 16-bit values and a column index each; null where no positions are stored.
    pub bytes_csr: Option<u64>,
    /// Least of the bytes that what replaces W takes with 16-bit values.
    pub bytes: u64,
    /// ‖W − AB‖_F / ‖W‖_F of the values as written, in f64.
    pub relative_error: f64,
    /// Layer-wise error tr((W − AB)·XᵀX·(W − AB)ᵀ) / tr(W·XᵀX·Wᵀ); null without calibration, and where all its inputs
    /// are 0.
    pub layer_error: Option<f64>,
    /// Layer-wise error before the finalization; null without calibration.
    pub layer_error_before_finalize: Option<f64>,
    /// Layer-wise error on held-out inputs; null without them.
    pub layer_error_held_out: Option<f64>,
    /// What a person should know of the result beside its errors, in sentences.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Duration of the solver alone, in seconds.
    pub seconds: f64,
    /// Backend that computed it, `cpu` or `gpu`.
    pub backend: String,
    /// Name of the graphics adapter; null on the CPU.
    pub adapter: Option<String>,
    /// Number of worker threads.
    pub threads: usize,
    /// Seed of the random start; null without a run.
    pub seed: Option<u64>,
    /// Number of outer iterations; null without a run.
    pub outer: Option<usize>,
    /// Number of inner iterations of each half-step; null without a run.
    pub inner: Option<usize>,
    /// Relative error after each outer iteration; with calibration, of W scaled by the inputs' norms.
    pub history: Vec<f64>,
}

impl RunReport {
    /// The method, if this program knows it.
    pub fn method(&self) -> Option<Method> {
        Method::named(&self.method)
    }

    /// Name of the method for people, with the preset of a run.
    pub fn title(&self) -> String {
        let title = self.method().map_or_else(|| self.method.clone(), |method| method.title().to_owned());
        self.preset.as_ref().map_or(title.clone(), |preset| format!("{title}, {preset}"))
    }

    /// Name of the layer's tensor without `.weight`.
    pub fn stem(&self) -> &str {
        self.tensor.strip_suffix(".weight").unwrap_or(&self.tensor)
    }

    /// The layer-wise errors; `None` without calibration.
    pub fn layer_errors(&self) -> Option<LayerErrors> {
        let calibration = self.layer_error?;
        let before_finalize = self.layer_error_before_finalize.unwrap_or(calibration);
        Some(LayerErrors { before_finalize, calibration, held_out: self.layer_error_held_out })
    }

    /// Of `export`, with which `method` replaces the layer of `problem` at a density; without what only a run has.
    pub fn new(
        layer: &Layer,
        problem: &Problem,
        (method, density): (Method, f64),
        export: &Export,
        (seconds, threads): (f64, usize),
    ) -> Self {
        let (rows, cols) = layer.weight.shape();
        let replacement = export.replacement();
        let stored = Stored::of(replacement);
        let factors = export.nnz_of_factors();
        let on = |inputs: &Option<Arc<Calibration>>| {
            inputs.as_ref().filter(|inputs| !inputs.is_zero()).map(|inputs| export.layer_error(layer, inputs))
        };
        let relative_error = export.relative_error(layer);
        let mut notes = Note::of_inputs(problem);
        notes.extend(Note::of_nothing(relative_error, problem.calibration.as_deref()));
        Self {
            method: method.name().into(),
            preset: None,
            source: layer.file.clone(),
            tensor: layer.name.clone(),
            rows,
            cols,
            inner_dim: replacement.inner_dim(),
            density,
            nnz_a: factors.map(|[a, _]| a),
            nnz_b: factors.map(|[_, b]| b),
            nnz: replacement.entries(),
            bytes_dense: 2 * (rows * cols) as u64,
            bytes_bitmask: stored.bitmask,
            bytes_csr: stored.csr,
            bytes: stored.bytes,
            relative_error,
            layer_error: on(&problem.calibration),
            layer_error_before_finalize: None,
            layer_error_held_out: on(&problem.held_out),
            notes: notes.iter().map(Note::to_string).collect(),
            seconds,
            backend: "cpu".into(),
            adapter: None,
            threads,
            seed: None,
            outer: None,
            inner: None,
            history: Vec::new(),
        }
    }

    /// The same of a run of DSF, with what only a run has.
    pub fn of_run(
        layer: &Layer,
        problem: &Problem,
        preset: Option<Preset>,
        export: &Export,
        outcome: &Outcome,
        threads: usize,
    ) -> Self {
        let settings = &outcome.settings;
        let how = (Method::Dsf, settings.density);
        Self {
            preset: preset.map(|preset| preset.name().into()),
            layer_error_before_finalize: outcome.layer.map(|errors| errors.before_finalize),
            backend: outcome.place.backend.clone(),
            adapter: outcome.place.adapter.clone(),
            seed: Some(settings.seed),
            outer: Some(settings.outer),
            inner: Some(settings.inner),
            history: outcome.history.clone(),
            notes: outcome.notes.iter().map(Note::to_string).collect(),
            ..Self::new(layer, problem, how, export, (outcome.seconds, threads))
        }
    }
}

impl Export {
    /// Writes the file, with the settings and the report in its metadata; see [`super::write`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn write(
        &self,
        path: &std::path::Path,
        settings: &serde_json::Value,
        report: &RunReport,
        replace: bool,
    ) -> Result<(), super::Error> {
        let metadata = self.metadata(settings, &serde_json::json!(report));
        super::write_with(path, replace, |out| super::container::write_tensors(out, self.tensors(), &metadata))
    }
}
