//! What is in the opened file: its layers as a tree or a table, and factors exported before.

use super::shape::{kind, shape};
use crate::app::panels::layers::table::{Known, LayersTable, Results, Rows, norms_ui};
use crate::app::panels::layers::tree::Branch;
use crate::app::panels::layers::tree_view::TreeView;
use crate::app::panels::state::State;
use crate::app::state::command::Command;
use crate::app::widgets::finder::Finder;
use crate::app::widgets::row_keys::{RowKey, RowList, moved, row_rect};
use crate::model::{Checkpoint, Orientation, TensorInfo, one_line, printable};
use eframe::egui::accesskit::Role;
use eframe::egui::{self, CollapsingHeader, Label, RichText, Sense, TextEdit, Ui, WidgetInfo};
use std::sync::Arc;

/// Largest height of the list of other tensors, in points.
const OTHERS_HEIGHT: f32 = 160.0;

/// The panel's own state.
#[derive(Default)]
pub struct LayersPanel {
    filter: String,
    as_table: bool,
    table: LayersTable,
    /// The checkpoint that was listed last.
    listed: Option<Listed>,
    /// The layer with the cursor among those that were searched for.
    cursor: Option<String>,
}

/// A checkpoint, and what is found out about it once for all frames: there may be many thousands of tensors.
struct Listed {
    of: Arc<Checkpoint>,
    /// Names of the factors in it.
    factorizations: Vec<String>,
    /// Places of its layers among its tensors.
    layers: Vec<usize>,
    /// Places of all others.
    others: Vec<usize>,
    tree: Branch,
    view: TreeView,
    /// Text that was searched for last, and the places of the layers that fit it, best first.
    found: (String, Vec<usize>),
}

impl Listed {
    fn new(checkpoint: &Arc<Checkpoint>) -> Self {
        let (layers, others) =
            (0..checkpoint.tensors().len()).partition(|&at| checkpoint.tensors()[at].matrix_shape().is_some());
        Self {
            of: checkpoint.clone(),
            factorizations: checkpoint.factorizations(),
            layers,
            others,
            tree: Branch::of(checkpoint.layers().map(|layer| layer.name.as_str())),
            view: TreeView::default(),
            found: Default::default(),
        }
    }

    /// Looks for a text, unless that was done before.
    fn search(&mut self, text: &str) {
        if self.found.0 != text {
            self.found = (text.to_owned(), found(text, &self.of, &self.layers));
        }
    }
}

impl LayersPanel {
    /// Lists what the open file holds.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Option<Command> {
        let Some(checkpoint) = &state.document.checkpoint else {
            ui.weak("Nothing is open");
            return None;
        };
        if self.listed.as_ref().is_none_or(|listed| !Arc::ptr_eq(&listed.of, checkpoint)) {
            // A search in one file says nothing about the next.
            self.filter.clear();
            self.listed = None;
        }
        let listed = self.listed.get_or_insert_with(|| Listed::new(checkpoint));
        let current = state.document.layer.as_ref().map(|open| open.layer.name.as_str());
        let orientation = state.document.orientation;
        let mut command = None;
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new(one_line(checkpoint.name())).strong());
            metadata_ui(ui, checkpoint);
        });
        let hint = "find by name, shape or type";
        let filter = ui.add(TextEdit::singleline(&mut self.filter).hint_text(hint).desired_width(f32::INFINITY));
        filter.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Filter layers"));
        ui.horizontal_wrapped(|ui| {
            ui.selectable_value(&mut self.as_table, false, "Tree").on_hover_text("By the parts of their names");
            ui.selectable_value(&mut self.as_table, true, "Table").on_hover_text("With sizes and results, sortable");
            let mut transposed = orientation == Orientation::Transposed;
            let hint = "The file stores its matrices as [in, out], as GPT-2's Conv1D layers are: turned when opened";
            if ui.checkbox(&mut transposed, "[in, out]").on_hover_text(hint).changed() {
                let stored = if transposed { Orientation::Transposed } else { Orientation::AsStored };
                command = Some(Command::SetOrientation(stored));
            }
        });
        for stem in &listed.factorizations {
            let text = format!("Factors of {}", one_line(stem));
            if ui.button(text).on_hover_text("Exported before; shows A, B and A·B").clicked() {
                command = Some(Command::OpenFactors(stem.clone()));
            }
        }
        let all = listed.layers.len();
        let searched = !self.filter.trim().is_empty();
        if searched {
            listed.search(&self.filter);
        }
        let at: &[usize] = if searched { &listed.found.1 } else { &listed.layers };
        others_ui(ui, checkpoint, &listed.others, all == 0);
        if searched && !at.is_empty() {
            let plural = if all == 1 { "" } else { "s" };
            ui.weak(format!("{} of {all} layer{plural} fit the filter", at.len()));
        }
        if at.is_empty() {
            ui.weak(if all == 0 { "No layer here that can be factorized" } else { "No layer fits the filter" });
        }
        let name = if self.as_table {
            let results = Results::of(state.runs.all(), checkpoint.name());
            let norms = &state.computed.norms;
            command = norms_ui(ui, norms, all).or(command);
            let rows = Rows { of: checkpoint, filter: if searched { &self.filter } else { "" }, at };
            self.table.ui(ui, &rows, current, &Known { results: &results, norms })
        } else if searched {
            list_ui(ui, checkpoint, at, current, &mut self.cursor)
        } else {
            let kind = |name: &str| checkpoint.tensor(name).map(shape).unwrap_or_default();
            listed.view.ui(ui, &listed.tree, current, &kind)
        };
        name.map(|name| Command::OpenLayer(name, orientation)).or(command)
    }
}

