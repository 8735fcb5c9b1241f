//! Statistics of a layer's inputs: XᵀX over real samples X.

use super::{Csr, Matrix};
use crate::hint::{Explain, Hint};
use serde::{Deserialize, Serialize};

/// Statistics XᵀX of a layer's inputs X `[samples, in]`, which weigh the error by the inputs that really occur.
///
/// Scaled by a power of four that brings the diagonal's mean near 1: every use of it is a ratio. Only where several are added up
/// does the scale count; those that differ in nothing else are equal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Calibration {
    /// XᵀX, `[in, in]`, symmetric, scaled.
    xtx: Matrix,
    /// The product itself is `xtx` · 4^`exponent`.
    exponent: i32,
}

impl PartialEq for Calibration {
    fn eq(&self, other: &Self) -> bool {
        self.xtx == other.xtx
    }
}

/// Why input statistics cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CalibrationError {
    /// No samples or no inputs were given.
    #[error("{samples} samples of {inputs} inputs say nothing of a layer's inputs")]
    Empty {
        /// Number of rows of X.
        samples: usize,
        /// Number of columns of X.
        inputs: usize,
    },
    /// XᵀX is not square.
    #[error("XtX is {rows}×{cols}, and it must be square")]
    NotSquare {
        /// Number of its rows.
        rows: usize,
        /// Number of its columns.
        cols: usize,
    },
    /// A value that is infinite or NaN.
    #[error("the value in row {row}, column {col} (from 0) is {value}, and only finite values can be used")]
    NotFinite {
        /// Row of the value, from 0.
        row: usize,
        /// Column of the value, from 0.
        col: usize,
        /// Value that was found.
        value: f32,
    },
    /// A sum of squares on the diagonal is negative.
    #[error("XtX has {value} on the diagonal at {index} (from 0), where sums of squares stand")]
    Negative {
        /// Index of the input, from 0.
        index: usize,
        /// Value that was found.
        value: f32,
    },
    /// XᵀX is not symmetric.
    #[error("XtX has {upper} at row {row}, column {col} (from 0) and {lower} mirrored, and it must be symmetric")]
    NotSymmetric {
        /// Row of the value, from 0.
        row: usize,
        /// Column, from 0, above the diagonal.
        col: usize,
        /// Value at this position.
        upper: f32,
        /// Value at the mirrored position.
        lower: f32,
    },
    /// A value exceeds what the diagonal allows (Cauchy-Schwarz).
    #[error("XtX has {value} at row {row}, column {col} (from 0), more than the diagonal allows")]
    TooLarge {
        /// Row of the value, from 0.
        row: usize,
        /// Column of the value, from 0.
        col: usize,
        /// Value at this position.
        value: f32,
    },
    /// The number of inputs differs between batches, or from the layer's.
    #[error("these are {found} inputs where {expected} are expected")]
    Inputs {
        /// Number of inputs found.
        found: usize,
        /// Number of inputs expected.
        expected: usize,
    },
}

impl Explain for CalibrationError {
    fn hint(&self) -> Option<Hint> {
        Some(match self {
            Self::Empty { .. } => Hint::say("give at least one of each"),
            Self::NotSquare { .. } => Hint::say("give the product of X transposed and X, [in, in]"),
            Self::NotFinite { .. } => Hint::say("collect the inputs again"),
            Self::Negative { .. } | Self::NotSymmetric { .. } => Hint::say("give the product of X transposed and X"),
            Self::TooLarge { .. } => {
                Hint::say("give the product of X transposed and X, without centring or damping one part of it")
            }
            Self::Inputs { .. } => Hint::say("give the inputs of this layer"),
        })
    }
}

