//! What is in the opened file: its layers, and factors exported before.

use crate::model::{Checkpoint, Orientation};
use eframe::egui::{self, RichText, ScrollArea, TextEdit, Ui};

/// What was chosen.
pub enum Choice {
    /// This layer is to be looked at.
    Layer(String, Orientation),
    /// These factors are.
    Factors(String),
}

/// The panel's own state.
#[derive(Default)]
pub struct LayersPanel {
    filter: String,
    transpose: bool,
}

impl LayersPanel {
    /// Lists `checkpoint`; `current` is the layer on screen.
    pub fn ui(&mut self, ui: &mut Ui, checkpoint: &Checkpoint, current: Option<&str>) -> Option<Choice> {
        let mut choice = None;
        ui.horizontal(|ui| {
            ui.label(RichText::new(checkpoint.name()).strong());
            ui.menu_button("Metadata", |ui| {
                ui.set_max_width(480.0);
                if checkpoint.metadata().is_empty() {
                    ui.weak("The file has none");
                }
                for (key, value) in checkpoint.metadata() {
                    ui.label(RichText::new(key).strong());
                    ui.label(value.chars().take(400).collect::<String>());
                }
            });
        });
        let hint = "filter by name, shape or type";
        let filter = ui.add(TextEdit::singleline(&mut self.filter).hint_text(hint).desired_width(f32::INFINITY));
        filter.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Filter layers"));
        ui.checkbox(&mut self.transpose, "Stored as [in, out]").on_hover_text(
            "GPT-2's Conv1D layers are stored the other way round; this turns them when they are opened",
        );
        let orientation = if self.transpose { Orientation::Transposed } else { Orientation::AsStored };
        for stem in checkpoint.factorizations() {
            if ui.button(format!("Factors of {stem}")).on_hover_text("Exported before; shows A, B and A·B").clicked() {
                choice = Some(Choice::Factors(stem));
            }
        }
        let needle = self.filter.to_lowercase();
        let rows: Vec<(String, String)> = checkpoint
            .layers()
            .map(|tensor| (tensor.name.clone(), format!("{} {}", shape(&tensor.shape), tensor.dtype)))
            .filter(|(name, kind)| {
                needle.split_whitespace().all(|word| format!("{name} {kind}").to_lowercase().contains(word))
            })
            .collect();
        if rows.is_empty() {
            ui.weak(if needle.is_empty() {
                "No layer here that can be factorized"
            } else {
                "No layer fits the filter"
            });
        }
        let height = ui.text_style_height(&egui::TextStyle::Body);
        ScrollArea::both().auto_shrink(false).show_rows(ui, height, rows.len(), |ui, range| {
            for (name, kind) in &rows[range] {
                let short = name.strip_prefix("model.").unwrap_or(name);
                let short = short.strip_suffix(".weight").unwrap_or(short);
                ui.horizontal(|ui| {
                    let row = ui.selectable_label(current == Some(name), short);
                    if row.on_hover_text(format!("{name}, {kind}")).clicked() {
                        choice = Some(Choice::Layer(name.clone(), orientation));
                    }
                    ui.weak(kind);
                });
            }
        });
        choice
    }
}

/// As `256 × 688`.
pub fn shape(shape: &[usize]) -> String {
    shape.iter().map(usize::to_string).collect::<Vec<_>>().join(" × ")
}
