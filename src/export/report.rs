//! What a run came to, as JSON: the command line prints it, files carry it.

use super::Export;
use crate::factorize::{Calibration, Preset};
use crate::job::{Outcome, Problem};
use crate::matrix::Matrix;
use crate::measure::{self, Storage};
use crate::model::Layer;
use serde::{Deserialize, Serialize};

/// The result of factorizing one layer. The keys are a contract; one without meaning for a run is null.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// How W was replaced: `dsf`, `magnitude`.
    pub method: String,
    /// What the settings started from.
    pub preset: Option<String>,
    /// The file's name, without a folder.
    pub source: String,
    /// The tensor's name.
    pub tensor: String,
    /// Rows of W, its outputs.
    pub rows: usize,
    /// Columns of W, its inputs.
    pub cols: usize,
    /// k, the columns of A and rows of B; null where W is replaced by one matrix.
    pub inner_dim: Option<usize>,
    /// The share of W's entries that was asked for.
    pub density: f64,
    /// Nonzeros of A as written.
    pub nnz_a: Option<usize>,
    /// Nonzeros of B as written.
    pub nnz_b: Option<usize>,
    /// Nonzeros of what replaces W.
    pub nnz: usize,
    /// W with 16-bit values.
    pub bytes_dense: u64,
    /// What replaces W with 16-bit values and one bit a position.
    pub bytes_bitmask: u64,
    /// What replaces W with 16-bit values and a column index each.
    pub bytes_csr: u64,
    /// ‖W − AB‖_F / ‖W‖_F of the values as written, in f64.
    pub relative_error: f64,
    /// tr((W − AB)·XᵀX·(W − AB)ᵀ) / tr(W·XᵀX·Wᵀ); null without calibration.
    pub layer_error: Option<f64>,
    /// Null without calibration.
    pub layer_error_before_finalize: Option<f64>,
    /// Null without held-out data.
    pub layer_error_held_out: Option<f64>,
    /// The solver alone.
    pub seconds: f64,
    /// Where it ran.
    pub backend: String,
    /// The GPU's name; null on the CPU.
    pub adapter: Option<String>,
    /// Worker threads.
    pub threads: usize,
    /// Of the random start.
    pub seed: u64,
    /// Outer iterations.
    pub outer: usize,
    /// Inner iterations of each half-step.
    pub inner: usize,
    /// The relative error after each outer iteration; with calibration, of W scaled by the inputs' norms.
    pub history: Vec<f64>,
}

impl RunReport {
    /// Of `export`, which was made from `outcome` of `problem`, for `layer`.
    pub fn new(
        layer: &Layer,
        problem: &Problem,
        preset: Option<Preset>,
        export: &Export,
        outcome: &Outcome,
        threads: usize,
    ) -> Self {
        let ((rows, cols), inner_dim) = (layer.weight.shape(), outcome.factors.a.cols());
        let (nnz_a, nnz_b) = (export.nnz_a(), export.nnz_b());
        let settings = &outcome.settings;
        let storage = Storage::of_factors(rows, cols, inner_dim, nnz_a, nnz_b);
        Self {
            method: "dsf".into(),
            preset: preset.map(|preset| preset.name().into()),
            source: layer.file.clone(),
            tensor: layer.name.clone(),
            rows,
            cols,
            inner_dim: Some(inner_dim),
            density: settings.density,
            nnz_a: Some(nnz_a),
            nnz_b: Some(nnz_b),
            nnz: nnz_a + nnz_b,
            bytes_dense: storage.dense,
            bytes_bitmask: storage.bitmask,
            bytes_csr: storage.csr,
            relative_error: export.relative_error(layer),
            layer_error: problem.calibration.as_deref().map(|inputs| export.layer_error(layer, inputs)),
            layer_error_before_finalize: outcome.layer.map(|errors| errors.before_finalize),
            layer_error_held_out: problem.held_out.as_deref().map(|inputs| export.layer_error(layer, inputs)),
            seconds: outcome.seconds,
            backend: "cpu".into(),
            adapter: None,
            threads,
            seed: settings.seed,
            outer: settings.outer,
            inner: settings.inner,
            history: outcome.history.clone(),
        }
    }

    /// Of `pruned`, which is written in W's place, made from `layer` of `problem` by `method` in so many seconds.
    pub fn of_pruned(
        layer: &Layer,
        problem: &Problem,
        method: &str,
        density: f64,
        pruned: &Matrix,
        seconds: f64,
        threads: usize,
    ) -> Self {
        let ((rows, cols), nnz) = (layer.weight.shape(), pruned.nnz());
        let storage = Storage::of_matrix(rows, cols, nnz);
        let on = |inputs: &Calibration| measure::layer_difference(&layer.weight, pruned, inputs.xtx());
        let layer_error = problem.calibration.as_deref().map(on);
        Self {
            method: method.into(),
            preset: None,
            source: layer.file.clone(),
            tensor: layer.name.clone(),
            rows,
            cols,
            inner_dim: None,
            density,
            nnz_a: None,
            nnz_b: None,
            nnz,
            bytes_dense: storage.dense,
            bytes_bitmask: storage.bitmask,
            bytes_csr: storage.csr,
            relative_error: measure::relative_difference(&layer.weight, pruned),
            layer_error,
            layer_error_before_finalize: layer_error,
            layer_error_held_out: problem.held_out.as_deref().map(on),
            seconds,
            backend: "cpu".into(),
            adapter: None,
            threads,
            seed: 0,
            outer: 0,
            inner: 0,
            history: Vec::new(),
        }
    }
}

impl Export {
    /// Writes the file, with the settings and the report in its metadata; see [`super::write`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn write(
        &self,
        path: &std::path::Path,
        settings: &crate::factorize::Settings,
        report: &RunReport,
        replace: bool,
    ) -> Result<(), super::Error> {
        let bytes = self.to_bytes(&serde_json::json!(settings), &serde_json::json!(report));
        super::write(path, &bytes, replace)
    }
}
