//! Layers as a table: sizes, norms, and what the best run on each has come to.

use super::shape::kind;
use crate::app::state::command::Command;
use crate::app::state::run::Run;
use crate::app::tasks::norms::Norms;
use crate::app::widgets::row_keys::{RowKey, RowList, moved};
use crate::app::widgets::text::short_layer_name;
use crate::export::error_text;
use crate::methods::Method;
use crate::model::{Checkpoint, TensorInfo};
use eframe::egui::accesskit::Role;
use eframe::egui::{Button, Id, RichText, ScrollArea, Sense, TextStyle, Ui, WidgetInfo};
use egui_extras::{Column, TableBuilder};
use std::collections::HashMap;

/// The least error of the DSF runs on a layer, with its nonzeros, by the tensor's name.
#[derive(Default)]
pub struct Results(HashMap<String, (f64, usize)>);

impl Results {
    /// Of the runs on layers of the checkpoint of this name.
    pub fn of(runs: &[Run], origin: &str) -> Self {
        let mut results: HashMap<String, (f64, usize)> = HashMap::new();
        for run in runs.iter().filter(|run| run.spec.method == Method::Dsf) {
            let subject = run.spec.layer.as_ref().filter(|subject| subject.origin == origin);
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

/// Facts about the layers beside their shapes.
pub struct Known<'a> {
    /// Results of the runs on the layers.
    pub results: &'a Results,
    /// Frobenius norms of the layers.
    pub norms: &'a Norms,
}

/// The table's own state.
#[derive(Default)]
pub struct LayersTable {
    sorted: Option<Heading>,
    descending: bool,
    /// The layer with the cursor.
    cursor: Option<String>,
}

impl LayersTable {
    /// Shows `layers`, as they come if `ranked` and nobody has asked for another order. Gives the layer
    /// that was clicked.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        mut layers: Vec<&TensorInfo>,
        ranked: bool,
        current: Option<&str>,
        known: &Known<'_>,
    ) -> Option<String> {
        if self.sorted.is_some() || !ranked {
            self.sort(&mut layers, known);
        }
        // Wider than the panel is by itself.
        let scroll = ScrollArea::horizontal().id_salt("layers table").auto_shrink(false);
        scroll.show(ui, |ui| self.table_ui(ui, &layers, current, known)).inner
    }

    fn table_ui(
        &mut self,
        ui: &mut Ui,
        layers: &[&TensorInfo],
        current: Option<&str>,
        known: &Known<'_>,
    ) -> Option<String> {
        let height = ui.text_style_height(&TextStyle::Body) + 4.0;
        // Below the headings, which are stops of their own.
        let list = RowList::new(ui, Id::unique("layers in a table"), Role::ListBox, "Table of layers");
        let of = |name: &str| layers.iter().position(|layer| layer.name == name);
        let before = self.cursor.as_deref().or(current).and_then(of).unwrap_or(0);
        let at = list.key.map_or(before, |key| moved(before, key, layers.len()));
        if list.key.is_some() {
            self.cursor = layers.get(at).map(|layer| layer.name.clone());
        }
        let mut chosen = self.cursor.clone().filter(|_| list.key == Some(RowKey::Choose));
        let mut table = TableBuilder::new(ui)
            .id_salt("layers table")
            .striped(true)
            .auto_shrink(false)
            .column(Column::initial(150.0).at_least(60.0).resizable(true).clip(true))
            .columns(Column::auto().at_least(40.0).resizable(true), HEADINGS.len() - 1);
        if list.scrolls() {
            table = table.scroll_to_row(at, None);
        }
        let table = table.header(height, |mut row| {
            for (heading, name) in HEADINGS {
                row.col(|ui| self.heading_ui(ui, heading, name));
            }
        });
        table.body(|body| {
            body.rows(height, layers.len(), |mut row| {
                let layer = layers[row.index()];
                let result = known.results.0.get(&layer.name);
                let index = row.index();
                row.col(|ui| {
                    let selected = current == Some(&layer.name);
                    let short = short_layer_name(&layer.name);
                    // For clicks only: the keyboard belongs to the list.
                    let name = ui.add(Button::selectable(selected, short).sense(Sense::CLICK));
                    name.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, selected, short));
                    if index == at {
                        list.mark(ui, &name, name.rect);
                    }
                    if name.on_hover_text(&layer.name).clicked() {
                        chosen = Some(layer.name.clone());
                    }
                });
                let norm = known.norms.of(&layer.name).map(|norm| format!("{norm:.3}"));
                for text in [
                    Some(kind(layer)),
                    Some(layer.len().to_string()),
                    norm,
                    result.map(|(error, _)| error_text(*error, 4)),
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

    fn sort(&self, layers: &mut [&TensorInfo], known: &Known<'_>) {
        let number = |layer: &TensorInfo| -> f64 {
            let result = known.results.0.get(&layer.name);
            match self.sorted.unwrap_or_default() {
                Heading::Name => 0.0,
                Heading::Shape => layer.matrix_shape().map_or(0.0, |(rows, cols)| rows as f64 + cols as f64 / 1e9),
                Heading::Parameters => layer.len() as f64,
                Heading::Norm => known.norms.of(&layer.name).unwrap_or(f64::NEG_INFINITY),
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

/// Asks for the norms, or says how many are measured.
pub fn norms_ui(ui: &mut Ui, norms: &Norms, checkpoint: &Checkpoint) -> Option<Command> {
    let row = ui.horizontal(|ui| match norms.progress() {
        Some((done, all)) => {
            ui.spinner();
            ui.label(format!("norm {done} of {all}"));
            ui.small_button("Stop").clicked().then_some(Command::StopNorms)
        }
        None if norms.count() < checkpoint.layers().count() => {
            let hint = "Reads every layer once; in a large file this takes a while";
            ui.button("Measure norms").on_hover_text(hint).clicked().then_some(Command::MeasureNorms)
        }
        None => None,
    });
    row.inner
}
