//! The open model of a kind: its compressed layers, and what is measured of it.

use super::compress_model::CompressModel;
use super::compression::{Compression, Prepared, plan, prepare};
use super::model::{Measures, WholeModel};
use super::open_model::OpenModel;
use super::tuning::model_tuning::ModelTuning;
use super::tuning::tune::KeyOf;
use crate::app::state::compressed_layers::CompressedLayers;
use crate::app::state::hints::sentence;
use crate::app::state::model_budget::ModelBudget;
use crate::app::state::model_command::ModelCommand;
use crate::app::state::order_error::OrderError;
use crate::app::state::tuning_command::TuningCommand;
use crate::compress::Plan;
use crate::factorize::Settings;
use crate::finetune::Blockwise;
use crate::job::ComputeConfig;
use crate::model::Source;
use eframe::egui::Context;
use std::collections::BTreeSet;

/// The open model, and what is known of it.
pub struct ModelState<S: WholeModel> {
    pub(in crate::app::tasks) open: OpenModel<S>,
    /// Another model that was opened, while this one has something to lose.
    pending: Option<S>,
    /// Method and densities with which layers are to be compressed.
    pub budget: ModelBudget<KeyOf<S>>,
    pub(in crate::app::tasks) layers: CompressedLayers<KeyOf<S>>,
    compression: Option<Compression<KeyOf<S>, CompressModel<S>>>,
    tuning: ModelTuning<S>,
    /// What is measured of it.
    pub measures: S::Measures,
    /// Whether a large model is to be measured.
    measure_large: bool,
    /// Whether the budget is one for the open model.
    has_budget: bool,
    problem: Option<String>,
    /// Notes of the compression, to be shown.
    pub notes: Vec<String>,
}

impl<S: WholeModel> Default for ModelState<S> {
    fn default() -> Self {
        Self {
            open: OpenModel::default(),
            pending: None,
            budget: ModelBudget::default(),
            layers: CompressedLayers::default(),
            compression: None,
            tuning: ModelTuning::default(),
            measures: S::Measures::default(),
            measure_large: false,
            has_budget: false,
            problem: None,
            notes: Vec::new(),
        }
    }
}

/// The model and the data that are open.
impl<S: WholeModel> ModelState<S> {
    /// Another model is open. What was compressed of the one before stays until it is saved or discarded.
    pub fn open(&mut self, source: S) {
        if self.is_unsaved() {
            self.pending = Some(source);
            return;
        }
        self.measures.stop();
        *self = Self { open: self.open.next(source), ..Self::default() };
    }

    /// The open model is measured on other data, on its own without; its compressed layers stay.
    pub fn read_data(&mut self, data: Option<Source>) {
        if self.open.is_there() {
            if self.tuning.work().is_some() {
                self.notes.push(format!("The tuning has ended, {}; its best values so far stay", S::OTHER_DATA));
            }
            if self.compression.take().is_some() {
                self.notes.push(format!("The compression has ended, {}; finished layers stay", S::OTHER_DATA));
            }
            self.tuning.end(&mut self.layers, &mut self.problem);
            self.tuning.forget();
            self.open.read_data(data);
            self.measures.stop();
            self.problem = None;
            self.layers.clear_trail();
        }
    }

    /// Name of another model that was opened while this one has something to lose.
    pub fn pending(&self) -> Option<&str> {
        self.pending.as_ref().map(|source| source.checkpoint().name())
    }

    /// Discards the compressed layers, and opens the other model.
    fn discard_and_open(&mut self) {
        self.layers.clear();
        self.compression = None;
        self.tuning.discard();
        self.pending.take().into_iter().for_each(|source| self.open(source));
    }

    /// Stays with this model.
    fn stay(&mut self) {
        self.pending = None;
    }

    /// The model that is open.
    pub fn model(&self) -> &OpenModel<S> {
        &self.open
    }

