//! A tuning, step by step.

use super::masked::MaskedLayer;
use super::optimizer::Optimizer;
use super::parameters::{Gradients, Name, Parameter, Parameters, Values, norm};
use super::rate::Rate;
use super::settings::{Distill, Settings, Train};
use super::state::{Best, Moment, State, Stop};
use super::{Error, Text};
use crate::language::{
    self, Angles, Block, EmbeddingAndHead, LanguageModel, LayerId, OuterWanted, ResidualStreams, Target, Wanted,
    Windows,
};
use crate::matrix::Replacement;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A tuning: a machine of single steps, without threads or a clock of its own.
///
/// The first call of [`Tuning::step`] measures the held-out loss of the values as they are; each further one takes a step on
/// one batch, and measures again where that is due. The values with the lowest held-out loss are the result.
pub struct Tuning {
    /// The model with the tensors that are tuned; layers are unpacked block by block.
    model: LanguageModel,
    settings: Settings,
    text: Text,
    held_out: Windows,
    teacher: Option<Teacher>,
    angles: Arc<Angles>,
    /// Of the held-out windows.
    held_out_angles: Arc<Angles>,
    /// Until a tensor among them is tuned.
    outer: Option<Arc<EmbeddingAndHead>>,
    optimizer: Optimizer,
    rate: Rate,
    steps: usize,
    context: usize,
    pub(super) state: State,
}

/// The model to learn from.
struct Teacher {
    model: LanguageModel,
    outer: EmbeddingAndHead,
}

/// Where a tuning stands after a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// Steps that are done; 0 after the first held-out loss.
    pub step: usize,
    /// Number of all steps.
    pub steps: usize,
    /// Loss on the step's batch before it, in nats a token; of a distillation the divergence from the teacher. `None` at step 0.
    pub loss: Option<f64>,
    /// Norm of all gradients together before it was clipped. `None` at step 0.
    pub gradient_norm: Option<f64>,
    /// Mean held-out loss after the step, in nats a token, where it was measured.
    pub held_out: Option<f64>,
    /// Best held-out loss so far.
    pub best: f64,
    /// Why this was the last step, if before all were done.
    pub stopped: Option<Stop>,
}

/// The result of a tuning: the values with the best held-out loss.
#[derive(Clone, Debug)]
pub struct Tuned {
    /// What stands in the layers' places, on the same masks.
    pub layers: BTreeMap<LayerId, Replacement>,
    /// Values of other tensors that were trained, by name, as the file has them.
    pub tensors: BTreeMap<String, Vec<f32>>,
    /// Losses step by step.
    pub history: Vec<Moment>,
    /// Steps that were taken.
    pub steps: usize,
    /// The step after which the held-out loss was lowest.
    pub best_step: usize,
    /// Why it ended, if before the last step.
    pub stopped: Option<Stop>,
    /// Loss on the first batch before the tuning.
    pub loss_before: f64,
    /// Loss on the same batch with the result.
    pub loss_after: f64,
    /// Held-out loss before the tuning.
    pub held_out_before: f64,
    /// Held-out loss of the result.
    pub held_out_after: f64,
    /// Numbers in the layers before the tuning.
    pub nnz_before: usize,
    /// Numbers in the layers of the result.
    pub nnz_after: usize,
}

impl Tuned {
    /// Nothing was better than what was there: `layers`, with their loss on a first batch and their held-out loss.
    pub fn unchanged(layers: BTreeMap<LayerId, Replacement>, [loss, held_out]: [f64; 2]) -> Self {
        let entries = layers.values().map(Replacement::entries).sum();
        Self {
            layers,
            tensors: BTreeMap::new(),
            history: vec![Moment { step: 0, loss: None, rate: 0.0, held_out: Some(held_out) }],
            steps: 0,
            best_step: 0,
            stopped: None,
            loss_before: loss,
            loss_after: loss,
            held_out_before: held_out,
            held_out_after: held_out,
            nnz_before: entries,
            nnz_after: entries,
        }
    }
}

