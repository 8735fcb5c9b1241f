//! Magnitude pruning: the oldest and simplest, and the best that can be done with one sparse matrix for ‖W − Ŵ‖.

use super::{Baseline, Error, ProgressFn, report_progress};
use crate::matrix::{Csr, Problem, Replacement, keep_largest};

/// Keeps W's largest entries.
pub struct Magnitude;

impl Baseline for Magnitude {
    fn replace(&self, problem: &Problem, budget: usize, progress: ProgressFn<'_>) -> Result<Replacement, Error> {
        report_progress(progress, 0.0)?;
        Ok(Replacement::Sparse(Csr::from_dense(&keep_largest(&problem.weight, budget))))
    }
}
