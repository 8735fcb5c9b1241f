//! Values between the layers of a network.

use super::{Pictures, Preprocess};
use crate::compute::{chunks_of, chunks_of_mut, prelude::*};
use crate::matrix::Matrix;

/// Values of a batch of images at one place of a network: `[images·height·width, channels]`, a row for each position, images
/// one after the other, positions row by row.
#[derive(Clone, Debug, PartialEq)]
pub struct Activations {
    /// Number of images.
    pub images: usize,
    /// Rows of positions.
    pub height: usize,
    /// Columns of positions.
    pub width: usize,
    /// The values.
    pub values: Matrix,
}

/// Images in one thread's portion of a pass over values.
const IMAGES_AT_A_TIME: usize = 4;

impl Activations {
    /// The pictures as a network reads them: scaled, and normalized by colour.
    pub fn of(pictures: &Pictures, preprocess: &Preprocess) -> Self {
        let (height, width, images) = (pictures.height, pictures.width, pictures.len());
        let positions = height * width;
        let table = preprocess.table();
        let mut values = Matrix::zeros(images * positions, 3);
        if images > 0 {
            let work = chunks_of_mut(values.as_mut_slice(), 3 * positions);
            work.zip(chunks_of(&pictures.pixels, 3 * positions)).for_each(|(out, image)| {
                for (at, out) in out.chunks_exact_mut(3).enumerate() {
                    for (colour, out) in out.iter_mut().enumerate() {
                        *out = table[colour][usize::from(image[colour * positions + at])];
                    }
                }
            });
        }
        Self { images, height, width, values }
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.values.cols()
    }

    /// Numbers of one image.
    pub fn values_of_image(&self) -> usize {
        self.height * self.width * self.channels()
    }

    /// Some of the images.
    pub fn images(&self, range: std::ops::Range<usize>) -> Self {
        let (values, channels) = (self.values_of_image(), self.channels());
        let part = &self.values.as_slice()[range.start * values..range.end * values];
        let rows = range.len() * self.height * self.width;
        Self { images: range.len(), values: Matrix::from_vec(rows, channels, part.to_vec()), ..*self }
    }

    /// Calls `change` with portions of the values of whole images.
    fn each(&mut self, change: impl Fn(&mut [f32]) + Sync + Send) {
        let size = self.values_of_image() * IMAGES_AT_A_TIME;
        if size > 0 {
            chunks_of_mut(self.values.as_mut_slice(), size).for_each(change);
        }
    }

    /// Negative values become 0; NaN stays, to be seen at the end.
    pub fn relu(&mut self) {
        // Each value is written, changed or not: a branch by a value's sign would be guessed wrong half of the time.
        self.each(|values| values.iter_mut().for_each(|x| *x = if *x < 0.0 { 0.0 } else { *x }));
    }

    /// Multiplies each channel by its `scale` and adds its `shift`.
    pub fn affine(&mut self, scale: &[f32], shift: &[f32]) {
        let channels = self.channels();
        self.each(|values| {
            for row in values.chunks_exact_mut(channels) {
                row.iter_mut().zip(scale.iter().zip(shift)).for_each(|(x, (scale, shift))| *x = *x * scale + shift);
            }
        });
    }

    /// Adds the values of the same places.
    ///
    /// # Panics
    /// Panics if the shapes differ.
    pub fn add(&mut self, other: &Self) {
        assert_eq!(self.values.shape(), other.values.shape(), "values of the same places");
        let size = (self.values_of_image() * IMAGES_AT_A_TIME).max(1);
        let work = chunks_of_mut(self.values.as_mut_slice(), size).zip(chunks_of(other.values.as_slice(), size));
        work.for_each(|(values, other)| values.iter_mut().zip(other).for_each(|(x, y)| *x += y));
    }

    /// Every `stride`-th position, with `channels` channels of which the middle ones are these and the others 0: the
    /// shortcut without weights ("option A" of He et al. 2015).
    pub fn padded(&self, stride: usize, channels: usize) -> Self {
        let (height, width) = (self.height.div_ceil(stride), self.width.div_ceil(stride));
        let own = self.channels();
        let before = (channels - own) / 2;
        let mut values = Matrix::zeros(self.images * height * width, channels);
        for image in 0..self.images {
            for y in 0..height {
                for x in 0..width {
                    let from = (image * self.height + y * stride) * self.width + x * stride;
                    let to = (image * height + y) * width + x;
                    values.row_mut(to)[before..before + own].copy_from_slice(self.values.row(from));
                }
            }
        }
        Self { images: self.images, height, width, values }
    }