/// What a tuning works on.
pub struct Task {
    /// The compressed model, its layers dense or as they are stored.
    pub model: LanguageModel,
    /// What stands in the places of the layers to tune.
    pub layers: BTreeMap<LayerId, Replacement>,
    /// The text to train on.
    pub text: Text,
    /// Windows of a text that is not trained on.
    pub held_out: Windows,
    /// The model to learn from, of a distillation.
    pub teacher: Option<LanguageModel>,
}

impl Tuning {
    /// Checks the settings, and prepares the first step.
    pub fn new(task: Task, settings: Settings) -> Result<Self, Error> {
        settings.check()?;
        let Task { model, layers, text, held_out, teacher } = task;
        let config = model.config();
        if layers.is_empty() {
            return Err(Error::NothingSparse { model: model.name().to_owned() });
        }
        for (&id, replacement) in &layers {
            let (found, shape) = (replacement.shape(), model.shape(id));
            if found != shape {
                return Err(Error::Shape { tensor: config.tensor(id), found, shape });
            }
        }
        let context = settings.context_of(config.most_positions());
        let steps = settings.steps_on(text.windows(context))?;
        // Whether the text is long enough, and its tokens are the model's.
        text.batch(&model, &Settings { batch: 1, ..settings.clone() }, context, 0)?;
        if teacher.is_some() != (settings.distill == Distill::Logits) {
            return Err(Error::NoTeacher);
        }
        let teacher = teacher.map(|teacher| -> Result<Teacher, Error> {
            let [teaching, learning] = [&teacher, &model].map(|model| model.config().vocabulary);
            if teaching != learning {
                return Err(Error::Teacher { teacher: teaching, student: learning });
            }
            Ok(Teacher { outer: teacher.embedding_and_head()?, model: teacher })
        });
        let parameters = layers.iter().map(|(&id, replacement)| {
            let values = Values::Layer(Box::new(MaskedLayer::new(replacement)));
            (Name::Layer(id), Parameter::new(values, true))
        });
        let state = State { parameters: Parameters(parameters.collect()), ..State::default() };
        Ok(Self {
            teacher: teacher.transpose()?,
            angles: model.angles(context),
            held_out_angles: model.angles(held_out.context()),
            outer: Some(Arc::new(model.embedding_and_head()?)),
            optimizer: Optimizer::new(&settings),
            rate: Rate::new(&settings, steps),
            model,
            settings,
            text,
            held_out,
            steps,
            context,
            state,
        })
    }

    /// Number of all steps.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Steps that are done.
    pub fn done(&self) -> usize {
        self.state.step
    }

    /// Tokens of a step.
    pub fn tokens_a_step(&self) -> usize {
        self.settings.batch * self.context
    }

    /// Losses step by step.
    pub fn history(&self) -> &[Moment] {
        &self.state.history
    }

    /// Why it ended, if before the last step.
    pub fn stopped(&self) -> Option<Stop> {
        self.state.stop
    }

    /// Takes the next step; `None` when all are done, or it has stopped before.
    pub fn step(&mut self) -> Result<Option<Progress>, Error> {
        if self.state.stop.is_some() || (self.state.step == self.steps && self.state.best.is_some()) {
            return Ok(None);
        }
        let mut progress = Progress {
            step: self.state.step,
            steps: self.steps,
            loss: None,
            gradient_norm: None,
            held_out: None,
            best: f64::INFINITY,
            stopped: None,
        };
        if self.state.best.is_none() {
            let held_out = self.held_out_loss()?;
            self.state.best = Some(Best { step: 0, held_out, since: 0 });
            self.state.history.push(Moment { step: 0, loss: None, rate: 0.0, held_out: Some(held_out) });
            progress.held_out = Some(held_out);
        } else if let Err(error) = self.advance(&mut progress) {
            if !is_not_finite(&error) {
                return Err(error);
            }
            self.state.stop = Some(Stop::NotFinite { step: self.state.step });
        }
        (progress.step, progress.stopped) = (self.state.step, self.state.stop);
        progress.best = self.state.best.map_or(f64::INFINITY, |best| best.held_out);
        Ok(Some(progress))
    }

