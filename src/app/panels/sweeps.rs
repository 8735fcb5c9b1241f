//! Which figure, how far it is, and the figure itself.

use super::state::State;
use crate::Named;
use crate::app::state::chart_files::ChartFiles;
use crate::app::state::command::{Command, SweepCommand};
use crate::app::state::export::ExportKind;
use crate::app::tasks::sweep::SweepWork;
use crate::app::widgets::chart_view::chart_ui;
use crate::app::widgets::text::duration;
use crate::compare::{Drawn, Figure, Quantity, View};
use eframe::egui::{Button, ComboBox, ProgressBar, Role, Ui, WidgetInfo};

/// The panel's own state: what is looked at in another way than the figure's own.
#[derive(Default)]
pub struct SweepPanel {
    x: Option<Option<Quantity>>,
    y: Option<Quantity>,
}

impl SweepPanel {
    /// Draws the choice of a figure, its progress, and the figure itself.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Option<Command> {
        let sweeps = &state.computed.sweeps;
        let row = ui.horizontal_wrapped(|ui| {
            let figure = self.figure_ui(ui, sweeps.figure());
            buttons_ui(ui, state).or(figure)
        });
        let command = row.inner.map(Command::Sweep);
        if let Some(why) = sweeps.problem() {
            ui.colored_label(ui.visuals().error_fg_color, why);
        }
        let Some(work) = sweeps.shown() else {
            ui.weak(about(sweeps.figure()));
            return command;
        };
        let open = state.document.layer_and_problem();
        let other = open.and_then(|(layer, problem)| work.is_of_another(&layer, &problem, &state.sweep_base()));
        if let Some(why) = other {
            ui.colored_label(ui.visuals().warn_fg_color, why);
        }
        progress_ui(ui, work);
        let view = self.view(work);
        let save = self.view_ui(ui, work, view).then_some(Command::Export(Some(ExportKind::SweepCsv)));
        if !work.results.records.is_empty()
            && let Drawn::Lines(chart) = work.results.drawn(view)
        {
            // Layer, and the density where that is not what is varied.
            ui.label(&chart.title);
            chart_ui(ui, sweeps.figure().name(), &chart);
        }
        save.or(command)
    }

    fn figure_ui(&mut self, ui: &mut Ui, shown: Figure) -> Option<SweepCommand> {
        let mut command = None;
        let label = ui.label("Figure");
        ComboBox::from_id_salt("figure")
            .width(230.0)
            .selected_text(shown.title())
            .show_ui(ui, |ui| {
                for &figure in Figure::ALL {
                    let choice = ui.selectable_label(shown == figure, figure.title());
                    if choice.on_hover_text(about(figure)).clicked() {
                        (self.x, self.y) = (None, None);
                        command = Some(SweepCommand::Show(figure));
                    }
                }
            })
            .response
            .labelled_by(label.id);
        command
    }

    /// Returns the view of the figure: a person's choice of axes, or its own.
    fn view(&self, work: &SweepWork) -> View {
        let own = work.results.sweep.view;
        let x = self.x.unwrap_or(own.x);
        View { x, y: self.y.unwrap_or(own.y), log_x: own.log_x && x.is_none() }
    }

    fn view_ui(&mut self, ui: &mut Ui, work: &SweepWork, view: View) -> bool {
        let records = &work.results.records;
        let known = |quantity: &Quantity| records.iter().any(|record| record.value(*quantity).is_some());
        let known: Vec<Quantity> = Quantity::ALL.iter().copied().filter(known).collect();
        let varied = work.results.sweep.x_label.clone();
        let mut save = false;
        ui.horizontal_wrapped(|ui| {
            let label = ui.label("Up");
            ComboBox::from_id_salt("sweep up")
                .selected_text(view.y.label())
                .show_ui(ui, |ui| {
                    for quantity in &known {
                        if ui.selectable_label(view.y == *quantity, quantity.label()).clicked() {
                            self.y = Some(*quantity);
                        }
                    }
                })
                .response
                .labelled_by(label.id);
            let label = ui.label("Across");
            let name = |x: Option<Quantity>| x.map_or(varied.clone(), |quantity| quantity.label().to_owned());
            ComboBox::from_id_salt("sweep across")
                .selected_text(name(view.x))
                .show_ui(ui, |ui| {
                    for x in [None, Some(Quantity::Bytes), Some(Quantity::Seconds)] {
                        if ui.selectable_label(view.x == x, name(x)).clicked() {
                            self.x = Some(x);
                        }
                    }
                })
                .response
                .labelled_by(label.id);
            let button = ui.add_enabled(!known.is_empty(), Button::new("Save…"));
            save = button
                .on_hover_text("The points as CSV or JSON, the chart as a picture")
                .on_disabled_hover_text("Nothing is measured yet")
                .clicked();
        });
        save
    }

    /// The sweep on screen as it can be saved.
    pub fn files(&self, state: &State) -> Option<ChartFiles> {
        let work = state.computed.sweeps.shown().filter(|work| !work.results.records.is_empty())?;
        let json = serde_json::json!({ "title": work.results.sweep.title, "records": work.results.records });
        Some(ChartFiles {
            csv: work.results.to_csv(),
            json: format!("{json:#}\n"),
            svg: work.results.drawn(self.view(work)).to_svg(960),
        })
    }
}

