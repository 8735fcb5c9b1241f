//! The layers of a model: what is done with each, and what came of it.

use super::percent::percent;
use crate::app::tasks::whole_model::model::WholeModel;
use crate::app::tasks::whole_model::model_state::ModelState;
use crate::app::tasks::whole_model::tuning::tune::KeyOf;
use crate::app::widgets::colors;
use crate::app::widgets::theme;
use crate::compress::LayerKey;
use crate::export::RunReport;
use eframe::egui::{Button, Grid, RichText, Role, Ui, WidgetInfo};
use std::collections::BTreeSet;
use std::ops::Range;

/// Headings that every model's table has; one more, the model's own, comes last.
const HEADINGS: [(&str, &str); 4] = [
    ("Layer", "In the order in which the model computes them"),
    ("Shape", "Outputs × inputs, of a convolution × kernel"),
    ("State", "What replaces it"),
    ("Density", "Kept nonzeros: what is there, else the budget"),
];

/// Heading of the column that not every table has room for.
const BEFORE: (&str, &str) = ("Before", "The layer-wise error before the values were finalized");

/// Heading of the errors.
const ERROR: (&str, &str) = ("Error", "The layer-wise error of what replaces it");

/// A layer as a line of the table.
pub struct LayerLine<'a> {
    /// Its name, in short.
    pub name: String,
    /// Lengths of its dimensions.
    pub shape: String,
    /// Whether it is the layer that the views show.
    pub is_open: bool,
    /// What stands in its place.
    pub state: LayerState,
    /// Density that it is to be compressed to.
    pub budget: f64,
    /// Of what replaces it.
    pub report: Option<&'a RunReport>,
    /// What stands in the last column.
    pub last: String,
}

/// What stands in a layer's place.
pub enum LayerState {
    /// All of its weights.
    Dense,
    /// What its file holds: factors, or one sparse matrix.
    AsStored,
    /// Its weights until its turn comes.
    Waiting,
    /// Its weights while it is being compressed; the share that is done.
    InWork(f64),
    /// A replacement, with values that were tuned or not.
    Replaced {
        /// Whether they were.
        tuned: bool,
    },
}

impl LayerState {
    /// Of a layer of the open model; `as_stored` is whether what is not replaced is sparse already.
    pub fn of<S: WholeModel>(model: &ModelState<S>, key: KeyOf<S>, as_stored: bool) -> Self {
        let layers = model.layers();
        let waiting = model.compression().filter(|work| work.is_waiting(key));
        match waiting.map(|work| work.current().filter(|current| current.0 == key)) {
            Some(Some((_, done, _))) => Self::InWork(done),
            Some(None) => Self::Waiting,
            None if layers.get(key).is_some() => Self::Replaced { tuned: layers.is_tuned_layer(key) },
            None if as_stored => Self::AsStored,
            None => Self::Dense,
        }
    }
}

/// What is asked for of a layer.
pub enum LayerWish<K> {
    /// Show it in the views.
    Open(K),
    /// Calibrate runs with what it reads in the model.
    TakeInputs(K),
    /// Compress it to this density.
    SetDensity(K, f64),
}

/// A table of layers.
pub struct LayerTable<'a> {
    /// Tells tables apart.
    pub id: &'a str,
    /// Heading of the last column, and what it means.
    pub last: (&'a str, &'a str),
    /// Why the inputs of a layer that is open cannot be taken.
    pub no_inputs: Option<&'a str>,
    /// Whether the errors before the values were finalized are there too.
    pub shows_before: bool,
    /// Whether each layer's density can be set in its line.
    pub sets_densities: bool,
}

