//! Tuning the values of the compressed layers: how, how far it is, and what becomes of the loss.

use crate::Named;
use crate::app::state::tuning_command::TuningCommand;
use crate::app::state::tuning_curve::TuningCurve;
use crate::app::tasks::whole_model::tuning::model_tuning::ModelTuning;
use crate::app::tasks::whole_model::tuning::tune::TunedSource;
use crate::app::widgets::colors;
use crate::app::widgets::marks::{mark, why_ui};
use crate::app::widgets::plot_axes::numbered;
use crate::app::widgets::text::duration;
use crate::app::widgets::theme::readable;
use crate::finetune::{Moment, Settings, Train};
use eframe::egui::{Button, Color32, ComboBox, DragValue, ProgressBar, RichText, Role, TextStyle, Ui, WidgetInfo};
use egui_plot::{Corner, HLine, Legend, Line, LineStyle, Plot, Points};
use std::ops::RangeInclusive;

/// Steps that can be chosen.
const STEPS: RangeInclusive<usize> = 1..=100_000;

/// Learning rates that can be chosen.
const RATES: RangeInclusive<f64> = 0.0..=1.0;

/// Why the settings cannot be changed.
const GOING: &str = "For the next tuning: this one has begun with them";

/// What is said of the tuning of a model, in its own words.
pub struct AboutTuning<'a> {
    /// Why nothing can be tuned now.
    pub no_tuning: Option<&'static str>,
    /// Why nothing can be undone now.
    pub no_undo: Option<&'static str>,
    /// What a step sees, as in "16 windows".
    pub batch: &'a str,
    /// What undoing brings back.
    pub undone: &'a str,
    /// What is shown instead of losses.
    pub score: Score,
    /// What a loss is of, as in "token".
    pub unit: &'a str,
    /// What the losses are seen against.
    pub levels: Vec<Level>,
}

/// What a person sees of a model's loss.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Score {
    /// exp of it.
    Perplexity,
    /// The share of right answers, in percent.
    Accuracy,
}

/// A level that is known from elsewhere.
pub struct Level {
    /// Its name.
    pub name: &'static str,
    /// Held-out loss, in nats a token or an image.
    pub loss: f64,
    /// Share of right answers.
    pub accuracy: Option<f64>,
    /// Color of its line.
    pub color: Color32,
    /// What it is.
    pub hint: &'static str,
}

impl Level {
    /// The values before any tuning, once they are measured.
    pub fn untuned(curve: &TuningCurve) -> Option<Self> {
        let Moment { held_out, accuracy, .. } = curve.untuned?;
        let hint = "With the values that the compression left";
        Some(Self { name: UNTUNED, loss: held_out?, accuracy, color: colors::DSF, hint })
    }

    /// The model with all its weights.
    pub fn dense(loss: f64, accuracy: Option<f64>) -> Self {
        Self { name: DENSE, loss, accuracy, color: Color32::GRAY, hint: "The model with all its weights" }
    }
}

const UNTUNED: &str = "untuned";
const DENSE: &str = "dense";

/// The settings of a tuning and its buttons, and its losses while it goes on and after. `as_loss` is whether they are shown in
/// nats, not as what a person sees of them.
pub fn tuning_ui<S: TunedSource>(
    ui: &mut Ui,
    tuning: &ModelTuning<S>,
    about: &AboutTuning<'_>,
    as_loss: &mut bool,
) -> Option<TuningCommand> {
    let row = ui.horizontal_wrapped(|ui| {
        let hint = "The values of what replaces the layers, on their masks, by the loss of the whole model";
        ui.strong("Tune").on_hover_text(hint);
        why_ui(ui, "Tune");
        let changed = settings_ui(ui, tuning, about);
        buttons_ui(ui, tuning, about).or(changed)
    });
    mark(ui, "Tune", row.response.rect);
    progress_ui(ui, tuning);
    curve_ui(ui, tuning.curve(), about, as_loss);
    row.inner
}

/// Steps, rate, and what is trained.
fn settings_ui<S: TunedSource>(ui: &mut Ui, tuning: &ModelTuning<S>, about: &AboutTuning<'_>) -> Option<TuningCommand> {
    let (before, still) = (tuning.settings(), tuning.work().is_none());
    let mut settings = before.clone();
    let label = ui.label("Steps");
    let mut steps = settings.steps.unwrap_or(Settings::STEPS);
    let why = format!("Each on one batch of {}; twenty times on the way the held-out loss is measured", about.batch);
    let drag = ui.add_enabled(still, DragValue::new(&mut steps).range(STEPS).speed(2.0));
    if drag.labelled_by(label.id).on_hover_text(why).on_disabled_hover_text(GOING).changed() {
        (settings.steps, settings.epochs) = (Some(steps), None);
    }
    let label = ui.label("Learning rate");
    let mut rate = settings.peak();
    let why = match settings.warm_up {
        Some(0) => "At the first step: it falls in a line to 0",
        _ => "At its peak: it rises over the first steps, then falls in a line to 0",
    };
    let speed = rate / 50.0;
    let drag = DragValue::new(&mut rate).range(RATES).speed(speed).custom_formatter(|rate, _| format!("{rate}"));
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
                ui.selectable_value(&mut settings.train, train, title(train)).on_hover_text(about_train(train, about));
            }
        });
        shown.response.labelled_by(label.id);
    } else {
        ui.weak(title(settings.train)).on_hover_text(GOING);
    }
    (settings != *before).then(|| TuningCommand::Set(Box::new(settings)))
}

