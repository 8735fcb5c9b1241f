//! Convolutions as products with matrices of patches (im2col).

use super::{Activations, LayerShape};
use crate::compute::sparse::{Operator, ValueFormat};
use crate::compute::{Par, Weight, chunks_of_mut, prelude::*};
use crate::matrix::{Csr, Factors, Matrix, Replacement};
use std::ops::Range;
use std::sync::Arc;

/// A convolution: its weight `[out, kh·kw·in]` multiplies patches of the image.
///
/// A file has the weight as `[out, in, kh, kw]`. Here the channels of a position stand together, because they do in the image:
/// a patch is copied in few pieces.
#[derive(Clone, Debug)]
pub struct Convolution {
    shape: LayerShape,
    weight: Weight,
}

/// Numbers of the patches that one thread has in memory at a time. Fixed, because sums depend on how products are cut.
const PATCH_VALUES: usize = 1 << 18;

impl Convolution {
    /// With the weight as a file has it, `[out, in·kh·kw]`.
    ///
    /// # Panics
    /// Panics if the shape differs.
    pub fn new(shape: LayerShape, weight: &Matrix) -> Self {
        assert_eq!(weight.shape(), shape.shape(), "the weight of {}", shape.stem);
        let weight = Weight::Dense(Arc::new(to_taps(weight, shape.taps())));
        Self { shape, weight }
    }

    /// With what stands in the weight's place, of the same shape, computed with in `values`.
    ///
    /// # Panics
    /// Panics if the shape differs.
    pub fn sparse(shape: LayerShape, replacement: &Replacement, values: ValueFormat) -> Self {
        assert_eq!(replacement.shape(), shape.shape(), "the weight of {}", shape.stem);
        let in_taps = |matrix: &Csr| Csr::from_dense(&to_taps(&matrix.to_dense(), shape.taps()));
        let replacement = match replacement {
            Replacement::Sparse(one) => Replacement::Sparse(in_taps(one)),
            Replacement::Factors(Factors { a, b }) => Factors { a: a.clone(), b: in_taps(b) }.into(),
            dense => Replacement::Sparse(in_taps(&Csr::from_dense(&dense.to_dense()))),
        };
        Self { weight: Operator::new(&replacement, values).into(), shape }
    }

    /// What it computes.
    pub fn shape(&self) -> &LayerShape {
        &self.shape
    }

    /// The weight `[out, kh·kw·in]`.
    pub fn weight(&self) -> &Weight {
        &self.weight
    }

    /// Images whose patches one thread has in memory at a time.
    fn images_at_a_time(&self, x: &Activations) -> usize {
        let (height, width) = self.shape.output_size((x.height, x.width));
        (PATCH_VALUES / (height * width * self.shape.shape().1).max(1)).max(1)
    }

    /// Parts of a batch that one thread computes at a time.
    pub(super) fn parts(&self, x: &Activations) -> Vec<Range<usize>> {
        let size = self.images_at_a_time(x);
        (0..x.images).step_by(size).map(|from| from..(from + size).min(x.images)).collect()
    }

    /// The patches of some images, `[images·height·width of the output, kh·kw·in]`.
    pub fn patches(&self, x: &Activations, images: Range<usize>) -> Matrix {
        let LayerShape { kernel: (kernel_height, kernel_width), stride, padding, inputs, .. } = self.shape;
        let (height, width) = self.shape.output_size((x.height, x.width));
        let mut patches = Matrix::zeros(images.len() * height * width, self.shape.shape().1);
        let mut rows = patches.as_mut_slice().chunks_exact_mut(self.shape.shape().1);
        for image in images {
            let image = &x.values.as_slice()[image * x.values_of_image()..][..x.values_of_image()];
            for y in 0..height {
                for column in 0..width {
                    let Some(patch) = rows.next() else { return patches };
                    // Columns of the kernel that lie inside of the image.
                    let left = (column * stride) as isize - padding as isize;
                    let from = (-left).max(0) as usize;
                    let to = kernel_width.min((x.width as isize - left).max(0) as usize);
                    for ky in 0..kernel_height {
                        let row = (y * stride + ky).wrapping_sub(padding);
                        if row >= x.height || from >= to {
                            continue;
                        }
                        let start = (row * x.width + (left + from as isize) as usize) * inputs;
                        let piece = &image[start..start + (to - from) * inputs];
                        patch[(ky * kernel_width + from) * inputs..][..piece.len()].copy_from_slice(piece);
                    }
                }
            }
        }
        patches
    }

