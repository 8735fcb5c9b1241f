//! How the network recognizes its images: dense, with the compressed layers, layer after layer.

use crate::app::panels::state::State;
use crate::app::state::hints::sentence;
use crate::app::state::model_command::ModelCommand;
use crate::app::tasks::vision::network_set::NetworkInfo;
use crate::app::widgets::colors;
use crate::app::widgets::plot_axes::numbered;
use crate::app::widgets::theme::readable;
use crate::vision::Evaluation;
use eframe::egui::{Color32, RichText, TextStyle, Ui};
use egui_plot::{Corner, HLine, Legend, Line, LineStyle, Plot, PlotPoints, Points};

/// What is measured: accuracy, or where the images' classes are not known, agreement with the dense network.
pub fn measure(info: &NetworkInfo) -> &'static str {
    if info.is_labelled { "Accuracy" } else { "Agreement" }
}

/// A share in percent.
pub fn share(score: f64) -> String {
    format!("{:.1}\u{a0}%", 100.0 * score)
}

/// All accuracies that are known.
pub fn accuracy_ui(ui: &mut Ui, state: &State, info: &NetworkInfo) -> Option<ModelCommand<usize>> {
    let mut command = None;
    ui.horizontal_wrapped(|ui| {
        let Some([count, height, width]) = info.images else {
            ui.label("Accuracy: give images to measure the network on");
            return problem_ui(ui, info);
        };
        let hint = match info.is_labelled {
            true => "Share of right answers",
            false => "The images' classes are not known: share of answers that are the dense network's",
        };
        let broken = if info.skipped > 0 { format!("; {} cannot be read", info.skipped) } else { String::new() };
        let data =
            format!("on {count} images of {height}×{width}, calibrated with {} others{broken}", info.calibrating);
        ui.strong(measure(info)).on_hover_text(format!("{hint}, {data}"));
        command = dense_ui(ui, state);
        if !state.vision.layers().is_empty() {
            compressed_ui(ui, state, info);
        } else if state.vision.alone().is_some() {
            alone_ui(ui, state, info);
        }
        ui.weak(data);
        problem_ui(ui, info);
    });
    command
}

fn problem_ui(ui: &mut Ui, info: &NetworkInfo) {
    if let Some(why) = &info.images_problem {
        ui.colored_label(ui.visuals().error_fg_color, sentence(why));
    }
}

/// The loss of an evaluation, for a hint.
fn loss(made: &Evaluation) -> String {
    made.loss().map_or(String::new(), |loss| format!(", loss {loss:.3}"))
}

fn dense_ui(ui: &mut Ui, state: &State) -> Option<ModelCommand<usize>> {
    let vision = &state.vision;
    match (vision.dense(), vision.dense_problem()) {
        (Some(dense), _) => {
            let score = vision.score(dense).map_or(String::new(), share);
            ui.label(format!("dense {score}"))
                .on_hover_text(format!("The network with all its weights{}", loss(dense)));
        }
        (None, Some(why)) => _ = ui.colored_label(ui.visuals().error_fg_color, sentence(why)),
        _ if vision.waits_for_request() => {
            let hint = "This network is large: it takes minutes";
            let measure = ui.button("Measure").on_hover_text(hint);
            return measure.clicked().then_some(ModelCommand::Measure);
        }
        _ => _ = ui.weak("measuring…"),
    }
    None
}

fn compressed_ui(ui: &mut Ui, state: &State, info: &NetworkInfo) {
    let vision = &state.vision;
    let replaced = format!("{} of {} layers are replaced", vision.replaced(), info.layers().len());
    match (vision.compressed(), vision.compressed_problem()) {
        (Some((made, current)), _) => {
            let score = vision.score(made).map_or(String::new(), share);
            let hint = format!("{replaced}{}", loss(made));
            match current {
                true => _ = ui.strong(format!("now {score}")).on_hover_text(hint),
                false => _ = ui.weak(format!("now {score}…")).on_hover_text(hint),
            }
        }
        (None, Some(why)) => _ = ui.colored_label(ui.visuals().error_fg_color, sentence(why)),
        _ if vision.dense().is_none() => {}
        _ => _ = ui.weak("now …"),
    }
    match vision.estimated() {
        Some(Ok(made)) => {
            let score = vision.score(made).map_or(String::new(), share);
            let hint = format!(
                "With the means and variances of batch normalization estimated anew on the {} calibration images{}",
                info.calibrating,
                loss(made)
            );
            ui.label(format!("with norms re-estimated {score}")).on_hover_text(hint);
        }
        Some(Err(why)) => _ = ui.colored_label(ui.visuals().error_fg_color, sentence(why)),
        None => {}
    }
    if let Some(work) = vision.share_of_multiplications().filter(|_| !vision.is_working()) {
        let hint = "Of the dense network's, with the zeros left out";
        ui.label(format!("multiplications {}", share(work))).on_hover_text(hint);
    }
}

/// The accuracy with just the layer on screen replaced.
fn alone_ui(ui: &mut Ui, state: &State, info: &NetworkInfo) {
    let vision = &state.vision;
    let (Some((made, current)), Some(on_screen)) = (vision.alone(), vision.on_screen()) else { return };
    let score = vision.score(made).map_or(String::new(), share);
    let text = format!("with only {} replaced {score}{}", info.label(on_screen.id), if current { "" } else { "…" });
    let color = readable(ui.visuals(), colors::of(state.method_on_screen()));
    let hint = format!("By the factors of the run on screen{}", loss(made));
    ui.label(RichText::new(text).color(color)).on_hover_text(hint);
}

/// The accuracy as layer after layer is replaced.
pub fn trail_ui(ui: &mut Ui, state: &State) {
    let (vision, trail) = (&state.vision, state.vision.layers().trail());
    let (Some(info), Some(dense)) = (vision.info(), vision.dense().and_then(|made| vision.score(made))) else { return };
    if trail.is_empty() {
        return;
    }
    let points: Vec<[f64; 2]> = std::iter::once([0.0, 100.0 * dense])
        .chain(trail.iter().map(|&(count, x)| [count as f64, 100.0 * x]))
        .collect();
    let plot = Plot::new("accuracy of the network")
        .height(120.0)
        .allow_scroll(false)
        .legend(Legend::default().position(Corner::LeftBottom).text_style(TextStyle::Small))
        .x_axis_label("layers replaced")
        .y_axis_label(format!("{}, %", measure(info).to_lowercase()));
    numbered(plot, false, false).show(ui, |plot| {
        plot.hline(HLine::new("dense", 100.0 * dense).color(Color32::GRAY));
        let estimated = vision.estimated().and_then(Result::ok).and_then(|made| vision.score(made));
        if let Some(score) = estimated {
            let line = HLine::new("norms re-estimated", 100.0 * score).color(colors::SECOND);
            plot.hline(line.style(LineStyle::dashed_loose()));
        }
        plot.line(Line::new("compressed", PlotPoints::from(points.clone())).color(colors::DSF));
        plot.points(Points::new("compressed", PlotPoints::from(points)).radius(2.0).color(colors::DSF));
    });
}
