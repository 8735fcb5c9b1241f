//! What a layer's inputs say about errors: a metric for half-steps, and the layer-wise error during a run.
//!
//! W is `[out, in]` with each input's column multiplied by the input's norm, as
//! [`Calibration::scale_inputs`] does it; C is XᵀX divided by the norms, so of unit diagonal. With C = Q·diag(D)·Qᵀ the
//! metric of power s is M = Q·diag(Dˢ)·Qᵀ / mean(Dˢ): the identity for s = 0, C for s = 1. Why a power, and why it grows
//! over a run and stays below 1, stands in `SCHEDULES.md`.

use super::target::{Target, residual};
use crate::compute::{dot, gram, symmetric_eigen};
use crate::matrix::{Calibration, Csr, Matrix};
use std::sync::Arc;

/// Added to the eigenvalues of C, whose mean is 1: directions in which the samples say nothing count a little.
const FLOOR: f64 = 1e-3;

/// Change of the power below which a metric is not computed anew.
const STEP: f64 = 0.01;

/// The eigenvectors and eigenvalues of C.
pub(super) struct InputMetric {
    /// Eigenvectors in columns, in×in.
    pub vectors: Matrix,
    /// The same in rows.
    pub vectors_transposed: Matrix,
    /// Eigenvalues, ascending, at least [`FLOOR`].
    values: Vec<f64>,
}

impl InputMetric {
    /// `None` when the eigenvalues cannot be computed.
    pub fn new(calibration: &Calibration) -> Option<Self> {
        let eigen = symmetric_eigen(&correlations(calibration, calibration))?;
        let values = eigen.values.iter().map(|&value| f64::from(value).max(0.0) + FLOOR).collect();
        Some(Self { vectors_transposed: eigen.vectors.transposed(), vectors: eigen.vectors, values })
    }

    /// Dˢ / mean(Dˢ).
    fn weights(&self, power: f64) -> Vec<f32> {
        let raised: Vec<f64> = self.values.iter().map(|value| value.powf(power)).collect();
        let mean = raised.iter().sum::<f64>() / raised.len().max(1) as f64;
        raised.iter().map(|value| (value / mean) as f32).collect()
    }
}

/// XᵀX of `other` divided by the norms of `calibration`; 1 on the diagonal for an input that never came there.
fn correlations(calibration: &Calibration, other: &Calibration) -> Matrix {
    let norms = calibration.norms();
    let xtx = other.xtx();
    Matrix::from_fn(norms.len(), norms.len(), |i, j| match norms[i] > 0.0 && norms[j] > 0.0 {
        true => (f64::from(xtx.get(i, j)) / (f64::from(norms[i]) * f64::from(norms[j]))) as f32,
        false => f32::from(u8::from(i == j)),
    })
}

/// The metric at the power of the present iteration.
pub(super) struct PowerMetric {
    metric: Arc<InputMetric>,
    power: f64,
    /// Eigenvalues of M, in the order of the eigenvectors, of mean 1.
    weights: Vec<f32>,
    /// M⁻¹ or M, whichever was asked for last.
    matrix: Matrix,
    /// Which of the two it is, if it is of this power.
    holds: Option<Holds>,
    /// Eigenvectors times roots of their weights.
    scratch: Matrix,
}

#[derive(Clone, Copy, PartialEq)]
enum Holds {
    Metric,
    Inverse,
}

impl PowerMetric {
    pub fn new(metric: Arc<InputMetric>) -> Self {
        let weights = metric.weights(0.0);
        Self { metric, power: 0.0, weights, matrix: Matrix::default(), holds: None, scratch: Matrix::default() }
    }

    /// Goes to another power, or stays where it is nearly the same.
    pub fn set_power(&mut self, power: f64) {
        if (power - self.power).abs() >= STEP || (power == 0.0) != (self.power == 0.0) {
            self.power = power;
            self.weights = self.metric.weights(power);
            self.holds = None;
        }
    }

