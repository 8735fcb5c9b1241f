//! What is asked for of the language model.

use super::model_command::ModelCommand;
use super::text_request::TextRequest;
use crate::language::LayerId;

/// A command about the language model.
pub enum LanguageCommand {
    /// One that is about any model.
    Model(ModelCommand<LayerId>),
    /// Choose a text with the system's dialog.
    BrowseText,
    /// Measure the sensitivity of each layer.
    MeasureSensitivity,
    /// Stop measuring the layers' sensitivity.
    StopSensitivity,
    /// Measure it once more.
    RetrySensitivity,
    /// Give each layer its density by its sensitivity.
    Distribute,
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

impl From<ModelCommand<LayerId>> for LanguageCommand {
    fn from(command: ModelCommand<LayerId>) -> Self {
        Self::Model(command)
    }
}
