//! What a task tells that compresses the layers of a model.

use crate::app::state::tuned_tensor::TunedTensor;
use crate::compress::{self, CompressedLayer, Inside, LayerKey, Step};
use crate::hint::Failure;
use crate::job::RunStage;
use crate::tasks::shared;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Progress of a compression.
#[derive(Serialize, Deserialize)]
#[serde(bound = "K: LayerKey")]
pub enum Compressing<K: LayerKey> {
    /// So much of a layer is done; of a run in which stage.
    Stepped(K, f64, Option<RunStage>),
    /// The device of the computation has changed, or is not the one that was asked for; a note that says so.
    Note(String),
    /// A layer is finished.
    Finished(#[serde(with = "shared")] Arc<CompressedLayer<K>>),
    /// A layer is finished, but for the tuning of its block: until the block is finished, it is of no use.
    InBlock(K),
    /// A block is finished and tuned.
    Tuned {
        /// Its number.
        block: usize,
        /// The layers.
        #[serde(with = "shared::list")]
        layers: Vec<Arc<CompressedLayer<K>>>,
        /// Its norms and biases.
        tensors: Vec<TunedTensor>,
    },
}

/// Takes the steps of a compression until it ends or nobody wants it any more; `by_blocks` if blocks are tuned.
pub fn carry_out<K: LayerKey>(
    progress: &(dyn Fn(Compressing<K>) -> bool + Sync),
    by_blocks: bool,
    mut step: impl FnMut(Inside<'_, K>) -> Result<Option<Step<K>>, compress::Error>,
) -> Result<(), Failure> {
    let inside = |id: K, share: f64| progress(Compressing::Stepped(id, share, None));
    loop {
        let step = match step(&inside) {
            Ok(Some(step)) => step,
            Ok(None) | Err(compress::Error::Cancelled) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let news = match step {
            Step::Layer(id, run) => {
                run.note.into_iter().for_each(|note| _ = progress(Compressing::Note(note)));
                Compressing::Stepped(id, run.done, Some(run.stage))
            }
            Step::Finished(layer) if by_blocks => Compressing::InBlock(layer.id),
            Step::Finished(layer) => Compressing::Finished(layer),
            Step::Tuned(block) if !block.is_finished => continue,
            Step::Tuned(block) => {
                let tensors = block.tensors.into_iter();
                let tensors = tensors.map(|(name, values)| TunedTensor { name, values: Arc::new(values) }).collect();
                Compressing::Tuned { block: block.block, layers: block.layers, tensors }
            }
            Step::OutputSquares | Step::Statistics(_) | Step::Found(_) | Step::Advanced => continue,
        };
        if !progress(news) {
            return Ok(());
        }
    }
}
