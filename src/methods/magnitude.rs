//! Magnitude pruning: the oldest and simplest, and the best that can be done with one sparse matrix for ‖W − Ŵ‖.

use super::{Error, Kept, Rival, Tell};
use crate::job::Problem;
use crate::matrix::keep_largest;

/// Keeps W's largest entries.
pub struct Magnitude;

impl Rival for Magnitude {
    fn replace(&self, problem: &Problem, budget: usize, _: Tell<'_>) -> Result<Kept, Error> {
        Ok(Kept::Pruned(keep_largest(&problem.weight, budget)))
    }
}
