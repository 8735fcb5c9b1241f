//! Description of a tensor, and the location of its values.

use super::bytes::Bytes;
use super::encoding::Encoding;
use super::{Dtype, Error};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
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
    /// Number format as written in the file: `F32`, `I64`, `F8_E4M3`, `Q4_K`; in a `.npy` `<f4`, `>i8`.
    pub dtype: String,
    /// Number format that weights are read in: the file's own, or of quantized ones that which they are exported in by
    /// default. `None` if no weights can be read from it.
    pub format: Option<Dtype>,
    /// Bytes of its values.
    pub bytes: u64,
    /// Name of the file that holds it, within the checkpoint's folder.
    pub file: String,
    /// Whether it holds the scale of another tensor, which is multiplied by it when it is read.
    pub is_scale: bool,
}

impl TensorInfo {
    /// Number of values: the product of the dimensions.
    pub fn len(&self) -> usize {
        // The readers have checked that this does not overflow.
        self.shape.iter().product()
    }

    /// Whether its values are quantized, so that what is computed with them is stored in another format.
    pub fn is_quantized(&self) -> bool {
        self.format.is_some_and(|format| self.len() as u64 * format.size() as u64 != self.bytes)
    }

    /// Whether it has no values.
    pub fn is_empty(&self) -> bool {
        self.shape.contains(&0)
    }

    /// Why it cannot be factorized; `None` when it can.
    pub fn not_a_layer(&self) -> Option<NotALayer> {
        match self.shape[..] {
            _ if self.format.is_none() => Some(NotALayer::NotFloat),
            _ if self.is_scale => Some(NotALayer::Scale),
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
    /// Its values are no floats, nor quantized ones of a format that is read.
    #[error("values of its type are not read as weights")]
    NotFloat,
    /// It belongs to another tensor.
    #[error("it holds the scale of another tensor")]
    Scale,
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
    /// How its numbers stand there.
    pub encoding: Encoding,
    /// Most significant byte first.
    pub big_endian: bool,
    /// Values from one to the next along each dimension, where that is not the usual order, last index fastest. Not for
    /// blocks.
    pub strides: Option<Vec<usize>>,
    /// Index of the tensor with its scale among the checkpoint's.
    pub scale: Option<usize>,
}

impl StoredTensor {
    /// Values as in every `.safetensors`: little-endian, last index fastest.
    pub fn plain(part: usize, range: Range<usize>, encoding: Encoding) -> Self {
        Self { part, range, encoding, big_endian: false, strides: None, scale: None }
    }

    /// Reads the values, `shape` of them, last index fastest; without the scale.
    pub fn values(&self, file: &Bytes, shape: &[usize]) -> Result<Vec<f32>, Error> {
        let unit = self.encoding.unit_bytes().max(1);
        let mut values = Vec::with_capacity(self.range.len() / unit * self.encoding.unit_values());
        file.read_pieces(self.range.clone(), unit, |bytes| match self.big_endian {
            false => self.encoding.decode(bytes, &mut values),
            true => self.encoding.decode(&swapped(bytes, unit), &mut values),
        })?;
        Ok(match &self.strides {
            None => values,
            Some(strides) => positions(shape, strides).map(|at| values[at]).collect(),
        })
    }

    /// Reads the bytes, little-endian, last index fastest.
    pub fn bytes<'a>(&self, file: &'a Bytes, shape: &[usize]) -> Result<Cow<'a, [u8]>, Error> {
        let unit = self.encoding.unit_bytes().max(1);
        let bytes = file.read(self.range.clone())?;
        let bytes = if self.big_endian { swapped(&bytes, unit).into() } else { bytes };
        Ok(match &self.strides {
            None => bytes,
            Some(strides) => positions(shape, strides).flat_map(|at| &bytes[at * unit..][..unit]).copied().collect(),
        })
    }
}

/// The bytes of each value in the other order.
fn swapped(bytes: &[u8], size: usize) -> Vec<u8> {
    let mut swapped = bytes.to_vec();
    swapped.chunks_exact_mut(size).for_each(|value| value.reverse());
    swapped
}

/// Where the values stand, last index fastest, that are `strides` apart along each dimension of `shape`.
fn positions(shape: &[usize], strides: &[usize]) -> impl Iterator<Item = usize> {
    let (mut index, mut at) = (vec![0; shape.len()], 0);
    (0..shape.iter().product()).map(move |_| {
        let here = at;
        for ((i, &n), &stride) in index.iter_mut().zip(shape).zip(strides).rev() {
            *i += 1;
            at += stride;
            if *i < n {
                break;
            }
            at -= *i * stride;
            *i = 0;
        }
        here
    })
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
    fn other_orders_are_undone_in_any_rank() {
        assert_eq!(positions(&[2, 3], &[1, 2]).collect::<Vec<_>>(), [0, 2, 4, 1, 3, 5]);
        // Value 100i + 10j + k at (i, j, k), shape 2×2×3, first index fastest.
        let stored: Vec<usize> = (0..12).map(|at| 100 * (at % 2) + 10 * (at / 2 % 2) + at / 4).collect();
        let sorted: Vec<usize> = positions(&[2, 2, 3], &[1, 2, 4]).map(|at| stored[at]).collect();
        assert_eq!(sorted, [0, 1, 2, 10, 11, 12, 100, 101, 102, 110, 111, 112]);
        // Every other column, and one row repeated.
        assert_eq!(positions(&[2, 2], &[4, 2]).collect::<Vec<_>>(), [0, 2, 4, 6]);
        assert_eq!(positions(&[2, 2], &[0, 1]).collect::<Vec<_>>(), [0, 1, 0, 1]);
        assert_eq!(positions(&[], &[]).collect::<Vec<_>>(), [0]);
        assert_eq!(positions(&[3, 0], &[1, 1]).count(), 0);
    }

    #[test]
    fn big_endian_values_are_swapped() {
        let float = Encoding::Float(Dtype::F32);
        let stored = StoredTensor { big_endian: true, ..StoredTensor::plain(0, 0..8, float) };
        let file = Bytes::Owned([1.5f32, -2.0].iter().flat_map(|x| x.to_be_bytes()).collect());
        assert_eq!(stored.values(&file, &[2]).unwrap(), [1.5, -2.0]);
        assert_eq!(*stored.bytes(&file, &[2]).unwrap(), [0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc0]);
    }
}
