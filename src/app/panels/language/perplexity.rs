//! The model's perplexity: dense, floor, with the compressed layers.

use crate::app::panels::state::State;
use crate::app::state::hints::sentence;
use crate::app::state::model_command::ModelCommand;
use crate::app::tasks::language::eval_set::ModelInfo;
use crate::app::widgets::colors;
use crate::app::widgets::plot_axes::numbered;
use crate::language::LayerId;
use eframe::egui::{Color32, Ui};
use egui_plot::{Corner, HLine, Legend, Line, Plot, PlotPoints, Points};

/// All perplexities that are known.
pub fn perplexity_ui(ui: &mut Ui, state: &State, info: &ModelInfo) -> Option<ModelCommand<LayerId>> {
    let mut command = None;
    ui.horizontal_wrapped(|ui| {
        let Some([predicted, windows, context]) = info.text else {
            ui.label("Perplexity: give a text to measure the model on");
            return text_problem_ui(ui, info);
        };
        let hint = format!("exp of the mean loss on {predicted} tokens, in {windows} windows of {context}");
        ui.strong("Perplexity").on_hover_text(hint);
        command = dense_ui(ui, state);
        if let Some(floor) = info.floor {
            let hint = "The language's own, over whole stories: no model can be better";
            ui.label(format!("floor {floor:.3}")).on_hover_text(hint);
        }
        text_problem_ui(ui, info);
        if !state.language.layers().is_empty() {
            compressed_ui(ui, state, info);
        }
    });
    command
}

fn text_problem_ui(ui: &mut Ui, info: &ModelInfo) {
    if let Some(why) = &info.text_problem {
        ui.colored_label(ui.visuals().error_fg_color, sentence(why));
    }
}

fn dense_ui(ui: &mut Ui, state: &State) -> Option<ModelCommand<LayerId>> {
    let language = &state.language;
    match (language.dense(), language.dense_problem()) {
        (Some(dense), _) => _ = ui.label(format!("dense {dense:.3}")),
        (None, Some(why)) => _ = ui.colored_label(ui.visuals().error_fg_color, sentence(why)),
        _ if language.waits_for_request() => {
            let hint = "This model is large: it takes minutes, and the memory of its activations";
            let measure = ui.button("Measure").on_hover_text(hint);
            return measure.clicked().then_some(ModelCommand::Measure);
        }
        _ => _ = ui.weak("measuring…"),
    }
    None
}

fn compressed_ui(ui: &mut Ui, state: &State, info: &ModelInfo) {
    let language = &state.language;
    let of = format!("{} of {} layers", language.replaced(), info.config.layers().count());
    match (language.compressed(), language.compressed_problem()) {
        (Some((perplexity, true)), _) => _ = ui.strong(format!("now {perplexity:.3}")).on_hover_text(of),
        (Some((perplexity, false)), _) => _ = ui.weak(format!("now {perplexity:.3}…")).on_hover_text(of),
        (None, Some(why)) => _ = ui.colored_label(ui.visuals().error_fg_color, sentence(why)),
        _ if language.dense().is_none() => {}
        _ => _ = ui.weak("now …"),
    }
    if let Some(predicted) = language.predicted_compressed() {
        let hint = "Dense, times exp of each layer's error times its sensitivity";
        ui.label(format!("predicted {predicted:.3}")).on_hover_text(hint);
    }
}

/// The perplexity as layer after layer is replaced, between floor and dense.
pub fn trail_ui(ui: &mut Ui, state: &State) {
    let trail = state.language.layers().trail();
    let Some(dense) = state.language.dense().filter(|_| !trail.is_empty()) else { return };
    let points: Vec<[f64; 2]> =
        std::iter::once([0.0, dense]).chain(trail.iter().map(|&(count, x)| [count as f64, x])).collect();
    let plot = Plot::new("perplexity of the model")
        .height(110.0)
        .allow_scroll(false)
        .legend(Legend::default().position(Corner::LeftTop))
        .x_axis_label("layers replaced")
        .y_axis_label("perplexity");
    numbered(plot, false, false).show(ui, |plot| {
        plot.hline(HLine::new("dense", dense).color(Color32::GRAY));
        if let Some(floor) = state.language.floor() {
            plot.hline(HLine::new("floor", floor).color(Color32::DARK_GREEN));
        }
        plot.line(Line::new("compressed", PlotPoints::from(points.clone())).color(colors::DSF));
        plot.points(Points::new("compressed", PlotPoints::from(points)).radius(2.0).color(colors::DSF));
    });
}
