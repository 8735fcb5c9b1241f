//! The compression as a step machine.

use super::blockwise::{BlockWork, Finished, TunedBlock};
use super::layer_run::{self, LayerRun, LayerStep};
use super::{CompressedLayer, Error, Inputs, LayerKey, OutputSquares, Parallel, Plan, Store};
use crate::compute::Device;
use crate::job::Progress;
use crate::language::{BlockStage, CalibrationPass, LanguageModel, LayerId, ResidualStreams, Windows};
use crate::matrix::{Calibration, Matrix, Problem};
use crate::model::{Layer, SavedStatistics};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Result of a step.
pub enum Step<K: LayerKey = LayerId> {
    /// It is measured how much the loss feels each layer's outputs.
    OutputSquares,
    /// The statistics of these layers' inputs are computed.
    Statistics(Vec<K>),
    /// A step of a layer's run is done.
    Layer(K, Box<Progress>),
    /// A layer is finished and stored.
    Finished(Arc<CompressedLayer<K>>),
    /// A layer was finished before, and is read from the store.
    Found(Arc<CompressedLayer<K>>),
    /// A block was tuned: after a stage, or with all of its layers finished.
    Tuned(Box<TunedBlock<K>>),
    /// The pass has advanced to the next layers.
    Advanced,
}

/// Progress callback within a layer: the layer and the share of it done, 0 to 1; returns whether to continue.
pub type Inside<'a, K = LayerId> = &'a (dyn Fn(K, f64) -> bool + Sync);

/// A compression in progress, of whatever kind of model.
pub trait LayerByLayer<K: LayerKey> {
    /// Shape of the largest W to be replaced, by which a device is chosen.
    fn largest(&self) -> (usize, usize);

    /// Has DSF runs computed on `device`.
    fn set_device(&mut self, device: Device);

    /// Leaves all other layers than these as they are.
    fn keep_only(&mut self, layers: BTreeSet<K>);

    /// Computes the next step; `None` when all layers are done. Fails with [`Error::Cancelled`] when `progress`, called inside
    /// of a method's one step, cancels.
    fn step_with_progress(&mut self, progress: Inside<'_, K>) -> Result<Option<Step<K>>, Error>;
}

/// A compression in progress: a step machine without threads or clock.
/// Layers are replaced in the order of computation. Those in the store are not computed again, but the calibration
/// windows go through them as well.
pub struct Compression {
    model: LanguageModel,
    plan: Plan,
    /// The only layers to be replaced, if not all are.
    only: Option<BTreeSet<LayerId>>,
    source: Source,
    store: Box<dyn Store>,
    /// Seconds since some moment.
    clock: Box<dyn Fn() -> f64 + Send>,
    /// Layers of this stage that are not done yet.
    waiting: VecDeque<LayerId>,
    statistics: Option<Arc<Calibration>>,
    /// Whether they are collected, be it without a result.
    collected: bool,
    /// Tokens that reached each expert's stage, where they are fewer than its layers' inputs.
    scarce: BTreeMap<LayerId, usize>,
    /// How much the loss feels each layer's outputs, once measured.
    outputs: Option<OutputSquares>,
    /// The tuning of blocks, if they are tuned.
    blocks: Option<BlockWork>,
    /// The block at hand, where its layers are compressed side by side.
    whole: Option<WholeBlock>,
    run: Option<Box<LayerRun<LayerId>>>,
    /// Device of the runs.
    device: Device,
}

/// Source of the statistics, and with it of the layers' order.
enum Source {
    CalibrationPass { pass: Box<CalibrationPass>, windows: Windows, entered: bool },
    List { stages: VecDeque<Vec<LayerId>>, saved: Saved },
}

/// Statistics that were collected before.
enum Saved {
    None,
    All(Arc<SavedStatistics>),
    /// Apart for each stage, which is given by its first layer.
    Stages(FindStage),
}

/// Finds the statistics of a stage.
type FindStage = Box<dyn Fn(LayerId) -> Result<SavedStatistics, Error> + Send>;

/// A block whose layers are replaced together, at its end: until then all of them see it as it was.
struct WholeBlock {
    /// Streams before it.
    before: ResidualStreams,
    /// What replaces its layers, so far.
    replaced: BTreeMap<LayerId, Arc<Matrix>>,
}

impl LayerByLayer<LayerId> for Compression {
    fn largest(&self) -> (usize, usize) {
        let replaced = self.model.layers().filter(|&id| self.is_replaced(id));
        let shapes = replaced.map(|id| self.model.shape(id));
        shapes.max_by_key(|(rows, cols)| rows * cols).unwrap_or((1, 1))
    }

