//! Exact top-k: the z entries of largest magnitude, by selection instead of sorting.
//!
//! A magnitude's bits (the float without its sign) order like the magnitude itself. A [`MagnitudeHistogram`] of their
//! leading bits, over a sample of the entries, brackets the z-th largest between two bins: a [`TopKThreshold`]. One pass
//! keeps what is above and collects what is between; the rest is chosen among those few. Of equal magnitudes the first
//! set_bits are kept, so the choice does not depend on the number of threads. Zeros are never kept: they would use up the
//! budget without effect.

use super::Matrix;
use std::cmp::Reverse;

const TOP_BITS: u32 = 14;
const SHIFT: u32 = 31 - TOP_BITS;

/// The bits of |x|, which order like |x|.
fn magnitude(x: f32) -> u32 {
    x.to_bits() & 0x7fff_ffff
}

/// Counts of entries by the leading bits of their magnitude.
#[derive(Clone)]
pub struct MagnitudeHistogram(Box<[u32; 1 << TOP_BITS]>);

impl MagnitudeHistogram {
    /// A histogram without entries.
    pub fn new() -> Self {
        Self(vec![0; 1 << TOP_BITS].try_into().expect("the length is the type's"))
    }

    /// Counts one more entry.
    #[inline]
    pub fn add(&mut self, x: f32) {
        self.0[(magnitude(x) >> SHIFT) as usize] += 1;
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0.iter()).for_each(|(mine, theirs)| *mine += theirs);
    }

    /// The bin of the `z`-th largest entry; the lowest when there are fewer.
    fn bin_of(&self, z: usize) -> u32 {
        let mut left = z;
        for (bin, &count) in self.0.iter().enumerate().rev() {
            if left <= count as usize {
                return bin as u32;
            }
            left -= count as usize;
        }
        0
    }

    /// Resets all counts to 0.
    pub fn clear(&mut self) {
        self.0.fill(0);
    }
}

impl Default for MagnitudeHistogram {
    fn default() -> Self {
        Self::new()
    }
}

/// Bins that bracket the z-th largest magnitude: entries above are kept, entries below are not.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TopKThreshold {
    /// The lowest undecided bin.
    low: u32,
    /// The highest undecided bin.
    high: u32,
}

/// An entry in the bins of a [`TopKThreshold`], ordered by preference: larger first, among equals the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TopKCandidate {
    magnitude: Reverse<u32>,
    /// Index in the whole matrix, row-major.
    pub position: usize,
}

impl TopKThreshold {
    /// TopKThreshold for the `z` largest of the entries, all counted in `histogram`.
    pub fn exact(histogram: &MagnitudeHistogram, z: usize) -> Self {
        let bin = histogram.bin_of(z);
        Self { low: bin, high: bin }
    }

    /// TopKThreshold for the `z` largest of `entries` entries, of which `histogram` counts a sample. A margin for the
    /// sampling error makes it fail about once in ten thousand times; [`TopKThreshold::resolve`] notices.
    pub fn sampled(histogram: &MagnitudeHistogram, z: usize, entries: usize) -> Self {
        let counted = histogram.0.iter().map(|&count| count as usize).sum::<usize>() as f64;
        let share = z as f64 / entries.max(1) as f64;
        let margin = 4.0 * (counted * share * (1.0 - share).max(0.0)).sqrt() + 4.0;
        let rank = share * counted;
        let high = if rank > margin { histogram.bin_of((rank - margin) as usize) } else { (1 << TOP_BITS) - 1 };
        Self { low: histogram.bin_of((rank + margin) as usize), high }
    }

