//! Layers as a table: sizes, norms, and what the best run on each has come to.

use crate::app::state::run::Run;
use crate::methods::Method;
use crate::model::{Checkpoint, Orientation, TensorInfo};
use crate::tasks::{self, Message, Queue, Task, TaskHandle, shared};
use eframe::egui::{Button, Context, RichText, ScrollArea, Ui};
use egui_extras::{Column, TableBuilder};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// The least error of the DSF runs on a layer, with its nonzeros, by the tensor's name.
#[derive(Default)]
pub struct Results(HashMap<String, (f64, usize)>);

impl Results {
    /// Of the runs on layers of the checkpoint of this name.
    pub fn of(runs: &[Run], origin: &str) -> Self {
        let mut results: HashMap<String, (f64, usize)> = HashMap::new();
        for run in runs.iter().filter(|run| run.method == Method::Dsf) {
            let subject = run.subject.as_ref().filter(|subject| subject.origin == origin);
            let layer = subject.map(|subject| &subject.layer);
            let (Some(layer), Some(error), Some(nnz)) = (layer, run.error(), run.nnz()) else { continue };
            let best = results.entry(layer.name.clone()).or_insert((error, nnz));
            if error < best.0 {
                *best = (error, nnz);
            }
        }
        Self(results)
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Heading {
    /// In the file's natural order.
    #[default]
    Name,
    Shape,
    Parameters,
    Norm,
    Error,
    Nonzeros,
}

const HEADINGS: [(Heading, &str); 6] = [
    (Heading::Name, "layer"),
    (Heading::Shape, "shape"),
    (Heading::Parameters, "parameters"),
    (Heading::Norm, "norm"),
    (Heading::Error, "error"),
    (Heading::Nonzeros, "nonzeros"),
];

/// The table's own state.
#[derive(Default)]
pub struct LayersTable {
    sorted: Option<Heading>,
    descending: bool,
    norms: Norms,
}

impl LayersTable {
    /// Shows `layers` of `checkpoint`, as they come if `ranked` and nobody has asked for another order. Gives the layer
    /// that was clicked.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        checkpoint: &Arc<Checkpoint>,
        mut layers: Vec<&TensorInfo>,
        ranked: bool,
        current: Option<&str>,
        results: &Results,
    ) -> Option<String> {
        self.norms.take_in(checkpoint);
        self.norms_ui(ui, checkpoint);
        if self.sorted.is_some() || !ranked {
            self.sort(&mut layers, results);
        }
        // Wider than the panel is by itself.
        let scroll = ScrollArea::horizontal().id_salt("layers table").auto_shrink(false);
        scroll.show(ui, |ui| self.table_ui(ui, &layers, current, results)).inner
    }

    fn table_ui(
        &mut self,
        ui: &mut Ui,
        layers: &[&TensorInfo],
        current: Option<&str>,
        results: &Results,
    ) -> Option<String> {
        let mut chosen = None;
        let height = ui.text_style_height(&eframe::egui::TextStyle::Body) + 4.0;
        let table = TableBuilder::new(ui)
            .id_salt("layers table")
            .striped(true)
            .auto_shrink(false)
            .column(Column::initial(150.0).at_least(60.0).resizable(true).clip(true))
            .columns(Column::auto().at_least(40.0).resizable(true), HEADINGS.len() - 1);
        let table = table.header(height, |mut row| {
            for (heading, name) in HEADINGS {
                row.col(|ui| self.heading_ui(ui, heading, name));
            }
        });
        table.body(|body| {
            body.rows(height, layers.len(), |mut row| {
                let layer = layers[row.index()];
                let result = results.0.get(&layer.name);
                row.col(|ui| {
                    let name = ui.selectable_label(current == Some(&layer.name), short(&layer.name));
                    if name.on_hover_text(&layer.name).clicked() {
                        chosen = Some(layer.name.clone());
                    }
                });
                let norm = self.norms.of(&layer.name).map(|norm| format!("{norm:.3}"));
                for text in [
                    Some(crate::app::panels::layers::panel::kind(layer)),
                    Some(layer.len().to_string()),
                    norm,
                    result.map(|(error, _)| format!("{error:.4}")),
                    result.map(|(_, nnz)| nnz.to_string()),
                ] {
                    row.col(|ui| _ = ui.label(text.unwrap_or_else(|| "–".into())));
                }
            });
        });
        chosen
    }

    fn heading_ui(&mut self, ui: &mut Ui, heading: Heading, name: &str) {
        let mark = match self.sorted {
            Some(sorted) if sorted == heading => {
                if self.descending {
                    " ⏷"
                } else {
                    " ⏶"
                }
            }
            _ => "",
        };
        let button = ui.add(Button::new(RichText::new(format!("{name}{mark}")).strong()).frame(false));
        if button.on_hover_text(format!("Sort by {name}")).clicked() {
            // Numbers are wanted largest first.
            self.descending = if self.sorted == Some(heading) { !self.descending } else { heading != Heading::Name };
            self.sorted = Some(heading);
        }
    }

    fn norms_ui(&mut self, ui: &mut Ui, checkpoint: &Arc<Checkpoint>) {
        ui.horizontal(|ui| match self.norms.progress() {
            Some((done, all)) => {
                ui.spinner();
                ui.label(format!("norm {done} of {all}"));
                if ui.small_button("Stop").clicked() {
                    self.norms.stop();
                }
            }
            None if self.norms.values.len() < checkpoint.layers().count() => {
                let hint = "Reads every layer once; in a large file this takes a while";
                if ui.button("Measure norms").on_hover_text(hint).clicked() {
                    self.norms.start(ui.ctx(), checkpoint);
                }
            }
            None => {}
        });
    }

    fn sort(&self, layers: &mut [&TensorInfo], results: &Results) {
        let number = |layer: &TensorInfo| -> f64 {
            let result = results.0.get(&layer.name);
            match self.sorted.unwrap_or_default() {
                Heading::Name => 0.0,
                Heading::Shape => layer.matrix_shape().map_or(0.0, |(rows, cols)| rows as f64 + cols as f64 / 1e9),
                Heading::Parameters => layer.len() as f64,
                Heading::Norm => self.norms.of(&layer.name).unwrap_or(f64::NEG_INFINITY),
                Heading::Error => result.map_or(f64::NEG_INFINITY, |(error, _)| *error),
                Heading::Nonzeros => result.map_or(f64::NEG_INFINITY, |(_, nnz)| *nnz as f64),
            }
        };
        // Stable: what is equal stays in natural order.
        layers.sort_by(|x, y| {
            let order = number(x).total_cmp(&number(y));
            if self.descending { order.reverse() } else { order }
        });
        if self.sorted == Some(Heading::Name) && self.descending {
            layers.reverse();
        }
    }
}

/// Without what nearly all names of a model begin and end with.
fn short(name: &str) -> &str {
    let name = name.strip_prefix("model.").unwrap_or(name);
    let name = name.strip_prefix("layers.").unwrap_or(name);
    name.strip_suffix(".weight").unwrap_or(name)
}

/// Measures ‖W‖_F of these layers, one after the other.
#[derive(Serialize, Deserialize)]
pub struct Measure {
    #[serde(with = "shared")]
    checkpoint: Arc<Checkpoint>,
    names: Vec<String>,
}

impl Task for Measure {
    const NAME: &'static str = "norms";
    const QUEUE: Queue = Queue::Slow;
    type Progress = (String, f64);
    type Output = ();