/// Starts, pauses or resumes the figure on screen.
fn buttons_ui(ui: &mut Ui, state: &State) -> Option<SweepCommand> {
    let sweeps = &state.computed.sweeps;
    let (open, base) = (state.document.layer_and_problem(), state.sweep_base());
    let (figure, shown) = (sweeps.figure(), sweeps.shown());
    let is_current = |work: &SweepWork| {
        open.as_ref().is_some_and(|(layer, problem)| work.is_of_another(layer, problem, &base).is_none())
    };
    let (going, left) = shown.map_or((false, false), |work| (work.is_going(), work.is_open()));
    if going {
        let pause = ui.button("Pause sweep").on_hover_text("What is measured stays; it can go on later");
        return pause.clicked().then_some(SweepCommand::Pause);
    }
    if left && ui.button("Go on").on_hover_text("With the points that are missing").clicked() {
        return Some(SweepCommand::Resume);
    }
    let text = if shown.is_some() { "Sweep again" } else { "Sweep" };
    let why_not = match open.is_some() {
        false => "No layer is open",
        true => "It is done: change the layer, its inputs or the settings for another one",
    };
    let failed = shown.is_some_and(|work| !work.failed.is_empty());
    let free = open.is_some() && (!shown.is_some_and(is_current) || left || failed);
    let button = ui.add_enabled(free, Button::new(text));
    let hint = format!("{}. With the settings of the settings panel for all that is not varied", about(figure));
    button.on_hover_text(hint).on_disabled_hover_text(why_not).clicked().then_some(SweepCommand::Start)
}

/// Returns a sentence on what a figure shows.
fn about(figure: Figure) -> &'static str {
    match figure {
        Figure::Sizes => "Every method on the leading squares of this layer, against magnitude pruning",
        Figure::Ablation => "Half as many longer iterations, no annealing, no warm start, each alone",
        Figure::Split => "How the error depends on the share of the nonzeros that the first factor gets",
        Figure::Starts => "Identity, random and SVD start on the leading squares of this layer",
        Figure::Density => "Every method at densities from 10 to 60 %",
        Figure::Pareto => "Every method at densities from 10 to 60 %, by the bytes that its result takes",
    }
}

fn progress_ui(ui: &mut Ui, work: &SweepWork) {
    let (done, all) = work.count();
    if work.is_open() {
        let (share, left) = work.progress();
        let left = left.map_or(String::new(), |left| format!(", about {} left", duration(left)));
        let paused = if work.paused { ", paused" } else { "" };
        let text = format!("{done} of {all} points{left}{paused}");
        let bar = ui.add(ProgressBar::new(share as f32).text(&text));
        bar.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, &text));
    } else {
        ui.weak(format!("{done} of {all} points"));
    }
    if !work.failed.is_empty() {
        let text = format!("{} points could not be measured", work.failed.len());
        ui.weak(text).on_hover_text(work.failed.join("\n"));
    }
}
