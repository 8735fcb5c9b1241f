//! What every panel sees.

use crate::app::state::action::Action;
use crate::app::state::document::Document;
use crate::app::state::export::ExportKind;
use crate::app::state::factors_at::FactorsAt;
use crate::app::state::hints::sentence_of;
use crate::app::state::loaded_layer::LoadedLayer;
use crate::app::state::messages::Messages;
use crate::app::state::pointer::SharedPointer;
use crate::app::state::preferences::Preferences;
use crate::app::state::run::{Run, RunState};
use crate::app::state::runs::Runs;
use crate::app::state::speed_request::SpeedRequest;
use crate::app::tasks::computed::Computed;
use crate::app::tasks::language::model_state::LanguageModelState;
use crate::app::tasks::pictures::Pictures;
use crate::app::tasks::speed::MeasureSpeed;
use crate::app::tasks::vision::vision_state::VisionModelState;
use crate::compare::Candidate;
use crate::factorize::{Budget, Settings};
use crate::language::LayerId;
use crate::matrix::Problem;
use crate::methods::{Method, ThresholdScope};
use std::sync::Arc;

/// State that every panel sees: what is open, what was run, what is set, what was computed.
pub struct State {
    /// The checkpoint and the layer that are open.
    pub document: Document,
    /// The runs, and which of them is on screen.
    pub runs: Runs,
    /// Preferences of the person.
    pub preferences: Preferences,
    /// Results of background tasks.
    pub computed: Computed,
    /// The language model that is open.
    pub language: LanguageModelState,
    /// The vision model that is open.
    pub vision: VisionModelState,
    /// Shared pointer of the linked views.
    pub pointer: SharedPointer,
    /// Messages for the person.
    pub messages: Messages,
}

impl State {
    /// Returns the layer that the views show: the selected run's, or the one that is open.
    pub fn layer_on_screen(&self) -> Option<&LoadedLayer> {
        match self.runs.shown() {
            Some(run) => run.spec.layer.as_ref(),
            None => self.document.layer.as_ref(),
        }
    }

    /// The layer of the language model that the views show.
    pub fn model_layer_on_screen(&self) -> Option<LayerId> {
        self.language.layer_of(self.layer_on_screen()?)
    }

    /// The layer of the vision model that the views show.
    pub fn network_layer_on_screen(&self) -> Option<usize> {
        self.vision.layer_of(self.layer_on_screen()?)
    }

    /// That layer of the language model, and the factors in its place.
    pub fn model_layer_and_factors(&self) -> Option<(LayerId, FactorsAt)> {
        Some((self.model_layer_on_screen()?, self.runs.factors_at()))
    }

    /// The pictures on screen.
    pub fn pictures(&self) -> Option<&Arc<Pictures>> {
        self.computed.renderer.latest()
    }

    /// Whether the pictures on screen are those of the iteration that is wanted.
    pub fn is_up_to_date(&self) -> bool {
        let step = self.runs.factors_at().step();
        self.computed.renderer.is_settled() && self.pictures().is_some_and(|pictures| pictures.step == step)
    }

    /// The relative error ‖W − AB‖/‖W‖ of the factors on screen, and whether it is of an earlier iteration. That of an
    /// iteration is the solver's own, or where that reports another error, that of the pictures.
    pub fn error_on_screen(&self) -> Option<(f64, bool)> {
        let run = self.runs.shown()?;
        let Some(step) = self.runs.step() else { return Some((run.error()?, false)) };
        let reported = run.error_at(step).filter(|_| !run.has_scaled_curve());
        let drawn = || self.pictures().filter(|pictures| pictures.step == Some(step))?.relative_error;
        Some((reported.or_else(drawn)?, true))
    }

    /// How many entries magnitude pruning keeps of the layer on screen.
    pub fn kept_by_magnitude(&self) -> Option<usize> {
        let (rows, cols) = self.layer_on_screen()?.shape();
        let shown = self.runs.shown();
        if let Some(kept) = shown.filter(|run| run.spec.is_opened()).and_then(Run::nnz) {
            return Some(kept);
        }
        let settings = shown.and_then(|run| run.spec.settings.as_ref()).unwrap_or(&self.preferences.settings);
        let settings = Settings { density: settings.density, ..Settings::default() };
        Budget::new(rows, cols, &settings).ok().map(|budget| budget.total())
    }