    /// The convolution of each image.
    ///
    /// # Panics
    /// Panics if there are not as many channels as it reads.
    pub fn apply(&self, x: &Activations) -> Activations {
        assert_eq!(x.channels(), self.shape.inputs, "channels that {} reads", self.shape.stem);
        let (height, width) = self.shape.output_size((x.height, x.width));
        let outputs = self.shape.outputs;
        let mut values = Matrix::zeros(x.images * height * width, outputs);
        let size = self.images_at_a_time(x);
        let parts = self.parts(x);
        let chunk = size * height * width * outputs;
        let mut work: Vec<(&mut [f32], Range<usize>)> =
            values.as_mut_slice().chunks_mut(chunk.max(1)).zip(parts).collect();
        chunks_of_mut(&mut work, 1).for_each(|part| {
            let (out, images) = &mut part[0];
            out.copy_from_slice(self.weight.apply(&self.patches(x, images.clone()), Par::Seq).as_slice());
        });
        Activations { images: x.images, height, width, values }
    }
}

/// Columns `[in·kh·kw]` of a file's weight, in the order `[kh·kw·in]`.
pub(super) fn to_taps(weight: &Matrix, taps: usize) -> Matrix {
    let (rows, inputs) = (weight.rows(), weight.cols() / taps);
    Matrix::from_fn(rows, weight.cols(), |i, j| weight.get(i, (j % inputs) * taps + j / inputs))
}

/// Statistics `[kh·kw·in, kh·kw·in]` of patches, in the order of a file's weight.
pub(super) fn statistics_from_taps(xtx: &Matrix, taps: usize) -> Matrix {
    let inputs = xtx.rows() / taps;
    let at = |j: usize| (j % taps) * inputs + j / taps;
    Matrix::from_fn(xtx.rows(), xtx.cols(), |i, j| xtx.get(at(i), at(j)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(kernel: usize, stride: usize) -> LayerShape {
        let stem = "conv".to_owned();
        let (kernel, padding) = ((kernel, kernel), kernel / 2);
        LayerShape { stem, norm: None, outputs: 3, inputs: 2, kernel, stride, padding }
    }

    fn number(at: usize) -> f32 {
        ((at * 7919 + 13) % 31) as f32 - 15.0
    }

    /// Every product is summed up directly, from the definition.
    #[test]
    fn convolutions_are_direct_sums() {
        for (kernel, stride, height, width) in
            [(3, 1, 5, 4), (3, 2, 5, 4), (1, 2, 3, 6), (1, 1, 2, 2), (7, 2, 9, 8), (3, 1, 1, 1)]
        {
            let shape = shape(kernel, stride);
            let weight = Matrix::from_fn(3, 2 * kernel * kernel, |i, j| number(i * 100 + j));
            let values = Matrix::from_fn(3 * height * width, 2, |i, j| number(2 * i + j));
            let x = Activations { images: 3, height, width, values };
            let y = Convolution::new(shape.clone(), &weight).apply(&x);
            assert_eq!((y.height, y.width), shape.output_size((height, width)));
            for image in 0..3 {
                for (row, col, out) in (0..y.height)
                    .flat_map(|row| (0..y.width).flat_map(move |col| (0..3).map(move |out| (row, col, out))))
                {
                    let mut sum = 0.0;
                    for (channel, ky, kx) in
                        (0..2).flat_map(|c| (0..kernel).flat_map(move |ky| (0..kernel).map(move |kx| (c, ky, kx))))
                    {
                        let at = |position: usize, tap: usize| (position * stride + tap).checked_sub(kernel / 2);
                        let (Some(py), Some(px)) = (at(row, ky), at(col, kx)) else { continue };
                        if py < height && px < width {
                            let pixel = x.values.get((image * height + py) * width + px, channel);
                            sum += weight.get(out, (channel * kernel + ky) * kernel + kx) * pixel;
                        }
                    }
                    // Whole numbers: exact.
                    assert_eq!(
                        y.values.get((image * y.height + row) * y.width + col, out),
                        sum,
                        "kernel {kernel}, stride {stride}"
                    );
                }
            }
        }
    }

    #[test]
    fn columns_change_their_order() {
        let weight = Matrix::from_fn(2, 18, |i, j| (i * 18 + j) as f32);
        // Of tap 1 the channels 0 and 1: `[in, kh, kw]` has them at 1 and 10.
        assert_eq!(to_taps(&weight, 9).row(0)[2..4], [1.0, 10.0]);
        let x = Matrix::from_fn(4, 18, |i, j| number(i * 18 + j));
        let gram = |x: &Matrix| Matrix::from_fn(18, 18, |i, j| (0..4).map(|row| x.get(row, i) * x.get(row, j)).sum());
        assert_eq!(statistics_from_taps(&gram(&to_taps(&x, 9)), 9), gram(&x));
    }
}