impl LayerTable<'_> {
    /// Draws a line for each layer; `ticked` are those that a person has ticked.
    pub fn ui<'a, K: LayerKey>(
        &self,
        ui: &mut Ui,
        ids: &[K],
        line_of: impl Fn(K) -> LayerLine<'a>,
        ticked: &mut BTreeSet<K>,
    ) -> Option<LayerWish<K>> {
        let mut wish = None;
        let height = ui.spacing().interact_size.y;
        let line = height + ui.spacing().item_spacing.y;
        let seen = seen_lines(ui, ids.len(), line);
        ui.add_space(seen.start as f32 * line);
        let grid = Grid::new(self.id).num_columns(4 + HEADINGS.len()).min_row_height(height);
        grid.striped(true).show(ui, |ui| {
            let mut every = ticked.len() == ids.len();
            if ui.checkbox(&mut every, "").on_hover_text("Tick all layers").changed() {
                *ticked = if every { ids.iter().copied().collect() } else { BTreeSet::new() };
            }
            let before = self.shows_before.then_some(BEFORE);
            for (heading, why) in HEADINGS.into_iter().chain(before).chain([ERROR, self.last]) {
                ui.weak(heading).on_hover_text(why);
            }
            ui.end_row();
            for &id in &ids[seen.clone()] {
                let line = line_of(id);
                tick_ui(ui, &line, id, ticked);
                wish = self.name_ui(ui, &line, id).or(wish.take());
                ui.label(&line.shape);
                state_ui(ui, &line.state);
                wish = self.density_ui(ui, &line, id).or(wish.take());
                let number = |error: Option<f64>| error.map_or("–".into(), |error| format!("{error:.5}"));
                if self.shows_before {
                    ui.label(number(line.report.and_then(|report| report.layer_error_before_finalize)));
                }
                ui.label(number(line.report.and_then(|report| report.layer_error)));
                ui.label(&line.last);
                ui.end_row();
            }
        });
        ui.add_space((ids.len() - seen.end) as f32 * line);
        wish
    }

    /// The layer's name, which opens it.
    fn name_ui<K: LayerKey>(&self, ui: &mut Ui, line: &LayerLine<'_>, id: K) -> Option<LayerWish<K>> {
        let mut wish = None;
        let name = ui.selectable_label(line.is_open, &line.name).on_hover_text("Open it; right-click for more");
        if name.clicked() {
            wish = Some(LayerWish::Open(id));
        }
        name.context_menu(|ui| {
            let button = Button::new("Calibrate runs with its inputs in the model");
            let why_not = if line.is_open { self.no_inputs } else { Some("Open the layer first") };
            let button = ui.add_enabled(why_not.is_none(), button);
            if button.on_disabled_hover_text(why_not.unwrap_or_default()).clicked() {
                wish = Some(LayerWish::TakeInputs(id));
                ui.close();
            }
        });
        wish
    }

    fn density_ui<K: LayerKey>(&self, ui: &mut Ui, line: &LayerLine<'_>, id: K) -> Option<LayerWish<K>> {
        let share = |density: f64| format!("{:.1} %", 100.0 * density);
        let mut density = line.budget;
        match line.report {
            Some(report) => _ = ui.label(share(report.nnz as f64 / (report.rows * report.cols).max(1) as f64)),
            None if self.sets_densities => {
                let text = format!("Density of {}", line.name);
                let drag =
                    percent(ui, &mut density).on_hover_text("To be kept of this layer; 100 % leaves it as it is");
                drag.widget_info(|| WidgetInfo::labeled(Role::SpinButton, true, &text));
                return drag.changed().then_some(LayerWish::SetDensity(id, density));
            }
            None => _ = ui.weak(share(density)),
        }
        None
    }
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

fn tick_ui<K: LayerKey>(ui: &mut Ui, line: &LayerLine<'_>, id: K, ticked: &mut BTreeSet<K>) {
    let mut on = ticked.contains(&id);
    let tick = ui.checkbox(&mut on, "");
    let text = format!("Tick {}", line.name);
    tick.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, on, &text));
    if tick.changed() {
        if on { _ = ticked.insert(id) } else { _ = ticked.remove(&id) }
    }
}

fn state_ui(ui: &mut Ui, state: &LayerState) {
    match state {
        LayerState::Dense => _ = ui.weak("dense"),
        LayerState::AsStored => _ = ui.weak("as stored"),
        LayerState::Waiting => _ = ui.label("waiting"),
        LayerState::InWork(done) => _ = ui.strong(format!("{:.0} %", 100.0 * done)),
        LayerState::Replaced { tuned } => {
            let text = RichText::new(if *tuned { "A·B, tuned" } else { "A·B" });
            let label = ui.label(text.color(theme::readable(ui.visuals(), colors::DSF)));
            if *tuned {
                label.on_hover_text("By the loss of the whole model: its error of this layer alone is not measured");
            }
        }
    }
}
