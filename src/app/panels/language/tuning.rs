//! Tuning the values of the compressed layers: how, how far it is, and what becomes of the loss.

use crate::Named;
use crate::app::panels::state::State;
use crate::app::state::model_command::ModelCommand;
use crate::app::widgets::colors;
use crate::app::widgets::marks::{mark, why_ui};
use crate::app::widgets::plot_axes::numbered;
use crate::app::widgets::text::duration;
use crate::app::widgets::theme::readable;
use crate::finetune::{Settings, Train};
use eframe::egui::{Button, Color32, ComboBox, DragValue, ProgressBar, Role, TextStyle, Ui, WidgetInfo};
use egui_plot::{Corner, HLine, Legend, Line, LineStyle, Plot, Points};
use std::ops::RangeInclusive;

/// Steps that can be chosen.
const STEPS: RangeInclusive<usize> = 1..=100_000;

/// Learning rates that can be chosen.
const RATES: RangeInclusive<f64> = 0.0..=0.1;

/// Why the settings cannot be changed.
const GOING: &str = "For the next tuning: this one has begun with them";

/// The settings of a tuning and its buttons, and its losses while it goes on and after. `as_loss` is whether they are shown in
/// nats a token, not as perplexities.
pub fn tuning_ui(ui: &mut Ui, state: &State, as_loss: &mut bool) -> Option<ModelCommand> {
    let row = ui.horizontal_wrapped(|ui| {
        let hint = "The values of what replaces the layers, on their masks, by the loss of the whole model";
        ui.strong("Tune").on_hover_text(hint);
        why_ui(ui, "Tune");
        let changed = settings_ui(ui, state);
        buttons_ui(ui, state).or(changed)
    });
    mark(ui, "Tune", row.response.rect);
    progress_ui(ui, state);
    curve_ui(ui, state, as_loss);
    row.inner
}

/// Steps, rate, and what is trained.
fn settings_ui(ui: &mut Ui, state: &State) -> Option<ModelCommand> {
    let (before, still) = (state.language.tuning_settings(), state.language.tuning().is_none());
    let mut settings = before.clone();
    let label = ui.label("Steps");
    let mut steps = settings.steps.unwrap_or(Settings::STEPS);
    let why = "Each on one batch of 16 windows; twenty times on the way the held-out loss is measured";
    let drag = ui.add_enabled(still, DragValue::new(&mut steps).range(STEPS).speed(2.0));
    if drag.labelled_by(label.id).on_hover_text(why).on_disabled_hover_text(GOING).changed() {
        settings.steps = Some(steps);
    }
    let label = ui.label("Learning rate");
    let mut rate = settings.peak();
    let why = "At its peak: it rises over the first steps, then falls in a line to 0";
    let drag = DragValue::new(&mut rate).range(RATES).speed(1e-5).custom_formatter(|rate, _| format!("{rate}"));
    let drag = ui.add_enabled(still, drag.max_decimals(6));
    if drag.labelled_by(label.id).on_hover_text(why).on_disabled_hover_text(GOING).changed() {
        settings.learning_rate = Some(rate);
    }
    let label = ui.label("What is trained");
    why_ui(ui, "What is trained");
    if still {
        let chosen = ComboBox::from_id_salt("what is trained").selected_text(title(settings.train));
        let shown = chosen.show_ui(ui, |ui| {
            for &train in Train::ALL {
                ui.selectable_value(&mut settings.train, train, title(train)).on_hover_text(about(train));
            }
        });
        shown.response.labelled_by(label.id);
    } else {
        ui.weak(title(settings.train)).on_hover_text(GOING);
    }
    (settings != *before).then(|| ModelCommand::SetTuning(Box::new(settings)))
}

fn title(train: Train) -> &'static str {
    match train {
        Train::Values => "values",
        Train::ValuesAndNorms => "values and norms",
        Train::All => "all",
    }
}

fn about(train: Train) -> &'static str {
    match train {
        Train::Values => "The nonzeros of the replaced layers",
        Train::ValuesAndNorms => "Scales and biases too, which are dense anyway",
        Train::All => "Embedding and output layer too: everything but layers that were not replaced",
    }
}

fn buttons_ui(ui: &mut Ui, state: &State) -> Option<ModelCommand> {
    let language = &state.language;
    if let Some(work) = language.tuning() {
        let pause = match work.is_paused() {
            true => ui.button("Resume tuning").clicked().then_some(ModelCommand::ResumeTuning),
            false => ui.button("Pause tuning").clicked().then_some(ModelCommand::PauseTuning),
        };
        let cancel = ui.button("Cancel tuning").on_hover_text("The best values so far stay");
        return cancel.clicked().then_some(ModelCommand::CancelTuning).or(pause);
    }
    let why_not = language.no_tuning();
    let tune = ui.add_enabled(why_not.is_none(), Button::new("Tune"));
    let hint = "From what is there now; the best values come in the layers' places as they are found";
    let tune = tune.on_hover_text(hint).on_disabled_hover_text(why_not.unwrap_or_default());
    let why_not = if language.layers().is_tuned() { language.why_busy() } else { Some("No values are tuned") };
    let undo = ui.add_enabled(why_not.is_none(), Button::new("Undo tuning"));
    let hint = "The values as they were before: perplexity and story as well";
    let undo = undo.on_hover_text(hint).on_disabled_hover_text(why_not.unwrap_or_default());
    undo.clicked().then_some(ModelCommand::UndoTuning).or(tune.clicked().then_some(ModelCommand::Tune))
}

