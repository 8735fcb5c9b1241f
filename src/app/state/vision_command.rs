//! What is asked for of the vision model.

use super::model_command::ModelCommand;

/// A command about the vision model.
pub enum VisionCommand {
    /// One that is about any model.
    Model(ModelCommand<usize>),
    /// Open the built-in network.
    OpenExample,
    /// Choose a file of images with the system's dialog.
    BrowseImages,
    /// Choose a folder of images with the system's dialog.
    BrowseImageFolder,
    /// Write the network with its compressed layers.
    Save,
    /// Compare the answers with batch normalization estimated anew, or as it is, with the dense network's.
    CompareEstimated(bool),
    /// Calibrate runs with what this layer reads in the network.
    TakeInputs(usize),
    /// Show the images at these places; asked for in every frame in which they are seen.
    ShowImages(Vec<usize>),
}

impl From<ModelCommand<usize>> for VisionCommand {
    fn from(command: ModelCommand<usize>) -> Self {
        Self::Model(command)
    }
}
