//! A replaced layer.

use super::LayerKey;
use crate::export::RunReport;
use crate::factorize::Settings;
use crate::language::LayerId;
use crate::matrix::{Matrix, Replacement};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A layer and its replacement.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "K: LayerKey")]
pub struct CompressedLayer<K = LayerId> {
    /// Identifier of the layer.
    pub id: K,
    /// Replacement of its weight.
    #[serde(with = "crate::tasks::shared")]
    pub replacement: Arc<Replacement>,
    /// The replacement as one matrix `[out, in]`, as in a merged file and as later layers see it.
    #[serde(with = "crate::tasks::shared")]
    pub weight: Arc<Matrix>,
    /// Settings of its run, with the split and orientation that were found.
    pub settings: Settings,
    /// Errors, nonzeros and bytes of the replacement.
    pub report: RunReport,
}
