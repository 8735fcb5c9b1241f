//! The factors at one moment of a run.

use crate::matrix::{Factors, Mask, Matrix, Packed};
use serde::{Deserialize, Serialize};

/// A and B at one moment, in as few bytes as looking at them needs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PackedSnapshot {
    /// Number of the step, without those of a search; 0 is the start.
    pub step: usize,
    a: Packed,
    b: Packed,
}

impl PackedSnapshot {
    /// Packs the factors after a step.
    pub fn new(step: usize, Factors { a, b }: &Factors) -> Self {
        Self { step, a: Packed::of(a), b: Packed::of(b) }
    }

    /// A `[out, k]` and B `[k, in]`, to eleven binary digits.
    pub fn factors(&self) -> Factors {
        Factors { a: self.a.to_csr(), b: self.b.to_csr() }
    }

    /// The same with their zeros.
    pub fn dense_factors(&self) -> [Matrix; 2] {
        [self.a.to_matrix(), self.b.to_matrix()]
    }

    /// The masks of A and B.
    pub fn masks(&self) -> [&Mask; 2] {
        [self.a.mask(), self.b.mask()]
    }

    /// The memory it takes.
    pub fn bytes(&self) -> usize {
        self.a.bytes() + self.b.bytes()
    }
}
