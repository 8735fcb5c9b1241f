//! A density, in percent.

use eframe::egui::{DragValue, Response, Ui};

/// A density to drag or type, from 2 to 100 %.
pub fn percent(ui: &mut Ui, density: &mut f64) -> Response {
    ui.add(
        DragValue::new(density)
            .range(0.02..=1.0)
            .speed(0.002)
            .custom_formatter(|share, _| format!("{:.1}", 100.0 * share))
            .custom_parser(|text| text.trim_end_matches('%').trim().parse().ok().map(|x: f64| x / 100.0))
            .suffix(" %"),
    )
}
