//! What compressions cost and bring: perplexity against bytes, and against tokens a second.

use crate::app::panels::state::State;
use crate::app::widgets::colors;
use crate::app::widgets::plot_axes::numbered;
use eframe::egui::{Color32, Ui};
use egui_plot::{Plot, PlotPoints, Points};

/// All compressions that were tried, as points beside the dense model.
pub fn tradeoff_ui(ui: &mut Ui, state: &State, over_speed: &mut bool) {
    let (tried, Some(dense)) = (state.language.tried(), state.language.tried_dense()) else { return };
    if tried.is_empty() {
        return;
    }
    let shown = ui.collapsing("Perplexity against bytes and speed", |ui| {
        ui.horizontal(|ui| {
            ui.selectable_value(over_speed, false, "Bytes").on_hover_text("Of all weights in memory");
            ui.selectable_value(over_speed, true, "Tokens a second")
                .on_hover_text("Measured while the texts beside were written; other programs slow it down");
        });
        let over_speed = *over_speed;
        let x = |bytes: usize, rate: Option<f64>| if over_speed { rate } else { Some(bytes as f64 * 1e-6) };
        let plot = Plot::new(("tradeoff", over_speed))
            .height(140.0)
            .allow_scroll(false)
            .x_axis_label(if over_speed { "tokens a second" } else { "weights, MB" })
            .y_axis_label("perplexity");
        numbered(plot, false, false).show(ui, |plot| {
            let (perplexity, bytes, rate) = dense;
            if let Some(x) = x(bytes, rate) {
                plot.points(Points::new("dense", vec![[x, perplexity]]).radius(4.0).color(Color32::GRAY));
            }
            for one in tried {
                let Some(x) = x(one.bytes, one.tokens_per_second) else { continue };
                let points = PlotPoints::from(vec![[x, one.perplexity]]);
                plot.points(Points::new(&one.label, points).radius(4.0).color(colors::DSF));
            }
        });
    });
    shown.header_response.on_hover_text("Every compression that was tried on this model");
}
