//! What is asked for of the vision model.

use super::tuning_command::TuningCommand;
use crate::compress::Densities;
use crate::methods::Method;
use crate::model::Source;
use std::collections::BTreeSet;

/// A command about the vision model.
pub enum VisionCommand {
    /// Open the built-in network.
    OpenExample,
    /// Discard the compressed layers, and open the other network.
    DiscardAndOpen,
    /// Stay with this network.
    Stay,
    /// Measure and calibrate on these images; on the network's own without.
    ReadImages(Option<Source>),
    /// Choose a file of images with the system's dialog.
    BrowseImages,
    /// Choose a folder of images with the system's dialog.
    BrowseImageFolder,
    /// Measure a large network.
    Measure,
    /// Replace layers by this method.
    SetMethod(Method),
    /// Keep so many weights of the layers.
    SetDensities(Densities<usize>),
    /// Compress the layers with these indices.
    Compress(BTreeSet<usize>),
    /// End compressing; finished layers stay.
    CancelCompression,
    /// Tune the values of the compressed layers.
    Tuning(TuningCommand),
    /// Put the dense weights of these layers back.
    Restore(BTreeSet<usize>),
    /// Write the network with its compressed layers.
    Save,
    /// Compare the answers with batch normalization estimated anew, or as it is, with the dense network's.
    CompareEstimated(bool),
    /// Calibrate runs with what this layer reads in the network.
    TakeInputs(usize),
    /// Show the images at these places; asked for in every frame in which they are seen.
    ShowImages(Vec<usize>),
}
