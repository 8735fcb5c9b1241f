//! What compressions cost and bring: perplexity against bytes, and against tokens a second.

use crate::app::panels::state::State;
use crate::app::panels::whole_model::tradeoff::{Cost, Point, Tradeoff};
use crate::app::widgets::colors;
use eframe::egui::{Color32, Ui};

/// All compressions that were tried, as points beside the dense model.
pub fn tradeoff_ui(ui: &mut Ui, state: &State, over_speed: &mut bool) {
    let (tried, Some(dense)) = (state.language.tried(), state.language.tried_dense()) else { return };
    if tried.is_empty() {
        return;
    }
    let point = |label: &str, color, (value, bytes, rate): (f64, usize, Option<f64>)| Point {
        label: label.to_owned(),
        costs: [Some(bytes as f64 * 1e-6), rate],
        value,
        color,
    };
    let dense = point("dense", Color32::GRAY, dense);
    let tried =
        tried.iter().map(|one| point(&one.label, colors::DSF, (one.perplexity, one.bytes, one.tokens_per_second)));
    let bytes = Cost { title: "Bytes", about: "Of all weights in memory", axis: "weights, MB" };
    let about = "Measured while the texts beside were written; other programs slow it down";
    let speed = Cost { title: "Tokens a second", about, axis: "tokens a second" };
    let title = "Perplexity against bytes and speed";
    let chart = Tradeoff { title, value: "perplexity", costs: [bytes, speed] };
    chart.ui(ui, &[dense].into_iter().chain(tried).collect::<Vec<_>>(), over_speed);
}