impl Calibration {
    /// Builds the statistics from XᵀX `[in, in]`, at any scale. Asymmetry from rounding to 16 bits is accepted.
    pub fn from_xtx(xtx: Matrix) -> Result<Self, CalibrationError> {
        /// Allowed asymmetry as a share of the two inputs' norms; bfloat16 rounds by 0.004.
        const TOLERANCE: f64 = 0.02;
        let (rows, cols) = xtx.shape();
        if rows != cols {
            return Err(CalibrationError::NotSquare { rows, cols });
        }
        if let Some((row, col)) = xtx.first_not_finite() {
            return Err(CalibrationError::NotFinite { row, col, value: xtx.get(row, col) });
        }
        if let Some(index) = (0..rows).find(|&i| xtx.get(i, i) < 0.0) {
            return Err(CalibrationError::Negative { index, value: xtx.get(index, index) });
        }
        let norms: Vec<f64> = (0..rows).map(|i| f64::from(xtx.get(i, i)).sqrt()).collect();
        let mut sum = vec![0.0; rows * rows];
        for row in 0..rows {
            for col in row..rows {
                let (upper, lower) = (xtx.get(row, col), xtx.get(col, row));
                let (mean, limit) = ((f64::from(upper) + f64::from(lower)) / 2.0, norms[row] * norms[col]);
                if (f64::from(upper) - f64::from(lower)).abs() > TOLERANCE * limit {
                    return Err(CalibrationError::NotSymmetric { row, col, upper, lower });
                }
                if mean.abs() > (1.0 + TOLERANCE) * limit {
                    return Err(CalibrationError::TooLarge { row, col, value: upper });
                }
                sum[col * rows + row] = mean;
            }
        }
        Self::from_lower(rows, 1, &sum)
    }

    /// Builds the statistics from the lower triangle of XᵀX over `samples` samples, row by row `[in, in]`, at any
    /// scale.
    pub fn from_lower(inputs: usize, samples: usize, sum: &[f64]) -> Result<Self, CalibrationError> {
        if inputs == 0 || samples == 0 {
            return Err(CalibrationError::Empty { samples, inputs });
        }
        let mean = (0..inputs).map(|i| sum[i * inputs + i]).sum::<f64>() / inputs as f64;
        let exponent = if mean > 0.0 { (mean.log2() / 2.0).round() as i32 } else { 0 };
        let scale = 4f64.powi(-exponent);
        let at = |i: usize, j: usize| if i >= j { sum[i * inputs + j] } else { sum[j * inputs + i] };
        Ok(Self { xtx: Matrix::from_fn(inputs, inputs, |i, j| (at(i, j) * scale) as f32), exponent })
    }

    /// The statistics of all samples of these `parts` together; `None` of no parts.
    pub fn sum(parts: impl IntoIterator<Item = Self>) -> Result<Option<Self>, CalibrationError> {
        let mut all: Option<(usize, Vec<f64>)> = None;
        for part in parts {
            let (inputs, sum) = all.get_or_insert_with(|| (part.inputs(), vec![0.0; part.inputs() * part.inputs()]));
            part.check_inputs(*inputs)?;
            let scale = 4f64.powi(part.exponent);
            sum.iter_mut().zip(part.xtx.as_slice()).for_each(|(sum, &x)| *sum += f64::from(x) * scale);
        }
        let Some((inputs, sum)) = all else { return Ok(None) };
        // A scale that a file claims may be anything.
        if let Some(at) = sum.iter().position(|x| !x.is_finite()) {
            return Err(CalibrationError::NotFinite { row: at / inputs, col: at % inputs, value: sum[at] as f32 });
        }
        Self::from_lower(inputs, 1, &sum).map(Some)
    }

    /// The same, of a product that is 4^`exponent` times as large.
    pub fn times_four_to(self, exponent: i32) -> Self {
        Self { exponent: self.exponent.saturating_add(exponent), ..self }
    }

    /// The scale: the product itself is [`xtx`](Self::xtx) · 4^exponent.
    pub fn exponent(&self) -> i32 {
        self.exponent
    }

    /// Statistics of inputs that are independent and of equal size: as good as none, for methods that need some.
    pub fn all_alike(inputs: usize) -> Self {
        Self { xtx: Matrix::from_fn(inputs, inputs, |i, j| if i == j { 1.0 } else { 0.0 }), exponent: 0 }
    }

    /// Number of inputs of the layer.
    pub fn inputs(&self) -> usize {
        self.xtx.rows()
    }

    /// XᵀX, `[in, in]`, scaled.
    pub fn xtx(&self) -> &Matrix {
        &self.xtx
    }

    /// Statistics of inputs of which nothing is known: independent, and all of the same norm.
    pub fn uniform(inputs: usize) -> Self {
        Self { xtx: Matrix::from_fn(inputs, inputs, |i, j| f32::from(u8::from(i == j))), exponent: 0 }
    }