    fn set_device(&mut self, device: Device) {
        self.device = device;
    }

    fn keep_only(&mut self, layers: BTreeSet<LayerId>) {
        self.only = Some(layers);
    }

    fn step_with_progress(&mut self, progress: Inside<'_>) -> Result<Option<Step>, Error> {
        self.step_inside(progress)
    }
}

impl Compression {
    /// A compression before its first step. `clock` returns seconds, for the reports.
    pub fn new(
        model: &LanguageModel,
        plan: Plan,
        inputs: &Inputs,
        store: Box<dyn Store>,
        clock: Box<dyn Fn() -> f64 + Send>,
    ) -> Result<Self, Error> {
        Self::check(model, &plan, Some(inputs))?;
        let source = match inputs {
            Inputs::Unknown => Source::list(model, Saved::None),
            Inputs::Saved(saved) => Source::list(model, Saved::All(saved.clone())),
            Inputs::Windows(windows) => {
                let (pass, windows) = (Box::new(CalibrationPass::new(model, windows)?), windows.clone());
                Source::CalibrationPass { pass, windows, entered: false }
            }
        };
        Ok(Self::from_source(model, plan, source, store, clock))
    }

    /// Checks in advance what would fail at some layer.
    pub fn check(model: &LanguageModel, plan: &Plan, inputs: Option<&Inputs>) -> Result<(), Error> {
        plan.check()?;
        model.checkpoint().check_not_quantized().map_err(crate::language::Error::from)?;
        if model.is_sparse() {
            return Err(Error::IsCompressed { model: model.name().to_owned() });
        }
        if plan.blockwise.is_some() && (plan.parallel != Parallel::No || !matches!(inputs, Some(Inputs::Windows(_)))) {
            return Err(Error::BlocksNeedText);
        }
        for id in model.layers().filter(|&id| plan.densities.of(id) < 1.0) {
            let shape = model.shape(id);
            if plan.method.needs_inputs() && matches!(inputs, Some(Inputs::Unknown)) {
                return Err(Error::NeedsText { method: plan.method.title() });
            }
            layer_run::check(model, id, shape, plan)?;
            if let Some(Inputs::Saved(saved)) = inputs {
                saved.check_calibration_of(&model.config().stem(id), shape.1)?;
            }
        }
        Ok(())
    }

    /// As [`new`](Self::new), with the statistics of each stage, given by its first layer, as `find` finds them once a layer
    /// waits for them.
    pub fn with_stages(
        model: &LanguageModel,
        plan: Plan,
        find: impl Fn(LayerId) -> Result<SavedStatistics, Error> + Send + 'static,
        store: Box<dyn Store>,
        clock: Box<dyn Fn() -> f64 + Send>,
    ) -> Result<Self, Error> {
        Self::check(model, &plan, None)?;
        let source = Source::list(model, Saved::Stages(Box::new(find)));
        Ok(Self::from_source(model, plan, source, store, clock))
    }

    fn from_source(
        model: &LanguageModel,
        plan: Plan,
        source: Source,
        store: Box<dyn Store>,
        clock: Box<dyn Fn() -> f64 + Send>,
    ) -> Self {
        let blocks = match (&plan.blockwise, &source) {
            (Some(how), Source::CalibrationPass { pass, .. }) => Some(BlockWork::new(how, model, pass)),
            _ => None,
        };
        let (only, waiting, statistics, collected, scarce, outputs, whole, run, device) = Default::default();
        Self {
            model: model.clone(),
            plan,
            only,
            source,
            store,
            clock,
            waiting,
            statistics,
            collected,
            scarce,
            outputs,
            blocks,
            whole,
            run,
            device,
        }
    }

