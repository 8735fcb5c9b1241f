//! The values of one matrix, and where pruning cut.

use crate::app::panels::state::State;
use crate::app::state::pane::Pane;
use crate::app::widgets::colors;
use crate::app::widgets::plot_axes::numbered;
use eframe::egui::Ui;
use egui_plot::{Bar, BarChart, Legend, Plot, VLine};

/// The panel's own state.
pub struct HistogramPanel {
    pane: Pane,
    logarithmic: bool,
}

impl Default for HistogramPanel {
    fn default() -> Self {
        Self { pane: Pane::W, logarithmic: false }
    }
}

/// The matrices that can be looked at.
const MATRICES: [Pane; 5] = [Pane::W, Pane::A, Pane::B, Pane::Product, Pane::Error];

impl HistogramPanel {
    /// The values of one of the matrices on screen.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) {
        ui.horizontal_wrapped(|ui| {
            for pane in MATRICES {
                ui.selectable_value(&mut self.pane, pane, pane.title()).on_hover_text("The nonzeros of this matrix");
            }
            ui.checkbox(&mut self.logarithmic, "Log counts").on_hover_text("Counts as powers of ten");
        });
        let Some(pyramid) = state.pictures().and_then(|pictures| pictures.of_pane(self.pane)) else {
            ui.weak("Not there yet");
            return;
        };
        const BINS: usize = 101;
        let spread = pyramid.spread();
        let histogram = spread.histogram(1.1 * spread.percentile(0.998), BINS);
        let width = 2.0 * f64::from(histogram.range) / BINS as f64;
        let logarithmic = self.logarithmic;
        let bar = |(at, &count): (usize, &f64)| {
            let height = if logarithmic { (1.0 + count).log10() } else { count };
            Bar::new(width * (at as f64 + 0.5) - f64::from(histogram.range), height).width(width)
        };
        let bars: Vec<Bar> = histogram.counts.iter().enumerate().map(bar).collect();
        let (name, color, cut) = match self.pane {
            // What is not zero in W but would be pruned lies between the lines.
            Pane::W => {
                let share = state.kept_by_magnitude().map(|kept| 1.0 - kept as f64 / pyramid.nnz().max(1) as f64);
                let cut = share.filter(|&s| s > 0.0).map(|share| spread.percentile(share));
                ("magnitude pruning's threshold", colors::MAGNITUDE, cut)
            }
            Pane::A | Pane::B => ("smallest kept", colors::CUT, spread.smallest()),
            _ => ("", colors::MAGNITUDE, None),
        };
        let plot = Plot::new(("histogram", self.pane.title(), logarithmic))
            .legend(Legend::default().text_style(eframe::egui::TextStyle::Small))
            .x_axis_label(format!("value in {}", self.pane.title()))
            .y_axis_label(if logarithmic { "log₁₀ of the count" } else { "count" })
            .y_axis_min_width(44.0)
            .include_y(0.0)
            .allow_scroll(false);
        numbered(plot, false, false).show(ui, |plot| {
            plot.bar_chart(
                BarChart::new("values", bars).color(self.pane.accent(state.method_on_screen())).allow_hover(true),
            );
            for cut in cut.into_iter().flat_map(|cut| [-cut, cut]) {
                plot.vline(VLine::new(name, f64::from(cut)).color(color).width(2.0));
            }
        });
    }
}
