//! What a person chooses with the system's dialog.

/// What is to be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// A checkpoint or a matrix.
    File,
    /// A checkpoint's folder.
    Folder,
    /// Statistics of a layer's inputs.
    Inputs,
    /// A text.
    Text,
}
