//! What a method made of a layer in a comparison.

use crate::compare::Candidate;
use crate::export::RunReport;
use crate::factorize::Settings;
use crate::matrix::Replacement;
use crate::tasks::shared;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Result of a method on a layer.
#[derive(Serialize, Deserialize)]
pub struct MethodResult {
    /// The candidate that was run.
    pub candidate: Candidate,
    /// Errors, nonzeros, bytes, seconds.
    pub report: RunReport,
    /// With split and orientation as a DSF run found them.
    pub settings: Settings,
    /// Replacement of W, sparse.
    #[serde(with = "shared")]
    pub replacement: Arc<Replacement>,
}