    /// A step on a batch, and what is measured after it.
    fn advance(&mut self, progress: &mut Progress) -> Result<(), Error> {
        let step = self.state.step;
        let windows = self.text.batch(&self.model, &self.settings, self.context, step)?;
        let (loss, mut gradients) = self.gradients(&windows)?;
        let norm = norm(&gradients);
        if !(loss.is_finite() && norm.is_finite()) {
            return Err(language::Error::LossNotFinite.into());
        }
        (progress.loss, progress.gradient_norm) = (Some(loss), Some(norm));
        let clip = self.settings.clip;
        let scale = if clip > 0.0 && norm > clip { clip / norm } else { 1.0 };
        let rate = self.rate.at(step);
        self.discover(&gradients)?;
        let decay = self.settings.weight_decay();
        self.state.parameters.update(&self.optimizer, (&mut gradients, scale), (rate, decay), step);
        self.apply_tensors();
        self.state.step += 1;
        self.state.history.push(Moment { step: step + 1, loss: Some(loss), rate, held_out: None });
        let every = self.settings.every_of(self.steps);
        if self.state.step.is_multiple_of(every) || self.state.step == self.steps {
            let held_out = self.held_out_loss()?;
            progress.held_out = Some(held_out);
            if let Some(moment) = self.state.history.last_mut() {
                moment.held_out = Some(held_out);
            }
            self.judge(held_out);
        }
        Ok(())
    }

    /// Keeps the values if they are the best so far, and stops if they have not been for too long.
    fn judge(&mut self, held_out: f64) {
        let Some(best) = &mut self.state.best else { return };
        if held_out < best.held_out {
            *best = Best { step: self.state.step, held_out, since: 0 };
            self.state.parameters.keep_best();
            return;
        }
        best.since += 1;
        if self.settings.patience.is_some_and(|patience| best.since >= patience) && self.state.step < self.steps {
            self.state.stop = Some(Stop::NoBetter { step: self.state.step });
        }
    }

    /// The model's outer layers with the values of now.
    fn outer_layers(&self) -> Result<Arc<EmbeddingAndHead>, Error> {
        match &self.outer {
            Some(outer) => Ok(outer.clone()),
            None => Ok(Arc::new(self.model.embedding_and_head()?)),
        }
    }

    /// A block with the values of now, unpacked.
    fn block(&self, number: usize, angles: &Arc<Angles>) -> Result<Block, Error> {
        let mut model = self.model.clone();
        for id in model.config().layers_of(number) {
            if let Some(layer) = self.state.parameters.layer(id) {
                model.replace(id, Arc::new(layer.merged()));
            }
        }
        Ok(model.block(number, angles)?)
    }

    /// Streams of the teacher after its last block.
    fn taught(&self, windows: &Windows) -> Result<Option<ResidualStreams>, Error> {
        let Some(Teacher { model, outer }) = &self.teacher else { return Ok(None) };
        let angles = model.angles(windows.context());
        let mut streams = ResidualStreams::embed(outer, windows)?;
        for number in 0..model.config().blocks {
            streams.forward(&model.block(number, &angles)?, number)?;
        }
        Ok(Some(streams))
    }

