//! The way back through a convolution.

use crate::compute::{Par, chunks_of_mut, matmul_with, prelude::*};
use crate::matrix::Matrix;
use crate::vision::convolution::Convolution;
use crate::vision::parameters::in_file_order;
use crate::vision::{Activations, LayerShape};
use std::ops::Range;

/// Parts of a batch computed before their gradients are added up: bounds what is in memory, and changes no sum.
const PARTS_AT_A_TIME: usize = 16;

/// A part of a batch.
struct Part<'a> {
    images: Range<usize>,
    /// Gradients of what these images' patches were copied from; empty if they are not wanted.
    back: &'a mut [f32],
    /// Gradient of the weight `[out, kh·kw·in]`, from these images.
    weight: Matrix,
}

impl Convolution {
    /// Gradients of the weight, `[out, in·kh·kw]` in the order of its file, and, where `reads` asks for them, of what the
    /// convolution read, `x`, given those of what it gave, `g`.
    pub(super) fn backward(&self, x: &Activations, g: &Activations, reads: bool) -> (Matrix, Option<Activations>) {
        let weight = self.weight().to_dense();
        let parts = self.parts(x);
        let mut back = reads.then(|| Matrix::zeros(x.values.rows(), x.values.cols()));
        let size = parts.first().map_or(0, Range::len) * x.values_of_image();
        let backs: Vec<&mut [f32]> = match &mut back {
            Some(back) => back.as_mut_slice().chunks_mut(size.max(1)).collect(),
            None => parts.iter().map(|_| Default::default()).collect(),
        };
        let part = |(images, back)| Part { images, back, weight: Matrix::zeros(weight.rows(), weight.cols()) };
        let mut work = parts.into_iter().zip(backs).map(part);

        let positions = g.height * g.width;
        let mut sum = Matrix::zeros(weight.rows(), weight.cols());
        loop {
            let mut parts: Vec<Part<'_>> = work.by_ref().take(PARTS_AT_A_TIME).collect();
            if parts.is_empty() {
                break;
            }
            chunks_of_mut(&mut parts, 1).for_each(|part| {
                let Part { images, back, weight: of_part } = &mut part[0];
                let g = g.values.view().subrows(images.start * positions, images.len() * positions);
                let mut patches = self.patches(x, images.clone());
                matmul_with(of_part, g.transpose(), patches.view(), Par::Seq);
                if !back.is_empty() {
                    matmul_with(&mut patches, g, weight.view(), Par::Seq);
                    self.add_patches(&patches, (x.height, x.width), back);
                }
            });
            for part in parts {
                sum.as_mut_slice().iter_mut().zip(part.weight.as_slice()).for_each(|(sum, g)| *sum += g);
            }
        }
        let back = back.map(|values| Activations { values, ..*x });
        (in_file_order(&sum, self.shape().taps()), back)
    }

    /// Adds each number of the patches to the place it would be copied from (col2im). `images` are whole images of `height`
    /// rows and `width` columns, channels together.
    fn add_patches(&self, patches: &Matrix, (height, width): (usize, usize), images: &mut [f32]) {
        let LayerShape { kernel: (kernel_height, kernel_width), stride, padding, inputs, .. } = *self.shape();
        let (rows, columns) = self.shape().output_size((height, width));
        let mut patches = patches.as_slice().chunks_exact(patches.cols());
        for image in images.chunks_exact_mut(height * width * inputs) {
            for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
                let Some(patch) = patches.next() else { return };
                // Columns of the kernel that lie inside of the image.
                let left = (x * stride) as isize - padding as isize;
                let from = (-left).max(0) as usize;
                let to = kernel_width.min((width as isize - left).max(0) as usize);
                for ky in 0..kernel_height {
                    let row = (y * stride + ky).wrapping_sub(padding);
                    if row >= height || from >= to {
                        continue;
                    }
                    let start = (row * width + (left + from as isize) as usize) * inputs;
                    let piece = &patch[(ky * kernel_width + from) * inputs..(ky * kernel_width + to) * inputs];
                    let place = &mut image[start..start + piece.len()];
                    place.iter_mut().zip(piece).for_each(|(sum, g)| *sum += g);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(at: usize) -> f32 {
        ((at * 7919 + 13) % 31) as f32 - 15.0
    }

    fn inner(a: &Matrix, b: &Matrix) -> f64 {
        a.as_slice().iter().zip(b.as_slice()).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
    }

    /// A convolution is linear in what it reads and in its weight, so that ⟨g, conv(x, w)⟩ = ⟨gradient, x⟩ = ⟨gradient, w⟩
    /// for every g: exactly, in whole numbers.
    #[test]
    fn the_way_back_is_the_transposed_map() {
        for (kernel, stride, height, width) in
            [(3, 1, 5, 4), (3, 2, 5, 4), (1, 2, 3, 6), (1, 1, 2, 2), (7, 2, 9, 8), (3, 1, 1, 1)]
        {
            let (stem, padding) = ("conv".to_owned(), kernel / 2);
            let shape =
                LayerShape { stem, norm: None, outputs: 3, inputs: 2, kernel: (kernel, kernel), stride, padding };
            let weight = Matrix::from_fn(3, 2 * kernel * kernel, |i, j| number(i * 100 + j));
            let x = Matrix::from_fn(3 * height * width, 2, |i, j| number(2 * i + j));
            let x = Activations { images: 3, height, width, values: x };
            let convolution = Convolution::new(shape, &weight);
            let y = convolution.apply(&x);
            let g = Matrix::from_fn(y.values.rows(), 3, |i, j| number(5 * i + 3 * j + 1));
            let g = Activations { values: g, ..y };
            let (of_weight, of_x) = convolution.backward(&x, &g, true);
            let expected = inner(&g.values, &y.values);
            assert_eq!(inner(&of_weight, &weight), expected, "kernel {kernel}, stride {stride}");
            assert_eq!(inner(&of_x.unwrap().values, &x.values), expected, "kernel {kernel}, stride {stride}");
            assert_eq!(convolution.backward(&x, &g, false), (of_weight, None));
        }
    }
}
