//! The way back through what has no weights, and passes over values and their gradients.

use crate::compute::{chunks_of, chunks_of_mut, prelude::*};
use crate::matrix::Matrix;
use crate::vision::Activations;

/// Images whose sums one thread computes at a time. Fixed, because sums are added up in this order.
const IMAGES_AT_A_TIME: usize = 4;

/// Values of some images, those of the same places of another array, and sums over them.
type Part<'a> = (&'a [f32], &'a [f32], [Vec<f64>; 2]);

impl Activations {
    fn part(&self) -> usize {
        (self.values_of_image() * IMAGES_AT_A_TIME).max(1)
    }

    /// Replaces each value by a function of it, the value of `other` at the same place, and the channel.
    pub(super) fn change_with(&mut self, other: &Self, change: impl Fn(f32, f32, usize) -> f32 + Sync + Send) {
        let (size, channels) = (self.part(), self.channels());
        let work = chunks_of_mut(self.values.as_mut_slice(), size).zip(chunks_of(other.values.as_slice(), size));
        work.for_each(|(here, other)| {
            for (here, other) in here.chunks_exact_mut(channels).zip(other.chunks_exact(channels)) {
                let values = here.iter_mut().zip(other).enumerate();
                values.for_each(|(channel, (here, &other))| *here = change(*here, other, channel));
            }
        });
    }

    /// Sums over all positions of two functions of the value here, the value of `other` at the same place, and the channel:
    /// `[channels]` each.
    pub(super) fn sums_with(
        &self,
        other: &Self,
        value: impl Fn(f64, f64, usize) -> [f64; 2] + Sync + Send,
    ) -> [Vec<f64>; 2] {
        let (size, channels) = (self.part(), self.channels());
        let empty = || [vec![0.0; channels], vec![0.0; channels]];
        let pairs = self.values.as_slice().chunks(size).zip(other.values.as_slice().chunks(size));
        let mut parts: Vec<Part<'_>> = pairs.map(|(here, other)| (here, other, empty())).collect();
        chunks_of_mut(&mut parts, 1).for_each(|part| {
            let (here, other, [first, second]) = &mut part[0];
            for (here, other) in here.chunks_exact(channels).zip(other.chunks_exact(channels)) {
                let sums = first.iter_mut().zip(second.iter_mut()).zip(here.iter().zip(other)).enumerate();
                for (channel, ((first, second), (&here, &other))) in sums {
                    let [a, b] = value(f64::from(here), f64::from(other), channel);
                    *first += a;
                    *second += b;
                }
            }
        });
        let mut sums = empty();
        for (.., part) in &parts {
            for (sums, part) in sums.iter_mut().zip(part) {
                sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
            }
        }
        sums
    }

    /// Sum of the squares of each channel, `[channels]`.
    pub(super) fn column_squares(&self) -> Vec<f64> {
        let [squares, _] = self.sums_with(self, |g, _, _| [g * g, 0.0]);
        squares
    }

    /// Back through a relu that gave `after`: 0 where that is 0.
    pub(super) fn mask(&mut self, after: &Self) {
        self.change_with(after, |g, after, _| if after > 0.0 { g } else { 0.0 });
    }

    /// Back through the mean of all positions: gradients of the values here, from those of the means `[images, channels]`.
    pub(super) fn spread(&self, of_means: &Matrix) -> Self {
        let positions = self.height * self.width;
        let share = 1.0 / positions.max(1) as f32;
        let mut values = Matrix::zeros(self.values.rows(), self.values.cols());
        for row in 0..values.rows() {
            let of_mean = of_means.row(row / positions);
            values.row_mut(row).iter_mut().zip(of_mean).for_each(|(g, of_mean)| *g = share * of_mean);
        }
        Self { values, ..*self }
    }

    /// Back through [`Activations::padded`] of `before`, with gradients of what it gave.
    pub(super) fn taken_from(&self, before: &Self, stride: usize) -> Self {
        let channels = before.channels();
        let first = (self.channels() - channels) / 2;
        let mut values = Matrix::zeros(before.values.rows(), channels);
        for (row, g) in self.values.as_slice().chunks_exact(self.channels()).enumerate() {
            let (x, y) = (row % self.width, row / self.width % self.height);
            let image = row / (self.width * self.height);
            let to = (image * before.height + y * stride) * before.width + x * stride;
            values.row_mut(to).copy_from_slice(&g[first..first + channels]);
        }
        Self { values, ..*before }
    }

    /// Back through [`Activations::max_pool`] of `before`, with gradients of what it gave: each goes to the first of the
    /// largest values of its window.
    pub(super) fn unpooled(&self, before: &Self) -> Self {
        let (channels, columns) = (self.channels(), self.width);
        let mut values = Matrix::zeros(before.values.rows(), channels);
        let (inner, size) = (before.values_of_image().max(1), self.values_of_image().max(1));
        let work = chunks_of_mut(values.as_mut_slice(), inner).zip(chunks_of(self.values.as_slice(), size));
        work.zip(chunks_of(before.values.as_slice(), inner)).for_each(|((back, g), image)| {
            for (at, g) in g.iter().enumerate() {
                let (channel, place) = (at % channels, at / channels);
                let (y, x) = (2 * (place / columns), 2 * (place % columns));
                let mut largest = (y * before.width + x) * channels + channel;
                let mut most = f32::NEG_INFINITY;
                for row in y.saturating_sub(1)..(y + 2).min(before.height) {
                    for column in x.saturating_sub(1)..(x + 2).min(before.width) {
                        let from = (row * before.width + column) * channels + channel;
                        if image[from] > most {
                            (largest, most) = (from, image[from]);
                        }
                    }
                }
                back[largest] += g;
            }
        });
        Self { values, ..*before }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_channel(height: usize, width: usize, values: &[f32]) -> Activations {
        Activations { images: 1, height, width, values: Matrix::from_vec(height * width, 1, values.to_vec()) }
    }

    #[test]
    fn gradients_go_to_the_largest() {
        #[rustfmt::skip]
        let x = one_channel(3, 4, &[
            1.0, 2.0, 3.0, 4.0,
            5.0, -1.0, 0.0, 9.0,
            0.0, 7.0, -3.0, -2.0,
        ]);
        // The largest are 5 and 9, 7 and 9.
        let back = one_channel(2, 2, &[1.0, 10.0, 100.0, 1000.0]).unpooled(&x);
        #[rustfmt::skip]
        assert_eq!(back.values.as_slice(), [
            0.0, 0.0, 0.0, 0.0,
            1.0, 0.0, 0.0, 1010.0,
            0.0, 100.0, 0.0, 0.0,
        ]);
    }

    #[test]
    fn shortcuts_and_means_by_hand() {
        let x = one_channel(3, 3, &[0.0; 9]);
        let g: Vec<f32> = (1..=12).map(|g| g as f32).collect();
        let g = Activations { images: 1, height: 2, width: 2, values: Matrix::from_vec(4, 3, g) };
        assert_eq!(g.taken_from(&x, 2).values.as_slice(), [2.0, 0.0, 5.0, 0.0, 0.0, 0.0, 8.0, 0.0, 11.0]);
        let x = one_channel(2, 2, &[0.0, 1.0, -2.0, 3.0]);
        let mut spread = x.spread(&Matrix::from_vec(1, 1, vec![8.0]));
        assert_eq!(spread.values.as_slice(), [2.0; 4]);
        assert_eq!(spread.column_squares(), [16.0]);
        spread.mask(&x);
        assert_eq!(spread.values.as_slice(), [0.0, 2.0, 0.0, 2.0]);
    }
}
