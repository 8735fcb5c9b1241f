//! What was written, and files that a page hands over.

use serde::{Deserialize, Serialize};

/// A file to be handed to the person: a page cannot write one.
#[derive(Serialize, Deserialize)]
pub struct Download {
    /// Name of the file.
    pub name: String,
    /// Contents of the file.
    #[serde(with = "crate::tasks::raw")]
    pub bytes: Vec<u8>,
}

/// Result of writing: files that were written, or are to be handed over.
#[derive(Serialize, Deserialize)]
pub struct Written {
    /// Message for the person, a sentence.
    pub said: String,
    /// Files to download, in a page only.
    pub files: Vec<Download>,
}