    /// Whether a layer is to be replaced. One of density 1 stays unchanged.
    fn is_replaced(&self, id: LayerId) -> bool {
        self.plan.densities.of(id) < 1.0 && self.only.as_ref().is_none_or(|only| only.contains(&id))
    }

    /// Stages of experts so far whose layers read fewer tokens than they have inputs, by their first layers: their
    /// statistics say little, and a stage without any token is replaced without statistics.
    pub fn scarce(&self) -> &BTreeMap<LayerId, usize> {
        &self.scarce
    }

    /// Computes the next step; `None` when all layers are done.
    pub fn step(&mut self) -> Result<Option<Step>, Error> {
        self.step_inside(&|_, _| true)
    }

    fn step_inside(&mut self, progress: Inside<'_>) -> Result<Option<Step>, Error> {
        if self.run.is_some() {
            return self.run_step().map(Some);
        }
        let Some(&id) = self.waiting.front() else {
            return match self.tune(progress)? {
                Some(block) => Ok(Some(Step::Tuned(Box::new(block)))),
                None => self.advance(progress),
            };
        };
        if let Some(found) = self.find(id)? {
            self.waiting.retain(|&waiting| waiting != id);
            if let Some(blocks) = &mut self.blocks {
                blocks.found(&found);
            }
            self.replace(&found);
            return Ok(Some(Step::Found(found)));
        }
        if self.outputs.is_none() && self.plan.weighs_outputs() {
            self.outputs = Some(self.measure_outputs(id, progress)?);
            return Ok(Some(Step::OutputSquares));
        }
        if !self.collected
            && let Some(statistics) = self.collect(id)?
        {
            self.statistics = Some(statistics);
            return Ok(Some(Step::Statistics(self.waiting.iter().copied().collect())));
        }
        self.begin(id, progress)
    }

    /// The layer, if it is finished; of a block that is tuned as a whole, if the block is.
    fn find(&mut self, id: LayerId) -> Result<Option<Arc<CompressedLayer>>, Error> {
        match self.blocks.is_some() && self.store.block_tensors(id.block)?.is_none() {
            true => Ok(None),
            false => self.store.find(id),
        }
    }

    /// Tunes the block at hand, if that is due: after each stage, and where there are experts after the attention and at the
    /// end. A block that is finished is stored.
    fn tune(&mut self, progress: Inside<'_>) -> Result<Option<TunedBlock>, Error> {
        let last = match &self.source {
            Source::CalibrationPass { pass, entered: true, .. } => pass.layers().last().copied(),
            _ => None,
        };
        let Some(last) = last else { return Ok(None) };
        let of_block = self.model.config().layers_of(last.block);
        // Layers after it may stay dense.
        let is_last = !of_block.iter().any(|&id| id > last && self.is_replaced(id));
        if last.expert.is_some() && !is_last {
            return Ok(None);
        }
        let (Some(blocks), Source::CalibrationPass { pass, .. }) = (&mut self.blocks, &mut self.source) else {
            return Ok(None);
        };
        let outputs = self.outputs.as_ref();
        let weights = outputs.and_then(|outputs| outputs.stream_weights(last.block, STREAM_POWER));
        let told = |share: f64| progress(last, share);
        let tuned = blocks.tune(pass, &self.plan, weights.as_deref(), is_last, &told)?;
        if let Some(block) = tuned.as_ref().filter(|block| block.is_finished) {
            block.layers.iter().try_for_each(|layer| self.store.keep(layer))?;
            // Last: with them the block counts as finished.
            self.store.keep_block_tensors(block.block, &block.tensors)?;
        }
        Ok(tuned)
    }

    /// How much the loss of the dense model feels each layer's outputs; `id` is the layer that waits for it.
    fn measure_outputs(&mut self, id: LayerId, progress: Inside<'_>) -> Result<OutputSquares, Error> {
        // What is stored does not know the streams.
        if self.blocks.is_none()
            && let Some(stored) = self.store.output_squares()?
        {
            return Ok(stored);
        }
        let squares = match &self.source {
            Source::CalibrationPass { windows, .. } => {
                let told = |_: usize, _: usize| progress(id, 0.0);
                OutputSquares::measure(&self.model, windows, &told)?
            }
            Source::List { saved: Saved::All(saved), .. } => return OutputSquares::saved(&self.model, saved),
            // Those of a stage come with its statistics.
            Source::List { saved: Saved::None | Saved::Stages(_), .. } => return Ok(OutputSquares::default()),
        };
        self.store.keep_output_squares(&squares)?;
        Ok(squares)
    }

