//! Matrices as data: dense, sparse, masks, and the exact choice of the largest entries.

mod dense;
mod mask;
mod order;
mod packed;
mod sparse;
mod topk;

pub use dense::Matrix;
pub use mask::{Mask, Overlap};
pub use order::{Arrangement, Orders, inverse, permuted};
pub use packed::Packed;
pub use sparse::Csr;
pub use topk::{Candidate, Cut, Histogram, keep_largest, ones};
