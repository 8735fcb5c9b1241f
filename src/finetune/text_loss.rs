//! The loss of a language model on texts, as a tuning sees it.

use super::parameters::{Change, Gradients, Name, Parameter, Parameters, Values};
use super::settings::{Settings, Train};
use super::state::HeldOut;
use super::subject::{Slope, Subject};
use super::{Error, Text};
use crate::language::{
    self, Angles, Block, EmbeddingAndHead, LanguageModel, LayerId, OuterWanted, ResidualStreams, Target, Wanted,
    Windows,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A language model, the text that it is tuned on, and another that is held out.
pub struct TextLoss {
    /// With the tensors that are tuned; layers are unpacked block by block.
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
    context: usize,
}

/// The model to learn from.
struct Teacher {
    model: LanguageModel,
    outer: EmbeddingAndHead,
}

impl TextLoss {
    /// Of windows of `context` tokens.
    pub(super) fn new(
        model: LanguageModel,
        (text, held_out): (Text, Windows),
        teacher: Option<LanguageModel>,
        settings: Settings,
        context: usize,
    ) -> Result<Self, Error> {
        let teacher = teacher.map(|teacher| -> Result<Teacher, Error> {
            let [teaching, learning] = [&teacher, &model].map(|model| model.config().vocabulary);
            if teaching != learning {
                return Err(Error::Teacher { teacher: teaching, student: learning });
            }
            Ok(Teacher { outer: teacher.embedding_and_head()?, model: teacher })
        });
        Ok(Self {
            teacher: teacher.transpose()?,
            angles: model.angles(context),
            held_out_angles: model.angles(held_out.context()),
            outer: Some(Arc::new(model.embedding_and_head()?)),
            model,
            settings,
            text,
            held_out,
            context,
        })
    }

    fn windows(&self, step: usize) -> Result<Windows, Error> {
        self.text.batch(&self.model, &self.settings, self.context, step)
    }

    /// The model's outer layers with the values of now.
    fn outer_layers(&self) -> Result<Arc<EmbeddingAndHead>, Error> {
        match &self.outer {
            Some(outer) => Ok(outer.clone()),
            None => Ok(Arc::new(self.model.embedding_and_head()?)),
        }
    }

    /// A block with the values of now, unpacked.
    fn block(&self, parameters: &Parameters, number: usize, angles: &Arc<Angles>) -> Result<Block, Error> {
        let mut model = self.model.clone();
        for id in model.config().layers_of(number) {
            if let Some(layer) = parameters.layer(id) {
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
}

impl Subject for TextLoss {
    type Key = LayerId;

    fn slope(&self, parameters: &Parameters, step: usize) -> Result<Slope<LayerId>, Error> {
        let windows = &self.windows(step)?;
        let taught = self.taught(windows)?;
        let train = self.settings.train;
        let outer = self.outer_layers()?;
        let mut streams = ResidualStreams::embed(&outer, windows)?;
        let blocks = self.model.config().blocks;
        let mut before = Vec::with_capacity(blocks);
        for number in 0..blocks {
            before.push(streams.clone());
            streams.forward(&self.block(parameters, number, &self.angles)?, number)?;
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
            let block = self.block(parameters, number, &self.angles)?;
            let of_block = streams.backward(&block, number, &mut back, wanted)?;
            for (id, gradient) in of_block.weights {
                if let Some(layer) = parameters.layer(id) {
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
        Ok(Slope { loss: loss.nll, gradients, batch: BTreeMap::new() })
    }

    fn batch_loss(&self, parameters: &Parameters, step: usize) -> Result<f64, Error> {
        let windows = &self.windows(step)?;
        let taught = self.taught(windows)?;
        let outer = self.outer_layers()?;
        let mut streams = ResidualStreams::embed(&outer, windows)?;
        for number in 0..self.model.config().blocks {
            streams.forward(&self.block(parameters, number, &self.angles)?, number)?;
        }
        let target = self.target(&taught);
        Ok(outer.loss_gradients(&streams, windows, target, OuterWanted::default()).0.nll)
    }

    fn held_out(&self, parameters: &Parameters) -> Result<HeldOut, Error> {
        /// Bytes of streams in memory at a time.
        const STREAMS: usize = 1 << 28;
        let outer = self.outer_layers()?;
        let windows = STREAMS / (4 * self.model.config().hidden * self.held_out.context());
        let (mut sum, mut tokens) = (0.0, 0);
        for part in self.held_out.parts(windows) {
            let mut streams = ResidualStreams::embed(&outer, &part)?;
            for number in 0..self.model.config().blocks {
                streams.forward(&self.block(parameters, number, &self.held_out_angles)?, number)?;
            }
            let loss = streams.loss(&outer, &part);
            sum += loss.nll * loss.tokens as f64;
            tokens += loss.tokens;
        }
        let loss = sum / tokens as f64;
        if loss.is_finite() { Ok(HeldOut { loss, accuracy: None }) } else { Err(language::Error::LossNotFinite.into()) }
    }

    fn tensor(&self, name: &str) -> Result<Parameter, Error> {
        let values = Values::Tensor(self.model.tensor_values(name)?.to_vec());
        let change = if self.is_vector(name) { Change::Descent } else { Change::DecayingDescent };
        Ok(Parameter::new(values, change))
    }

    fn apply(&mut self, parameters: &Parameters) {
        let before = self.outer.take();
        let mut any = false;
        for (tensor, parameter) in parameters.tensors() {
            self.model.replace_values(tensor, Arc::new(parameter.values.as_slice().to_vec()));
            any |= !language::is_in_block(tensor);
        }
        self.outer = before.filter(|_| !any);
    }
}
