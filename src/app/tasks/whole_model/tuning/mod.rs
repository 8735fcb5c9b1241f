//! Tuning the values of the compressed layers of an open model, whatever it is.
//!
//! A [`TunedSource`](tune::TunedSource) says what is tuned on what; [`Tune`](tune::Tune) takes the steps in the background;
//! [`ModelTuning`](model_tuning::ModelTuning) holds what came of them.

pub mod model_tuning;
pub mod tune;
pub mod work;
