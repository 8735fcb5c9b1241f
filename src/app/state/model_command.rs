//! What is asked for of the language model.

use super::text_request::TextRequest;
use super::tuning_command::TuningCommand;
use crate::compress::Densities;
use crate::language::LayerId;
use crate::methods::Method;
use crate::model::Source;
use std::collections::BTreeSet;

/// A command about the language model.
pub enum ModelCommand {
    /// Discard the compressed layers, and open the other model.
    DiscardAndOpen,
    /// Stay with this model.
    Stay,
    /// Measure and calibrate on this text; on the model's own without.
    ReadText(Option<Source>),
    /// Choose a text with the system's dialog.
    BrowseText,
    /// Measure the perplexity of a large model.
    MeasurePerplexity,
    /// Replace layers by this method.
    SetMethod(Method),
    /// Keep so many weights of the layers.
    SetDensities(Densities),
    /// Measure the sensitivity of each layer.
    MeasureSensitivity,
    /// Stop measuring the layers' sensitivity.
    StopSensitivity,
    /// Measure it once more.
    RetrySensitivity,
    /// Give each layer its density by its sensitivity.
    Distribute,
    /// Compress the layers with these identifiers.
    Compress(BTreeSet<LayerId>),
    /// End compressing; finished layers stay.
    CancelCompression,
    /// Tune the values of the compressed layers.
    Tuning(TuningCommand),
    /// Put the dense weights of these layers back.
    Restore(BTreeSet<LayerId>),
    /// Calibrate runs with what this layer reads in the model.
    TakeInputs(LayerId),
    /// Write the model with its compressed layers.
    Save,
    /// Let the models write a text; asked for in every frame in which it is seen.
    Generate(TextRequest),
    /// Measure what is missing of the table.
    MeasureTable,
    /// Pause measuring the table.
    PauseTable,
}