/// Tensors that cannot be factorized, with their types and the reasons; open at first where they are what there is to see.
fn others_ui(ui: &mut Ui, checkpoint: &Checkpoint, others: &[usize], alone: bool) {
    let count = others.len();
    if count == 0 {
        return;
    }
    let title = format!("{count} other tensor{}", if count == 1 { "" } else { "s" });
    let header = CollapsingHeader::new(title).id_salt(("others", checkpoint.name())).default_open(alone);
    let shown = header.show(ui, |ui| {
        let height = ui.text_style_height(&egui::TextStyle::Body);
        let scroll =
            egui::ScrollArea::both().id_salt("other tensors").max_height(OTHERS_HEIGHT).auto_shrink([false, true]);
        scroll.show_rows(ui, height, count, |ui, range| {
            for tensor in others[range].iter().map(|&at| &checkpoint.tensors()[at]) {
                let text = format!("{}  {}", one_line(&tensor.name), kind(tensor));
                let why = tensor.not_a_layer().map_or_else(String::new, |why| why.to_string());
                ui.add_enabled(false, Label::new(text).selectable(false)).on_disabled_hover_text(why);
            }
        });
    });
    shown.header_response.on_hover_text("They cannot be factorized: biases, norms, integers and the like");
}

/// Places of those layers that fit, best first; the text may name parts of the name, the shape and the type.
fn found(text: &str, checkpoint: &Checkpoint, layers: &[usize]) -> Vec<usize> {
    let text = text.replace(['×', '*'], "x");
    let full = |layer: &TensorInfo| format!("{} {}", layer.name, kind(layer).replace(" × ", "x"));
    let mut finder = Finder::new(&text);
    let mut scored: Vec<_> = layers
        .iter()
        // A digit of a name is meant before one of a size.
        .filter_map(|&at| {
            let layer = &checkpoint.tensors()[at];
            Some((finder.score(&layer.name), finder.score(&full(layer))?, at))
        })
        .collect();
    scored.sort_by_key(|&(name, full, _)| std::cmp::Reverse((name, full)));
    scored.into_iter().map(|(.., at)| at).collect()
}

fn list_ui(
    ui: &mut Ui,
    checkpoint: &Checkpoint,
    layers: &[usize],
    current: Option<&str>,
    cursor: &mut Option<String>,
) -> Option<String> {
    let list = RowList::new(ui, egui::Id::unique("layers found"), Role::ListBox, "Layers found");
    let of = |name: &str| checkpoint.place(name).and_then(|place| layers.iter().position(|&at| at == place));
    let before = cursor.as_deref().and_then(of).unwrap_or(0);
    let at = list.key.map_or(before, |key| moved(before, key, layers.len()));
    if list.key.is_some() {
        *cursor = layers.get(at).map(|&at| checkpoint.tensors()[at].name.clone());
    }
    let mut chosen = cursor.clone().filter(|_| list.key == Some(RowKey::Choose));
    let height = ui.text_style_height(&egui::TextStyle::Body);
    egui::ScrollArea::both().auto_shrink(false).show_rows(ui, height, layers.len(), |ui, range| {
        if list.scrolls() {
            ui.scroll_to_rect(row_rect(ui, height, at as f32 - range.start as f32), None);
        }
        for (index, &place) in layers.iter().enumerate().take(range.end).skip(range.start) {
            let layer = &checkpoint.tensors()[place];
            let name = one_line(&layer.name);
            ui.horizontal(|ui| {
                let selected = current == Some(&layer.name);
                // For clicks only: the keyboard belongs to the list.
                let row = ui.add(egui::Button::selectable(selected, &name).sense(Sense::CLICK));
                row.widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, selected, &name));
                if index == at {
                    list.mark(ui, &row, row.rect);
                }
                if row.on_hover_text(format!("{name}, {}", kind(layer))).clicked() {
                    chosen = Some(layer.name.clone());
                }
                ui.weak(kind(layer));
            });
        }
    });
    chosen
}

fn metadata_ui(ui: &mut Ui, checkpoint: &Checkpoint) {
    ui.menu_button("Metadata", |ui| {
        ui.set_max_width(480.0);
        egui::ScrollArea::vertical().max_height(400.0).show(ui, |ui| {
            if checkpoint.metadata().is_empty() {
                ui.weak("The file has none");
            }
            for (key, value) in checkpoint.metadata() {
                ui.label(RichText::new(printable(key)).strong());
                ui.label(value.chars().take(400).collect::<String>());
            }
        });
    });
}