fn progress_ui(ui: &mut Ui, state: &State) {
    let Some(work) = state.language.tuning() else { return };
    let curve = state.language.tuning_curve();
    let share = curve.step() as f64 / curve.steps.max(1) as f64;
    let left = work.seconds_left(share).map_or(String::new(), |left| format!(", {} left", duration(left)));
    let text = match (curve.moments.is_empty(), work.is_paused()) {
        (true, _) => "Tuning: measuring the loss before the first step".to_owned(),
        (false, true) => format!("Tuning is paused after step {} of {}", curve.step(), curve.steps),
        (false, false) => format!("Tuning, step {} of {}{left}", curve.step(), curve.steps),
    };
    let bar = ui.add(ProgressBar::new(share as f32).text(&text));
    bar.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, &text));
}

/// A level that losses are seen against, in nats a token.
struct Level {
    name: &'static str,
    loss: f64,
    color: Color32,
    hint: &'static str,
}

/// Floor, dense and untuned, as far as they are known.
fn levels(state: &State) -> Vec<Level> {
    let (language, curve) = (&state.language, state.language.tuning_curve());
    let level = |name, loss: Option<f64>, color, hint| loss.map(|loss| Level { name, loss, color, hint });
    let known = [
        level("untuned", curve.untuned, colors::DSF, "With the values that the compression left"),
        level("dense", language.dense().map(f64::ln), Color32::GRAY, "The model with all its weights"),
        level(
            "floor",
            language.floor().map(f64::ln),
            Color32::DARK_GREEN,
            "The language's own: no model can be better",
        ),
    ];
    known.into_iter().flatten().collect()
}

/// The losses so far, in numbers and as a chart.
fn curve_ui(ui: &mut Ui, state: &State, as_loss: &mut bool) {
    let curve = state.language.tuning_curve();
    let (held_out, levels) = (curve.held_out(), levels(state));
    let (Some(&(_, last)), Some(best)) = (held_out.last(), curve.best()) else { return };
    ui.horizontal_wrapped(|ui| {
        ui.selectable_value(as_loss, false, "As perplexity").on_hover_text("exp of the loss");
        ui.selectable_value(as_loss, true, "As loss").on_hover_text("Nats a token");
        ui.separator();
        let shown = |loss: f64| if *as_loss { loss } else { loss.exp() };
        let hint = "On the text that the model is measured on, after the last step at which it was measured";
        ui.strong(format!("held out {:.3}", shown(last))).on_hover_text(hint);
        let hint = format!("After step {}: these values are kept", best.0);
        ui.label(format!("best {:.3}", shown(best.1))).on_hover_text(hint);
        for Level { name, loss, hint, .. } in &levels {
            ui.label(format!("{name}\u{a0}{:.3}", shown(*loss))).on_hover_text(*hint);
        }
        let of = |name: &str| levels.iter().find(|level| level.name == name).map(|level| level.loss);
        if let (Some(untuned), Some(dense)) = (of("untuned"), of("dense"))
            && untuned > dense
        {
            let closed = 100.0 * (untuned - best.1) / (untuned - dense);
            let text = eframe::egui::RichText::new(format!("{closed:.0} % of the gap closed"));
            let hint = "Of what the loss has risen by over the dense model's, so much is gone again";
            ui.label(text.color(readable(ui.visuals(), colors::DSF))).on_hover_text(hint);
        }
    });
    let as_loss = *as_loss;
    let shown = |loss: f64| if as_loss { loss } else { loss.exp() };
    let points = |of: &[(usize, f64)]| -> Vec<[f64; 2]> {
        let points = of.iter().map(|&(step, loss)| [step as f64, shown(loss)]);
        points.filter(|at| at[1].is_finite()).collect()
    };
    let plot = Plot::new(("losses of the tuning", as_loss))
        .height(170.0)
        .allow_scroll(false)
        .legend(Legend::default().position(Corner::RightTop).text_style(TextStyle::Small))
        .x_axis_label("step")
        .y_axis_label(if as_loss { "loss, nats a token" } else { "perplexity" })
        .y_axis_min_width(44.0)
        .include_x(0.0)
        .include_x(curve.steps as f64);
    numbered(plot, false, false).show(ui, |plot| {
        for Level { name, loss, color, .. } in &levels {
            plot.hline(HLine::new(*name, shown(*loss)).color(*color).style(LineStyle::dashed_loose()));
        }
        let batches = points(&curve.smoothed());
        plot.line(Line::new("batches, smoothed", batches).color(colors::SECOND).width(1.0));
        let held_out = points(&held_out);
        plot.line(Line::new("held out", held_out.clone()).color(colors::DSF).width(2.0));
        plot.points(Points::new("held out", held_out).color(colors::DSF).radius(3.0));
    });
}
