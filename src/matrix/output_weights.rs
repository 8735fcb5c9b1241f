//! Weights of a layer's outputs: how much an error in each row of W matters.

use super::{Matrix, Replacement};
use crate::hint::{Explain, Hint};
use serde::{Deserialize, Serialize};

/// Weights w of W's rows in the objective Σᵢ wᵢ‖row i of W − A·B‖², or its layer-wise form.
///
/// Any method minimises it by replacing W with each row multiplied by √wᵢ, and dividing the rows of what it has found:
/// [`OutputWeights::weigh`] and [`OutputWeights::unweigh`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputWeights {
    /// √(w/mean(w)) of each output.
    roots: Vec<f32>,
}

/// Why weights of outputs cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum OutputWeightsError {
    /// One that is negative, infinite or NaN.
    #[error("the weight of output {output} (from 0) is {value}, and weights are finite and not negative")]
    Value {
        /// Index of the output, from 0.
        output: usize,
        /// Value that was found.
        value: f32,
    },
    /// All are 0.
    #[error("all {outputs} weights of outputs are 0")]
    AllZero {
        /// Number of outputs.
        outputs: usize,
    },
    /// Another number than the layer has outputs.
    #[error("these are weights of {found} outputs where {expected} are expected")]
    Outputs {
        /// Number of weights.
        found: usize,
        /// Number of W's rows.
        expected: usize,
    },
}

impl Explain for OutputWeightsError {
    fn hint(&self) -> Option<Hint> {
        Some(match self {
            Self::Value { .. } => Hint::say("give mean squares, such as those of a loss's gradients"),
            Self::AllZero { .. } => Hint::say("leave them out"),
            Self::Outputs { .. } => Hint::say("give one weight for each row of this layer's W"),
        })
    }
}

impl OutputWeights {
    /// Takes the weight of each output, at any scale.
    pub fn new(weights: &[f32]) -> Result<Self, OutputWeightsError> {
        if let Some(output) = weights.iter().position(|w| !w.is_finite() || *w < 0.0) {
            return Err(OutputWeightsError::Value { output, value: weights[output] });
        }
        let mean = weights.iter().map(|&w| f64::from(w)).sum::<f64>() / weights.len().max(1) as f64;
        if mean == 0.0 {
            return Err(OutputWeightsError::AllZero { outputs: weights.len() });
        }
        Ok(Self { roots: weights.iter().map(|&w| (f64::from(w) / mean).sqrt() as f32).collect() })
    }

    /// Refuses weights of another number of outputs.
    pub fn check_outputs(&self, expected: usize) -> Result<(), OutputWeightsError> {
        match self.roots.len() {
            found if found == expected => Ok(()),
            found => Err(OutputWeightsError::Outputs { found, expected }),
        }
    }

    /// W `[out, in]` with each row multiplied by √(w/mean(w)).
    pub fn weigh(&self, w: &Matrix) -> Matrix {
        Matrix::from_fn(w.rows(), w.cols(), |i, j| w.get(i, j) * self.roots[i])
    }

    /// Undoes [`OutputWeights::weigh`] on what stands in W's place. Rows whose weight is 0 become empty.
    pub fn unweigh(&self, replacement: &mut Replacement) {
        let divided = |i: usize, x: f32| Some(x / self.roots[i]).filter(|x| x.is_finite()).unwrap_or(0.0);
        let sparse = match replacement {
            Replacement::Factors(factors) | Replacement::Blocks(factors) => &mut factors.a,
            Replacement::Sparse(one) => one,
            Replacement::Chain(chain) => match chain.first_mut() {
                Some(first) => first,
                None => return,
            },
            Replacement::LowRank { a, .. } => {
                let cols = a.cols().max(1);
                for (i, row) in a.as_mut_slice().chunks_mut(cols).enumerate() {
                    row.iter_mut().for_each(|x| *x = divided(i, *x));
                }
                return;
            }
        };
        sparse.map_values(|i, _, x| divided(i, x));
        sparse.drop_zeros();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::{Csr, Factors};

    #[test]
    fn by_hand() {
        // Weights 1, 4, 4, 7 of mean 4: roots ½, 1, 1, √7/2.
        let weights = OutputWeights::new(&[1.0, 4.0, 4.0, 7.0]).unwrap();
        let w = Matrix::from_vec(4, 1, vec![2.0, 3.0, 0.0, 2.0]);
        let weighed = weights.weigh(&w);
        assert_eq!(weighed.as_slice(), [1.0, 3.0, 0.0, 7f32.sqrt()]);
        let mut sparse = Replacement::Sparse(Csr::from_dense(&weighed));
        weights.unweigh(&mut sparse);
        assert_eq!(sparse, Replacement::Sparse(Csr::from_dense(&w)));
        let one = Csr::from_dense(&Matrix::from_vec(1, 1, vec![1.0]));
        let mut factors = Replacement::Factors(Factors { a: Csr::from_dense(&weighed), b: one.clone() });
        weights.unweigh(&mut factors);
        assert_eq!(factors, Replacement::Factors(Factors { a: Csr::from_dense(&w), b: one }));
    }

    #[test]
    fn an_output_that_does_not_matter_is_left_out() {
        let weights = OutputWeights::new(&[0.0, 2.0]).unwrap();
        let weighed = weights.weigh(&Matrix::from_vec(2, 1, vec![5.0, 3.0]));
        let mut low_rank = Replacement::LowRank { a: weighed, b: Matrix::from_vec(1, 1, vec![1.0]) };
        weights.unweigh(&mut low_rank);
        let Replacement::LowRank { a, .. } = low_rank else { unreachable!("it stays what it is") };
        assert_eq!(a.as_slice(), [0.0, 3.0]);
    }

    #[test]
    fn what_are_no_weights_is_refused() {
        use OutputWeightsError as Error;
        assert_eq!(OutputWeights::new(&[1.0, -1.0]), Err(Error::Value { output: 1, value: -1.0 }));
        assert!(matches!(OutputWeights::new(&[f32::NAN]), Err(Error::Value { output: 0, .. })));
        assert_eq!(OutputWeights::new(&[0.0, 0.0]), Err(Error::AllZero { outputs: 2 }));
        assert_eq!(OutputWeights::new(&[]), Err(Error::AllZero { outputs: 0 }));
        let two = OutputWeights::new(&[1.0, 3.0]).unwrap();
        assert_eq!(two.check_outputs(3), Err(Error::Outputs { found: 2, expected: 3 }));
    }
}
