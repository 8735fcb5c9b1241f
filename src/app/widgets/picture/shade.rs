//! What of a matrix its picture shows.

use serde::{Deserialize, Serialize};

/// What of a matrix the colours show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Value, Self::Density, Self::Any];

    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Value => "Values",
            Self::Density => "Density",
            Self::Any => "Mask",
        }
    }
}