fn title(train: Train) -> &'static str {
    match train {
        Train::Values => "values",
        Train::ValuesAndNorms => "values and norms",
        Train::All => "all",
    }
}

fn about_train(train: Train, about: &AboutTuning<'_>) -> &'static str {
    match (train, about.score) {
        (Train::Values, _) => "The nonzeros of the replaced layers",
        (Train::ValuesAndNorms, _) => "Scales and biases too, which are dense anyway",
        (Train::All, Score::Perplexity) => {
            "Embedding and output layer too: everything but layers that were not replaced"
        }
        (Train::All, Score::Accuracy) => "Layers that were not replaced too",
    }
}

fn buttons_ui<S: TunedSource>(ui: &mut Ui, tuning: &ModelTuning<S>, about: &AboutTuning<'_>) -> Option<TuningCommand> {
    if let Some(work) = tuning.work() {
        let pause = match work.is_paused() {
            true => ui.button("Resume tuning").clicked().then_some(TuningCommand::Resume),
            false => ui.button("Pause tuning").clicked().then_some(TuningCommand::Pause),
        };
        let cancel = ui.button("Cancel tuning").on_hover_text("The best values so far stay");
        return cancel.clicked().then_some(TuningCommand::Cancel).or(pause);
    }
    let tune = ui.add_enabled(about.no_tuning.is_none(), Button::new("Tune"));
    let hint = "From what is there now; the best values come in the layers' places as they are found";
    let tune = tune.on_hover_text(hint).on_disabled_hover_text(about.no_tuning.unwrap_or_default());
    let undo = ui.add_enabled(about.no_undo.is_none(), Button::new("Undo tuning"));
    let hint = format!("The values as they were before: {}", about.undone);
    let undo = undo.on_hover_text(hint).on_disabled_hover_text(about.no_undo.unwrap_or_default());
    undo.clicked().then_some(TuningCommand::Undo).or(tune.clicked().then_some(TuningCommand::Start))
}

fn progress_ui<S: TunedSource>(ui: &mut Ui, tuning: &ModelTuning<S>) {
    let Some(work) = tuning.work() else { return };
    let curve = tuning.curve();
    let share = curve.step() as f64 / curve.steps.max(1) as f64;
    let left = work.seconds_left(share).map_or(String::new(), |left| format!(", {} left", duration(left)));
    let text = match (curve.moments.is_empty(), work.is_paused()) {
        (true, true) => "Tuning is paused before the first step".to_owned(),
        (true, false) => "Tuning: measuring the loss before the first step".to_owned(),
        (false, true) => format!("Tuning is paused after step {} of {}", curve.step(), curve.steps),
        (false, false) => format!("Tuning, step {} of {}{left}", curve.step(), curve.steps),
    };
    let bar = ui.add(ProgressBar::new(share as f32).text(&text));
    bar.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, &text));
}

/// What losses are shown as: nats, or what a person sees of them.
#[derive(Clone, Copy)]
struct Shown {
    score: Score,
    as_loss: bool,
}

impl Shown {
    /// A loss, with the share of right answers if that is known.
    fn of(self, loss: f64, accuracy: Option<f64>) -> Option<f64> {
        match self.score {
            _ if self.as_loss => Some(loss),
            Score::Perplexity => Some(loss.exp()),
            Score::Accuracy => accuracy.map(|share| 100.0 * share),
        }
    }

    fn text(self, value: f64) -> String {
        match self.score {
            Score::Accuracy if !self.as_loss => format!("{value:.1}\u{a0}%"),
            _ => format!("{value:.3}"),
        }
    }
}

