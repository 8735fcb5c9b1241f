//! Tuning of one block at a time, so that what it gives stays what the dense model gives there.
//!
//! While a model is compressed, layer after layer, the block at hand has layers that are finished, with values on masks, and
//! others that are still dense. Both, with the block's norms and biases, are changed by gradient descent so that the streams
//! after the block come close to the dense model's:
//!
//! ```text
//! Σ over tokens t and entries j of wⱼ·(h[t, j] − h_dense[t, j])²
//! ```
//!
//! where w is how much the loss feels entry j of the stream there. What is lost in one layer is so made up for by the others,
//! also by those that are yet to be compressed. One block is in memory, and the streams before and after it. (AQLM, arXiv
//! 2401.06118, tunes blocks in this way, against their dense outputs.)

use super::masked::MaskedLayer;
use super::optimizer::Optimizer;
use super::parameters::{Change, Gradients, Name, Parameter, Parameters, Values};
use super::{Error, Rate, Settings};
use crate::language::{self, Angles, Block, LanguageModel, LayerId, ResidualStreams, Wanted, Windows};
use crate::matrix::{Matrix, Replacement};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How blocks are tuned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Blockwise {
    /// Passes over the calibration windows after each stage of a block; as many again when all of its layers are finished.
    pub epochs: usize,
    /// Learning rate at its peak, as a share of the root mean square of each layer's values.
    pub learning_rate: f64,
    /// Windows of a step.
    pub batch: usize,
}

impl Default for Blockwise {
    fn default() -> Self {
        Self { epochs: 4, learning_rate: 0.01, batch: 8 }
    }
}

/// A block to tune.
pub struct BlockTask<'a> {
    /// The model with what stands in this block now: finished layers replaced, others as they were tuned before.
    pub model: &'a LanguageModel,
    /// Number of the block.
    pub number: usize,
    /// Its finished layers.
    pub layers: &'a BTreeMap<LayerId, Arc<Replacement>>,
    /// Rotary angles of the windows.
    pub angles: &'a Arc<Angles>,
    /// Streams before the block.
    pub before: &'a ResidualStreams,
    /// Streams after it that are wanted.
    pub target: &'a ResidualStreams,
    /// Weight of each entry of the stream, `[hidden]`.
    pub weights: Option<&'a [f32]>,
    /// Layers that are still dense and are to be compressed later: they may change. Others stay as they are.
    pub to_come: &'a [LayerId],
}

/// A tuned block.
#[derive(Clone, Debug)]
pub struct TunedBlock {
    /// Its finished layers, on the same masks.
    pub layers: BTreeMap<LayerId, Replacement>,
    /// Its other layers, `[out, in]`.
    pub dense: BTreeMap<LayerId, Matrix>,
    /// Its norms and biases, by name, as the file has them.
    pub tensors: BTreeMap<String, Vec<f32>>,
    /// Error on windows that are not tuned on, as a share of the streams' weighted squares, before.
    pub before: f64,
    /// The same after.
    pub after: f64,
}

/// One in so many windows, and one in any case where there are two, is not tuned on, but decides which values are the best.
const HELD_OUT: usize = 8;

