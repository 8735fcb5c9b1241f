//! Which factors of a run the views show.

use crate::compute::multiplied;
use crate::job::PackedSnapshot;
use crate::matrix::{Factor, Mask, Matrix, Replacement, ReplacementKind};
use crate::tasks::shared;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The factors at one moment of one run.
#[derive(Clone, Serialize, Deserialize)]
pub enum FactorsAt {
    /// Before there are any.
    Nothing,
    /// While it goes on, or at an earlier iteration.
    Snapshot(#[serde(with = "shared")] Arc<PackedSnapshot>),
    /// The final replacement of a run that has ended.
    End(#[serde(with = "shared")] Arc<Replacement>),
}

impl FactorsAt {
    /// Returns the mask of a factor: the positions where it is not zero.
    pub fn mask(&self, factor: Factor) -> Option<Mask> {
        match (self, factor) {
            (Self::Nothing, _) => None,
            (Self::Snapshot(snapshot), Factor::A) => Some(snapshot.masks()[0].clone()),
            (Self::Snapshot(snapshot), Factor::B) => Some(snapshot.masks()[1].clone()),
            (Self::End(replacement), factor) => Some(replacement.mask(factor)),
        }
    }

    /// The step, `None` in the end and before the start.
    pub fn step(&self) -> Option<usize> {
        match self {
            Self::Snapshot(snapshot) => Some(snapshot.step),
            _ => None,
        }
    }

    /// The product A·B, dense.
    pub fn product(&self) -> Option<Matrix> {
        match self {
            Self::End(replacement) => Some(replacement.to_dense()),
            _ => self.dense_factors().map(|[a, b]| multiplied(&a, &b)),
        }
    }

    /// Returns the kind of replacement that the factors are of.
    pub fn kind(&self) -> ReplacementKind {
        if let Self::End(replacement) = self { replacement.kind() } else { ReplacementKind::Factors }
    }

    /// Returns the matrices that are drawn as A and B: see [`Replacement::dense_factors`].
    pub fn dense_factors(&self) -> Option<[Matrix; 2]> {
        match self {
            Self::Nothing => None,
            Self::Snapshot(snapshot) => Some(snapshot.dense_factors()),
            Self::End(replacement) => Some(replacement.dense_factors()),
        }
    }
}

impl PartialEq for FactorsAt {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nothing, Self::Nothing) => true,
            (Self::Snapshot(a), Self::Snapshot(b)) => Arc::ptr_eq(a, b),
            (Self::End(a), Self::End(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}
