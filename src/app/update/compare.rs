//! The Compare view: one layer by all methods at one density, each of them a task in the background.
//!
//! `task.rs` does one method, `comparison.rs` holds what waits, goes on and is done; `panel.rs` asks for it,
//! `table.rs` shows what came of it, a `line.rs` for each method. A result becomes a [`Run`] of the list when someone wants to see it.

use crate::app::explorer::Explorer;
use crate::app::panels::compare::act::CompareAct;
use crate::app::state::run::Run;
use crate::app::state::workspace::Pane;
use crate::app::tasks::comparison::{Comparison, MethodState, Row};
use crate::compare::{Candidate, choose};
use crate::matrix::Problem;
use crate::measure::percent;
use crate::methods::{Method, Threshold};
use crate::tasks;
use eframe::egui::{Context, Ui};
use serde_json::{Value, json};

/// What a run of a comparison is called.
pub fn run_name(candidate: &Candidate) -> String {
    let Candidate { method, settings, threshold } = candidate;
    let by = if method.has_threshold() && *threshold == Threshold::Row { ", by row" } else { "" };
    format!("{}, {}{by}", method.title(), percent(settings.density))
}

impl Explorer {
    /// What a run or a method started now works on.
    pub(in crate::app) fn problem(&self) -> Option<Problem> {
        let weight = self.subject.as_ref()?.layer.weight.clone();
        Some(Problem { weight, calibration: self.inputs.calibration(), held_out: self.inputs.held_out() })
    }

    pub(in crate::app) fn compare_ui(&mut self, ui: &mut Ui) {
        let problem = self.problem();
        let (subject, at_once) = (self.subject.clone(), self.compared_at_once());
        let open = subject.as_ref().zip(problem.as_ref());
        let act = self.comparing.ui(ui, open, &self.settings, self.selected.and_then(|at| self.runs.get(at)), at_once);
        let Some(act) = act else { return };
        match act {
            CompareAct::Start => {
                self.compare_ticked(ui.ctx());
            }
            CompareAct::CancelAll => self.comparing.comparison.iter_mut().for_each(Comparison::cancel),
            CompareAct::Cancel(method) => self.comparing.row_mut(method).into_iter().for_each(Row::cancel),
            CompareAct::Again(method) => self.comparing.row_mut(method).into_iter().for_each(Row::again),
            CompareAct::Show(method) => {
                if self.select_result(method).is_some() {
                    self.to_front = Some(Pane::W);
                }
            }
            CompareAct::Masks(method) => self.show_masks(method),
        }
        ui.ctx().request_repaint();
    }

    /// How many methods go on at once.
    fn compared_at_once(&self) -> usize {
        self.threads.unwrap_or_else(tasks::parallel_tasks)
    }

    /// Takes in what methods came to, and begins those that wait.
    pub(in crate::app) fn poll_comparison(&mut self, ctx: &Context) {
        let at_once = self.compared_at_once();
        self.comparing.comparison.iter_mut().for_each(|comparison| comparison.poll(ctx, at_once));
    }

    /// Compares what is ticked and can be done.
    pub(in crate::app) fn compare_ticked(&mut self, ctx: &Context) {
        let shape = self.subject.as_ref().map_or((0, 0), |subject| subject.layer.weight.shape());
        let ticked = self.comparing.ticked(&self.settings, shape);
        let begun = self.choose(&ticked).and_then(|(candidates, _)| self.compare(candidates));
        begun.unwrap_or_else(|why| self.messages.problem(ctx, why));
    }

    /// Those of `methods` that can be done on the open layer, and why the others cannot.
    fn choose(&self, methods: &[Method]) -> Result<(Vec<Candidate>, Vec<String>), String> {
        let problem = self.problem().ok_or("No layer is open")?;
        let (candidates, not) = choose(methods, &self.settings, self.comparing.threshold(), &problem);
        Ok((candidates, not.into_iter().map(|(_, why)| crate::app::panels::compare::panel::in_window(&why)).collect()))
    }

    /// Compares these on the open layer.
    fn compare(&mut self, candidates: Vec<Candidate>) -> Result<(), String> {
        let (subject, problem) = self.subject.clone().zip(self.problem()).ok_or("No layer is open")?;
        if candidates.is_empty() {
            return Err("No method that can be done is ticked".into());
        }
        self.comparing.comparison = Some(Comparison::new(subject, problem, self.settings.clone(), candidates));
        Ok(())
    }