    /// The loss on a batch and its gradients with respect to the parameters.
    fn gradients(&self, windows: &Windows) -> Result<(f64, Gradients), Error> {
        let taught = self.taught(windows)?;
        let train = self.settings.train;
        let outer = self.outer_layers()?;
        let mut streams = ResidualStreams::embed(&outer, windows)?;
        let blocks = self.model.config().blocks;
        let mut before = Vec::with_capacity(blocks);
        for number in 0..blocks {
            before.push(streams.clone());
            streams.forward(&self.block(number, &self.angles)?, number)?;
        }
        let wanted = OuterWanted { norms: train != Train::Values, matrices: train == Train::All };
        let (loss, mut back, mut tensors) = outer.loss_gradients(&streams, windows, self.target(&taught), wanted);
        if !loss.nll.is_finite() {
            return Err(language::Error::LossNotFinite.into());
        }
        drop((streams, taught));
        let mut gradients = Gradients::new();
        let wanted = Wanted { weights: true, tensors: train != Train::Values, output_squares: false };
        while let Some(streams) = before.pop() {
            let number = before.len();
            let of_block = streams.backward(&self.block(number, &self.angles)?, number, &mut back, wanted)?;
            for (id, gradient) in of_block.weights {
                if let Some(layer) = self.state.parameters.layer(id) {
                    gradients.insert(Name::Layer(id), layer.gradients(&gradient));
                }
            }
            tensors.extend(of_block.tensors);
        }
        if train == Train::All {
            outer.embedding_gradients(windows, &back, &mut tensors)?;
        }
        tensors.retain(|name, _| train == Train::All || self.is_vector(name));
        gradients.extend(tensors.into_iter().map(|(name, gradient)| (Name::Tensor(name), gradient)));
        Ok((loss.nll, gradients))
    }

    fn target<'a>(&'a self, taught: &'a Option<ResidualStreams>) -> Target<'a> {
        match (&self.teacher, taught) {
            (Some(teacher), Some(streams)) => Target::Teacher { outer_layers: &teacher.outer, streams },
            _ => Target::Tokens,
        }
    }

    /// Whether a tensor is a norm or a bias, and no matrix.
    fn is_vector(&self, tensor: &str) -> bool {
        let shape = self.model.checkpoint().tensor(tensor).map_or(&[][..], |info| &info.shape);
        match (self.model.config().experts, shape) {
            // Norms of heads have two dimensions in some families, and so has what chooses among experts.
            (Some(experts), &[rows, cols]) => (rows, cols) != (experts.count, self.model.config().hidden),
            (None, &[_, _]) => language::is_in_block(tensor),
            _ => true,
        }
    }

    /// Takes up tensors that a gradient is seen of for the first time.
    fn discover(&mut self, gradients: &Gradients) -> Result<(), Error> {
        for name in gradients.keys() {
            let Name::Tensor(tensor) = name else { continue };
            if self.state.parameters.0.contains_key(name) {
                continue;
            }
            let values = Values::Tensor(self.model.tensor_values(tensor)?.to_vec());
            let parameter = Parameter::new(values, !self.is_vector(tensor));
            self.state.parameters.0.insert(name.clone(), parameter);
        }
        Ok(())
    }

    /// Puts the tensors that are tuned into the model.
    pub(super) fn apply_tensors(&mut self) {
        let before = self.outer.take();
        let mut any = false;
        for (tensor, parameter) in self.state.parameters.tensors() {
            self.model.replace_values(tensor, Arc::new(parameter.values.as_slice().to_vec()));
            any |= !language::is_in_block(tensor);
        }
        self.outer = before.filter(|_| !any);
    }

    /// Whether weight decay applies to a tensor of this name.
    pub(super) fn decays(&self, tensor: &str) -> bool {
        !self.is_vector(tensor)
    }

    /// Number of values of a tensor of the model.
    pub(super) fn values_of(&self, tensor: &str) -> Option<usize> {
        self.model.checkpoint().tensor(tensor).ok().map(|info| info.shape.iter().product())
    }

    /// Mean loss on the held-out windows with the values of now.
    fn held_out_loss(&self) -> Result<f64, Error> {
        /// Bytes of streams in memory at a time.
        const STREAMS: usize = 1 << 28;
        let outer = self.outer_layers()?;
        let windows = STREAMS / (4 * self.model.config().hidden * self.held_out.context());
        let (mut sum, mut tokens) = (0.0, 0);
        for part in self.held_out.parts(windows) {
            let mut streams = ResidualStreams::embed(&outer, &part)?;
            for number in 0..self.model.config().blocks {
                streams.forward(&self.block(number, &self.held_out_angles)?, number)?;
            }
            let loss = streams.loss(&outer, &part);
            sum += loss.nll * loss.tokens as f64;
            tokens += loss.tokens;
        }
        let loss = sum / tokens as f64;
        if loss.is_finite() { Ok(loss) } else { Err(language::Error::LossNotFinite.into()) }
    }

