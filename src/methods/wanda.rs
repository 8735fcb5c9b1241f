//! Wanda: pruning by weights and activations (Sun et al. 2023, arXiv 2306.11695).
//!
//! In each row of W the entries of largest |Wᵢⱼ|·‖Xⱼ‖₂ stay, unchanged: equally many in each row, since rows differ in
//! scale (its section 3).

use super::shares::{by_rows, largest};
use super::{Baseline, Error, ProgressFn, report_progress};
use crate::matrix::{Csr, Matrix, Problem, Replacement};

/// Wanda pruning; the formula is in the module's doc.
pub struct Wanda;

impl Baseline for Wanda {
    /// The first rows keep one more where the rows do not divide the budget.
    fn replace(&self, problem: &Problem, budget: usize, progress: ProgressFn<'_>) -> Result<Replacement, Error> {
        let w = &problem.weight;
        let inputs = problem.calibration.as_ref().ok_or(Error::NeedsInputs { method: "Wanda" })?;
        report_progress(progress, 0.0)?;
        let norms = inputs.norms();
        let mut kept = Matrix::zeros(w.rows(), w.cols());
        let rows = kept.as_mut_slice().chunks_exact_mut(w.cols().max(1));
        for ((i, kept), count) in rows.enumerate().zip(by_rows(w.rows(), budget)) {
            let scores: Vec<f32> = w.row(i).iter().zip(&norms).map(|(w, norm)| (w * norm).abs()).collect();
            largest(&scores, count).into_iter().for_each(|at| kept[at] = w.row(i)[at]);
        }
        Ok(Replacement::Sparse(Csr::from_dense(&kept)))
    }
}