/// The losses so far, in numbers and as a chart.
fn curve_ui(ui: &mut Ui, curve: &TuningCurve, about: &AboutTuning<'_>, as_loss: &mut bool) {
    let Some(best) = curve.best().copied() else { return };
    let score = about.score;
    ui.horizontal_wrapped(|ui| {
        let (score, hint) = match score {
            Score::Perplexity => ("As perplexity", "exp of the loss"),
            Score::Accuracy => ("As accuracy", "Share of right answers"),
        };
        ui.selectable_value(as_loss, false, score).on_hover_text(hint);
        ui.selectable_value(as_loss, true, "As loss").on_hover_text(format!("Nats {}", about.unit));
        ui.separator();
        numbers_ui(ui, curve, about, Shown { score: about.score, as_loss: *as_loss });
    });
    let (as_loss, shown) = (*as_loss, Shown { score, as_loss: *as_loss });
    let points = |of: Vec<(usize, Option<f64>)>| -> Vec<[f64; 2]> {
        let points = of.into_iter().filter_map(|(step, value)| Some([step as f64, value?]));
        points.filter(|at| at[1].is_finite()).collect()
    };
    let axis = match score {
        _ if as_loss => format!("loss, nats {}", about.unit),
        Score::Perplexity => "perplexity".into(),
        Score::Accuracy => "accuracy, %".into(),
    };
    let plot = Plot::new(("losses of the tuning", as_loss))
        .height(170.0)
        .allow_scroll(false)
        .legend(Legend::default().position(corner(shown)).text_style(TextStyle::Small))
        .x_axis_label("step")
        .y_axis_label(axis)
        .y_axis_min_width(44.0)
        .include_x(0.0)
        .include_x(curve.steps as f64);
    numbered(plot, false, false).show(ui, |plot| {
        for Level { name, loss, accuracy, color, .. } in &about.levels {
            if let Some(value) = shown.of(*loss, *accuracy) {
                plot.hline(HLine::new(*name, value).color(*color).style(LineStyle::dashed_loose()));
            }
        }
        let batches = points(curve.smoothed().into_iter().map(|(step, loss)| (step, shown.of(loss, None))).collect());
        if !batches.is_empty() {
            plot.line(Line::new("batches, smoothed", batches).color(colors::SECOND).width(1.0));
        }
        let value = |moment: &Moment| moment.held_out.and_then(|loss| shown.of(loss, moment.accuracy));
        let held_out = points(curve.moments.iter().map(|moment| (moment.step, value(moment))).collect());
        plot.line(Line::new("held out", held_out.clone()).color(colors::DSF).width(2.0));
        plot.points(Points::new("held out", held_out).color(colors::DSF).radius(3.0));
        let kept = best.held_out.and_then(|loss| shown.of(loss, best.accuracy));
        kept.into_iter().for_each(|value| {
            let at = vec![[best.step as f64, value]];
            plot.points(Points::new("kept", at).color(colors::DSF).radius(5.0).filled(false));
        });
    });
}

/// Where the lines are not.
fn corner(shown: Shown) -> Corner {
    match shown.score {
        Score::Accuracy if !shown.as_loss => Corner::RightBottom,
        _ => Corner::RightTop,
    }
}

/// The last value held out, the best, those it is seen against, and what of the gap is closed.
fn numbers_ui(ui: &mut Ui, curve: &TuningCurve, about: &AboutTuning<'_>, shown: Shown) {
    let value = |moment: &Moment| moment.held_out.and_then(|loss| shown.of(loss, moment.accuracy));
    let last = curve.moments.iter().rev().find(|moment| moment.held_out.is_some());
    if let Some(last) = last.and_then(value) {
        let hint = "On what the model is measured on, after the last step at which it was measured";
        ui.strong(format!("held out {}", shown.text(last))).on_hover_text(hint);
    }
    let Some(best) = curve.best() else { return };
    if let Some(best_value) = value(best) {
        let hint = format!("After step {}, where the held-out loss is lowest: these values are kept", best.step);
        ui.label(format!("best {}", shown.text(best_value))).on_hover_text(hint);
    }
    for Level { name, loss, accuracy, hint, .. } in &about.levels {
        if let Some(value) = shown.of(*loss, *accuracy) {
            ui.label(format!("{name}\u{a0}{}", shown.text(value))).on_hover_text(*hint);
        }
    }
    // Of perplexities the share is that of the losses; of accuracies it is their own.
    let measured = Shown { as_loss: shown.as_loss || shown.score == Score::Perplexity, ..shown };
    let of = |name: &str| {
        let level = about.levels.iter().find(|level| level.name == name)?;
        measured.of(level.loss, level.accuracy)
    };
    let best = best.held_out.and_then(|loss| measured.of(loss, best.accuracy));
    if let (Some(untuned), Some(dense), Some(best)) = (of(UNTUNED), of(DENSE), best)
        && (untuned > dense) == (measured.as_loss)
        && untuned != dense
    {
        let closed = 100.0 * (untuned - best) / (untuned - dense);
        let text = RichText::new(format!("{closed:.0} % of the gap closed"));
        let hint = "Of what the compression has cost against the dense model, so much is gone again";
        ui.label(text.color(readable(ui.visuals(), colors::DSF))).on_hover_text(hint);
    }
}
