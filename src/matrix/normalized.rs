//! The problem as every method sees it: W of ordinary size, its rows weighed, and no statistics that say nothing.

use super::{Csr, Matrix, OutputWeights, Problem, Replacement};
use std::sync::Arc;

/// Largest exponent of W's root mean square that is left as it is. Squares of squares of such values, summed over a large
/// matrix, are far from the ends of f32; nearly all weights are of this size, and need no copy.
const ORDINARY: i32 = 16;

/// Undoes on a replacement what [`Problem::normalized`] has done to W.
#[derive(Clone, Debug, Default)]
pub struct Restore {
    /// W was divided by 2 to this power.
    exponent: i32,
    weights: Option<Arc<OutputWeights>>,
}

impl Problem {
    /// The same problem at a scale at which no square overflows or vanishes, with the rows of W weighed, and what undoes both
    /// on what is found for it.
    ///
    /// W is divided by a power of two, so that nothing is rounded. Statistics of inputs that are all 0 are left out: they say
    /// as much as none.
    pub fn normalized(&self) -> (Self, Restore) {
        let exponent = match exponent_of(self.weight.as_slice(), self.weight.len()) {
            ordinary if ordinary.abs() <= ORDINARY => 0,
            // Even, so that each of two factors gets half of it.
            exponent => exponent / 2 * 2,
        };
        let mut weight = self.weight.clone();
        if exponent != 0 {
            weight =
                Arc::new(Matrix::from_fn(weight.rows(), weight.cols(), |i, j| scaled(weight.get(i, j), -exponent)));
        }
        if let Some(weights) = &self.output_weights {
            weight = Arc::new(weights.weigh(&weight));
        }
        let problem = Self {
            weight,
            calibration: self.calibration.clone().filter(|inputs| !inputs.is_zero()),
            held_out: self.held_out.clone().filter(|inputs| !inputs.is_zero()),
            output_weights: None,
        };
        (problem, Restore { exponent, weights: self.output_weights.clone() })
    }
}

impl Restore {
    /// Turns a replacement of the normalized W into one of W itself. Of several factors each takes its share of the scale, so
    /// that none overflows where their product does not.
    pub fn apply(&self, replacement: &mut Replacement) {
        if let Some(weights) = &self.weights {
            weights.unweigh(replacement);
        }
        let (half, whole) = (self.exponent / 2, self.exponent);
        if whole == 0 {
            return;
        }
        match replacement {
            Replacement::Factors(factors) | Replacement::Blocks(factors) => {
                scale_sparse(&mut factors.a, half);
                scale_sparse(&mut factors.b, whole - half);
            }
            Replacement::Sparse(one) => scale_sparse(one, whole),
            Replacement::LowRank { a, b } => {
                scale_dense(a, half);
                scale_dense(b, whole - half);
            }
            Replacement::Chain(chain) => {
                let mut left = whole;
                for at in (0..chain.len()).rev() {
                    let share = left / (at + 1) as i32;
                    scale_sparse(&mut chain[at], share);
                    left -= share;
                }
            }
        }
    }
}

fn scale_sparse(matrix: &mut Csr, exponent: i32) {
    matrix.map_values(|_, _, x| scaled(x, exponent));
    // What the format cannot hold is gone.
    matrix.drop_zeros();
}

fn scale_dense(matrix: &mut Matrix, exponent: i32) {
    matrix.as_mut_slice().iter_mut().for_each(|x| *x = scaled(*x, exponent));
}

/// x·2ᵉ. Through f64, which holds every such power.
fn scaled(x: f32, exponent: i32) -> f32 {
    (f64::from(x) * 2f64.powi(exponent)) as f32
}

