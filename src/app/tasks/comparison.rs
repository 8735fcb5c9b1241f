//! One layer by several methods: what waits, what is done, what came of it.

use super::pending_task::{PACE, PendingTask};
use super::replace::Replace;
use crate::app::state::hints::sentence;
use crate::app::state::loaded_layer::LoadedLayer;
use crate::app::state::method_result::MethodResult;
use crate::app::state::run::Run;
use crate::app::state::run_spec::RunSpec;
use crate::compare::Candidate;
use crate::factorize::Settings;
use crate::matrix::{Problem, ReplacementKind};
use crate::measure::percent;
use crate::methods::Method;
use crate::model::one_line;
use eframe::egui::Context;
use std::sync::Arc;

/// Methods side by side. Dropping it cancels what goes on.
pub struct Comparison {
    /// Layer that the methods replace.
    pub subject: LoadedLayer,
    /// With what is known of its inputs.
    pub problem: Problem,
    /// Settings; methods other than DSF use the density only.
    pub settings: Settings,
    /// In the order of [`Method::ALL`].
    pub rows: Vec<Row>,
}

/// A method of a comparison.
pub struct Row {
    /// The method, and what it was told.
    pub candidate: Candidate,
    /// State of the method's task.
    pub state: MethodState,
    /// The number of the run by which it is in the list of runs.
    pub run: Option<usize>,
}

/// State of a method in a comparison.
pub enum MethodState {
    /// Waiting while others run.
    Waiting,
    /// Running in the background.
    Working(Work),
    /// Someone did not want to wait.
    Cancelled,
    /// Failed, with this reason.
    Failed(String),
    /// Done, with this result.
    Done(Box<MethodResult>),
}

/// A method that goes on.
pub struct Work {
    /// The share that is done, where the method tells.
    pub share: f64,
    task: PendingTask<Replace>,
}

impl Work {
    /// Seconds so far, and those that are left where that can be said.
    pub fn seconds(&self) -> (f64, Option<f64>) {
        self.task.seconds(self.share)
    }
}

impl MethodState {
    /// Name of the state, in a word.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Working(_) => "working",
            Self::Cancelled => "cancelled",
            Self::Failed(_) => "failed",
            Self::Done(_) => "done",
        }
    }

    /// Whether it is still wanted.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Waiting | Self::Working(_))
    }
}

impl Row {
    /// Method of the candidate.
    pub fn method(&self) -> Method {
        self.candidate.method
    }

    /// Result of the method, when it is done.
    pub fn made(&self) -> Option<&MethodResult> {
        if let MethodState::Done(made) = &self.state { Some(made) } else { None }
    }

    /// Cancels the method's task.
    pub fn cancel(&mut self) {
        if self.state.is_open() {
            self.state = MethodState::Cancelled;
        }
    }

    /// Lets a cancelled or failed method wait again.
    pub fn again(&mut self) {
        if matches!(self.state, MethodState::Cancelled | MethodState::Failed(_)) {
            self.state = MethodState::Waiting;
        }
    }

    /// Takes in what has happened.
    fn poll(&mut self) {
        let MethodState::Working(work) = &mut self.state else { return };
        if let Some(made) = work.task.poll(|share| work.share = share) {
            self.state = made.map_or_else(|why| MethodState::Failed(sentence(&why)), MethodState::Done);
        }
    }
}

impl Comparison {
    /// A comparison of these candidates; no task starts before it is polled.
    pub fn new(subject: LoadedLayer, problem: Problem, settings: Settings, candidates: Vec<Candidate>) -> Self {
        let rows = candidates.into_iter().map(|candidate| Row { candidate, state: MethodState::Waiting, run: None });
        Self { subject, problem, settings, rows: rows.collect() }
    }

    /// Takes in what has happened, and begins what waits where fewer than `at_once` go on.
    pub fn poll(&mut self, ctx: &Context, at_once: usize) {
        self.rows.iter_mut().for_each(Row::poll);
        let going = self.rows.iter().filter(|row| matches!(row.state, MethodState::Working(_))).count();
        let free = at_once.max(1).saturating_sub(going);
        let waiting = self.rows.iter_mut().filter(|row| matches!(row.state, MethodState::Waiting));
        for row in waiting.take(free) {
            let (layer, problem) = (self.subject.layer.clone(), self.problem.clone());
            let replace = Replace { layer, problem, candidate: row.candidate.clone() };
            row.state = MethodState::Working(Work { share: 0.0, task: PendingTask::new(ctx, replace, PACE) });
        }
        if self.is_going() {
            ctx.request_repaint_after(PACE);
        }
    }