    fn run(self, tell: &(dyn Fn((String, f64)) -> bool + Sync)) {
        for name in self.names {
            // A layer that cannot be read says so when it is opened.
            let layer = self.checkpoint.layer(&name, Orientation::AsStored);
            let norm = layer.map_or(f64::NAN, |layer| layer.weight.norm_squared().sqrt());
            if !tell((name, norm)) {
                return;
            }
        }
    }
}

/// ‖W‖_F of the layers.
#[derive(Default)]
struct Norms {
    of: Option<Arc<Checkpoint>>,
    values: HashMap<String, f64>,
    all: usize,
    underway: Option<(TaskHandle, Receiver<(String, f64)>)>,
}

impl Norms {
    fn of(&self, name: &str) -> Option<f64> {
        self.values.get(name).copied()
    }

    fn progress(&self) -> Option<(usize, usize)> {
        self.underway.as_ref().map(|_| (self.values.len(), self.all))
    }

    fn stop(&mut self) {
        self.underway = None;
    }

    fn start(&mut self, ctx: &Context, checkpoint: &Arc<Checkpoint>) {
        let (sender, receiver) = channel();
        let mut names: Vec<String> = checkpoint.layers().map(|layer| layer.name.clone()).collect();
        self.all = names.len();
        names.retain(|name| !self.values.contains_key(name));
        let ctx = ctx.clone();
        let handle = tasks::spawn(Measure { checkpoint: checkpoint.clone(), names }, move |message| {
            if let Message::Progress(norm) = message
                && sender.send(norm).is_ok()
            {
                ctx.request_repaint();
            }
        });
        self.underway = Some((handle, receiver));
    }

    /// Takes what has been measured; forgets it when another file is open.
    fn take_in(&mut self, checkpoint: &Arc<Checkpoint>) {
        if self.of.as_ref().is_none_or(|of| !Arc::ptr_eq(of, checkpoint)) {
            *self = Self { of: Some(checkpoint.clone()), ..Self::default() };
        }
        if let Some((_, receiver)) = &self.underway {
            let over = loop {
                match receiver.try_recv() {
                    Ok((name, norm)) => _ = self.values.insert(name, norm),
                    Err(error) => break error == TryRecvError::Disconnected,
                }
            };
            if over || self.values.len() == self.all {
                self.underway = None;
            }
        }
    }
}
