//! Masks: sets of matrix positions, one bit each.

use super::{Csr, set_bits};
use serde::{Deserialize, Serialize};

/// Numbers of positions that two masks share or do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overlap {
    /// Positions in both masks.
    pub both: usize,
    /// Positions in the first mask only.
    pub only_first: usize,
    /// Positions in the second mask only.
    pub only_second: usize,
}

impl Overlap {
    /// Jaccard index: positions in both masks over positions in either; 1 for two empty masks.
    pub fn jaccard(&self) -> f64 {
        match self.both + self.only_first + self.only_second {
            0 => 1.0,
            either => self.both as f64 / either as f64,
        }
    }
}

/// A set of matrix positions, one bit each: the entries that are kept.
///
/// Each row starts on a new 64-bit word, column c is bit c mod 64 (least significant first), and the bits past the last
/// column are 0: the bytes of a row are as in sparse-bitmask files.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mask {
    rows: usize,
    cols: usize,
    #[serde(with = "crate::tasks::raw")]
    words: Vec<u64>,
}

impl Mask {
    /// The positions where `keep` is true; `keep` holds `rows·cols` flags in row-major order.
    pub fn from_flags(rows: usize, cols: usize, keep: &[bool]) -> Self {
        assert_eq!(keep.len(), rows * cols, "a {rows}×{cols} mask");
        let mut words = Vec::with_capacity(rows * cols.div_ceil(64));
        for row in keep.chunks(cols.max(1)) {
            words.extend(row.chunks(64).map(word));
        }
        Self { rows, cols, words }
    }

    /// The positions of the entries of `matrix` that are not zero.
    pub fn of(matrix: &super::Matrix) -> Self {
        let keep: Vec<bool> = matrix.as_slice().iter().map(|&x| x != 0.0).collect();
        Self::from_flags(matrix.rows(), matrix.cols(), &keep)
    }

    /// The positions of the stored entries.
    pub fn of_csr(matrix: &Csr) -> Self {
        let (rows, cols) = matrix.shape();
        let width = cols.div_ceil(64);
        let mut words = vec![0u64; rows * width];
        for i in 0..rows {
            matrix.row(i).for_each(|(j, _)| words[i * width + j / 64] |= 1 << (j % 64));
        }
        Self { rows, cols, words }
    }

    /// The positions of an identity's ones.
    pub fn identity(rows: usize) -> Self {
        let width = rows.div_ceil(64);
        let mut words = vec![0u64; rows * width];
        (0..rows).for_each(|i| words[i * width + i / 64] |= 1 << (i % 64));
        Self { rows, cols: rows, words }
    }

    /// Number of rows of the mask.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns of the mask.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Whether the entry in row `i`, column `j` is kept.
    pub fn get(&self, i: usize, j: usize) -> bool {
        self.row_words(i)[j / 64] >> (j % 64) & 1 == 1
    }

    /// Number of kept entries.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Number of positions in exactly one of two masks of the same shape.
    pub fn difference(&self, other: &Self) -> usize {
        assert_eq!((self.rows, self.cols), (other.rows, other.cols));
        self.words.iter().zip(&other.words).map(|(a, b)| (a ^ b).count_ones() as usize).sum()
    }

    /// Row `i` as `ceil(cols/8)` bytes, least significant bit first, padded with 0.
    pub fn row_bytes(&self, i: usize) -> impl Iterator<Item = u8> + '_ {
        self.row_words(i).iter().flat_map(|word| word.to_le_bytes()).take(self.cols.div_ceil(8))
    }

    /// Overlap of two masks of the same shape.
    pub fn overlap(&self, other: &Self) -> Overlap {
        assert_eq!((self.rows, self.cols), (other.rows, other.cols));
        let both = self.words.iter().zip(&other.words).map(|(a, b)| (a & b).count_ones() as usize).sum();
        Overlap { both, only_first: self.count() - both, only_second: other.count() - both }
    }

    /// Memory it takes, in bytes.
    pub fn bytes(&self) -> usize {
        8 * self.words.len()
    }

    /// The sparse matrix with these values at the kept positions, row by row.
    ///
    /// # Panics
    /// Panics if there are more or fewer values than kept positions.
    pub fn with_values(&self, values: &[f32]) -> Csr {
        let (mut row_starts, mut indices) = (vec![0], Vec::with_capacity(values.len()));
        for i in 0..self.rows {
            for (word, &bits) in self.row_words(i).iter().enumerate() {
                indices.extend(set_bits(bits).map(|bit| (64 * word + bit) as u32));
            }
            row_starts.push(indices.len());
        }
        Csr::from_parts(self.rows, self.cols, row_starts, indices, values.to_vec())
    }

    /// Words of row `i`, 64 columns each.
    pub(super) fn row_words(&self, i: usize) -> &[u64] {
        let width = self.cols.div_ceil(64);
        &self.words[i * width..(i + 1) * width]
    }
}

/// Up to 64 flags as bits, the first the least significant.
fn word(flags: &[bool]) -> u64 {
    let (eights, rest) = flags.as_chunks::<8>();
    // Eight flags, a byte each, are gathered into one byte by one multiplication.
    let byte = |flags: &[bool; 8]| u64::from_le_bytes(flags.map(u8::from)).wrapping_mul(0x0102_0408_1020_4080) >> 56;
    let whole = eights.iter().enumerate().fold(0, |word, (at, flags)| word | byte(flags) << (8 * at));
    rest.iter().enumerate().fold(whole, |word, (at, &flag)| word | u64::from(flag) << (8 * eights.len() + at))
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mask {}×{}, {} kept", self.rows, self.cols, self.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;

    #[test]
    fn bits_of_a_row_are_least_significant_first_and_rows_start_on_a_byte() {
        let mut w = Matrix::zeros(3, 10);
        for (at, value) in [(1, 1.5), (8, -2.0), (20, 3.0), (23, 4.0), (27, 5.0), (29, 6.0)] {
            w.as_mut_slice()[at] = value;
        }
        let mask = Mask::of(&w);
        let bytes: Vec<Vec<u8>> = (0..3).map(|i| mask.row_bytes(i).collect()).collect();
        assert_eq!(bytes, [[2, 1], [0, 0], [137, 2]]);
        assert_eq!(mask.count(), 6);
        assert!(mask.get(2, 9) && !mask.get(2, 8));
        let csr = Csr::from_dense(&w);
        assert_eq!(Mask::of_csr(&csr), mask);
        assert_eq!(mask.with_values(csr.values()), csr);
        assert_eq!(Mask::identity(70), Mask::of(&Matrix::from_fn(70, 70, |i, j| f32::from(u8::from(i == j)))));
    }

    #[test]
    fn difference_counts_positions_kept_in_only_one() {
        let a = Mask::from_flags(1, 70, &std::array::from_fn::<_, 70, _>(|j| j % 2 == 0));
        let b = Mask::from_flags(1, 70, &std::array::from_fn::<_, 70, _>(|j| j % 2 == 0 && j < 66));
        assert_eq!(a.difference(&b), 2);
    }
}
