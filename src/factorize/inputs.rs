//! The statistics of a layer's inputs, as a run uses them.

use super::Objective;
use super::metric::{InputMetric, LayerMeter, PowerMetric};
use super::weighed::Axis;
use crate::matrix::{Calibration, Matrix};
use std::sync::Arc;

/// What is known of the inputs of a W that is scaled by their norms, as [`Calibration::scale_inputs`] does it.
#[derive(Clone)]
pub struct Inputs {
    calibration: Arc<Calibration>,
    held_out: Option<Arc<Calibration>>,
    metric: Option<Arc<InputMetric>>,
}

impl Inputs {
    /// Statistics that are minimised, and others on which the error is measured too. With [`Objective::Outputs`] they are
    /// part of every half-step, which takes an eigendecomposition now.
    pub fn new(calibration: Arc<Calibration>, held_out: Option<Arc<Calibration>>, objective: Objective) -> Self {
        let metric = match objective {
            Objective::Outputs => InputMetric::new(&calibration).map(Arc::new),
            Objective::Norms | Objective::Weights => None,
        };
        Self { calibration, held_out, metric }
    }

    /// XᵀX as half-steps see it in the end, at this power; `None` when they do not see it.
    pub fn regularised(&self, power: f64) -> Option<Calibration> {
        let mut metric = PowerMetric::new(self.metric.clone()?);
        metric.set_power(power);
        let norms = self.calibration.norms();
        let m = metric.matrix();
        let xtx = Matrix::from_fn(norms.len(), norms.len(), |i, j| norms[i] * m.get(i, j) * norms[j]);
        Calibration::from_xtx(xtx).ok()
    }

    /// Whether half-steps see them, and not only the measured error.
    pub fn in_half_steps(&self) -> bool {
        self.metric.is_some()
    }
}

/// The inputs of a run in progress.
pub(super) struct RunInputs {
    metric: Option<PowerMetric>,
    /// Whether they are the rows of the working matrix.
    transposed: bool,
    pub meter: LayerMeter,
}

impl RunInputs {
    /// For W scaled, `[out, in]`, which is worked on at `factor`, and transposed or not.
    pub fn new(inputs: &Inputs, w: &Matrix, factor: f32, transposed: bool) -> Self {
        Self {
            metric: inputs.metric.clone().map(PowerMetric::new),
            transposed,
            meter: LayerMeter::new(w, factor, &inputs.calibration, inputs.held_out.as_deref()),
        }
    }

    /// The metric, at whatever power.
    #[cfg(feature = "gpu")]
    pub fn power_metric(&self) -> Option<&PowerMetric> {
        self.metric.as_ref()
    }

    /// Where a side's half-step meets the inputs.
    pub fn axis(&self, side: usize) -> Axis {
        if self.transposed == (side == 0) { Axis::Columns } else { Axis::Rows }
    }

    /// The metric of a side's half-step; `None` while it is the identity.
    pub fn metric(&mut self, side: usize, power: f64) -> Option<(&mut PowerMetric, Axis)> {
        let axis = self.axis(side);
        let metric = self.metric.as_mut()?;
        metric.set_power(power);
        if metric.is_identity() { None } else { Some((metric, axis)) }
    }
}