impl BlockTask<'_> {
    /// Tunes the block. `progress` receives the share done and returns whether to continue.
    pub fn run(&self, how: &Blockwise, progress: &dyn Fn(f64) -> bool) -> Result<TunedBlock, Error> {
        let all = self.before.len();
        let every = HELD_OUT.min(all.max(1));
        let (held_out, train): (Vec<usize>, Vec<usize>) = (0..all).partition(|at| at % every == every - 1);
        let train = if train.is_empty() { held_out.clone() } else { train };
        let batches: Vec<&[usize]> = train.chunks(how.batch.max(1)).collect();
        let steps = how.epochs * batches.len();
        let settings = Settings { learning_rate: Some(how.learning_rate), ..Settings::default() };
        let (rate, optimizer) = (Rate::new(&settings, steps), Optimizer::new(&settings));
        let mut parameters = self.parameters()?;
        let mut scales: BTreeMap<Name, f64> = BTreeMap::new();
        let before = self.error(&self.block(&parameters)?, &held_out)?;
        let mut best = before;
        for step in 0..steps {
            if !progress(step as f64 / steps as f64) {
                return Err(language::Error::Cancelled.into());
            }
            // Every epoch begins with another batch.
            let epoch = step / batches.len();
            let batch = batches[(step + epoch) % batches.len()];
            let mut gradients = self.gradients(&parameters, batch)?;
            self.discover(&gradients, &mut parameters)?;
            for (name, parameter) in &mut parameters.0 {
                let scale = scales.entry(name.clone()).or_insert_with(|| root_mean_square(parameter.values.as_slice()));
                let scaled = rate.at(step) * *scale;
                let Some(gradient) = gradients.remove(name) else { continue };
                optimizer.step(
                    parameter.values.as_mut_slice(),
                    &mut parameter.moments,
                    (&gradient, 1.0),
                    (scaled, 0.0),
                    step,
                );
            }
            if (step + 1) % batches.len() == 0 {
                let error = self.error(&self.block(&parameters)?, &held_out)?;
                if error < best {
                    best = error;
                    parameters.keep_best();
                }
            }
        }
        parameters.restore_best();
        let mut tuned = TunedBlock {
            layers: BTreeMap::new(),
            dense: BTreeMap::new(),
            tensors: BTreeMap::new(),
            before,
            after: best,
        };
        for (name, parameter) in parameters.0 {
            match (name, parameter.values) {
                (Name::Layer(id), Values::Layer(layer)) => drop(tuned.layers.insert(id, layer.replacement())),
                (Name::Layer(id), Values::Dense(weight)) => drop(tuned.dense.insert(id, weight)),
                (Name::Tensor(name), values) => drop(tuned.tensors.insert(name, values.as_slice().to_vec())),
                (Name::Layer(_), Values::Tensor(_)) => {}
            }
        }
        Ok(tuned)
    }

    fn parameters(&self) -> Result<Parameters, Error> {
        let mut parameters = Parameters(BTreeMap::new());
        let block = self.model.block(self.number, self.angles)?;
        for id in self.model.config().layers_of(self.number) {
            let values = match self.layers.get(&id) {
                Some(replacement) => Values::Layer(Box::new(MaskedLayer::new(replacement))),
                None if !self.to_come.contains(&id) => continue,
                None => Values::Dense((*block.weight(id).to_dense()).clone()),
            };
            parameters.0.insert(Name::Layer(id), Parameter::new(values, Change::Descent));
        }
        Ok(parameters)
    }

    /// Takes up norms and biases that a gradient is seen of for the first time.
    fn discover(&self, gradients: &Gradients, parameters: &mut Parameters) -> Result<(), Error> {
        for name in gradients.keys().filter(|name| !parameters.0.contains_key(name)).cloned().collect::<Vec<_>>() {
            if let Name::Tensor(tensor) = &name {
                let values = Values::Tensor(self.model.tensor_values(tensor)?.to_vec());
                parameters.0.insert(name, Parameter::new(values, Change::Descent));
            }
        }
        Ok(())
    }

    /// The block with the values of now.
    fn block(&self, parameters: &Parameters) -> Result<Block, Error> {
        let mut model = self.model.clone();
        for (name, parameter) in &parameters.0 {
            match (name, &parameter.values) {
                (Name::Layer(id), Values::Layer(layer)) => model.replace(*id, Arc::new(layer.merged())),
                (Name::Layer(id), Values::Dense(weight)) => model.replace(*id, Arc::new(weight.clone())),
                (Name::Tensor(name), values) => model.replace_values(name, Arc::new(values.as_slice().to_vec())),
                (Name::Layer(_), Values::Tensor(_)) => {}
            }
        }
        Ok(model.block(self.number, self.angles)?)
    }

    /// Squared distances from the target, as a share of the target's squares, on these windows.
    fn error(&self, block: &Block, windows: &[usize]) -> Result<f64, Error> {
        let mut streams = self.before.some(windows);
        streams.forward(block, self.number)?;
        let target = self.target.some(windows);
        Ok(streams.distance(&target, self.weights) / target.squares(self.weights).max(f64::MIN_POSITIVE))
    }

    /// Gradients of half the error on these windows.
    fn gradients(&self, parameters: &Parameters, windows: &[usize]) -> Result<Gradients, Error> {
        let block = self.block(parameters)?;
        let (before, target) = (self.before.some(windows), self.target.some(windows));
        let mut streams = before.clone();
        streams.forward(&block, self.number)?;
        let mut back = streams.towards(&target, self.weights);
        let wanted = Wanted { weights: true, tensors: true, output_squares: false };
        let of_block = before.backward(&block, self.number, &mut back, wanted)?;
        let mut gradients = Gradients::new();
        for (id, gradient) in of_block.weights {
            let gradient = match parameters.layer(id) {
                Some(layer) => layer.gradients(&gradient),
                None if !self.to_come.contains(&id) => continue,
                None => gradient.into_vec(),
            };
            gradients.insert(Name::Layer(id), gradient);
        }
        gradients.extend(of_block.tensors.into_iter().map(|(name, gradient)| (Name::Tensor(name), gradient)));
        Ok(gradients)
    }
}