    /// Advances to the next layers to be replaced.
    fn advance(&mut self, progress: Inside<'_>) -> Result<Option<Step>, Error> {
        (self.statistics, self.collected) = (None, false);
        let next = match &mut self.source {
            Source::CalibrationPass { pass, entered, .. } => {
                match &mut self.whole {
                    Some(whole) if is_last_stage(&self.model, pass) => {
                        let before = std::mem::take(&mut whole.before);
                        pass.end_block_with(before, std::mem::take(&mut whole.replaced))?;
                    }
                    _ if *entered => pass.advance()?,
                    _ => {}
                }
                *entered = true;
                let next = pass.layers();
                if self.plan.parallel == Parallel::Block
                    && next.first().is_some_and(|id| id.stage() == BlockStage::Attention)
                {
                    self.whole = Some(WholeBlock { before: pass.streams().clone(), replaced: BTreeMap::new() });
                }
                if let (Some(blocks), Some(first)) = (&mut self.blocks, next.first())
                    && first.stage() == BlockStage::Attention
                {
                    blocks.enter(&self.model, pass)?;
                    if let Some(tensors) = self.store.block_tensors(first.block)? {
                        blocks.found_tensors(&tensors);
                        pass.restart_block(blocks.model(), pass.streams().clone())?;
                    }
                }
                next
            }
            Source::List { stages, .. } => stages.pop_front().unwrap_or_default(),
        };
        if next.is_empty() {
            return Ok(None);
        }
        let first = next[0];
        self.waiting = next.into_iter().filter(|&id| self.is_replaced(id)).collect();
        if self.store.wants_statistics(first) {
            // To be saved as well, also where no layer waits for it.
            if self.outputs.is_none() && self.plan.weighs_outputs() {
                self.outputs = Some(self.measure_outputs(first, progress)?);
            }
            self.statistics = self.collect(first)?;
        } else if self.waiting.is_empty() && !self.is_wanted_after(first) {
            return Ok(None);
        }
        Ok(Some(Step::Advanced))
    }

    /// Whether a later layer is to be replaced, or its statistics kept.
    fn is_wanted_after(&self, id: LayerId) -> bool {
        let first = |id: LayerId| self.model.config().first_with_inputs_of(id);
        let later = self.model.layers().filter(|&other| other > id);
        later.into_iter().any(|id| self.is_replaced(id) || self.store.wants_statistics(first(id)))
    }

    fn collect(&mut self, id: LayerId) -> Result<Option<Arc<Calibration>>, Error> {
        let first = self.model.config().first_with_inputs_of(id);
        let statistics = match &mut self.source {
            Source::CalibrationPass { pass, .. } => {
                let inputs = pass.statistics()?;
                let wanted = self.model.shape(first).1;
                if id.expert.is_some() && inputs.tokens < wanted {
                    self.scarce.insert(first, inputs.tokens);
                }
                inputs.statistics
            }
            Source::List { saved: Saved::All(saved), .. } => {
                let stem = self.model.config().stem(first);
                Some(saved.calibration_of(&stem, self.model.shape(first).1)?)
            }
            Source::List { saved: Saved::Stages(find), .. } => {
                let (saved, stem) = (find(first)?, self.model.config().stem(first));
                if let Some(outputs) = &mut self.outputs {
                    outputs.extend(OutputSquares::saved(&self.model, &saved)?);
                }
                // None, where no token was routed to an expert.
                saved.knows(&stem).then(|| saved.calibration_of(&stem, self.model.shape(first).1)).transpose()?
            }
            Source::List { saved: Saved::None, .. } => return Ok(None),
        };
        // An expert that no token was routed to is replaced without.
        self.collected = true;
        if let Some(statistics) = &statistics {
            self.store.keep_statistics(first, statistics)?;
        }
        Ok(statistics.map(Arc::new))
    }

