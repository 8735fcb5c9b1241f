//! What compressions cost and bring: accuracy against weights, and against multiplications.

use super::accuracy::measure;
use crate::app::panels::state::State;
use crate::app::panels::whole_model::tradeoff::{Cost, Point, Tradeoff};
use crate::app::widgets::colors;
use eframe::egui::{Color32, Ui};

/// All compressions that were tried, as points beside the dense network.
pub fn tradeoff_ui(ui: &mut Ui, state: &State, over_work: &mut bool) {
    let (vision, tried) = (&state.vision, state.vision.tried());
    let (Some(info), Some(dense)) = (vision.info(), vision.dense().and_then(|made| vision.score(made))) else { return };
    if tried.is_empty() {
        return;
    }
    let percent = |share: f64| 100.0 * share;
    let whole = [Some(100.0); 2];
    let mut points = vec![Point { label: "dense".into(), costs: whole, value: percent(dense), color: Color32::GRAY }];
    for one in tried {
        let costs = [Some(percent(one.weights)), Some(percent(one.multiplications))];
        let point = |label: String, score, color| Point { label, costs, value: percent(score), color };
        points.push(point(one.label.clone(), one.score, colors::DSF));
        let label = format!("{}, norms re-estimated", one.label);
        points.extend(one.estimated.map(|score| point(label, score, colors::SECOND)));
    }
    let about = "Nonzeros of all layers together, as a share of the dense network's weights";
    let weights = Cost { title: "Weights", about, axis: "weights, %" };
    let about = "With the zeros left out, as a share of the dense network's";
    let work = Cost { title: "Multiplications", about, axis: "multiplications, %" };
    let measure = measure(info);
    let (title, value) = (format!("{measure} against weights and multiplications"), measure.to_lowercase() + ", %");
    Tradeoff { title: &title, value: &value, costs: [weights, work] }.ui(ui, &points, over_work);
}
