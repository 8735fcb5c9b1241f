//! How much memory a tuning takes, without one.

use super::{MaskedLayer, Optimizer, Settings, Train};
use crate::language::{LanguageModel, LayerId, Linear, is_in_block};
use crate::matrix::Replacement;
use crate::measure::cost::TuningSize;
use crate::model::TensorInfo;
use std::collections::BTreeMap;

/// The sizes that the memory of a tuning of `layers` depends on, on `threads` worker threads.
pub fn tuning_size(
    model: &LanguageModel,
    layers: &BTreeMap<LayerId, Replacement>,
    settings: &Settings,
    threads: usize,
) -> TuningSize {
    let config = model.config();
    let count = |info: &TensorInfo| info.shape.iter().product::<usize>();
    let tensors = || model.checkpoint().tensors().iter();
    let outer: usize = tensors().filter(|info| !is_in_block(&info.name)).map(count).sum();
    // What is in a block and neither a layer nor a part of one that is stored sparse: norms, biases, routers.
    let stems: Vec<String> = layers.keys().map(|&id| format!("{}.", config.stem(id))).collect();
    let is_layer = |name: &str| {
        !config.layers_in(name).is_empty()
            || !name.ends_with(".bias") && stems.iter().any(|stem| name.starts_with(stem))
    };
    let inside = || tensors().filter(|info| is_in_block(&info.name) && !is_layer(&info.name)).map(count).sum::<usize>();
    let others: usize = match settings.train {
        Train::Values => 0,
        Train::ValuesAndNorms => inside() + config.hidden,
        Train::All => inside() + outer,
    };
    let (mut values, mut mask_bytes) = (0, 0);
    for replacement in layers.values() {
        let layer = MaskedLayer::new(replacement);
        values += layer.values().len();
        mask_bytes += layer.mask_bytes();
    }
    let weights = |block: usize| {
        config.layers_of(block).into_iter().map(|id| config.shape(id)).map(|(m, n)| m * n).sum::<usize>()
    };
    let block = (0..config.blocks).map(weights).max().unwrap_or(0);
    let outputs = |linears: &[Linear]| -> usize {
        let first =
            config.layers_of(0).into_iter().filter(|id| linears.contains(&id.linear) && id.expert.unwrap_or(0) == 0);
        first.map(|id| config.shape(id).0).sum()
    };
    TuningSize {
        values: values + others,
        mask_bytes,
        optimizer_bytes: Optimizer::new(settings).bytes_an_entry(),
        block,
        outer,
        trains_outer: settings.train == Train::All,
        teacher: if settings.distill == super::Distill::None { 0 } else { block + outer },
        blocks: config.blocks,
        hidden: config.hidden,
        heads: outputs(&[Linear::Query, Linear::Key, Linear::Value]),
        feed_forward: outputs(&[Linear::Up]) * config.experts.map_or(1, |experts| experts.per_token),
        vocabulary: config.vocabulary,
        batch: settings.batch,
        context: settings.context_of(config.most_positions()),
        threads,
    }
}