    /// Largest value of each 3×3 window, at every second position (the stem's pooling).
    pub fn max_pool(&self) -> Self {
        let (height, width, channels) = (self.height.div_ceil(2), self.width.div_ceil(2), self.channels());
        let mut values = Matrix::zeros(self.images * height * width, channels);
        let (size, inner) = ((height * width * channels).max(1), self.values_of_image().max(1));
        let work = chunks_of_mut(values.as_mut_slice(), size).zip(chunks_of(self.values.as_slice(), inner));
        work.for_each(|(out, image)| {
            for (at, out) in out.chunks_exact_mut(channels).enumerate() {
                let (y, x) = (2 * (at / width), 2 * (at % width));
                out.fill(f32::NEG_INFINITY);
                for row in y.saturating_sub(1)..(y + 2).min(self.height) {
                    for col in x.saturating_sub(1)..(x + 2).min(self.width) {
                        let from = (row * self.width + col) * channels;
                        let values = &image[from..from + channels];
                        let larger = |out: &f32, value: &f32| value > out || value.is_nan();
                        let pairs = out.iter_mut().zip(values).filter(|(out, value)| larger(out, value));
                        pairs.for_each(|(out, value)| *out = *value);
                    }
                }
            }
        });
        Self { images: self.images, height, width, values }
    }

    /// Mean of each image's positions, `[images, channels]`.
    pub fn mean(&self) -> Matrix {
        let (positions, channels) = (self.height * self.width, self.channels());
        let mut means = Matrix::zeros(self.images, channels);
        for image in 0..self.images {
            let mut sums = vec![0.0f64; channels];
            for position in 0..positions {
                let row = self.values.row(image * positions + position);
                sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
            }
            let row = means.row_mut(image).iter_mut().zip(sums);
            row.for_each(|(mean, sum)| *mean = (sum / positions.max(1) as f64) as f32);
        }
        means
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_channel(height: usize, width: usize, values: &[f32]) -> Activations {
        Activations { images: 1, height, width, values: Matrix::from_vec(height * width, 1, values.to_vec()) }
    }

    #[test]
    fn pixels_are_scaled_and_normalized() {
        let pictures = Pictures { height: 1, width: 2, pixels: vec![0, 255, 51, 102, 0, 0], labels: Vec::new() };
        let read = Activations::of(&pictures, &Preprocess::default());
        let expected = [(0.0 - 0.485) / 0.229, (0.2 - 0.456) / 0.224, (0.0 - 0.406) / 0.225, (1.0 - 0.485) / 0.229];
        read.values.as_slice().iter().zip(expected).for_each(|(x, y): (&f32, f32)| assert!((x - y).abs() < 1e-6));
        assert_eq!(read.values.shape(), (2, 3));
    }

    #[test]
    fn pooling_by_hand() {
        #[rustfmt::skip]
        let x = one_channel(3, 4, &[
            1.0, 2.0, 3.0, 4.0,
            5.0, -1.0, 0.0, 9.0,
            0.0, 7.0, -3.0, -2.0,
        ]);
        let pooled = x.max_pool();
        assert_eq!((pooled.height, pooled.width, pooled.values.as_slice()), (2, 2, &[5.0, 9.0, 7.0, 9.0][..]));
        assert_eq!(x.mean().as_slice(), [25.0 / 12.0]);
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        let mut x = one_channel(1, 3, &[-1.0, f32::NAN, 2.0]);
        x.relu();
        assert!(x.values.get(0, 0) == 0.0 && x.values.get(1, 0).is_nan() && x.max_pool().mean().get(0, 0).is_nan());
    }

    #[test]
    fn a_shortcut_without_weights_takes_every_second_position() {
        let x = one_channel(3, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        let padded = x.padded(2, 3);
        assert_eq!((padded.height, padded.width), (2, 2));
        assert_eq!(padded.values.as_slice(), [0.0, 1.0, 0.0, 0.0, 3.0, 0.0, 0.0, 7.0, 0.0, 0.0, 9.0, 0.0]);
    }
}
