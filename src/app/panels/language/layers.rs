//! The model's layers: what is done with each, and what came of it.

use crate::app::panels::state::State;
use crate::app::state::command::Command;
use crate::app::state::model_command::ModelCommand;
use crate::app::tasks::language::eval_set::ModelInfo;
use crate::app::widgets::colors;
use crate::app::widgets::theme;
use crate::language::LayerId;
use crate::model::Orientation;
use eframe::egui::{Button, Grid, RichText, Role, Ui, WidgetInfo};
use std::collections::BTreeSet;
use std::ops::Range;

const HEADINGS: [(&str, &str); 7] = [
    ("Layer", "In the order in which the model computes them"),
    ("Shape", "Outputs × inputs"),
    ("State", "What replaces it"),
    ("Density", "Kept nonzeros: what is there, else the budget"),
    ("Before", "The layer-wise error before the values were finalized"),
    ("Error", "The layer-wise error of what replaces it"),
    ("Sensitivity", "Rise of ln perplexity per layer-wise error, where it was measured"),
];

/// A line for each layer; `ticked` are those that a person has ticked.
pub fn layers_ui(ui: &mut Ui, state: &State, info: &ModelInfo, ticked: &mut BTreeSet<LayerId>) -> Option<Command> {
    let mut command = None;
    let ids: Vec<LayerId> = info.config.layers().collect();
    let open = state.model_layer_on_screen();
    let height = ui.spacing().interact_size.y;
    let line = height + ui.spacing().item_spacing.y;
    let seen = seen_lines(ui, ids.len(), line);
    ui.add_space(seen.start as f32 * line);
    let grid = Grid::new("model layers").num_columns(1 + HEADINGS.len()).min_row_height(height);
    grid.striped(true).show(ui, |ui| {
        let mut every = ticked.len() == ids.len();
        if ui.checkbox(&mut every, "").on_hover_text("Tick all layers").changed() {
            *ticked = if every { ids.iter().copied().collect() } else { BTreeSet::new() };
        }
        for (heading, why) in HEADINGS {
            ui.weak(heading).on_hover_text(why);
        }
        ui.end_row();
        for &id in &ids[seen.clone()] {
            tick_ui(ui, info, id, ticked);
            command = name_ui(ui, info, id, open == Some(id)).or(command.take());
            shape_ui(ui, info, id);
            state_ui(ui, state, id);
            numbers_ui(ui, state, info, id);
            ui.end_row();
        }
    });
    ui.add_space((ids.len() - seen.end) as f32 * line);
    command
}

/// Lines of the table that are drawn: all of a small model, else those that can be seen and a few around them. An even
/// first one, because every second line is shaded.
fn seen_lines(ui: &Ui, lines: usize, height: f32) -> Range<usize> {
    /// Lines that are always drawn together.
    const ALL: usize = 300;
    if lines <= ALL {
        return 0..lines;
    }
    let (clip, top) = (ui.clip_rect(), ui.cursor().top());
    let line = |y: f32| (((y - top) / height).max(0.0) as usize).min(lines);
    let first = line(clip.top()).saturating_sub(2) / 2 * 2;
    first..(line(clip.bottom()) + 3).min(lines)
}

fn tick_ui(ui: &mut Ui, info: &ModelInfo, id: LayerId, ticked: &mut BTreeSet<LayerId>) {
    let mut on = ticked.contains(&id);
    let tick = ui.checkbox(&mut on, "");
    let text = format!("Tick {}", info.config.label(id));
    tick.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, on, &text));
    if tick.changed() {
        if on { _ = ticked.insert(id) } else { _ = ticked.remove(&id) }
    }
}

/// The layer's name, which opens it; `open` if it is.
fn name_ui(ui: &mut Ui, info: &ModelInfo, id: LayerId, open: bool) -> Option<Command> {
    let mut command = None;
    let name = ui.selectable_label(open, info.config.label(id)).on_hover_text("Open it; right-click for more");
    if name.clicked() {
        let place = info.config.place(id);
        let orientation = if place.transposed { Orientation::Transposed } else { Orientation::AsStored };
        command = Some(Command::OpenLayer(info.config.tensor_with(id), orientation));
    }
    name.context_menu(|ui| {
        let button = Button::new("Calibrate runs with its inputs in the model");
        let possible = open && info.calibrates;
        let why_not = if open { "Give a text first" } else { "Open the layer first" };
        if ui.add_enabled(possible, button).on_disabled_hover_text(why_not).clicked() {
            command = Some(Command::Model(ModelCommand::TakeInputs(id)));
            ui.close();
        }
    });
    command
}

fn shape_ui(ui: &mut Ui, info: &ModelInfo, id: LayerId) {
    let (rows, cols) = info.config.shape(id);
    ui.label(format!("{rows}×{cols}"));
}

fn numbers_ui(ui: &mut Ui, state: &State, info: &ModelInfo, id: LayerId) {
    let (rows, cols) = info.config.shape(id);
    let layer = state.language.layers().get(id);
    let share = |density: f64| format!("{:.1} %", 100.0 * density);
    match layer {
        Some(layer) => _ = ui.label(share(layer.report.nnz as f64 / (rows * cols) as f64)),
        None => _ = ui.weak(share(state.language.budget.densities.of(id))),
    }
    let report = layer.map(|layer| &layer.report);
    let number = |error: Option<f64>| error.map_or("–".into(), |error| format!("{error:.5}"));
    ui.label(number(report.and_then(|report| report.layer_error_before_finalize)));
    ui.label(number(report.and_then(|report| report.layer_error)));
    let alpha = state.language.proxy().and_then(|proxy| proxy.alphas.get(&id));
    ui.label(alpha.map_or("–".into(), |alpha| format!("{alpha:.2}")));
}

fn state_ui(ui: &mut Ui, state: &State, id: LayerId) {
    let work = state.language.compression();
    let current = work.and_then(|work| work.current()).filter(|current| current.0 == id);
    match (current, state.language.layers().get(id)) {
        (Some((_, done, _)), _) => _ = ui.strong(format!("{:.0} %", 100.0 * done)),
        (None, _) if work.is_some_and(|work| work.is_waiting(id)) => _ = ui.label("waiting"),
        (None, Some(_)) => {
            let tuned = state.language.layers().is_tuned_layer(id);
            let text = RichText::new(if tuned { "A·B, tuned" } else { "A·B" });
            let label = ui.label(text.color(theme::readable(ui.visuals(), colors::DSF)));
            if tuned {
                label.on_hover_text("By the loss of the whole model: its error of this layer alone is not measured");
            }
        }
        (None, None) if state.language.info().is_some_and(|info| info.keeps_factors) => _ = ui.weak("as stored"),
        (None, None) => _ = ui.weak("dense"),
    }
}
