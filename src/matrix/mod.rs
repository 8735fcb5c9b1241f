//! Matrices as data: dense, sparse, masks, exact top-k, and the problem of a layer with its input statistics.

mod calibration;
mod dense;
mod factors;
mod mask;
mod normalized;
mod order;
mod output_weights;
mod packed;
mod problem;
mod replacement;
mod sparse;
mod topk;

pub use calibration::{Calibration, CalibrationError};
pub use dense::Matrix;
pub use factors::{Factor, Factors};
pub use mask::{Mask, Overlap};
pub use normalized::Restore;
pub(crate) use normalized::exponent_of;
pub use order::{Arrangement, Orders, inverse, permuted};
pub use output_weights::{OutputWeights, OutputWeightsError};
pub use packed::Packed;
pub use problem::Problem;
pub use replacement::{Replacement, ReplacementKind};
pub use sparse::Csr;
pub use topk::{MagnitudeHistogram, TopKCandidate, TopKThreshold, keep_largest, set_bits};