    /// Loss on a batch with the values of now.
    fn batch_loss(&self, windows: &Windows) -> Result<f64, Error> {
        let taught = self.taught(windows)?;
        let outer = self.outer_layers()?;
        let mut streams = ResidualStreams::embed(&outer, windows)?;
        for number in 0..self.model.config().blocks {
            streams.forward(&self.block(number, &self.angles)?, number)?;
        }
        let target = self.target(&taught);
        Ok(outer.loss_gradients(&streams, windows, target, OuterWanted::default()).0.nll)
    }

    /// The model with the values of now, all layers unpacked, to generate texts with.
    pub fn model(&self) -> LanguageModel {
        let mut model = self.model.clone();
        for id in model.layers() {
            if let Some(layer) = self.state.parameters.layer(id) {
                model.replace(id, Arc::new(layer.merged()));
            }
        }
        model
    }

    /// The values with the best held-out loss so far, to look at before the end: what stands in the layers' places, and tensors
    /// that are trained beside them, by name.
    pub fn best(&self) -> (BTreeMap<LayerId, Replacement>, BTreeMap<String, Vec<f32>>) {
        let (mut layers, mut tensors) = (BTreeMap::new(), BTreeMap::new());
        for (name, parameter) in &self.state.parameters.0 {
            match (name, &parameter.values) {
                (Name::Layer(id), Values::Layer(layer)) => {
                    let mut layer = layer.clone();
                    layer.values_mut().copy_from_slice(&parameter.best);
                    layers.insert(*id, layer.replacement());
                }
                (Name::Tensor(name), _) => _ = tensors.insert(name.clone(), parameter.best.clone()),
                // What is tuned here are layers on their masks; only blocks are tuned with dense ones.
                (Name::Layer(_), Values::Tensor(_) | Values::Dense(_)) => {}
            }
        }
        (layers, tensors)
    }

    /// Ends it: the values with the best held-out loss.
    pub fn finish(mut self) -> Result<Tuned, Error> {
        let held_out_before = match self.state.history.first().and_then(|moment| moment.held_out) {
            Some(loss) => loss,
            None => self.held_out_loss()?,
        };
        let first = self.text.batch(&self.model, &self.settings, self.context, 0)?;
        let loss_before = match self.state.history.get(1).and_then(|moment| moment.loss) {
            Some(loss) => loss,
            None => self.batch_loss(&first)?,
        };
        let layers = |parameters: &Parameters| -> BTreeMap<LayerId, Replacement> {
            let layer = |id: LayerId| parameters.layer(id).map(|layer| (id, layer.replacement()));
            self.model.layers().filter_map(layer).collect()
        };
        let entries =
            |layers: &BTreeMap<LayerId, Replacement>| layers.values().map(Replacement::entries).sum::<usize>();
        let nnz_before = self.state.parameters.entries_of_layers();
        self.state.parameters.restore_best();
        let layers = layers(&self.state.parameters);
        self.apply_tensors();
        let loss_after = self.batch_loss(&first)?;
        let tensors = self.state.parameters.tensors();
        let best = self.state.best.unwrap_or(Best { step: 0, held_out: held_out_before, since: 0 });
        Ok(Tuned {
            nnz_before,
            nnz_after: entries(&layers),
            tensors: tensors.map(|(name, parameter)| (name.to_owned(), parameter.best.clone())).collect(),
            layers,
            steps: self.state.step,
            best_step: best.step,
            stopped: self.state.stop,
            loss_before,
            loss_after,
            held_out_before,
            held_out_after: best.held_out,
            history: self.state.history,
        })
    }
}

fn is_not_finite(error: &Error) -> bool {
    use language::Error as Of;
    matches!(error, Error::Language(Of::NotFinite { .. } | Of::LossNotFinite))
}
