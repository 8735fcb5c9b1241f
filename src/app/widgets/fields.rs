//! Controls with their labels, alike everywhere.

use super::marks::{mark, take_focus, why_ui};
use crate::Named;
use eframe::egui::{ComboBox, Grid, Response, Slider, Ui};

/// A share shown in percent.
pub fn percent(share: &mut f64) -> Slider<'_> {
    Slider::new(share, 0.001..=1.0)
        .custom_formatter(|share, _| format!("{:.1}", 100.0 * share))
        .custom_parser(|text| text.trim_end_matches('%').trim().parse().ok().map(|percent: f64| percent / 100.0))
        .suffix(" %")
}

/// A slider under its label, over the panel's whole width.
pub fn slider(ui: &mut Ui, label: &str, why: &str, add: impl FnOnce(&mut Ui) -> Response) {
    let name = ui.horizontal(|ui| {
        let name = ui.label(label).on_hover_text(why);
        why_ui(ui, label);
        name
    });
    let (row, name) = (name.response.rect, name.inner);
    ui.spacing_mut().slider_width = ui.available_width() - 70.0;
    let control = add(ui).labelled_by(name.id).on_hover_text(why);
    take_focus(label, &control);
    mark(ui, label, row.union(control.rect));
}

/// A control beside its label.
pub fn labelled(ui: &mut Ui, label: &str, why: &str, add: impl FnOnce(&mut Ui) -> Response) {
    Grid::new(label).num_columns(2).min_col_width(92.0).show(ui, |ui| {
        let name = ui.horizontal(|ui| {
            let name = ui.label(label).on_hover_text(why);
            why_ui(ui, label);
            name
        });
        let control = add(ui).labelled_by(name.inner.id).on_hover_text(why);
        take_focus(label, &control);
        mark(ui, label, name.response.rect.union(control.rect));
    });
}

/// A box to tick.
pub fn tick(ui: &mut Ui, on: &mut bool, label: &str, why: &str) -> Response {
    let row = ui.horizontal(|ui| {
        let tick = ui.checkbox(on, label).on_hover_text(why);
        why_ui(ui, label);
        tick
    });
    take_focus(label, &row.inner);
    mark(ui, label, row.response.rect);
    row.inner
}

/// A choice of one among all variants, beside its label.
pub fn choice<T: Named + PartialEq>(ui: &mut Ui, label: &str, why: &str, chosen: &mut T) {
    labelled(ui, label, why, |ui| {
        ComboBox::from_id_salt(label)
            .selected_text(chosen.name())
            .show_ui(ui, |ui| {
                for &item in T::ALL {
                    ui.selectable_value(chosen, item, item.name());
                }
            })
            .response
    });
}