/// Exponent of the power of two nearest to the root mean square of a matrix of so many entries, all zeros but `values`; 0 if
/// these are zeros too.
pub(crate) fn exponent_of(values: &[f32], entries: usize) -> i32 {
    let largest = f64::from(values.iter().fold(0.0f32, |most, x| most.max(x.abs())));
    if largest == 0.0 || !largest.is_finite() {
        return 0;
    }
    let squares: f64 = values.iter().map(|&x| (f64::from(x) / largest).powi(2)).sum();
    let rms = largest * (squares / entries as f64).sqrt();
    rms.log2().round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::{Calibration, Factors};

    fn problem(w: Matrix) -> Problem {
        Problem::plain(Arc::new(w))
    }

    #[test]
    fn ordinary_weights_are_shared_and_others_come_back_bit_for_bit() {
        let w = Matrix::from_vec(2, 2, vec![3.0, -1.5, 0.0, 0.125]);
        let ordinary = problem(w.clone());
        assert!(Arc::ptr_eq(&ordinary.normalized().0.weight, &ordinary.weight));
        for exponent in [-140, -100, -31, 30, 101, 120] {
            let far = Matrix::from_fn(2, 2, |i, j| scaled(w.get(i, j), exponent));
            let (near, restore) = problem(far.clone()).normalized();
            assert!((-1..=1).contains(&exponent_of(near.weight.as_slice(), 4)), "{exponent}: {:?}", near.weight);
            let mut back = Replacement::Sparse(Csr::from_dense(&near.weight));
            restore.apply(&mut back);
            assert_eq!(back.to_dense(), far, "2^{exponent}");
        }
    }

    #[test]
    fn factors_share_the_scale() {
        let tiny = Matrix::from_vec(1, 1, vec![2f32.powi(-100)]);
        let (_, restore) = problem(tiny).normalized();
        let one = || Csr::from_dense(&Matrix::from_vec(1, 1, vec![1.0]));
        let mut two = Replacement::Factors(Factors { a: one(), b: one() });
        restore.apply(&mut two);
        assert_eq!(two.factors().map(|f| [f.a.get(0, 0), f.b.get(0, 0)]), Some([2f32.powi(-50); 2]));
        let mut three = Replacement::Chain(vec![one(), one(), one()]);
        restore.apply(&mut three);
        let Replacement::Chain(chain) = &three else { panic!("a chain") };
        let exponents: Vec<f32> = chain.iter().map(|factor| factor.get(0, 0).log2()).collect();
        assert_eq!(exponents, [-34.0, -33.0, -33.0]);
    }

    #[test]
    fn rows_are_weighed_after_the_scaling() {
        // Weights 1 and 4 of mean 2.5: the second row counts twice as much as the first.
        let weights = Arc::new(OutputWeights::new(&[1.0, 4.0]).unwrap());
        let w = Matrix::from_vec(2, 1, vec![2f32.powi(-90), 2f32.powi(-90)]);
        let (near, restore) = Problem { output_weights: Some(weights), ..problem(w.clone()) }.normalized();
        assert!(near.output_weights.is_none());
        assert!((near.weight.get(1, 0) / near.weight.get(0, 0) - 2.0).abs() < 1e-6);
        let mut back = Replacement::Sparse(Csr::from_dense(&near.weight));
        restore.apply(&mut back);
        let back = back.to_dense();
        assert!((0..2).all(|i| (back.get(i, 0) / w.get(i, 0) - 1.0).abs() < 1e-6), "{back:?}");
    }

    #[test]
    fn statistics_of_nothing_are_left_out() {
        let zero = Arc::new(Calibration::from_samples(&Matrix::zeros(5, 1)).unwrap());
        let some = Arc::new(Calibration::from_samples(&Matrix::from_vec(1, 1, vec![1e-30])).unwrap());
        let of = |calibration: &Arc<Calibration>| {
            let problem = Problem { calibration: Some(calibration.clone()), ..problem(Matrix::zeros(1, 1)) };
            problem.normalized().0.calibration
        };
        assert!(of(&zero).is_none() && of(&some).is_some());
    }
}
