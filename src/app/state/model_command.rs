//! What is asked for of a whole model, of whatever kind.

use super::tuning_command::TuningCommand;
use crate::compress::{Densities, LayerKey};
use crate::methods::Method;
use crate::model::Source;
use std::collections::BTreeSet;

/// A command about the open model of a kind and its layers, which `K` identifies.
pub enum ModelCommand<K: LayerKey> {
    /// Discard the compressed layers, and open the other model.
    DiscardAndOpen,
    /// Stay with this model.
    Stay,
    /// Measure and calibrate on these data; on the model's own without.
    ReadData(Option<Source>),
    /// Measure a large model.
    Measure,
    /// Replace layers by this method.
    SetMethod(Method),
    /// Keep so many weights of the layers.
    SetDensities(Densities<K>),
    /// Tune each block while its layers are compressed, or not.
    SetBlockwise(bool),
    /// Compress these layers.
    Compress(BTreeSet<K>),
    /// End compressing; finished layers stay.
    CancelCompression,
    /// Tune the values of the compressed layers.
    Tuning(TuningCommand),
    /// Put the dense weights of these layers back.
    Restore(BTreeSet<K>),
}
