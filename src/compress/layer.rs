//! A layer that has been replaced.

use crate::export::RunReport;
use crate::factorize::Settings;
use crate::language::LayerId;
use crate::matrix::{Matrix, Replacement};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A layer and what replaces it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CompressedLayer {
    /// Which layer.
    pub id: LayerId,
    /// What replaces its weight.
    #[serde(with = "crate::tasks::shared")]
    pub replacement: Arc<Replacement>,
    /// The same as one matrix `[out, in]`, as a merged file holds it and as later layers see it.
    #[serde(with = "crate::tasks::shared")]
    pub weight: Arc<Matrix>,
    /// Of the run, split and orientation as they were found.
    pub settings: Settings,
    /// Errors, nonzeros, bytes.
    pub report: RunReport,
}
