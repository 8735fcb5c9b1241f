//! Starting to compress layers of the language model.

use super::compress::Compress;
use super::eval_set::ModelInfo;
use super::lazy_model::LazyModel;
use crate::app::state::compressed_layers::CompressedLayers;
use crate::app::state::model_budget::ModelBudget;
use crate::app::tasks::compression::{self, Prepared, prepare};
use crate::factorize::Settings;
use crate::job::ComputeConfig;
use crate::language::LayerId;
use crate::measure::cost::layer_cost;
use eframe::egui::Context;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Layers of a language model being compressed.
pub type Compression = compression::Compression<LayerId, Compress>;

/// Compresses `ids` with `settings`; the compressed ones among the others stay, and are seen by those after them.
pub fn start(
    ctx: &Context,
    (model, info): (Arc<LazyModel>, &ModelInfo),
    (budget, settings, compute): (&ModelBudget, &Settings, ComputeConfig),
    ids: &BTreeSet<LayerId>,
    layers: &mut CompressedLayers,
) -> Compression {
    let Prepared { plan, kept, waiting } = prepare(info.config.layers(), (budget, settings, compute), ids, layers);
    let tensors = layers.tensors_with(&kept);
    let task = Compress { model, plan, kept, tensors, compute };
    let cost = |id| {
        let (rows, cols) = info.config.shape(id);
        layer_cost(rows, cols)
    };
    Compression::start(ctx, task, waiting, cost)
}