    /// Returns the facts about the model, once it is read.
    pub fn info(&self) -> Option<&S::Info> {
        self.open.info()
    }

    /// Whether the model is small enough to be measured whenever something changes.
    pub fn is_live(&self) -> bool {
        self.info().is_some_and(S::is_live)
    }

    /// Whether a large model still waits to be measured on request.
    pub fn waits_for_request(&self) -> bool {
        !self.is_live() && !self.measure_large
    }
}

/// The compressed layers of the model.
impl<S: WholeModel> ModelState<S> {
    /// The compressed layers so far.
    pub fn layers(&self) -> &CompressedLayers<KeyOf<S>> {
        &self.layers
    }

    /// Number of replaced layers.
    pub fn replaced(&self) -> usize {
        self.layers.len()
    }

    /// Whether layers were compressed or tuned, or are being so, that nobody has saved.
    pub fn is_unsaved(&self) -> bool {
        self.is_working() || self.layers.is_unsaved()
    }

    /// Model number `model` with its compressed layers was written, as of this version of them. Another one that waited for it
    /// is opened, once nothing would be lost.
    pub fn saved(&mut self, (model, version): (usize, usize)) {
        if model != self.open.models() {
            return;
        }
        self.layers.saved(version);
        if !self.is_unsaved() {
            self.pending.take().into_iter().for_each(|source| self.open(source));
        }
    }

    /// Number of the model, and version of its compressed layers: what [`ModelState::saved`] is to be told.
    pub(in crate::app::tasks) fn to_be_saved(&self) -> (usize, usize) {
        (self.open.models(), self.layers.version())
    }

    /// The compression in progress.
    pub fn compression(&self) -> Option<&Compression<KeyOf<S>, CompressModel<S>>> {
        self.compression.as_ref()
    }

    /// Whether layers are being compressed or tuned.
    pub fn is_working(&self) -> bool {
        self.why_busy().is_some()
    }