    /// Whether all inputs were always 0, so that nothing was measured.
    pub fn is_zero(&self) -> bool {
        (0..self.inputs()).all(|i| self.xtx.get(i, i) == 0.0)
    }

    /// ‖X‖₂ of each input, up to a common factor: Wanda's measure of importance. 0 for an input that is always 0.
    pub fn norms(&self) -> Vec<f32> {
        (0..self.inputs()).map(|i| self.xtx.get(i, i).sqrt()).collect()
    }

    /// The norms, scaled to at most 1, so that no weight overflows.
    fn weights(&self) -> Vec<f32> {
        let norms = self.norms();
        let most = norms.iter().copied().fold(0.0, f32::max);
        let scale = if most > 0.0 { 2f32.powi(-most.log2().ceil() as i32) } else { 1.0 };
        norms.into_iter().map(|norm| norm * scale).collect()
    }

    /// W `[out, in]` with each input's column multiplied by the input's norm. It is factorized in place of W, so that
    /// the plain error approximates the layer-wise one (the paper's section 5.1).
    pub fn scale_inputs(&self, w: &Matrix) -> Result<Matrix, CalibrationError> {
        self.check_inputs(w.cols())?;
        let weights = self.weights();
        Ok(Matrix::from_fn(w.rows(), w.cols(), |i, j| w.get(i, j) * weights[j]))
    }

    /// Undoes [`Calibration::scale_inputs`] on the input-side factor B `[k, in]`. Columns of inputs that are always 0
    /// become empty.
    pub fn unscale_inputs(&self, b: &mut Csr) -> Result<(), CalibrationError> {
        self.check_inputs(b.cols())?;
        let weights = self.weights();
        b.map_values(|_, j, x| {
            // A norm so small that the quotient overflows counts as 0.
            Some(x / weights[j]).filter(|x| x.is_finite()).unwrap_or(0.0)
        });
        b.drop_zeros();
        Ok(())
    }

    /// Adds `share` of the diagonal to the diagonal, which shrinks the statistics toward independent inputs.
    ///
    /// Values solved for on some texts overfit these texts: with a share of 0.1 the error on others falls by about 2 %.
    pub fn shrunk(&self, share: f64) -> Self {
        let mut xtx = self.xtx.clone();
        let diagonal = xtx.as_mut_slice().iter_mut().step_by(self.inputs() + 1);
        diagonal.for_each(|x| *x = (f64::from(*x) * (1.0 + share)) as f32);
        Self { xtx, exponent: self.exponent }
    }