    /// Why no comparison can be started now.
    pub(in crate::app) fn no_comparison(&self) -> Option<String> {
        if self.comparing.is_going() {
            return Some("A comparison is going on: cancel it first".into());
        }
        self.subject.is_none().then(|| "No layer is open".into())
    }

    /// What a method came to, on screen: a run of the list, which it joins once. Its place there.
    fn select_result(&mut self, method: Method) -> Option<usize> {
        let comparison = self.comparing.comparison.as_mut()?;
        let row = comparison.rows.iter_mut().find(|row| row.method() == method)?;
        if let Some(at) = row.run.and_then(|number| self.runs.iter().position(|run| run.number == number)) {
            self.select(Some(at));
            return Some(at);
        }
        let (subject, problem) = (comparison.subject.clone(), comparison.problem.clone());
        let run = Run::replaced(self.next_number, run_name(&row.candidate), subject, problem, row.made()?);
        row.run = Some(run.number);
        self.add(run);
        self.selected
    }

    /// The masks of a method beside those of the run on screen, where they are of one kind, else of another method.
    fn show_masks(&mut self, method: Method) {
        let beside = self.shown().filter(|run| self.comparing.has_masks_like(method, run)).map(|run| run.number);
        let beside = beside.or_else(|| {
            let other = self.comparing.masks_beside(method).ok()?;
            let at = self.select_result(other)?;
            Some(self.runs[at].number)
        });
        let (Some(beside), Some(_)) = (beside, self.select_result(method)) else { return };
        self.masks.set_beside(beside);
        self.to_front = Some(Pane::Masks);
    }

    /// What is compared, for those who ask from outside.
    pub(in crate::app) fn comparison_state(&self) -> Value {
        let rows = self.comparing.comparison.iter().flat_map(|comparison| &comparison.rows);
        rows.map(|row| {
            let report = row.made().map(|made| &made.report);
            let (share, why) = match &row.state {
                MethodState::Working(work) => (Some(work.share), None),
                MethodState::Failed(why) => (None, Some(why)),
                _ => (None, None),
            };
            json!({
                "method": row.method().name(),
                "state": row.state.name(),
                "share": share,
                "why": why,
                "error": report.map(|report| report.relative_error),
                "layer_error": report.and_then(|report| report.layer_error),
                "nnz": report.map(|report| report.nnz),
                "bytes": report.map(|report| report.bytes),
                "seconds": report.map(|report| report.seconds),
                "run": row.run,
            })
        })
        .collect()
    }

    /// `["magnitude", …]` compares these, `[]` all that can be done, `"cancel"` ends what goes on, and `{"show": name}`
    /// shows one.
    pub(in crate::app) fn compare_order(&mut self, order: &Value) -> Result<(), String> {
        let named = |name: &Value| {
            let name = name.as_str().ok_or("methods are given by their names")?;
            Method::named(name).ok_or_else(|| format!("there is no method {name}"))
        };
        if let Some(name) = order.get("show") {
            let method = named(name)?;
            self.select_result(method).ok_or_else(|| format!("{} is not done", method.title()))?;
            self.to_front = Some(Pane::W);
            return Ok(());
        }
        match order {
            Value::String(word) if word == "cancel" => {
                self.comparing.comparison.iter_mut().for_each(Comparison::cancel);
                Ok(())
            }
            Value::Array(names) => {
                if let Some(why) = self.no_comparison() {
                    return Err(why);
                }
                let mut methods = names.iter().map(named).collect::<Result<Vec<_>, String>>()?;
                methods.sort_unstable();
                methods.dedup();
                let all = methods.is_empty();
                let (mut candidates, not) = self.choose(if all { &Method::ALL } else { &methods })?;
                let (rows, cols) = self.subject.as_ref().map_or((0, 0), |subject| subject.layer.weight.shape());
                candidates.retain(|candidate| !all || !candidate.is_slow(rows, cols));
                match not.into_iter().next() {
                    Some(why) if !all => Err(why),
                    _ => self.compare(candidates),
                }
            }
            _ => Err("a comparison takes [method, …], \"cancel\" or {\"show\": method}".into()),
        }
    }
}