    /// Starts a layer's run; methods other than DSF are computed at once.
    fn begin(&mut self, id: LayerId, progress: Inside<'_>) -> Result<Option<Step>, Error> {
        let model = &self.model;
        let layer = model.layer(id)?;
        // In a block that is tuned, as it was tuned to make up for the layers before.
        let tuned = self.blocks.as_ref().and_then(|blocks| blocks.weight(id));
        let weight = tuned.unwrap_or_else(|| layer.weight.clone());
        // A method that needs inputs takes them to be all alike where no token reached an expert.
        let unknown = self.statistics.is_none() && self.plan.method.needs_inputs();
        let alike = unknown.then(|| Calibration::all_alike(layer.weight.cols()));
        let power = self.plan.settings.output_power;
        let outputs = self.outputs.as_ref().and_then(|outputs| outputs.weights(id, power));
        let problem = Problem {
            weight,
            calibration: self.statistics.clone().or(alike.map(Arc::new)),
            held_out: None,
            output_weights: outputs.map(Arc::new),
        };
        let inside = |share: f64| progress(id, share);
        let layer = (id, layer, problem);
        let stepped = layer_run::begin(model, layer, &self.plan, &self.device, &self.clock, &inside)?;
        self.stepped(stepped).map(Some)
    }

    fn run_step(&mut self) -> Result<Step, Error> {
        let Some(run) = self.run.take() else { unreachable!("only called with a layer in work") };
        let stepped = run.step(&self.model, &self.plan, &self.clock)?;
        self.stepped(stepped)
    }

    fn stepped(&mut self, stepped: LayerStep<LayerId>) -> Result<Step, Error> {
        match stepped {
            LayerStep::Stepped(run, progress) => {
                // It may have been lost and reopened. A layer too large for it was computed on the CPU, the next may not be.
                if let Some(device) = run.device() {
                    self.device = device.clone();
                }
                let id = run.key;
                self.run = Some(run);
                Ok(Step::Layer(id, progress))
            }
            LayerStep::Finished(layer, problem, compressed) => self.finish(layer, problem, *compressed),
        }
    }

    fn finish(&mut self, layer: Layer, problem: Problem, compressed: CompressedLayer) -> Result<Step, Error> {
        let compressed = Arc::new(compressed);
        match &mut self.blocks {
            // Stored when the block is tuned.
            Some(blocks) => {
                let problem = Problem { weight: layer.weight.clone(), output_weights: None, ..problem };
                blocks.finished(Finished { layer, problem, compressed: compressed.clone() });
            }
            None => self.store.keep(&compressed)?,
        }
        self.waiting.retain(|&waiting| waiting != compressed.id);
        self.replace(&compressed);
        Ok(Step::Finished(compressed))
    }

    /// Later layers see this layer's replacement, those of later blocks, or none.
    fn replace(&mut self, layer: &CompressedLayer) {
        match (self.plan.parallel, &mut self.source, &mut self.whole) {
            (Parallel::No, Source::CalibrationPass { pass, .. }, _) => pass.replace(layer.id, layer.weight.clone()),
            (Parallel::Block, _, Some(whole)) => drop(whole.replaced.insert(layer.id, layer.weight.clone())),
            _ => {}
        }
    }
}

impl Source {
    /// All layers, those that share inputs together.
    fn list(model: &LanguageModel, saved: Saved) -> Self {
        let mut stages: VecDeque<Vec<LayerId>> = VecDeque::new();
        for id in model.layers() {
            match stages.back_mut().filter(|stage| stage[0].shares_inputs(id)) {
                Some(stage) => stage.push(id),
                None => stages.push_back(vec![id]),
            }
        }
        Self::List { stages, saved }
    }
}

/// Whether the pass stands at the last stage of a block.
fn is_last_stage(model: &LanguageModel, pass: &CalibrationPass) -> bool {
    let at = pass.layers().last().copied();
    at.is_some() && at == model.config().layers_of(pass.block_number()).last().copied()
}

/// Power of the loss's mean squared gradients that weighs the entries of the stream, where blocks are tuned: by experiment.
const STREAM_POWER: f64 = 0.5;