    /// Refuses statistics of another number of inputs.
    pub(crate) fn check_inputs(&self, expected: usize) -> Result<(), CalibrationError> {
        match self.inputs() {
            found if found == expected => Ok(()),
            found => Err(CalibrationError::Inputs { found, expected }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(n: usize, values: &[f32]) -> Result<Calibration, CalibrationError> {
        Calibration::from_xtx(Matrix::from_vec(n, n, values.to_vec()))
    }

    #[test]
    fn by_hand() {
        // Columns (1, 2) and (0, 1): XᵀX = [[5, 2], [2, 1]], the diagonal's mean 3, brought near 1 by a quarter.
        let x = Matrix::from_vec(2, 2, vec![1.0, 0.0, 2.0, 1.0]);
        let calibration = Calibration::from_samples(&x).unwrap();
        assert_eq!(calibration.xtx().as_slice(), [1.25, 0.5, 0.5, 0.25]);
        assert_eq!(calibration.norms(), [1.25f32.sqrt(), 0.5]);
        assert_eq!(square(2, &[5.0, 2.0, 2.0, 1.0]).unwrap(), calibration);
        assert_eq!(calibration.shrunk(0.5).xtx().as_slice(), [1.875, 0.5, 0.5, 0.375]);
    }

    #[test]
    fn the_scale_does_not_matter() {
        let x = |scale: f32| Matrix::from_fn(9, 4, |i, j| ((i * 3 + j * 5) % 7) as f32 * scale);
        let one = Calibration::from_samples(&x(1.0)).unwrap();
        for scale in [2f32.powi(-100), 2f32.powi(100)] {
            assert_eq!(Calibration::from_samples(&x(scale)).unwrap(), one);
        }
    }

    #[test]
    fn parts_add_up() {
        // The second half is much larger: each half has a scale of its own.
        let x = Matrix::from_fn(8, 3, |i, j| ((i * 3 + j * 5) % 7) as f32 * if i < 4 { 1.0 } else { 256.0 });
        let half = |from: usize| Matrix::from_vec(4, 3, x.as_slice()[3 * from..][..12].to_vec());
        let halves = [0, 4].map(|from| Calibration::from_samples(&half(from)).unwrap());
        assert_ne!(halves[0].exponent(), halves[1].exponent());
        let whole = Calibration::from_samples(&x).unwrap();
        let sum = Calibration::sum(halves.clone()).unwrap().unwrap();
        // Whole numbers below 2²⁴ are exact.
        assert_eq!((&sum, sum.exponent()), (&whole, whole.exponent()));
        // As read from files, whose scale is known apart.
        let read = halves.map(|half| {
            let exponent = half.exponent();
            Calibration::from_xtx(half.xtx().clone()).unwrap().times_four_to(exponent)
        });
        assert_eq!(Calibration::sum(read).unwrap().unwrap(), whole);
        assert_eq!(Calibration::sum([]).unwrap(), None);
        let other = Calibration::all_alike(2);
        assert_eq!(Calibration::sum([whole, other]), Err(CalibrationError::Inputs { found: 2, expected: 3 }));
    }

    #[test]
    fn scaling_by_the_inputs_is_undone() {
        let x = Matrix::from_fn(5, 3, |i, j| if j == 1 { 0.0 } else { (i + 1) as f32 * 10f32.powi(8 * j as i32) });
        let calibration = Calibration::from_samples(&x).unwrap();
        let w = Matrix::from_vec(1, 3, vec![3.0, 4.0, -3e38]);
        let mut back = Csr::from_dense(&calibration.scale_inputs(&w).unwrap());
        assert_eq!(back.first_not_finite(), None);
        calibration.unscale_inputs(&mut back).unwrap();
        assert_eq!(back.indices(), [0, 2]);
        let back = back.to_dense().into_vec();
        assert!((back[0] - 3.0).abs() < 1e-5 && back[1] == 0.0 && (back[2] / -3e38 - 1.0).abs() < 1e-5, "{back:?}");
        assert_eq!(
            calibration.scale_inputs(&Matrix::zeros(1, 4)),
            Err(CalibrationError::Inputs { found: 3, expected: 4 })
        );
    }

    #[test]
    fn what_is_no_product_of_inputs_is_refused() {
        use CalibrationError as Error;
        assert_eq!(Calibration::from_xtx(Matrix::zeros(2, 3)), Err(Error::NotSquare { rows: 2, cols: 3 }));
        assert_eq!(square(0, &[]), Err(Error::Empty { samples: 1, inputs: 0 }));
        assert_eq!(Calibration::from_samples(&Matrix::zeros(0, 3)), Err(Error::Empty { samples: 0, inputs: 3 }));
        assert!(matches!(square(2, &[1.0, f32::NAN, 0.0, 1.0]), Err(Error::NotFinite { row: 0, col: 1, .. })));
        assert_eq!(square(2, &[1.0, 0.0, 0.0, -2.0]), Err(Error::Negative { index: 1, value: -2.0 }));
        assert_eq!(
            square(2, &[1.0, 0.5, 0.4, 1.0]),
            Err(Error::NotSymmetric { row: 0, col: 1, upper: 0.5, lower: 0.4 })
        );
        assert_eq!(square(2, &[1.0, 2.0, 2.0, 1.0]), Err(Error::TooLarge { row: 0, col: 1, value: 2.0 }));
        // An input that never came goes with no other.
        assert!(square(2, &[1.0, 0.1, 0.1, 0.0]).is_err());
        // Rounded to 16 bits, it is forgiven.
        let rounded = square(2, &[1.0, 0.502, 0.5, 1.0]).unwrap();
        assert_eq!(rounded.xtx().as_slice(), [1.0, 0.501, 0.501, 1.0]);
    }
}
