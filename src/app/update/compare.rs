//! The comparison of methods: what is asked for of it, from the panel and from outside.

use crate::Named;
use crate::app::explorer::Explorer;
use crate::app::state::command::CompareCommand;
use crate::app::state::error::Error;
use crate::app::state::hints::sentence_of;
use crate::app::state::order_error::OrderError;
use crate::app::state::pane::Pane;
use crate::app::state::run::Run;
use crate::app::tasks::comparison::{Comparison, MethodState, Row};
use crate::compare::{Candidate, choose};
use crate::hint::Failure;
use crate::measure::percent;
use crate::methods::{Method, ThresholdScope};
use eframe::egui::Context;
use serde_json::{Value, json};

/// Returns the name of a comparison's run.
fn run_name(candidate: &Candidate) -> String {
    let Candidate { method, settings, threshold } = candidate;
    let by = if method.has_threshold() && *threshold == ThresholdScope::Row { ", by row" } else { "" };
    format!("{}, {}{by}", method.title(), percent(settings.density))
}

impl Explorer {
    /// Does what the panel asks for.
    pub(super) fn perform_compare(&mut self, ctx: &Context, command: CompareCommand) {
        let comparison = &mut self.state.computed.comparison;
        match command {
            CompareCommand::Start => self.compare_ticked(ctx),
            CompareCommand::CancelAll => comparison.iter_mut().for_each(Comparison::cancel),
            CompareCommand::Cancel(method) => {
                comparison.as_mut().and_then(|comparison| comparison.row_mut(method)).into_iter().for_each(Row::cancel)
            }
            CompareCommand::Again(method) => {
                comparison.as_mut().and_then(|comparison| comparison.row_mut(method)).into_iter().for_each(Row::again)
            }
            CompareCommand::Show(method) => {
                if self.select_result(method).is_some() {
                    self.show(Pane::W);
                }
            }
            CompareCommand::Masks(method) => self.show_masks(method),
        }
    }

    /// Takes in what methods came to, and begins those that wait.
    pub(super) fn poll_comparison(&mut self, ctx: &Context) {
        let at_once = self.state.preferences.tasks_at_once();
        self.state.computed.comparison.iter_mut().for_each(|comparison| comparison.poll(ctx, at_once));
    }

    /// Compares what is ticked and can be done.
    pub(super) fn compare_ticked(&mut self, ctx: &Context) {
        let shape = self.state.document.shape().unwrap_or((0, 0));
        let ticked = self.panels.compare.ticked(&self.state.preferences.settings, shape);
        let begun = self.choose(&ticked).and_then(|(candidates, _)| self.compare(candidates));
        begun.unwrap_or_else(|why| self.state.messages.problem(ctx, sentence_of(why)));
    }

    /// Those of `methods` that can be done on the open layer, and why the others cannot.
    fn choose(&self, methods: &[Method]) -> Result<(Vec<Candidate>, Vec<Failure>), Error> {
        let problem = self.state.document.problem().ok_or(Error::NoLayer)?;
        let (candidates, not) =
            choose(methods, &self.state.preferences.settings, self.panels.compare.threshold(), &problem);
        Ok((candidates, not.into_iter().map(|(_, why)| why.into()).collect()))
    }

    /// Compares these on the open layer.
    fn compare(&mut self, candidates: Vec<Candidate>) -> Result<(), Error> {
        let (subject, problem) = self.state.document.layer_and_problem().ok_or(Error::NoLayer)?;
        if candidates.is_empty() {
            return Err(Error::NoMethod);
        }
        let settings = self.state.preferences.settings.clone();
        self.state.computed.comparison = Some(Comparison::new(subject, problem, settings, candidates));
        Ok(())
    }

    /// Shows what a method came to: a run of the list, which it joins once. The run's number.
    fn select_result(&mut self, method: Method) -> Option<usize> {
        let (runs, comparison) = (&mut self.state.runs, self.state.computed.comparison.as_mut()?);
        let spec = comparison.spec();
        let row = comparison.row_mut(method)?;
        if let Some((number, at)) = row.run.and_then(|number| Some((number, runs.position(number)?))) {
            runs.select(Some(at));
            return Some(number);
        }
        let run = Run::replaced(runs.next_number(), run_name(&row.candidate), spec, row.made()?);
        row.run = Some(run.number);
        runs.add(run);
        row.run
    }

    /// The masks of a method beside those of the run on screen, where they are of one kind, else of another method.
    fn show_masks(&mut self, method: Method) {
        let Some(comparison) = &self.state.computed.comparison else { return };
        let beside = self.state.runs.shown().filter(|run| comparison.has_masks_like(method, run)).map(|run| run.number);
        let other = comparison.masks_beside(method).ok();
        let beside = beside.or_else(|| self.select_result(other?));
        let (Some(beside), Some(_)) = (beside, self.select_result(method)) else { return };
        self.panels.masks.set_beside(beside);
        self.show(Pane::Masks);
    }

    /// Returns the state of the comparison as JSON, for those who ask from outside.
    pub(super) fn comparison_state(&self) -> Value {
        let rows = self.state.computed.comparison.iter().flat_map(|comparison| &comparison.rows);
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
    pub(super) fn compare_order(&mut self, order: &Value) -> Result<(), OrderError> {
        let named = |name: &Value| {
            let name = name.as_str().ok_or_else(|| OrderError::takes("a comparison", "methods by their names"))?;
            Method::named(name).ok_or_else(|| OrderError::unknown("method", name))
        };
        if let Some(name) = order.get("show") {
            let method = named(name)?;
            self.select_result(method).ok_or_else(|| OrderError::not_now(format!("{} is not done", method.title())))?;
            self.show(Pane::W);
            return Ok(());
        }
        match order {
            Value::String(word) if word == "cancel" => {
                self.state.computed.comparison.iter_mut().for_each(Comparison::cancel);
                Ok(())
            }
            Value::Array(names) => {
                if let Some(why) = self.state.no_comparison() {
                    return Err(OrderError::not_now(why));
                }
                let mut methods = names.iter().map(named).collect::<Result<Vec<_>, OrderError>>()?;
                methods.sort_unstable();
                methods.dedup();
                let all = methods.is_empty();
                let (mut candidates, not) = self.choose(if all { Method::ALL } else { &methods })?;
                let (rows, cols) = self.state.document.shape().unwrap_or((0, 0));
                candidates.retain(|candidate| !all || !candidate.is_slow(rows, cols));
                match not.into_iter().next() {
                    Some(why) if !all => Err(why.into()),
                    _ => Ok(self.compare(candidates)?),
                }
            }
            _ => Err(OrderError::takes("a comparison", "[method, …], \"cancel\" or {\"show\": method}")),
        }
    }
}