    /// Why the layers cannot be changed now.
    pub fn why_busy(&self) -> Option<&'static str> {
        match &self.compression {
            Some(_) => Some("Layers are being compressed"),
            None => self.tuning.why_busy(),
        }
    }

    /// Last error of the model, a sentence.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Compresses these layers with the budget as it is; the compressed ones among the others stay, and are seen by those after
    /// them.
    fn compress(&mut self, ctx: &Context, settings: &Settings, ids: &BTreeSet<KeyOf<S>>, compute: ComputeConfig) {
        let (Some(info), Some(model)) = (self.open.info(), self.open.lazy().cloned()) else { return };
        let how = (&self.budget, settings, compute);
        let Prepared { plan, kept, waiting } = prepare(S::keys(info), how, ids, &mut self.layers);
        let tensors = self.layers.tensors_with(&kept);
        let task = CompressModel { model, plan, kept, tensors, compute };
        self.compression = Some(Compression::start(ctx, task, waiting, |key| S::cost(info, key, settings)));
        self.problem = None;
        self.tuning.forget();
    }

    /// Compresses all layers to this density, but for those that are best left as they are; with `blockwise` blocks are tuned on
    /// the way.
    pub fn compress_all(
        &mut self,
        ctx: &Context,
        settings: &Settings,
        (density, blockwise): (f64, bool),
        compute: ComputeConfig,
    ) -> Result<(), OrderError> {
        let Some(info) = self.info() else { return Err(OrderError::not_now(S::NONE_OPEN)) };
        if let Some(why) = self.why_busy() {
            return Err(OrderError::not_now(why));
        }
        if blockwise && !S::TUNES_BLOCKS {
            return Err(OrderError::not_now("Only the blocks of language models are tuned while they are compressed"));
        }
        let (ids, densities) = (S::keys(info).into_iter().collect(), S::uniform(info, density));
        densities.check()?;
        (self.budget.densities, self.budget.blockwise) = (densities, blockwise);
        self.compress(ctx, settings, &ids, compute);
        Ok(())
    }

    /// Ends compressing; finished layers stay.
    pub fn cancel(&mut self) {
        self.compression.iter_mut().for_each(Compression::cancel);
    }

    /// Puts dense weights back.
    fn restore(&mut self, ids: &BTreeSet<KeyOf<S>>) {
        self.layers.restore(ids);
        self.tuning.forget();
    }

    /// The plan by which the compressed layers were, for a report.
    pub(in crate::app::tasks) fn plan(&self, settings: &Settings) -> Option<Plan<KeyOf<S>>> {
        let plan = plan(S::keys(self.info()?), &self.budget, settings, &self.layers, &BTreeSet::new());
        Some(Plan { blockwise: self.layers.are_of_tuned_blocks().then(Blockwise::default), ..plan })
    }

    /// The tuning: its settings, what goes on, what became of the losses.
    pub fn tuning(&self) -> &ModelTuning<S> {
        &self.tuning
    }

    /// Why the layers cannot be tuned now.
    pub fn no_tuning(&self) -> Option<&'static str> {
        let Some(info) = self.info() else { return Some(S::NONE_OPEN) };
        match S::no_tuning(info) {
            None if self.layers.is_empty() => Some("Compress layers first: what replaces them is tuned"),
            None => self.why_busy(),
            why_not => why_not,
        }
    }

    /// Does what is asked for of the tuning; in a sentence why not.
    pub fn tune(&mut self, ctx: &Context, command: TuningCommand, threads: Option<usize>) -> Result<(), &'static str> {
        // Under a compression the layers that it sees stay as they are.
        if let (TuningCommand::Undo, Some(why)) = (&command, self.why_busy()) {
            return Err(why);
        }
        let model = match self.no_tuning() {
            Some(why) => Err(why),
            None => self.open.lazy().cloned().ok_or(S::NONE_OPEN),
        };
        self.tuning.perform((ctx, threads), command, model, &mut self.layers, &mut self.problem)
    }

    /// Does what is asked for of any model.
    pub fn perform(
        &mut self,
        ctx: &Context,
        command: ModelCommand<KeyOf<S>>,
        (settings, compute): (&Settings, ComputeConfig),
    ) {
        let changes = matches!(command, ModelCommand::Compress(_) | ModelCommand::Restore(_));
        // Why not stands at the buttons.
        if changes && self.is_working() {
            return;
        }
        match command {
            ModelCommand::DiscardAndOpen => self.discard_and_open(),
            ModelCommand::Stay => self.stay(),
            ModelCommand::ReadData(data) => self.read_data(data),
            ModelCommand::Measure => self.measure_large = true,
            ModelCommand::SetMethod(method) => self.budget.method = method,
            ModelCommand::SetDensities(densities) => self.budget.densities = densities,
            ModelCommand::SetBlockwise(wanted) => self.budget.blockwise = wanted,
            ModelCommand::Compress(ids) => self.compress(ctx, settings, &ids, compute),
            ModelCommand::CancelCompression => self.cancel(),
            ModelCommand::Tuning(command) => _ = self.tune(ctx, command, compute.threads),
            ModelCommand::Restore(ids) => self.restore(&ids),
        }
    }

    /// Takes in what compression and tuning have told, and sees that the model is read.
    pub(in crate::app::tasks) fn poll_work(&mut self, ctx: &Context) {
        if let Some(end) = self.compression.as_mut().and_then(|work| work.poll(&mut self.layers, &mut self.notes)) {
            self.problem = end.err().map(|why| sentence(&why));
            self.compression = None;
        }
        self.tuning.poll(&mut self.layers, &mut self.problem);
        self.open.want(ctx);
        if let Some(info) = self.open.info().filter(|_| !self.has_budget) {
            self.budget.densities = S::uniform(info, self.budget.densities.all);
            self.has_budget = true;
        }
    }
}
