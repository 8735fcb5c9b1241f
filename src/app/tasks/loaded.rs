//! What was read, written or chosen for the window.

use crate::app::platform::pick::Pick;
use crate::app::platform::written::Written;
use crate::app::state::inputs::InputsRole;
use crate::app::state::loaded_layer::LoadedLayer;
use crate::app::state::run_spec::RunSpec;
use crate::export::RunReport;
use crate::job::Outcome;
use crate::matrix::Calibration;
use crate::model::{Checkpoint, Source};
use std::path::PathBuf;
use std::sync::Arc;

/// Result of reading, writing, computing or choosing something.
pub enum Loaded {
    /// A file's catalogue, where it is from, and the tensor that was asked for with it.
    Checkpoint(Arc<Checkpoint>, Option<Source>, Option<String>),
    /// A layer was read.
    Layer(LoadedLayer),
    /// Factors that were exported before.
    ///
    /// With the report that their file holds, and the factors.
    Factors(Box<RunSpec>, Option<Box<RunReport>>, Box<Outcome>),
    /// The error of a run's opened factors against a layer that was opened later.
    Compared(usize, LoadedLayer, f64),
    /// A source was chosen to open.
    Picked(Source),
    /// A source was chosen as statistics of the layer's inputs.
    PickedInputs(Source, InputsRole),
    /// A source was chosen as the model's text.
    PickedText(Source),
    /// A source was chosen as the vision model's images.
    PickedImages(Source),
    /// Such statistics, and the name of their file.
    Inputs(String, Arc<Calibration>, InputsRole),
    /// The statistics of what the layer with this tensor reads in its model, of which data.
    ModelInputs(String, Arc<Calibration>, &'static str),
    /// The language model with its compressed layers was written, as of this version of them.
    ModelSaved((usize, usize), Written),
    /// The vision model with its compressed layers was written, as of this version of them.
    NetworkSaved((usize, usize), Written),
    /// A path to write to was chosen in the system's dialog.
    Target(PathBuf),
    /// A dialog was closed without a choice.
    Nothing,
    /// There is no system's dialog for this, or for a file to write.
    NoDialog(Option<Pick>),
    /// A file was written; with the number of the run whose factors it holds.
    Saved(Option<usize>, Written),
    /// Something went wrong, described in a sentence.
    Problem(String),
}