    /// Decides 64 values that stand at `position` in the whole matrix: returns the kept ones as bits, and adds the
    /// undecided ones to `candidates`.
    #[inline(always)]
    pub fn mark(&self, values: &[f32; 64], position: usize, candidates: &mut Vec<TopKCandidate>) -> u64 {
        // Magnitudes from `above` on are kept, those from `from` on undecided. Zero is neither.
        let (from, above) = ((self.low << SHIFT).max(1), (self.high + 1) << SHIFT);
        let (mut kept, mut undecided) = ([0; 8], [0; 8]);
        for (at, eight) in values.as_chunks::<8>().0.iter().enumerate() {
            let (mut over, mut inside) = (0, 0);
            for (lane, &value) in eight.iter().enumerate() {
                let m = magnitude(value);
                over |= u32::from(m >= above) << lane;
                inside |= u32::from(m.wrapping_sub(from) < above - from) << lane;
            }
            (kept[at], undecided[at]) = (over as u8, inside as u8);
        }
        for at in set_bits(u64::from_le_bytes(undecided)) {
            candidates.push(TopKCandidate { magnitude: Reverse(magnitude(values[at])), position: position + at });
        }
        u64::from_le_bytes(kept)
    }

    /// The `candidates` of all parts that are kept too, after `kept` entries were, so that there are `z`, or all
    /// nonzeros. `None` when the threshold has missed the z-th largest.
    pub fn resolve<'a>(
        &self,
        candidates: &'a mut [TopKCandidate],
        kept: usize,
        z: usize,
    ) -> Option<&'a [TopKCandidate]> {
        let wanted = z.checked_sub(kept)?;
        if wanted >= candidates.len() {
            // More are wanted than there are: right only when nothing but zeros is below.
            return (wanted == candidates.len() || self.low == 0).then_some(candidates);
        }
        if wanted > 0 {
            candidates.select_nth_unstable(wanted - 1);
        }
        Some(&candidates[..wanted])
    }
}

/// Indices of the bits that are 1, from the least significant, 0, on.
#[inline(always)]
pub fn set_bits(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = bits.trailing_zeros() as usize;
        bits &= bits.wrapping_sub(1);
        (at < 64).then_some(at)
    })
}

/// Magnitude pruning: `matrix` with all but its `z` largest entries set to zero.
pub fn keep_largest(matrix: &Matrix, z: usize) -> Matrix {
    let values = matrix.as_slice();
    let mut histogram = MagnitudeHistogram::new();
    values.iter().for_each(|&x| histogram.add(x));
    let threshold = TopKThreshold::exact(&histogram, z);
    let (mut kept, mut candidates, mut certain) = (vec![0.0; values.len()], Vec::new(), 0);
    for (run, (values, kept)) in values.chunks(64).zip(kept.chunks_mut(64)).enumerate() {
        let mut padded = [0.0; 64];
        padded[..values.len()].copy_from_slice(values);
        let bits = threshold.mark(&padded, 64 * run, &mut candidates);
        certain += bits.count_ones() as usize;
        set_bits(bits).for_each(|at| kept[at] = values[at]);
    }
    let rest = threshold.resolve(&mut candidates, certain, z).unwrap_or_default();
    rest.iter().for_each(|candidate| kept[candidate.position] = values[candidate.position]);
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

    /// A sample that has nothing to do with the values: the cut misses, and says so.
    #[test]
    fn a_cut_that_misses_is_noticed() {
        let values: [f32; 64] = std::array::from_fn(|x| x as f32 + 1.0);
        for (sampled, z) in [(1e6, 30), (1e-6, 30)] {
            let mut histogram = MagnitudeHistogram::new();
            (0..1000).for_each(|_| histogram.add(sampled));
            let threshold = TopKThreshold::sampled(&histogram, z, 64);
            let mut candidates = Vec::new();
            let kept = threshold.mark(&values, 0, &mut candidates).count_ones() as usize;
            assert_eq!(threshold.resolve(&mut candidates, kept, z), None, "{sampled}");
        }
    }

    #[test]
    fn ones_are_found() {
        assert_eq!(set_bits(0b1010_0001 | 1 << 63).collect::<Vec<_>>(), [0, 5, 7, 63]);
        assert_eq!(set_bits(0).count(), 0);
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