    /// The power it is at.
    #[cfg(feature = "gpu")]
    pub fn power(&self) -> f64 {
        self.power
    }

    /// Whether M is the identity.
    pub fn is_identity(&self) -> bool {
        self.power == 0.0
    }

    /// Eigenvalues of M, of mean 1.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// Eigenvectors in columns, in×in.
    pub fn vectors(&self) -> &Matrix {
        &self.metric.vectors
    }

    /// Eigenvectors in rows, in×in.
    pub fn vectors_transposed(&self) -> &Matrix {
        &self.metric.vectors_transposed
    }

    /// M, in×in.
    pub fn matrix(&mut self) -> &Matrix {
        self.compute(Holds::Metric)
    }

    /// M⁻¹, in×in.
    pub fn inverse(&mut self) -> &Matrix {
        self.compute(Holds::Inverse)
    }

    fn compute(&mut self, wanted: Holds) -> &Matrix {
        if self.holds != Some(wanted) {
            let roots: Vec<f32> = match wanted {
                Holds::Metric => self.weights.iter().map(|w| w.sqrt()).collect(),
                Holds::Inverse => self.weights.iter().map(|w| w.sqrt().recip()).collect(),
            };
            self.scratch.clone_from(&self.metric.vectors);
            let n = roots.len();
            for row in self.scratch.as_mut_slice().chunks_mut(n.max(1)) {
                row.iter_mut().zip(&roots).for_each(|(x, root)| *x *= root);
            }
            self.matrix.resize(n, n);
            gram(&mut self.matrix, &self.scratch);
            self.holds = Some(wanted);
        }
        &self.matrix
    }
}

/// Layer-wise errors during a run, tr(E·C·Eᵀ) / tr(W·C·Wᵀ) with E = W − A·B, in f32.
pub(super) struct LayerMeter {
    /// C of the calibration statistics, and of others in the same units.
    statistics: Vec<Matrix>,
    /// tr(W·C·Wᵀ) of each.
    totals: Vec<f64>,
    gram: Matrix,
}

impl LayerMeter {
    /// For W scaled by the inputs' norms, `[out, in]`, times `factor`.
    pub fn new(w: &Matrix, factor: f32, calibration: &Calibration, held_out: Option<&Calibration>) -> Self {
        let statistics: Vec<Matrix> =
            std::iter::once(calibration).chain(held_out).map(|other| correlations(calibration, other)).collect();
        let mut meter = Self { statistics, totals: Vec::new(), gram: Matrix::default() };
        let mut columns = w.transposed();
        columns.as_mut_slice().iter_mut().for_each(|x| *x *= factor);
        meter.totals = meter.energies(&columns);
        meter
    }

    /// The errors of factors, from their residual's transpose `[in, out]`.
    fn energies(&mut self, columns: &Matrix) -> Vec<f64> {
        let inputs = columns.rows();
        self.gram.resize(inputs, inputs);
        gram(&mut self.gram, columns);
        self.statistics.iter().map(|c| dot(c.as_slice(), self.gram.as_slice())).collect()
    }

    /// The layer-wise errors of FᵀX against the target, whose columns are the inputs; `ft` is Fᵀ and `xt` Xᵀ.
    pub fn measure(&mut self, target: Target<'_>, ft: &Csr, xt: &Csr) -> Vec<f64> {
        let columns = residual(target, ft, xt);
        let energies = self.energies(&columns);
        self.relative(&energies)
    }

    /// The errors' energies on each of the statistics, relative to those of the outputs.
    pub fn relative(&self, energies: &[f64]) -> Vec<f64> {
        energies
            .iter()
            .zip(&self.totals)
            .map(|(&e, &total)| if total > 0.0 { (e / total).max(0.0) } else { 0.0 })
            .collect()
    }

    /// C of the calibration statistics, and of others.
    #[cfg(feature = "gpu")]
    pub fn statistics(&self) -> &[Matrix] {
        &self.statistics
    }
}
