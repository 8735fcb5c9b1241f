//! Magnitude pruning: the oldest and simplest, and the best that can be done with one sparse matrix for ‖W − Ŵ‖.

use super::{Error, Kept, Rival, Tell, told};
use crate::job::Problem;
use crate::matrix::keep_largest;

/// Keeps W's largest entries.
pub struct Magnitude;

impl Rival for Magnitude {
    fn replace(&self, problem: &Problem, budget: usize, tell: Tell<'_>) -> Result<Kept, Error> {
        told(tell, 0.0)?;
        Ok(Kept::Pruned(keep_largest(&problem.weight, budget)))
    }
}
