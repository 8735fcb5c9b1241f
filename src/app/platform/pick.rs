//! What a person chooses with the system's dialog.

/// Answer of a dialog.
pub enum Picked<T> {
    /// What was chosen.
    Chosen(T),
    /// The dialog was closed without a choice.
    Nothing,
    /// There is no dialog on this system.
    NoDialog,
}

/// Kind of file to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// A checkpoint or a matrix.
    File,
    /// The folder of a checkpoint.
    Folder,
    /// Statistics of a layer's inputs.
    Inputs,
    /// A text for the language model.
    Text,
    /// A file of images for the vision model.
    Images,
    /// A folder of images for the vision model.
    ImageFolder,
}
