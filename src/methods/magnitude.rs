//! Magnitude pruning: the oldest and simplest method, and the best single sparse matrix for ‖W − Ŵ‖.

use super::{Baseline, Error, ProgressFn, report_progress};
use crate::matrix::{Csr, Problem, Replacement, keep_largest};

/// Magnitude pruning: keeps W's largest entries.
pub struct Magnitude;

impl Baseline for Magnitude {
    fn replace(&self, problem: &Problem, budget: usize, progress: ProgressFn<'_>) -> Result<Replacement, Error> {
        report_progress(progress, 0.0)?;
        Ok(Replacement::Sparse(Csr::from_dense(&keep_largest(&problem.weight, budget))))
    }
}