/// A compressed model whose blocks are tuned, one after the other, each towards what the dense model's gives.
pub struct TunedBlocks {
    /// What stands in the layers' places, on the same masks.
    pub layers: BTreeMap<LayerId, Replacement>,
    /// Values of norms and biases, by name, as the file has them.
    pub tensors: BTreeMap<String, Vec<f32>>,
    /// Distance of each block's outputs from the dense model's, as a share of them, before its tuning and after it.
    pub errors: Vec<[f64; 2]>,
}

/// Tunes all blocks of `model`, in whose layers' places `layers` stand, towards those of `teacher`, the dense model, on
/// `windows`. `progress` receives the share done and returns whether to continue.
///
/// In memory: one block and the streams before and after it.
pub fn tune_blocks(
    model: &LanguageModel,
    layers: &BTreeMap<LayerId, Replacement>,
    teacher: &LanguageModel,
    windows: &Windows,
    how: &Blockwise,
    progress: &dyn Fn(f64) -> bool,
) -> Result<TunedBlocks, Error> {
    let [taught, own] = [teacher, model].map(|model| (model.config().blocks, model.config().hidden));
    if taught != own {
        return Err(Error::TeacherBlocks { teacher: taught, student: own });
    }
    let mut model = model.clone();
    let mut tuned = TunedBlocks { layers: BTreeMap::new(), tensors: BTreeMap::new(), errors: Vec::new() };
    let angles = model.angles(windows.context());
    let mut target = ResidualStreams::embed(&teacher.embedding_and_head()?, windows)?;
    let mut before = ResidualStreams::embed(&model.embedding_and_head()?, windows)?;
    let blocks = model.config().blocks;
    for number in 0..blocks {
        target.forward(&teacher.block(number, &angles)?, number)?;
        let of_block = layers.iter().filter(|(id, _)| id.block == number);
        let of_block = of_block.map(|(&id, layer)| (id, Arc::new(layer.clone()))).collect();
        let task = BlockTask {
            model: &model,
            number,
            layers: &of_block,
            angles: &angles,
            before: &before,
            target: &target,
            weights: None,
            to_come: &[],
        };
        let block = task.run(how, &|share| progress((number as f64 + share) / blocks as f64))?;
        for (id, replacement) in block.layers {
            model.replace(id, Arc::new(MaskedLayer::new(&replacement).merged()));
            tuned.layers.insert(id, replacement);
        }
        for (name, values) in block.tensors {
            model.replace_values(&name, Arc::new(values.clone()));
            tuned.tensors.insert(name, values);
        }
        tuned.errors.push([block.before, block.after]);
        before.forward(&model.block(number, &angles)?, number)?;
    }
    Ok(tuned)
}

fn root_mean_square(values: &[f32]) -> f64 {
    (crate::compute::dot(values, values) / values.len().max(1) as f64).sqrt()
}
