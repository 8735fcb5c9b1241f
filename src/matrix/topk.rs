//! Exactly the z entries of largest magnitude, by selection instead of sorting.
//!
//! A magnitude's bits (the float without its sign) order like the magnitude itself, so a [`Histogram`] of their top
//! bits finds the bin in which the z-th largest lies, and only the few entries of that bin have to be looked at
//! closely. Of equal magnitudes the ones that come first are kept, so the choice never depends on the number of threads.
//! Zeros are never kept: they would count against the budget without carrying anything.

use super::Matrix;

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

    /// The bin that holds the `z`-th largest entry, and how many of the bin are to be kept. 1 ≤ z ≤ entries.
    fn bin_of(&self, z: usize) -> (u32, usize) {
        let mut left = z;
        for (bin, &count) in self.0.iter().enumerate().rev() {
            if left <= count as usize {
                return (bin as u32, left);
            }
            left -= count as usize;
        }
        (0, self.0[0] as usize)
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

/// What an entry must reach to be kept: larger magnitudes are, the first `ties` equal ones are, smaller ones are not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    bits: u32,
    ties: usize,
}

impl Threshold {
    /// For the `z` largest magnitudes of `values`, whose histogram is given. With fewer nonzeros than `z`, for all of
    /// them.
    pub fn new(values: &[f32], histogram: &Histogram, z: usize) -> Self {
        if z == 0 {
            return Self { bits: u32::MAX, ties: 0 };
        }
        let (bin, kept) = histogram.bin_of(z.min(values.len()));
        let mut candidates: Vec<u32> = values.iter().map(|&x| magnitude(x)).filter(|m| m >> SHIFT == bin).collect();
        let at = kept - 1;
        let (larger, &mut bits, _) = candidates.select_nth_unstable_by(at, |a, b| b.cmp(a));
        if bits == 0 {
            return Self { bits: 0, ties: 0 };
        }
        let ties = kept - larger.iter().filter(|&&m| m > bits).count();
        Self { bits, ties }
    }

    /// Sets `keep[i]` where `values[i]` is among the kept. Entries equal to the threshold are all marked; how many of
    /// them there are is returned, for [`Threshold::drop_ties`].
    #[inline]
    pub fn mark(&self, values: &[f32], keep: &mut [bool]) -> usize {
        let mut ties = 0;
        let bits = self.bits.max(1);
        for (keep, &x) in keep.iter_mut().zip(values) {
            let m = magnitude(x);
            *keep = m >= bits;
            ties += usize::from(m == bits);
        }
        ties
    }

    /// Unmarks the last of the entries equal to the threshold, where [`Threshold::mark`] found `marked` of them.
    pub fn drop_ties(&self, values: &[f32], keep: &mut [bool], marked: usize) {
        let mut surplus = marked.saturating_sub(self.ties);
        if self.bits == 0 || surplus == 0 {
            return;
        }
        for (keep, &x) in keep.iter_mut().zip(values).rev() {
            if surplus == 0 {
                break;
            }
            if magnitude(x) == self.bits {
                *keep = false;
                surplus -= 1;
            }
        }
    }
}

/// Magnitude pruning: `matrix` with all but its `z` largest entries set to zero.
pub fn keep_largest(matrix: &Matrix, z: usize) -> Matrix {
    let values = matrix.as_slice();
    let mut histogram = Histogram::new();
    values.iter().for_each(|&x| histogram.add(x));
    let threshold = Threshold::new(values, &histogram, z);
    let mut keep = vec![false; values.len()];
    let marked = threshold.mark(values, &mut keep);
    threshold.drop_ties(values, &mut keep, marked);
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
