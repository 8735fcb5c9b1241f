//! Rows of a convolution's matrices as small pictures.

use crate::app::tasks::pictures::Axis;
use crate::export::Palette;
use crate::matrix::Matrix;
use crate::vision::LayerShape;
use eframe::egui::{Color32, ColorImage};

/// Number of pictures of one matrix at most.
pub const MOST: usize = 256;

/// What pictures are coloured by.
#[derive(Clone, Copy)]
pub struct Look {
    /// Full colour at this magnitude.
    pub range: f32,
    /// Colours of signed numbers.
    pub palette: Palette,
}

impl Look {
    fn color(self, value: f32) -> Color32 {
        let [r, g, b] = self.palette.color(value / self.range);
        Color32::from_rgb(r, g, b)
    }
}

/// Filters: rows of W, A·B or B, `[rows, in·kh·kw]`, whose rows and columns stand in these orders. With three input channels
/// each is one colour picture, where grey is 0; otherwise its kernels stand side by side, one for each input channel.
pub fn filters(matrix: &Matrix, (rows, cols): (&Axis, &Axis), shape: &LayerShape, look: Look) -> Vec<ColorImage> {
    let (height, width) = shape.kernel;
    let filter = |row: usize| {
        let values = matrix.row(rows.position(row));
        let value = |channel: usize, y: usize, x: usize| values[cols.position((channel * height + y) * width + x)];
        if shape.inputs == 3 {
            let byte = |value: f32| (127.5 + 127.5 * (value / look.range).clamp(-1.0, 1.0)).round() as u8;
            let pixel = |at: usize| {
                let [r, g, b] = [0, 1, 2].map(|channel| byte(value(channel, at / width, at % width)));
                Color32::from_rgb(r, g, b)
            };
            return ColorImage::new([width, height], (0..width * height).map(pixel).collect());
        }
        // Kernels of a single number touch.
        let gap = usize::from(shape.taps() > 1);
        let columns = columns(shape.inputs);
        let lines = shape.inputs.div_ceil(columns);
        let size = [columns * (width + gap) - gap, lines * (height + gap) - gap];
        let mut image = ColorImage::filled(size, Color32::TRANSPARENT);
        for channel in 0..shape.inputs {
            let (left, top) = (channel % columns * (width + gap), channel / columns * (height + gap));
            for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                image.pixels[(top + y) * size[0] + left + x] = look.color(value(channel, y, x));
            }
        }
        image
    };
    (0..matrix.rows().min(MOST)).map(filter).collect()
}

/// Rows of A, `[out, k]`: how much an output takes of each of B's filters, which stand in the same order from left to right and
/// from top to bottom.
pub fn mixtures(matrix: &Matrix, (rows, cols): (&Axis, &Axis), look: Look) -> Vec<ColorImage> {
    let columns = columns(matrix.cols());
    let size = [columns, matrix.cols().div_ceil(columns)];
    let mixture = |row: usize| {
        let values = matrix.row(rows.position(row));
        let mut image = ColorImage::filled(size, Color32::TRANSPARENT);
        (0..values.len()).for_each(|at| image.pixels[at] = look.color(values[cols.position(at)]));
        image
    };
    (0..matrix.rows().min(MOST)).map(mixture).collect()
}

/// Columns of about a square.
fn columns(count: usize) -> usize {
    ((count as f64).sqrt().ceil() as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(inputs: usize, kernel: (usize, usize)) -> LayerShape {
        LayerShape { stem: "conv".into(), norm: None, outputs: 2, inputs, kernel, stride: 1, padding: 0 }
    }

    #[test]
    fn filters_of_colours_are_pictures() {
        let look = Look { range: 2.0, palette: Palette::Light };
        // Three channels of 1×2: red 2 and 0, green −2 and 0, blue 0 and 4.
        let w = Matrix::from_vec(1, 6, vec![2.0, 0.0, -2.0, 0.0, 0.0, 4.0]);
        let axes = (&Axis::default(), &Axis::default());
        let found = filters(&w, axes, &shape(3, (1, 2)), look);
        assert_eq!((found.len(), found[0].size), (1, [2, 1]));
        assert_eq!(found[0].pixels, [Color32::from_rgb(255, 0, 128), Color32::from_rgb(128, 128, 255)]);
    }

    #[test]
    fn other_filters_show_their_kernels_side_by_side() {
        let look = Look { range: 1.0, palette: Palette::Light };
        let w = Matrix::from_fn(2, 5 * 4, |_, col| if col == 4 * 3 + 1 { 1.0 } else { 0.0 });
        let axes = (&Axis::default(), &Axis::default());
        let found = filters(&w, axes, &shape(5, (2, 2)), look);
        // Three columns and two lines of 2×2, one pixel between them.
        assert_eq!((found.len(), found[0].size), (2, [8, 5]));
        // Channel 3 begins the second line; its second number stands at the top right.
        assert_eq!(found[0].pixels[3 * 8 + 1], look.color(1.0));
        assert_eq!(found[0].pixels.iter().filter(|pixel| **pixel == look.color(1.0)).count(), 1);
        let a = Matrix::from_vec(1, 3, vec![0.0, -1.0, 0.5]);
        let found = mixtures(&a, axes, look);
        assert_eq!((found[0].size, found[0].pixels[1]), ([2, 2], look.color(-1.0)));
        assert_eq!(found[0].pixels[3], Color32::TRANSPARENT);
    }
}
