//! Over what the entries of one sparse matrix compete.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// Over what the entries of one sparse matrix compete.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum ThresholdScope {
    /// All rows together
    #[default]
    Matrix,
    /// Equally many in each row
    Row,
}
