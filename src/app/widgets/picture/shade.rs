//! What of a matrix its picture shows.

use serde::{Deserialize, Serialize};
use strum::{IntoStaticStr, VariantArray};

/// Quantity of a matrix that the colours show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, IntoStaticStr, VariantArray)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Shade {
    /// The value; of many under a pixel the one of largest magnitude.
    #[default]
    Value,
    /// The share of nonzeros under a pixel.
    Density,
    /// Whether anything under a pixel is kept.
    Any,
}

impl Shade {
    /// As people read it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Value => "Values",
            Self::Density => "Density",
            Self::Any => "Mask",
        }
    }
}
