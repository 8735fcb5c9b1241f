//! Layers as a table: sizes, norms, and what the best run on each has come to.

use super::shape::kind;
use crate::app::state::command::Command;
use crate::app::state::run::Run;
use crate::app::tasks::norms::Norms;
use crate::app::widgets::row_keys::{RowKey, RowList, moved};
use crate::app::widgets::text::short_layer_name;
use crate::export::error_text;
use crate::methods::Method;
use crate::model::{Checkpoint, TensorInfo, one_line};
use eframe::egui::accesskit::Role;
use eframe::egui::{Button, Id, RichText, ScrollArea, Sense, TextStyle, Ui, WidgetInfo};
use egui_extras::{Column, TableBuilder};
use std::collections::HashMap;
use std::sync::Arc;

/// The least error of the DSF runs on a layer, with its nonzeros, by the tensor's name.
#[derive(Clone, Default, PartialEq)]
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

/// Layers to be listed.
pub struct Rows<'a> {
    /// The checkpoint that holds them.
    pub of: &'a Arc<Checkpoint>,
    /// The search that found them, best first; empty for all of them.
    pub filter: &'a str,
    /// Their places among the checkpoint's tensors.
    pub at: &'a [usize],
}

/// The table's own state.
#[derive(Default)]
pub struct LayersTable {
    sorted: Option<Heading>,
    descending: bool,
    /// The order of the last frame, and what it was of.
    order: Option<(Sorting, Vec<usize>)>,
    /// The layer with the cursor.
    cursor: Option<String>,
}

/// All that the order of the rows depends on.
struct Sorting {
    of: Arc<Checkpoint>,
    filter: String,
    sorted: Option<Heading>,
    descending: bool,
    /// Number of norms that were measured, where these are sorted by.
    norms: usize,
    /// Results of runs, where these are sorted by.
    results: Results,
}

impl PartialEq for Sorting {
    fn eq(&self, other: &Self) -> bool {
        let of = |sorting: &Self| (sorting.sorted, sorting.descending, sorting.norms);
        Arc::ptr_eq(&self.of, &other.of)
            && of(self) == of(other)
            && self.filter == other.filter
            && self.results == other.results
    }
}

impl LayersTable {
    /// Shows the rows, those of a search as they come unless somebody has asked for another order. Gives the layer that
    /// was clicked.
    pub fn ui(&mut self, ui: &mut Ui, rows: &Rows<'_>, current: Option<&str>, known: &Known<'_>) -> Option<String> {
        let (sorting, order) = self.order(rows, known);
        // Wider than the panel is by itself.
        let scroll = ScrollArea::horizontal().id_salt("layers table").auto_shrink(false);
        let chosen = scroll.show(ui, |ui| self.table_ui(ui, rows.of, &order, current, known)).inner;
        self.order = Some((sorting, order));
        chosen
    }

    /// The order of the rows: that of the last frame, if nothing has changed.
    fn order(&mut self, rows: &Rows<'_>, known: &Known<'_>) -> (Sorting, Vec<usize>) {
        let by_results = matches!(self.sorted, Some(Heading::Error | Heading::Nonzeros));
        let sorting = Sorting {
            of: rows.of.clone(),
            filter: rows.filter.to_owned(),
            sorted: self.sorted,
            descending: self.descending,
            norms: if self.sorted == Some(Heading::Norm) { known.norms.count() } else { 0 },
            results: if by_results { known.results.clone() } else { Results::default() },
        };
        match self.order.take() {
            Some((last, order)) if last == sorting => (sorting, order),
            _ => (sorting, self.sorted_rows(rows, known)),
        }
    }

    fn table_ui(
        &mut self,
        ui: &mut Ui,
        checkpoint: &Checkpoint,
        layers: &[usize],
        current: Option<&str>,
        known: &Known<'_>,
    ) -> Option<String> {
        let height = ui.text_style_height(&TextStyle::Body) + 4.0;
        // Below the headings, which are stops of their own.
        let list = RowList::new(ui, Id::unique("layers in a table"), Role::ListBox, "Table of layers");
        let of = |name: &str| checkpoint.place(name).and_then(|place| layers.iter().position(|&at| at == place));
        let before = self.cursor.as_deref().or(current).and_then(of).unwrap_or(0);
        let at = list.key.map_or(before, |key| moved(before, key, layers.len()));
        if list.key.is_some() {
            self.cursor = layers.get(at).map(|&at| checkpoint.tensors()[at].name.clone());
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
                let layer = &checkpoint.tensors()[layers[row.index()]];
                let result = known.results.0.get(&layer.name);
                let index = row.index();
                row.col(|ui| {
                    let selected = current == Some(&layer.name);
                    let short = short_layer_name(&layer.name);
                    // For clicks only: the keyboard belongs to the list.
                    let name = ui.add(Button::selectable(selected, &*short).sense(Sense::CLICK));
                    name.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, selected, &short));
                    if index == at {
                        list.mark(ui, &name, name.rect);
                    }
                    if name.on_hover_text(one_line(&layer.name)).clicked() {
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

    fn sorted_rows(&self, rows: &Rows<'_>, known: &Known<'_>) -> Vec<usize> {
        let (heading, mut order) = (self.sorted.unwrap_or_default(), rows.at.to_vec());
        if heading == Heading::Name {
            // Tensors are in natural order; those of a search are not.
            if self.sorted.is_some() {
                order.sort_unstable();
            }
            if self.descending {
                order.reverse();
            }
            return order;
        }
        let number = |layer: &TensorInfo| -> f64 {
            let result = || known.results.0.get(&layer.name);
            match heading {
                Heading::Name => 0.0,
                Heading::Shape => layer.matrix_shape().map_or(0.0, |(rows, cols)| rows as f64 + cols as f64 / 1e9),
                Heading::Parameters => layer.len() as f64,
                Heading::Norm => known.norms.of(&layer.name).unwrap_or(f64::NEG_INFINITY),
                Heading::Error => result().map_or(f64::NEG_INFINITY, |(error, _)| *error),
                Heading::Nonzeros => result().map_or(f64::NEG_INFINITY, |(_, nnz)| *nnz as f64),
            }
        };
        let mut numbered: Vec<(f64, usize)> =
            order.into_iter().map(|at| (number(&rows.of.tensors()[at]), at)).collect();
        // Stable: what is equal stays in its order.
        numbered.sort_by(|(x, _), (y, _)| if self.descending { y.total_cmp(x) } else { x.total_cmp(y) });
        numbered.into_iter().map(|(_, at)| at).collect()
    }
}

/// Asks for the norms of so many layers, or says how many are measured.
pub fn norms_ui(ui: &mut Ui, norms: &Norms, layers: usize) -> Option<Command> {
    let row = ui.horizontal(|ui| match norms.progress() {
        Some((done, all)) => {
            ui.spinner();
            ui.label(format!("norm {done} of {all}"));
            ui.small_button("Stop").clicked().then_some(Command::StopNorms)
        }
        None if norms.count() < layers => {
            let hint = "Reads every layer once; in a large file this takes a while";
            ui.button("Measure norms").on_hover_text(hint).clicked().then_some(Command::MeasureNorms)
        }
        None => None,
    });
    row.inner
}