    /// The task that measures how fast the layer on screen is, or why it is not measured now.
    pub fn speed_task(&self, request: SpeedRequest) -> Result<MeasureSpeed, &'static str> {
        let (layer, kept) = self.layer_on_screen().zip(self.kept_by_magnitude()).ok_or("No layer is open")?;
        // A run that goes on would slow down what is measured, and change it.
        if self.runs.all().iter().any(Run::is_active) {
            return Err("Measured when no run goes on");
        }
        let factors = match self.runs.factors_at() {
            FactorsAt::Snapshot(_) => FactorsAt::Nothing,
            factors => factors,
        };
        let (weight, threads) = (layer.layer.weight.clone(), self.preferences.threads);
        Ok(MeasureSpeed { weight, factors, kept, request, threads })
    }

    /// W on screen, with the inputs that the run on screen was calibrated with: what its curve is an error of.
    pub fn problem_on_screen(&self) -> Option<Problem> {
        let problem = self.runs.shown().filter(|run| run.has_scaled_curve()).and_then(|run| run.spec.problem.clone());
        let weight = || self.layer_on_screen().map(|seen| seen.layer.weight.clone());
        problem.or_else(|| Some(Problem { weight: weight()?, calibration: None, held_out: None, output_weights: None }))
    }

    /// Where SVD's error is only computed when asked for: whether it has been.
    pub fn svd_missing(&self) -> Option<bool> {
        let layer = &self.layer_on_screen()?.layer;
        self.computed.baselines.svd_missing(&layer.weight)
    }

    /// The perplexity that the run on screen leads to, where it can only be predicted.
    pub fn predicted_perplexity(&self) -> Option<f64> {
        let outcome = self.runs.shown()?.outcome.as_ref()?;
        self.language.predicted_alone(self.model_layer_on_screen()?, outcome.layer?.calibration)
    }

    /// Returns the candidate to which a sweep's choices are applied.
    pub fn sweep_base(&self) -> Candidate {
        let settings = self.preferences.settings.clone();
        Candidate { method: Method::Dsf, settings, threshold: ThresholdScope::default() }
    }

    /// Whether closing the window would lose something.
    pub fn is_unsaved(&self) -> bool {
        self.runs.all().iter().any(Run::is_unsaved) || self.language.is_unsaved() || self.vision.is_unsaved()
    }

    /// Whether a run is of another layer than the one that is open.
    pub fn is_of_another_layer(&self, run: &Run) -> bool {
        let open = self.document.layer.as_ref();
        run.spec.layer.as_ref().zip(open).is_some_and(|(layer, open)| !layer.is(open))
    }

    /// Name of what is exported: that of the layer on screen without `.weight`.
    pub fn stem_to_write(&self) -> String {
        let shown = self.runs.shown().and_then(|run| run.spec.layer.as_ref());
        let layer = shown.or(self.document.layer.as_ref());
        layer.map_or_else(|| "dsf".to_owned(), |layer| layer.layer.stem().to_owned())
    }

    /// Method that made what is on screen.
    pub fn method_on_screen(&self) -> Method {
        self.runs.method_on_screen()
    }
}

/// Actions that can be done now.
impl State {
    /// Why an action cannot be done now.
    pub fn why_not(&self, action: Action) -> Option<String> {
        let shown = self.runs.shown();
        let active = shown.is_some_and(Run::is_active);
        let unless = |possible: bool, why: &str| (!possible).then(|| why.to_owned());
        let several = self.runs.all().len() > 1;
        match action {
            Action::Start => self.no_run(),
            Action::Pause | Action::Step | Action::Iteration | Action::Cancel => unless(active, "No run is going on"),
            Action::Compare => self.no_comparison(),
            Action::Export => unless(self.document.layer.is_some() || shown.is_some(), "Nothing is open"),
            Action::Undo => unless(self.preferences.has_undo(), "No setting was changed"),
            Action::Redo => unless(self.preferences.has_redo(), "Nothing was undone"),
            Action::Earlier | Action::Later | Action::Latest | Action::Play => {
                let kept = shown.is_some_and(|run| !run.snapshots.all().is_empty());
                unless(kept, "No iteration is kept")
            }
            Action::Star | Action::Rename | Action::Delete => unless(shown.is_some(), "No run is on screen"),
            Action::Restore => unless(self.runs.has_deleted(), "No run was deleted"),
            Action::PreviousRun | Action::NextRun => unless(several, "There is no other run"),
            Action::Differences => unless(several, "There are no two runs yet"),
            Action::Unpin => unless(self.pointer.is_pinned, "The shared pointer is not held"),
            _ => None,
        }
    }

    /// Why no run can start now.
    pub fn no_run(&self) -> Option<String> {
        let Some((rows, cols)) = self.document.shape() else { return Some("No layer is open".into()) };
        let settings = &self.preferences.settings;
        let checked = settings.check().and_then(|()| Budget::new(rows, cols, settings));
        checked.err().map(sentence_of)
    }

    /// Why no comparison can be started now.
    pub fn no_comparison(&self) -> Option<String> {
        if self.computed.is_comparing() {
            return Some("A comparison is going on: cancel it first".into());
        }
        self.document.layer.is_none().then(|| "No layer is open".into())
    }

    /// Suggested name of a file; `step` is the half-step whose factors it holds, the result without.
    pub fn file_name(&self, kind: ExportKind, step: Option<usize>) -> String {
        kind.file_name(&self.stem_to_write(), self.method_on_screen(), step.map(|step| step / 2))
    }

    /// Why the run on screen cannot be written: its result, or its factors after half-step `step`.
    pub fn no_run_to_write(&self, step: Option<usize>) -> Option<&'static str> {
        match self.runs.shown() {
            Some(run) if step.is_some() && !run.spec.is_opened() => None,
            None => Some("No run is on screen"),
            Some(run) if run.state == RunState::Opened => Some("These factors came from a file"),
            Some(run) if !run.is_exportable() => Some("The run on screen has not ended"),
            Some(_) => None,
        }
    }
}
