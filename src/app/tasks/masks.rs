//! Two masks compared.

use crate::app::state::factors_at::FactorsAt;
use crate::app::widgets::picture::Pyramid;
use crate::matrix::{Factor, Matrix, Overlap};
use crate::tasks::{Queue, SilentTask, shared};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Compares the masks of one factor at two moments.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct CompareMasks {
    /// Factors with the first mask.
    pub first: FactorsAt,
    /// Factors with the second mask.
    pub second: FactorsAt,
    /// Factor to compare, A or B.
    pub factor: Factor,
}

impl SilentTask for CompareMasks {
    const NAME: &'static str = "compare masks";
    const QUEUE: Queue = Queue::Views;
    type Output = Option<MaskComparison>;

    fn make(self) -> Option<MaskComparison> {
        compare(&self)
    }
}

/// Two masks laid over each other.
#[derive(Serialize, Deserialize)]
pub struct MaskComparison {
    /// Picture of the two masks: for each position, those that keep it.
    #[serde(with = "shared")]
    pub picture: Arc<Pyramid>,
    /// Number of positions that both keep, and each alone.
    pub overlap: Overlap,
}

fn compare(key: &CompareMasks) -> Option<MaskComparison> {
    let [first, second] = [&key.first, &key.second].map(|factors| factors.mask(key.factor));
    let (first, second) = (first?, second?);
    if (first.rows(), first.cols()) != (second.rows(), second.cols()) {
        return None;
    }
    let set = |i, j| match (first.get(i, j), second.get(i, j)) {
        (false, false) => 0.0,
        (true, true) => 1.0,
        (true, false) => 2.0,
        (false, true) => 4.0,
    };
    let sets = Matrix::from_fn(first.rows(), first.cols(), set);
    Some(MaskComparison { picture: Arc::new(Pyramid::of_sets(sets)), overlap: first.overlap(&second) })
}
