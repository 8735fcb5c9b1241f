//! Which figure, how far it is, and the figure itself.

use crate::app::state::chart_files::ChartFiles;
use crate::app::state::run::Subject;
use crate::app::tasks::sweep::Work;
use crate::app::widgets::chart_view::chart_ui;
use crate::app::widgets::text::duration;
use crate::compare::{Candidate, Drawn, Figure, Quantity, View};
use crate::matrix::Problem;
use eframe::egui::{Button, ComboBox, Context, ProgressBar, Role, Ui, WidgetInfo};
use std::collections::BTreeMap;

/// The panel's own state: a sweep for each figure that was asked for.
#[derive(Default)]
pub struct SweepPanel {
    figure: Option<Figure>,
    sweeps: BTreeMap<&'static str, Work>,
    /// What is looked at in another way than the figure's own.
    x: Option<Option<Quantity>>,
    y: Option<Quantity>,
    problem: Option<String>,
}

impl SweepPanel {
    fn figure(&self) -> Figure {
        self.figure.unwrap_or(Figure::Density)
    }

    /// The sweep on screen.
    pub fn shown(&self) -> Option<&Work> {
        self.sweeps.get(self.figure().name())
    }

    /// See [`crate::app::Explorer::order`].
    pub fn order(&mut self, word: &str, subject: Subject, problem: Problem, base: Candidate) -> Result<(), String> {
        let shown = self.sweeps.get_mut(self.figure.unwrap_or(Figure::Density).name());
        match word {
            "pause" => shown.into_iter().for_each(Work::pause),
            "go on" => shown.into_iter().for_each(Work::resume),
            name => {
                let figure = Figure::ALL.into_iter().find(|figure| figure.name() == name);
                let figure = figure.ok_or_else(|| format!("there is no figure called {name}"))?;
                self.sweeps.insert(figure.name(), Work::new(figure, subject, problem, base)?);
                (self.figure, self.x, self.y) = (Some(figure), None, None);
            }
        }
        Ok(())
    }

    /// Takes in what has happened, and begins what waits: one figure at a time, the one on screen first.
    pub fn poll(&mut self, ctx: &Context, at_once: usize) {
        let shown = self.figure().name();
        let busy = self.sweeps.iter().find(|(name, work)| **name != shown && work.is_going()).map(|(name, _)| *name);
        let first = self.sweeps.get(shown).filter(|work| work.is_going()).map(|_| shown).or(busy);
        for (name, work) in &mut self.sweeps {
            work.poll(ctx, if Some(*name) == first { at_once } else { 0 });
        }
    }

    /// The panel; true when what it shows is to be saved. `open` is the layer that is open, with what is known of its inputs.
    pub fn ui(&mut self, ui: &mut Ui, open: Option<(&Subject, &Problem)>, base: &Candidate) -> bool {
        ui.horizontal_wrapped(|ui| {
            self.figure_ui(ui);
            self.buttons_ui(ui, open, base);
        });
        if let Some(why) = &self.problem {
            ui.colored_label(ui.visuals().error_fg_color, why);
        }
        let Some(work) = self.shown() else {
            ui.weak(about(self.figure()));
            return false;
        };
        if let Some(why) = open.and_then(|(subject, problem)| work.is_of_another(subject, problem, base)) {
            ui.colored_label(ui.visuals().warn_fg_color, why);
        }
        progress_ui(ui, work);
        let view = self.view();
        let save = self.view_ui(ui, view);
        let Some(work) = self.shown().filter(|work| !work.results.records.is_empty()) else { return save };
        if let Drawn::Lines(chart) = work.results.drawn(view) {
            chart_ui(ui, self.figure().name(), &chart);
        }
        save
    }

    fn figure_ui(&mut self, ui: &mut Ui) {
        let label = ui.label("Figure");
        ComboBox::from_id_salt("figure")
            .width(230.0)
            .selected_text(self.figure().title())
            .show_ui(ui, |ui| {
                for figure in Figure::ALL {
                    let choice = ui.selectable_label(self.figure() == figure, figure.title());
                    if choice.on_hover_text(about(figure)).clicked() {
                        (self.figure, self.x, self.y, self.problem) = (Some(figure), None, None, None);
                    }
                }
            })
            .response
            .labelled_by(label.id);
    }

    fn buttons_ui(&mut self, ui: &mut Ui, open: Option<(&Subject, &Problem)>, base: &Candidate) {
        let figure = self.figure();
        let current = open.is_some_and(|(subject, problem)| {
            self.shown().is_some_and(|work| work.is_of_another(subject, problem, base).is_none())
        });
        let (going, left) = self.shown().map_or((false, false), |work| (work.is_going(), work.is_open()));
        if going {
            if ui.button("Pause sweep").on_hover_text("What is measured stays; it can go on later").clicked() {
                self.sweeps.get_mut(figure.name()).into_iter().for_each(Work::pause);
            }
            return;
        }
        if left && ui.button("Go on").on_hover_text("With the points that are missing").clicked() {
            self.sweeps.get_mut(figure.name()).into_iter().for_each(Work::resume);
            return;
        }
        let text = if self.shown().is_some() { "Sweep again" } else { "Sweep" };
        let why_not = match open.is_some() {
            false => "No layer is open",
            true => "It is done: change the layer, its inputs or the settings for another one",
        };
        let failed = self.shown().is_some_and(|work| !work.failed.is_empty());
        let free = open.is_some() && (!current || left || failed);
        let button = ui.add_enabled(free, Button::new(text));
        let hint = format!("{}. With the settings of the settings panel for all that is not varied", about(figure));
        if button.on_hover_text(hint).on_disabled_hover_text(why_not).clicked()
            && let Some((subject, problem)) = open
        {
            match Work::new(figure, subject.clone(), problem.clone(), base.clone()) {
                Ok(work) => {
                    self.problem = None;
                    self.sweeps.insert(figure.name(), work);
                }
                Err(why) => self.problem = Some(why),
            }
        }
    }

    /// How it is looked at.
    fn view(&self) -> View {
        let own = self.shown().map(|work| work.results.sweep.view);
        let own = own.unwrap_or(View { x: None, y: Quantity::Error, log_x: false });
        let x = self.x.unwrap_or(own.x);
        View { x, y: self.y.unwrap_or(own.y), log_x: own.log_x && x.is_none() }
    }

    fn view_ui(&mut self, ui: &mut Ui, view: View) -> bool {
        let Some(work) = self.shown() else { return false };
        let records = &work.results.records;
        let known = |quantity: &Quantity| records.iter().any(|record| record.value(*quantity).is_some());
        let known: Vec<Quantity> = Quantity::ALL.into_iter().filter(known).collect();
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

    /// What can be saved.
    pub fn to_write(&self) -> Option<ChartFiles> {
        let work = self.shown().filter(|work| !work.results.records.is_empty())?;
        let json = serde_json::json!({ "title": work.results.sweep.title, "records": work.results.records });
        Some(ChartFiles {
            csv: work.results.to_csv(),
            json: format!("{json:#}\n"),
            svg: work.results.drawn(self.view()).to_svg(960),
        })
    }
}

/// What a figure shows, in a sentence.
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

fn progress_ui(ui: &mut Ui, work: &Work) {
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
