//! The cells of a run's line in the list.

use crate::app::state::run::{Run, RunState};
use crate::app::widgets::text::{short_layer_name, shortened};
use crate::export::error_text;
use crate::measure::Storage;
use crate::methods::Method;
use crate::model::one_line;
use eframe::egui::Ui;

/// Longest name of a model and of a layer in the list, in characters.
const NAME_CHARS: [usize; 2] = [14, 22];

/// Model and layer, shortened to what tells them apart.
pub fn names_ui(ui: &mut Ui, run: &Run) {
    let model = run.spec.model.strip_suffix(".safetensors").unwrap_or(&run.spec.model);
    ui.label(shortened(model, NAME_CHARS[0])).on_hover_text(format!("Model {}", one_line(&run.spec.model)));
    let layer = short_layer_name(&run.spec.layer_name);
    ui.label(shortened(&layer, NAME_CHARS[1])).on_hover_text(format!("Layer {}", one_line(&run.spec.layer_name)));
}

/// The relative error, the layer error on the calibration, and that on held-out inputs.
pub fn errors_ui(ui: &mut Ui, run: &Run) {
    let error = ui.label(run.error().map_or("–".into(), |error| error_text(error, 4)));
    if run.spec.is_opened() && run.spec.layer.is_none() {
        error.on_hover_text("As the file says: the layer is not open");
    }
    let errors = run.outcome.as_ref().and_then(|outcome| outcome.layer);
    let Some(errors) = errors else {
        (0..2).for_each(|_| _ = ui.weak("–").on_hover_text("Needs a calibration: the layer's inputs"));
        return;
    };
    let calibration = ui.label(format!("{:.5}", errors.calibration));
    calibration.on_hover_text(match run.spec.method {
        Method::Dsf => format!("On the calibration; before it was finalized {:.5}", errors.before_finalize),
        _ => "On the calibration".to_owned(),
    });
    match errors.held_out {
        Some(error) => _ = ui.label(format!("{error:.5}")).on_hover_text("On held-out inputs"),
        None => _ = ui.weak("–").on_hover_text("Needs held-out inputs"),
    }
}

/// The nonzeros, or the state of a run that has none yet.
pub fn nonzeros_ui(ui: &mut Ui, run: &Run) {
    ui.label(match (run.nnz(), &run.state) {
        (Some(nnz), _) => nnz.to_string(),
        (None, RunState::Failed(_)) => "failed".into(),
        (None, RunState::Cancelled) => "cancelled".into(),
        (None, _) if run.is_cancelling() => "cancelling".into(),
        (None, RunState::Paused) => "paused".into(),
        (None, _) => "running".into(),
    });
}

/// Bytes of the replacement with 16-bit values, as a share of W's.
pub fn bytes_ui(ui: &mut Ui, run: &Run) {
    let Some(outcome) = &run.outcome else {
        ui.label("");
        return;
    };
    if let Some(report) = &run.report {
        let form = |bytes: Option<u64>, how: &str| bytes.map_or(String::new(), |bytes| format!("\n{bytes} {how}"));
        ui.label(format!("{:.0} %", 100.0 * report.bytes as f64 / report.bytes_dense.max(1) as f64)).on_hover_text(
            format!(
                "{} with 16-bit values, against {} of W{}{}",
                report.bytes,
                report.bytes_dense,
                form(report.bytes_bitmask, "with a bit for each position"),
                form(report.bytes_csr, "as CSR")
            ),
        );
        return;
    }
    let ((rows, cols), [a, b]) = (outcome.replacement.shape(), outcome.replacement.nnz_of_factors());
    let k = outcome.replacement.inner_dim().unwrap_or(rows);
    let storage = Storage::of_factors(rows, cols, k, a, b);
    let share = |bytes: u64| 100.0 * bytes as f64 / storage.dense as f64;
    ui.label(format!("{:.0} %", share(storage.bitmask))).on_hover_text(format!(
        "With 16-bit values, against {} of W:\n{} with a bit for each position\n{} as CSR",
        storage.dense, storage.bitmask, storage.csr
    ));
}

/// Time of the solver.
pub fn time_ui(ui: &mut Ui, run: &Run) {
    let seconds = match (&run.outcome, &run.progress, &run.report) {
        (_, _, Some(report)) => Some(report.seconds),
        (Some(outcome), ..) => Some(outcome.seconds).filter(|&seconds| seconds > 0.0),
        (None, progress, _) => progress.as_ref().map(|progress| progress.seconds),
    };
    ui.label(seconds.map_or(String::new(), |seconds| format!("{seconds:.2} s")));
}