    /// Whether something waits or goes on.
    pub fn is_going(&self) -> bool {
        self.rows.iter().any(|row| row.state.is_open())
    }

    /// Nothing of it is wanted any more; what is done stays.
    pub fn cancel(&mut self) {
        self.rows.iter_mut().for_each(Row::cancel);
    }

    /// The row of a method.
    pub fn row(&self, method: Method) -> Option<&Row> {
        self.rows.iter().find(|row| row.method() == method)
    }

    /// Run of DSF on the layer; that of another method has its method and settings in their place.
    pub fn spec(&self) -> RunSpec {
        RunSpec::new(self.subject.clone(), self.problem.clone(), self.settings.clone())
    }

    /// The same, to be changed.
    pub fn row_mut(&mut self, method: Method) -> Option<&mut Row> {
        self.rows.iter_mut().find(|row| row.method() == method)
    }

    /// The method whose masks are laid over this one's, else why there is none.
    pub fn masks_beside(&self, method: Method) -> Result<Method, &'static str> {
        let kind = method.kind();
        if let Some(why) = no_masks(kind) {
            return Err(why);
        }
        let mut others = self.rows.iter().filter_map(|row| Some((row.method(), row.made()?)));
        let own = others.clone().find(|(other, _)| *other == method).map(|(_, made)| made.replacement.inner_dim());
        // DSF, or the largest weights, where they are there: they come first.
        let same = |&(other, made): &(Method, &MethodResult)| {
            other != method && other.kind() == kind && own == Some(made.replacement.inner_dim())
        };
        others.find(same).map(|(other, _)| other).ok_or("No other method here has a mask of this kind and size")
    }

    /// Whether a run of the list has masks to be laid over those of a method.
    pub fn has_masks_like(&self, method: Method, run: &Run) -> bool {
        let Some((row, made)) = self.row(method).and_then(|row| Some((row, row.made()?))) else { return false };
        let same = run.spec.layer.as_ref().is_some_and(|subject| subject.is(&self.subject));
        let as_large =
            run.outcome.as_ref().is_some_and(|ended| ended.replacement.inner_dim() == made.replacement.inner_dim());
        same && as_large && row.run != Some(run.number) && run.spec.method.kind() == method.kind()
    }

    /// In what it is not what would be compared now, in a sentence.
    pub fn is_of_another(
        &self,
        subject: Option<&LoadedLayer>,
        problem: Option<&Problem>,
        settings: &Settings,
    ) -> Option<String> {
        let same = |mine: &Option<Arc<_>>, now: &Option<Arc<_>>| {
            mine.as_ref().map(Arc::as_ptr) == now.as_ref().map(Arc::as_ptr)
        };
        let name = one_line(&self.subject.layer.name);
        if !subject.is_some_and(|subject| subject.is(&self.subject)) {
            return Some(format!("These results are of {name}, which is no longer the open layer"));
        }
        if settings.density != self.settings.density {
            return Some(format!(
                "These results are at {}, not at {}",
                percent(self.settings.density),
                percent(settings.density)
            ));
        }
        if problem.is_some_and(|now| {
            !same(&self.problem.calibration, &now.calibration) || !same(&self.problem.held_out, &now.held_out)
        }) {
            return Some("These results were made with other inputs of the layer than those given now".into());
        }
        (*settings != self.settings && self.row(Method::Dsf).is_some())
            .then(|| "DSF was run with other settings than those set now".into())
    }
}

/// Why a kind of replacement has no masks to be laid over another one's.
pub fn no_masks(kind: ReplacementKind) -> Option<&'static str> {
    match kind {
        ReplacementKind::Factors | ReplacementKind::Sparse => None,
        ReplacementKind::LowRank | ReplacementKind::Blocks => {
            Some("Its factors are dense in themselves: there is no mask to compare")
        }
        ReplacementKind::Chain => Some("Masks are compared of one matrix, or of two factors; these are three"),
    }
}
