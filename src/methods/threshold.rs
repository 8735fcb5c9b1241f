//! Over what the entries of one sparse matrix compete.

use serde::{Deserialize, Serialize};

/// Over what the entries of one sparse matrix compete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Threshold {
    /// All rows together
    #[default]
    Matrix,
    /// Equally many in each row
    Row,
}
