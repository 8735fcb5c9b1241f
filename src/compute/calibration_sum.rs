//! XᵀX of a layer's inputs, summed up in f64.

use super::add_gram;
use crate::matrix::{Calibration, CalibrationError, Matrix};

/// XᵀX summed up batch by batch, for inputs that are not kept.
///
/// ```
/// use dsf_explorer::{compute::CalibrationSum, matrix::{Calibration, Matrix}};
/// let x = Matrix::from_fn(6, 3, |i, j| (i * j) as f32 - 2.0);
/// let mut sum = CalibrationSum::new(3);
/// sum.add(&Matrix::from_vec(2, 3, x.as_slice()[..6].to_vec()))?;
/// sum.add(&Matrix::from_vec(4, 3, x.as_slice()[6..].to_vec()))?;
/// assert_eq!(sum.finish()?, Calibration::from_samples(&x)?);
/// # Ok::<(), dsf_explorer::matrix::CalibrationError>(())
/// ```
pub struct CalibrationSum {
    inputs: usize,
    samples: usize,
    sum: Vec<f64>,
}

impl CalibrationSum {
    /// Of no samples yet.
    pub fn new(inputs: usize) -> Self {
        Self { inputs, samples: 0, sum: vec![0.0; inputs * inputs] }
    }

    /// Adds a batch X `[samples, in]`.
    pub fn add(&mut self, x: &Matrix) -> Result<(), CalibrationError> {
        if x.cols() != self.inputs {
            return Err(CalibrationError::Inputs { found: x.cols(), expected: self.inputs });
        }
        if let Some((row, col)) = x.first_not_finite() {
            return Err(CalibrationError::NotFinite { row, col, value: x.get(row, col) });
        }
        add_gram(&mut self.sum, x);
        self.samples += x.rows();
        Ok(())
    }

    /// The statistics of all batches together.
    pub fn finish(self) -> Result<Calibration, CalibrationError> {
        Calibration::from_lower(self.inputs, self.samples, &self.sum)
    }
}

impl Calibration {
    /// From the inputs themselves, X `[samples, in]`.
    pub fn from_samples(x: &Matrix) -> Result<Self, CalibrationError> {
        let mut sum = CalibrationSum::new(x.cols());
        sum.add(x)?;
        sum.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_of_another_size_are_refused() {
        let mut sum = CalibrationSum::new(3);
        assert_eq!(sum.add(&Matrix::zeros(2, 4)), Err(CalibrationError::Inputs { found: 4, expected: 3 }));
        let infinite = Matrix::from_vec(1, 3, vec![0.0, f32::INFINITY, 0.0]);
        assert!(matches!(sum.add(&infinite), Err(CalibrationError::NotFinite { row: 0, col: 1, .. })));
    }
}
