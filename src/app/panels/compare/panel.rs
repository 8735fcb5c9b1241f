//! What is to be compared.

use super::table::Table;
use crate::Named;
use crate::app::panels::state::State;
use crate::app::state::command::{Command, CompareCommand};
use crate::app::state::hints::sentence_of;
use crate::app::state::loaded_layer::LoadedLayer;
use crate::app::tasks::comparison::no_masks;
use crate::app::widgets::colors;
use crate::app::widgets::regions::scroll_ui;
use crate::app::widgets::text::{duration, summary};
use crate::app::widgets::theme;
use crate::compare::Candidate;
use crate::factorize::{Budget, Settings};
use crate::matrix::{Calibration, Matrix, Problem};
use crate::measure::percent;
use crate::methods::{self, Method, ThresholdScope};
use crate::model::one_line;
use eframe::egui::text::LayoutJob;
use eframe::egui::{
    Align, Button, Checkbox, Color32, ComboBox, FontSelection, RichText, Role, ScrollArea, TextFormat, Ui, WidgetInfo,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The panel's own state.
#[derive(Default)]
pub struct ComparePanel {
    /// Methods that nobody wants, of those that could be done.
    unticked: BTreeSet<Method>,
    /// Methods that take long for the open layer, and those of them that are wanted all the same.
    slow: BTreeSet<Method>,
    wanted: BTreeSet<Method>,
    threshold: ThresholdScope,
    table: Table,
    /// Why methods cannot be done with what is known of the layer.
    known: Option<(Known, Reasons)>,
}

/// Of each method why it cannot be done; `None` where it can.
type Reasons = Vec<Reason>;
type Reason = (Method, Option<String>);

/// Data that the reasons depend on, compared by identity.
struct Known {
    weight: Arc<Matrix>,
    inputs: [Option<Arc<Calibration>>; 2],
}

impl Known {
    fn of(problem: &Problem) -> Self {
        let inputs = [problem.calibration.clone(), problem.held_out.clone()];
        Self { weight: problem.weight.clone(), inputs }
    }

    fn is(&self, problem: &Problem) -> bool {
        let now = Self::of(problem);
        let inputs = |known: &Self| known.inputs.clone().map(|inputs| inputs.map(|inputs| Arc::as_ptr(&inputs)));
        Arc::ptr_eq(&self.weight, &now.weight) && inputs(self) == inputs(&now)
    }
}

impl ComparePanel {
    /// Over what the entries of one matrix compete.
    pub fn threshold(&self) -> ThresholdScope {
        self.threshold
    }

    /// Returns the methods that are wanted, as far as they can be done, for a layer of this shape.
    pub fn ticked(&mut self, settings: &Settings, (rows, cols): (usize, usize)) -> Vec<Method> {
        let candidate = |method| Candidate { method, settings: settings.clone(), threshold: self.threshold };
        self.slow = Method::ALL.iter().copied().filter(|&method| candidate(method).is_slow(rows, cols)).collect();
        Method::ALL.iter().copied().filter(|method| self.is_ticked(*method)).collect()
    }

    fn is_ticked(&self, method: Method) -> bool {
        !self.unticked.contains(&method) && (!self.slow.contains(&method) || self.wanted.contains(&method))
    }

    fn tick(&mut self, method: Method, on: bool) {
        if on {
            self.unticked.remove(&method);
            self.wanted.insert(method);
        } else {
            self.unticked.insert(method);
        }
    }

    /// Why it cannot be done, of each method.
    fn reasons(&mut self, problem: &Problem, settings: &Settings) -> Reasons {
        // W is looked through: not in every frame.
        if self.known.as_ref().is_none_or(|(known, _)| !known.is(problem)) {
            let told = |checked: Result<(), methods::Error>| checked.err().map(sentence_of);
            let general = told(Method::Dsf.check_data(problem));
            let own = |method: Method| match (&general, method.needs_inputs()) {
                (None, true) => told(method.check_data(problem)),
                _ => general.clone(),
            };
            self.known = Some((Known::of(problem), Method::ALL.iter().map(|&method| (method, own(method))).collect()));
        }
        let mut reasons = self.known.as_ref().map(|(_, reasons)| reasons.clone()).unwrap_or_default();
        let (rows, cols) = problem.weight.shape();
        let settings_wrong = settings.check().err().map(sentence_of);
        let budget_wrong = Budget::new(rows, cols, settings).err().map(sentence_of);
        for (method, why) in &mut reasons {
            let candidate = Candidate { method: *method, settings: settings.clone(), threshold: self.threshold };
            let budget_wrong = match method {
                Method::Dsf => budget_wrong.clone(),
                _ => candidate.check_shape(rows, cols).err().map(sentence_of),
            };
            *why = why.take().or(settings_wrong.clone()).or(budget_wrong);
        }
        reasons
    }

    /// Draws the methods to compare, and their results.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Option<Command> {
        let mut command = None;
        scroll_ui(ui, ScrollArea::vertical().id_salt("compare").auto_shrink(false), |ui| {
            let (open, settings) = (state.document.layer_and_problem(), &state.preferences.settings);
            match &open {
                Some((layer, problem)) => command = self.setup_ui(ui, state, layer, problem),
                None => _ = ui.weak("No layer is open"),
            }
            let Some(comparison) = &state.computed.comparison else {
                ui.add_space(12.0);
                ui.weak("Every method gets the same number of nonzeros. Results appear as they come; a click shows a method's pictures");
                return;
            };
            ui.separator();
            let (layer, problem) = (open.as_ref().map(|open| &open.0), open.as_ref().map(|open| &open.1));
            if let Some(other) = comparison.is_of_another(layer, problem, settings) {
                ui.colored_label(ui.visuals().warn_fg_color, other);
            }
            let shown = state.runs.shown();
            let masks = |method: Method| {
                comparison.masks_beside(method).err().filter(|_| {
                    // What is on screen will do too.
                    let like = shown.is_some_and(|run| comparison.has_masks_like(method, run));
                    no_masks(method.kind()).is_some() || !like
                })
            };
            command = self.table.ui(ui, comparison, shown.map(|run| run.number), masks).or(command.take());
        });
        command.map(Command::Compare)
    }

    fn setup_ui(
        &mut self,
        ui: &mut Ui,
        state: &State,
        open: &LoadedLayer,
        problem: &Problem,
    ) -> Option<CompareCommand> {
        let settings = &state.preferences.settings;
        let reasons = self.reasons(problem, settings);
        let (rows, cols) = problem.weight.shape();
        ui.horizontal_wrapped(|ui| {
            ui.strong(one_line(&open.layer.name));
            let inputs = match (&problem.calibration, &problem.held_out) {
                (Some(_), Some(_)) => ", with its inputs, and others held out",
                (Some(_), None) => ", with its inputs",
                _ => "",
            };
            ui.label(format!("{rows} × {cols}{inputs}; every method keeps {}", percent(settings.density)))
                .on_hover_text("The density of the settings: so many nonzeros for each entry of W");
        });
        let candidate = |method| Candidate { method, settings: settings.clone(), threshold: self.threshold };
        self.slow = Method::ALL.iter().copied().filter(|&method| candidate(method).is_slow(rows, cols)).collect();
        let seconds = Method::ALL.iter().map(|&method| (method, candidate(method).seconds(rows, cols)));
        self.methods_ui(ui, &reasons, &seconds.collect());
        let without: Vec<&str> = reasons
            .iter()
            .filter(|(method, why)| method.needs_inputs() && why.is_some() && problem.calibration.is_none())
            .map(|(method, _)| method.title())
            .collect();
        if let Some((last, others)) = without.split_last().filter(|(_, others)| !others.is_empty()) {
            let text = format!("{} and {last} need the layer's inputs: give them in the settings", others.join(", "));
            ui.label(RichText::new(text).weak());
        }
        self.commands_ui(ui, state, &reasons)
    }

    /// Draws a checkbox for each method; those that cannot be done are disabled.
    fn methods_ui(&mut self, ui: &mut Ui, reasons: &[Reason], seconds: &BTreeMap<Method, f64>) {
        ui.horizontal_wrapped(|ui| {
            for (method, why_not) in reasons {
                let mut on = why_not.is_none() && self.is_ticked(*method);
                let title = titled(ui, *method, why_not.is_none());
                let tick = ui.add_enabled(why_not.is_none(), Checkbox::new(&mut on, title));
                let name = format!("Compare {}", method.title());
                tick.widget_info(|| WidgetInfo::selected(Role::CheckBox, why_not.is_none(), on, &name));
                if tick.changed() {
                    self.tick(*method, on);
                }
                let takes = seconds.get(method).map_or(0.0, |seconds| seconds.max(1.0));
                let about = format!("{}. It takes about {} here", method.about(), duration(takes));
                tick.on_hover_text(about).on_disabled_hover_text(why_not.clone().unwrap_or_default());
            }
        });
    }

    fn commands_ui(&mut self, ui: &mut Ui, state: &State, reasons: &[Reason]) -> Option<CompareCommand> {
        let (settings, at_once) = (&state.preferences.settings, state.preferences.tasks_at_once());
        let is_going = state.computed.is_comparing();
        let mut act = None;
        ui.horizontal_wrapped(|ui| {
            let possible = |method: Method| reasons.iter().any(|(other, why)| *other == method && why.is_none());
            let any = Method::ALL.iter().copied().any(|method| possible(method) && self.is_ticked(method));
            let why_not = match (is_going, any) {
                (true, _) => Some("A comparison is going on: cancel it first"),
                (_, false) => Some("No method is ticked"),
                _ => None,
            };
            let fill = colors::DSF.gamma_multiply(0.9);
            let ink = theme::ink_on(ui.visuals().panel_fill.blend(fill));
            let go = RichText::new("▶ Compare").color(ink).strong();
            let go = ui.add_enabled(why_not.is_none(), Button::new(go).fill(fill));
            let hint = "This layer by all ticked methods, each with the same number of nonzeros";
            if go.on_hover_text(hint).on_disabled_hover_text(why_not.unwrap_or_default()).clicked() {
                act = Some(CompareCommand::Start);
            }
            let cancel = ui.add_enabled(is_going, Button::new("⏹ Cancel all"));
            let hint = "What is done stays";
            if cancel.on_hover_text(hint).on_disabled_hover_text("Nothing is being compared").clicked() {
                act = Some(CompareCommand::CancelAll);
            }
            ui.separator();
            self.threshold_ui(ui, possible(Method::Admm) || possible(Method::Sparsegpt));
            ui.separator();
            let plural = if at_once == 1 { "" } else { "s" };
            ui.weak(format!("{at_once} method{plural} at a time, each on 1 thread"))
                .on_hover_text("So that their seconds can be compared");
            if possible(Method::Dsf) && self.is_ticked(Method::Dsf) {
                ui.weak(format!("DSF: {}", summary(settings))).on_hover_text("With the settings of the settings panel");
            }
        });
        act
    }

    fn threshold_ui(&mut self, ui: &mut Ui, possible: bool) {
        let why = "Of ADMM and SparseGPT: over what the entries compete for their places";
        let label = ui.label("ThresholdScope").on_hover_text(why);
        let name = |threshold| match threshold {
            ThresholdScope::Matrix => "whole matrix",
            ThresholdScope::Row => "each row",
        };
        ui.add_enabled_ui(possible, |ui| {
            ComboBox::from_id_salt("threshold")
                .width(96.0)
                .selected_text(name(self.threshold))
                .show_ui(ui, |ui| {
                    for threshold in [ThresholdScope::Matrix, ThresholdScope::Row] {
                        ui.selectable_value(&mut self.threshold, threshold, name(threshold));
                    }
                })
                .response
                .labelled_by(label.id)
                .on_hover_text(why)
                .on_disabled_hover_text("Only ADMM and SparseGPT leave it open, and they need the layer's inputs");
        });
    }
}

/// A method's colour and name.
fn titled(ui: &Ui, method: Method, enabled: bool) -> LayoutJob {
    let mut job = LayoutJob::default();
    let color = if enabled { colors::of(method) } else { colors::of(method).gamma_multiply(0.4) };
    let font = FontSelection::Default.resolve(ui.style());
    let format = |color| TextFormat { font_id: font.clone(), color, valign: Align::Center, ..TextFormat::default() };
    job.append("■ ", 0.0, format(color));
    job.append(method.title(), 0.0, format(Color32::PLACEHOLDER));
    job
}
