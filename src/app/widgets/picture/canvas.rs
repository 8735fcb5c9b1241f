//! The same picture on the CPU: for files, and to check the GPU's.

use super::pyramid::{Kind, larger};
use super::tiles::fitting_level;
use super::{Colors, Pyramid, Shade};
use crate::export::Image;
use eframe::egui::{Rect, pos2, vec2};

/// The part `cells` of the matrix (x along columns, in entries) as `width`×`height` pixels.
///
/// Every entry of the part falls into exactly one pixel. Outside of the matrix it has the colour of zero.
pub fn draw(pyramid: &Pyramid, cells: Rect, (width, height): (usize, usize), colors: &Colors) -> Image {
    let table = Colors::table(colors.dark);
    let pixels = Rect::from_min_size(pos2(0.0, 0.0), vec2(width as f32, height as f32));
    let level = fitting_level(pyramid, cells, pixels);
    let (tall, wide) = pyramid.unit(level);
    let [tall, wide] = [tall, wide].map(|unit| 1.0 / unit as f64);
    let (rows, cols) = pyramid.shape(level);
    let columns = spans(f64::from(cells.min.x) * wide, f64::from(cells.width()) * wide, width, cols);
    let lines = spans(f64::from(cells.min.y) * tall, f64::from(cells.height()) * tall, height, rows);
    let mut image = Image::new(width, height, table[colors.index(Kind::Values, 0.0)]);
    let mut row = vec![0.0; cols];
    for (y, (top, bottom)) in lines.into_iter().enumerate() {
        let mut sums = vec![(0.0f32, 0usize); width];
        for i in top..bottom {
            pyramid.copy_row(colors.shade, level, i as isize, 0, &mut row);
            for ((sum, count), &(left, right)) in sums.iter_mut().zip(&columns) {
                for &x in &row[left..right] {
                    *sum = match (pyramid.kind(), colors.shade) {
                        (Kind::Sets, _) => (*sum as u32 | x as u32) as f32,
                        (_, Shade::Density) => *sum + x,
                        _ => larger(*sum, x),
                    };
                    *count += 1;
                }
            }
        }
        for (x, &(sum, count)) in sums.iter().enumerate() {
            let mean = pyramid.kind() == Kind::Values && colors.shade == Shade::Density;
            let value = if mean { sum / count.max(1) as f32 } else { sum };
            image.set(x, y, table[colors.index(pyramid.kind(), value)]);
        }
    }
    image
}

/// The entries under each of `count` pixels that show `extent` entries from `start` on; no entry under two pixels unless
/// it is larger than one. Empty outside `0..entries`.
fn spans(start: f64, extent: f64, count: usize, entries: usize) -> Vec<(usize, usize)> {
    let at = |pixel: f64| start + extent * pixel / count as f64;
    let enlarged = extent < count as f64;
    (0..count)
        .map(|pixel| {
            let (first, last) = match enlarged {
                true => {
                    let middle = (at(pixel as f64 + 0.5) + 1e-3).floor();
                    (middle, middle + 1.0)
                }
                // A thousandth of an entry makes up for what is rounded away.
                false => ((at(pixel as f64) + 1e-3).floor(), (at(pixel as f64 + 1.0) + 1e-3).floor()),
            };
            let (first, last) = (first.max(0.0) as usize, last.max(0.0) as usize);
            (first.min(entries), last.min(entries))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Named;
    use crate::matrix::Matrix;
    use std::sync::Arc;

    /// One nonzero in 4096×11008, small against the range, seen whole at any size and zoomed anywhere near it.
    #[test]
    fn a_lone_nonzero_is_visible_at_every_zoom() {
        let (i, j) = (2777, 7311);
        let mut matrix = Matrix::zeros(4096, 11008);
        matrix.as_mut_slice()[i * 11008 + j] = 1e-3;
        let pyramid = Pyramid::new(Arc::new(matrix));
        for &shade in Shade::ALL {
            let colors = Colors { shade, range: 1.0, dark: true };
            let zero = Colors::table(true)[colors.index(Kind::Values, 0.0)];
            for zoom in 0..14 {
                let size = vec2(11008.0, 4096.0) / 2f32.powi(zoom);
                let corner = pos2(j as f32 + 0.5, i as f32 + 0.5) - size * vec2(0.37, 0.61);
                let cells = Rect::from_min_size(if zoom == 0 { pos2(0.0, 0.0) } else { corner }, size);
                for (width, height) in [(700, 260), (113, 42), (1920, 714)] {
                    let image = draw(&pyramid, cells, (width, height), &colors);
                    let lit = (0..width * height).filter(|at| image.pixel(at % width, at / width) != zero).count();
                    assert!(lit >= 1, "zoom {zoom}, {width}×{height}, {shade:?}");
                }
            }
        }
    }

    #[test]
    fn each_entry_falls_into_one_pixel() {
        for (entries, pixels) in [(10, 3), (7, 7), (1000, 64), (5, 20), (11008, 700), (4096, 1023)] {
            let spans = spans(0.0, entries as f64, pixels, entries);
            let mut seen = vec![0; entries];
            spans.iter().for_each(|&(a, b)| (a..b).for_each(|at| seen[at] += 1));
            assert!(seen.iter().all(|&n| n == 1 || pixels > entries && n >= 1), "{entries} in {pixels}: {seen:?}");
        }
    }
}
