//! Compression of a whole model in one call.

use super::{CompressedLayer, Compression, Error, Inputs, LayerByLayer, Memory, Plan, Step};
use crate::language::{LanguageModel, LayerId};
use crate::methods::ProgressFn;
use std::sync::Arc;
use web_time::Instant;

/// A compressed model.
#[derive(Clone)]
pub struct CompressedModel {
    /// The model with the product of each replacement in its layer's place.
    pub model: LanguageModel,
    /// The replaced layers, in the order of the model's blocks.
    pub layers: Vec<Arc<CompressedLayer>>,
}

/// Compresses `model` by `plan`. `progress` receives the share done and returns whether to continue; `None` when it
/// cancels.
pub fn compress_model(
    model: &LanguageModel,
    plan: &Plan,
    inputs: &Inputs,
    progress: ProgressFn<'_>,
) -> Result<Option<CompressedModel>, Error> {
    let start = Instant::now();
    let clock = Box::new(move || start.elapsed().as_secs_f64());
    let mut work = Compression::new(model, plan.clone(), inputs, Box::new(Memory::default()), clock)?;
    let costs = plan.costs(model.config().shapes());
    let all = costs.values().sum::<f64>().max(f64::MIN_POSITIVE);
    let cost = |id: &LayerId| costs.get(id).copied().unwrap_or(0.0);
    let (mut compressed, mut done) = (CompressedModel { model: model.clone(), layers: Vec::new() }, 0.0);
    loop {
        let inside = |id: LayerId, share: f64| progress((done + share * cost(&id)) / all);
        let step = match work.step_with_progress(&inside) {
            Ok(Some(step)) => step,
            Ok(None) => return Ok(Some(compressed)),
            Err(Error::Cancelled) => return Ok(None),
            Err(error) => return Err(error),
        };
        let share = match step {
            Step::Finished(layer) => {
                done += cost(&layer.id);
                compressed.model.replace(layer.id, layer.weight.clone());
                compressed.layers.push(layer);
                done
            }
            Step::Layer(id, progress) => done + progress.done * cost(&id),
            Step::Tuned(block) => {
                for layer in block.layers {
                    compressed.model.replace(layer.id, layer.weight.clone());
                    compressed.layers.retain(|other| other.id != layer.id);
                    compressed.layers.push(layer);
                }
                for (name, values) in block.tensors {
                    compressed.model.replace_values(&name, Arc::new(values));
                }
                done
            }
            Step::OutputSquares | Step::Statistics(_) | Step::Found(_) | Step::Advanced => done,
        };
        if !progress(share / all) {
            return Ok(None);
        }
    }
}
