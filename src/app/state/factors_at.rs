//! Which factors of a run the views show.

use super::kept::{Kept, Parts};
use super::snapshot_history::PackedSnapshot;
use crate::matrix::{Factor, Factors, Mask, Matrix};
use crate::tasks::shared;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The factors at one moment of one run.
#[derive(Clone, Serialize, Deserialize)]
pub enum FactorsAt {
    /// Before there are any.
    Nothing,
    /// While it goes on, or at an earlier iteration.
    PackedSnapshot(#[serde(with = "shared")] Arc<PackedSnapshot>),
    /// In the end.
    End(#[serde(with = "shared")] Arc<Kept>),
}

impl FactorsAt {
    /// Where a factor is not zero.
    pub fn mask(&self, factor: Factor) -> Option<Mask> {
        match (self, factor) {
            (Self::Nothing, _) => None,
            (Self::PackedSnapshot(shot), Factor::A) => Some(shot.masks()[0].clone()),
            (Self::PackedSnapshot(shot), Factor::B) => Some(shot.masks()[1].clone()),
            (Self::End(kept), factor) => Some(kept.mask(factor)),
        }
    }

    /// The step, `None` in the end and before the start.
    pub fn step(&self) -> Option<usize> {
        match self {
            Self::PackedSnapshot(shot) => Some(shot.step),
            _ => None,
        }
    }

    /// A·B.
    pub fn product(&self) -> Option<Matrix> {
        match self {
            Self::End(kept) => Some(kept.product()),
            _ => self.factors().map(|factors| factors.product()),
        }
    }

    /// What its factors are called.
    pub fn parts(&self) -> Parts {
        if let Self::End(kept) = self { kept.parts() } else { Parts::Factors }
    }

    pub fn factors(&self) -> Option<Factors> {
        match self {
            Self::Nothing => None,
            Self::PackedSnapshot(shot) => Some(shot.factors()),
            Self::End(kept) => Some(kept.factors()),
        }
    }
}

impl PartialEq for FactorsAt {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nothing, Self::Nothing) => true,
            (Self::PackedSnapshot(a), Self::PackedSnapshot(b)) => Arc::ptr_eq(a, b),
            (Self::End(a), Self::End(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}
