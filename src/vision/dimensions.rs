//! Dimensions of weights whose layers are stored as factors, or as one sparse matrix.
//!
//! Those are matrices `[out, in·kh·kw]` in their file: the kernel's height and width stand in its metadata.

use super::Architecture;
use crate::model::Checkpoint;
use std::collections::BTreeMap;

/// Their key in a file's metadata.
const KEY: &str = "dsf.dimensions";

impl Architecture {
    /// Dimensions of the layers' weights, as metadata of a file that holds layers as matrices.
    pub fn dimensions_as_metadata(&self) -> BTreeMap<String, String> {
        let dimensions = self.layers.iter().map(|layer| (&layer.stem, layer.dimensions()));
        let dimensions: BTreeMap<_, _> = dimensions.collect();
        [(KEY.to_owned(), serde_json::json!(dimensions).to_string())].into()
    }
}

/// The dimensions of layers' weights that stand in a file's metadata, by the start of the layers' names.
pub(super) fn from_metadata(checkpoint: &Checkpoint) -> BTreeMap<String, Vec<usize>> {
    let text = checkpoint.metadata().get(KEY).map_or("", String::as_str);
    serde_json::from_str(text).unwrap_or_default()
}
