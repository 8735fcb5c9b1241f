//! What a person should know of a result beside its errors.

use super::relative_difference;
use crate::matrix::{Calibration, Matrix, Problem, keep_largest};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a person should know of a result beside its errors. Its `Display` is a sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Note {
    /// All inputs of the calibration are 0: every input counts the same.
    ZeroCalibration,
    /// All held-out inputs are 0.
    ZeroHeldOut,
    /// The factors are magnitude pruning beside an identity.
    FellBack,
    /// W itself, pruned to as many nonzeros, would be nearer to W.
    WorseThanMagnitude {
        /// ‖W − Ŵ‖_F / ‖W‖_F of the result.
        error: f64,
        /// The same of magnitude pruning.
        magnitude: f64,
        /// The input that outweighs all others.
        dominant: Option<DominantInput>,
    },
    /// Zeros in W's place would be nearer to W.
    WorseThanNothing {
        /// ‖W − Ŵ‖_F / ‖W‖_F of the result.
        error: f64,
        /// The input that outweighs all others.
        dominant: Option<DominantInput>,
    },
}

/// An input so much larger than the others that the layer-wise error sees little else.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DominantInput {
    /// Index of the input, from 0.
    pub input: usize,
    /// Its norm ‖X‖₂ over that of the median input.
    pub ratio: f64,
}

impl Note {
    /// What is wrong with the inputs of a problem.
    pub fn of_inputs(problem: &Problem) -> Vec<Self> {
        let zero =
            |inputs: &Option<_>| inputs.as_ref().is_some_and(|inputs: &std::sync::Arc<Calibration>| inputs.is_zero());
        let notes = [
            zero(&problem.calibration).then_some(Self::ZeroCalibration),
            zero(&problem.held_out).then_some(Self::ZeroHeldOut),
        ];
        notes.into_iter().flatten().collect()
    }

    /// Whether a result with so many nonzeros and this relative error is farther from W than W's largest entries.
    pub fn of_magnitude(w: &Matrix, nonzeros: usize, error: f64, calibration: Option<&Calibration>) -> Option<Self> {
        /// Differences below are none: the same entries, rounded otherwise.
        const MARGIN: f64 = 1.001;
        let magnitude = relative_difference(w, &keep_largest(w, nonzeros));
        (error > MARGIN * magnitude).then(|| Self::WorseThanMagnitude {
            error,
            magnitude,
            dominant: calibration.and_then(DominantInput::of),
        })
    }

    /// Whether a result with this relative error is farther from W than 0 is.
    pub fn of_nothing(error: f64, calibration: Option<&Calibration>) -> Option<Self> {
        (error > 1.0).then(|| Self::WorseThanNothing { error, dominant: calibration.and_then(DominantInput::of) })
    }
}

impl DominantInput {
    /// The largest input, if it is a thousand times the median one.
    pub fn of(calibration: &Calibration) -> Option<Self> {
        const LARGE: f64 = 1e3;
        let norms = calibration.norms();
        let (input, &largest) = norms.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
        let mut sorted: Vec<f32> = norms.iter().copied().filter(|norm| *norm > 0.0).collect();
        sorted.sort_by(f32::total_cmp);
        let median = sorted.get((sorted.len().max(1) - 1) / 2)?;
        let ratio = f64::from(largest) / f64::from(*median);
        (ratio >= LARGE).then_some(Self { input, ratio })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let because = |f: &mut fmt::Formatter<'_>, dominant: &Option<DominantInput>| match dominant {
            Some(DominantInput { input, ratio }) => {
                write!(f, "; input {input} (from 0) is {ratio:.0} times the median input, and little else counts")
            }
            None => Ok(()),
        };
        match self {
            Self::ZeroCalibration => f.write_str(
                "the calibration's inputs are all zero and say nothing: every input counts the same, and there is no layer-wise error",
            ),
            Self::ZeroHeldOut => f.write_str("the held-out inputs are all zero: nothing is measured on them"),
            Self::FellBack => {
                f.write_str("the result is magnitude pruning beside an identity, which is better here")
            }
            Self::WorseThanMagnitude { error, magnitude, dominant } => {
                write!(
                    f,
                    "the relative error {error:.4} is worse than the {magnitude:.4} of magnitude pruning with as many nonzeros"
                )?;
                because(f, dominant)
            }
            Self::WorseThanNothing { error, dominant } => {
                write!(f, "the relative error {error:.4} is worse than that of zeros in the weight's place")?;
                because(f, dominant)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn by_hand() {
        // Of (3, 4) magnitude pruning keeps 4: an error of 3/5.
        let w = Matrix::from_vec(1, 2, vec![3.0, 4.0]);
        assert_eq!(Note::of_magnitude(&w, 1, 0.6, None), None);
        let Some(Note::WorseThanMagnitude { error, magnitude, dominant: None }) = Note::of_magnitude(&w, 1, 0.7, None)
        else {
            panic!("0.7 is worse than 0.6");
        };
        assert!(error == 0.7 && (magnitude - 0.6).abs() < 1e-12);
        assert!(Note::of_nothing(1.0, None).is_none() && Note::of_nothing(1.1, None).is_some());
    }

    #[test]
    fn an_input_that_outweighs_all_others_is_named() {
        let x = |large: f32| Matrix::from_fn(1, 5, |_, j| if j == 3 { large } else { 1.0 });
        let inputs = |large| Calibration::from_samples(&x(large)).unwrap();
        assert_eq!(DominantInput::of(&inputs(500.0)), None);
        let Some(DominantInput { input: 3, ratio }) = DominantInput::of(&inputs(2e4)) else { panic!("input 3") };
        assert!((ratio / 2e4 - 1.0).abs() < 1e-4, "{ratio}");
        let said = Note::of_nothing(46.0, Some(&inputs(2e4))).unwrap().to_string();
        assert!(said.ends_with("input 3 (from 0) is 20000 times the median input, and little else counts"), "{said}");
        assert_eq!(DominantInput::of(&Calibration::from_samples(&Matrix::zeros(1, 3)).unwrap()), None);
    }

    #[test]
    fn inputs_that_are_all_zero_are_said() {
        let zero = Some(Arc::new(Calibration::from_samples(&Matrix::zeros(4, 2)).unwrap()));
        let plain = Problem::plain(Arc::new(Matrix::zeros(3, 2)));
        assert!(Note::of_inputs(&plain).is_empty());
        let problem = Problem { calibration: zero.clone(), held_out: zero, ..plain };
        assert_eq!(Note::of_inputs(&problem), [Note::ZeroCalibration, Note::ZeroHeldOut]);
    }
}
