//! Description of a tensor, and the location of its values.

use super::{Dtype, Error};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Largest dimension of a tensor.
const DIMENSION_LIMIT: u64 = 1 << 32;

/// A tensor as its file describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorInfo {
    /// Name; for a `.npy` the file name without its ending.
    pub name: String,
    /// Size of each dimension, outermost first.
    pub shape: Vec<usize>,
    /// Number format as written in the file: `F32`, `I64`, `F8_E4M3`; in a `.npy` `<f4`, `>i8`.
    pub dtype: String,
    /// Number format, if weights can be read from it.
    pub format: Option<Dtype>,
    /// Bytes it takes in the file.
    pub bytes: u64,
    /// Name of the file that holds it, without a folder.
    pub file: String,
}

impl TensorInfo {
    /// Number of values: the product of the dimensions.
    pub fn len(&self) -> usize {
        // The readers have checked that this does not overflow.
        self.shape.iter().product()
    }

    /// Whether it has no values.
    pub fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }

    /// Why it cannot be factorized; `None` when it can.
    pub fn not_a_layer(&self) -> Option<NotALayer> {
        match self.shape[..] {
            _ if self.format.is_none() => Some(NotALayer::NotFloat),
            _ if self.is_empty() => Some(NotALayer::Empty),
            [_, _] | [_, _, _, _] => None,
            _ => Some(NotALayer::Dimensions(self.shape.len())),
        }
    }

    /// Rows and columns as a layer; `None` unless it can be factorized: floats, 2-D or a convolution, not empty.
    pub fn matrix_shape(&self) -> Option<(usize, usize)> {
        if self.not_a_layer().is_some() {
            return None;
        }
        match self.shape[..] {
            [rows, cols] => Some((rows, cols)),
            [out, input, height, width] => Some((out, input * height * width)),
            _ => None,
        }
    }
}

/// Reason for which a tensor cannot be factorized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotALayer {
    /// Its values are not in one of the formats of [`Dtype`].
    #[error("only F64, F32, F16 and BF16 values are read")]
    NotFloat,
    /// A dimension is 0.
    #[error("it has no entries")]
    Empty,
    /// A number of dimensions other than 2 and 4.
    #[error("a layer has 2 dimensions, or 4 as a convolution, and it has {0}")]
    Dimensions(usize),
}

/// Location and order of a tensor's values.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredTensor {
    /// Index of the file among the checkpoint's.
    pub part: usize,
    /// Range of bytes in that file.
    pub range: Range<usize>,
    /// Most significant byte first; only in `.npy`.
    pub big_endian: bool,
    /// First index fastest (Fortran order); only in `.npy`.
    pub fortran: bool,
}

impl StoredTensor {
    /// Values as in every `.safetensors`: little-endian, last index fastest.
    pub fn plain(part: usize, range: Range<usize>) -> Self {
        Self { part, range, big_endian: false, fortran: false }
    }

    /// Decodes `bytes`, those at `range`, to values with the last index fastest.
    pub fn values(&self, bytes: &[u8], format: Dtype, shape: &[usize]) -> Vec<f32> {
        let values = match self.big_endian {
            false => format.decode(bytes),
            true => {
                let mut swapped = bytes.to_vec();
                swapped.chunks_exact_mut(format.size()).for_each(|value| value.reverse());
                format.decode(&swapped)
            }
        };
        if self.fortran { last_index_fastest(&values, shape) } else { values }
    }
}

/// Reorders values from first index fastest to last index fastest.
fn last_index_fastest(values: &[f32], shape: &[usize]) -> Vec<f32> {
    let mut sorted = Vec::with_capacity(values.len());
    let mut index = vec![0; shape.len()];
    for _ in 0..values.len() {
        let at = index.iter().zip(shape).rev().fold(0, |at, (i, n)| at * n + i);
        sorted.push(values[at]);
        for (i, &n) in index.iter_mut().zip(shape).rev() {
            *i += 1;
            if *i < n {
                break;
            }
            *i = 0;
        }
    }
    sorted
}

/// Refuses dimensions that no weight has.
pub(super) fn check_dimensions(file: &str, tensor: &str, mut shape: impl Iterator<Item = u64>) -> Result<(), Error> {
    match shape.find(|&dimension| dimension > DIMENSION_LIMIT) {
        Some(dimension) => Err(Error::Dimension { file: file.to_owned(), tensor: tensor.to_owned(), dimension }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fortran_order_is_undone_in_any_rank() {
        assert_eq!(last_index_fastest(&[1.0, 4.0, 2.0, 5.0, 3.0, 6.0], &[2, 3]), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        // Value 100i + 10j + k at (i, j, k), shape 2×2×3.
        let stored: Vec<f32> = (0..12).map(|at| (100 * (at % 2) + 10 * (at / 2 % 2) + at / 4) as f32).collect();
        let sorted = last_index_fastest(&stored, &[2, 2, 3]);
        assert_eq!(sorted, [0.0, 1.0, 2.0, 10.0, 11.0, 12.0, 100.0, 101.0, 102.0, 110.0, 111.0, 112.0]);
    }

    #[test]
    fn big_endian_values_are_swapped() {
        let stored = StoredTensor { big_endian: true, ..StoredTensor::plain(0, 0..8) };
        let bytes: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|x| x.to_be_bytes()).collect();
        assert_eq!(stored.values(&bytes, Dtype::F32, &[2]), [1.5, -2.0]);
    }
}
