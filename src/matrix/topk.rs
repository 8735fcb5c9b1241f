//! Exactly the z entries of largest magnitude, by selection instead of sorting.
//!
//! A magnitude's bits (the float without its sign) order like the magnitude itself, so a [`Histogram`] of their top
//! bits finds the bin in which the z-th largest lies, and only the few entries of that bin have to be looked at
//! closely. Of equal magnitudes the ones that come first are kept, so the choice never depends on the number of threads.
//! Zeros are never kept: they would count against the budget without carrying anything.

use super::Matrix;
use std::cmp::Reverse;

const TOP_BITS: u32 = 12;
const SHIFT: u32 = 31 - TOP_BITS;

/// The bits of |x|, which order like |x|.
fn magnitude(x: f32) -> u32 {
    x.to_bits() & 0x7fff_ffff
}

/// How many entries have which leading magnitude bits.
#[derive(Clone)]
pub struct Histogram(Box<[u32; 1 << TOP_BITS]>);

impl Histogram {
    /// Of no entries.
    pub fn new() -> Self {
        Self(vec![0; 1 << TOP_BITS].try_into().expect("the length is the type's"))
    }

    /// Counts one more entry.
    #[inline]
    pub fn add(&mut self, x: f32) {
        self.0[(magnitude(x) >> SHIFT) as usize] += 1;
    }

    /// Counts what `other` has counted too.
    pub fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0.iter()).for_each(|(mine, theirs)| *mine += theirs);
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.0.fill(0);
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

/// Where the `z` largest magnitudes end: entries of bins above are kept, and so many of the bin itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    bin: u32,
    kept: usize,
}

/// An entry of the bin in which the cut lies, in the order of preference: the larger first, of equals the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Candidate {
    magnitude: Reverse<u32>,
    /// Where it stands in the whole matrix, in row-major order.
    pub position: usize,
}

impl Cut {
    /// For the `z` largest of the entries counted in `histogram`.
    pub fn new(histogram: &Histogram, z: usize) -> Self {
        let mut left = z;
        for (bin, &count) in histogram.0.iter().enumerate().rev() {
            if left <= count as usize {
                return Self { bin: bin as u32, kept: left };
            }
            left -= count as usize;
        }
        Self { bin: 0, kept: histogram.0[0] as usize }
    }

    /// Sets `keep` for `values`, which stand in the whole matrix from `position` on, as far as it is certain; the entries
    /// for which it is not are unmarked and added to `candidates`.
    #[inline]
    pub fn mark(&self, values: &[f32], keep: &mut [bool], position: usize, candidates: &mut Vec<Candidate>) {
        for (at, (keep, &x)) in keep.iter_mut().zip(values).enumerate() {
            let m = magnitude(x);
            *keep = m >> SHIFT > self.bin;
            if m >> SHIFT == self.bin && m != 0 {
                candidates.push(Candidate { magnitude: Reverse(m), position: position + at });
            }
        }
    }

    /// The candidates of all parts of the matrix that are kept too.
    pub fn settle<'a>(&self, candidates: &'a mut [Candidate]) -> &'a [Candidate] {
        if self.kept == 0 || candidates.is_empty() {
            return &[];
        }
        let kept = self.kept.min(candidates.len());
        candidates.select_nth_unstable(kept - 1);
        &candidates[..kept]
    }
}

/// Magnitude pruning: `matrix` with all but its `z` largest entries set to zero.
pub fn keep_largest(matrix: &Matrix, z: usize) -> Matrix {
    let values = matrix.as_slice();
    let mut histogram = Histogram::new();
    values.iter().for_each(|&x| histogram.add(x));
    let cut = Cut::new(&histogram, z);
    let (mut keep, mut candidates) = (vec![false; values.len()], Vec::new());
    cut.mark(values, &mut keep, 0, &mut candidates);
    cut.settle(&mut candidates).iter().for_each(|candidate| keep[candidate.position] = true);
    let kept = values.iter().zip(&keep).map(|(&x, &keep)| if keep { x } else { 0.0 }).collect();
    Matrix::from_vec(matrix.rows(), matrix.cols(), kept)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn of_equal_magnitudes_the_first_are_kept() {
        let w = Matrix::from_vec(1, 6, vec![1.0, -2.0, 2.0, 1.0, -1.0, 0.0]);
        assert_eq!(keep_largest(&w, 3).as_slice(), [1.0, -2.0, 2.0, 0.0, 0.0, 0.0]);
        assert_eq!(keep_largest(&w, 4).as_slice(), [1.0, -2.0, 2.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn zeros_do_not_use_the_budget() {
        let w = Matrix::from_vec(1, 4, vec![0.0, 0.0, 3.0, -0.0]);
        assert_eq!(keep_largest(&w, 3).nnz(), 1);
        assert_eq!(keep_largest(&w, 0).nnz(), 0);
    }

    proptest! {
        /// Against a stable sort by falling magnitude, the definition.
        #[test]
        fn equals_a_stable_sort(values in prop::collection::vec(
            prop_oneof![Just(0.0f32), Just(1.0), Just(-1.0), -2.0f32..2.0, -1e-30f32..1e-30], 1..200), z in 0usize..220)
        {
            let mut order: Vec<usize> = (0..values.len()).filter(|&i| values[i] != 0.0).collect();
            order.sort_by(|&i, &j| values[j].abs().total_cmp(&values[i].abs()));
            order.truncate(z);
            let mut expected = vec![0.0; values.len()];
            order.iter().for_each(|&i| expected[i] = values[i]);
            let kept = keep_largest(&Matrix::from_vec(1, values.len(), values), z);
            prop_assert_eq!(kept.as_slice(), &expected[..]);
        }
    }
}
