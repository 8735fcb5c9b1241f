//! Which pieces of which level are on screen, and where.

use super::Pyramid;
use eframe::egui::{Rect, pos2};

/// Numbers of a tile's own along each side.
pub const CONTENT: usize = 252;
/// Numbers of its neighbours around them: a pixel at the edge needs them.
pub const APRON: usize = 2;
/// Numbers of a tile with its apron along each side.
pub const SIDE: usize = CONTENT + 2 * APRON;

/// A piece of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Piece {
    /// The level of the pyramid.
    pub level: usize,
    /// Index of the tile from the top.
    pub row: usize,
    /// Index of the tile from the left.
    pub col: usize,
}

/// A piece and where it is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Placed {
    /// Piece that is drawn.
    pub piece: Piece,
    /// Place on screen, in pixels.
    pub rect: Rect,
    /// A whole pixel at or before the corner: positions are counted from it, to keep their digits.
    pub base: [f32; 2],
    /// The number of the tile, apron included, at the left and top edge of that pixel.
    pub origin: [f32; 2],
    /// Numbers a pixel takes, along x and y.
    pub step: [f32; 2],
}

/// The level whose numbers are at least a pixel large, but not two, where there is one.
pub fn fitting_level(pyramid: &Pyramid, cells: Rect, pixels: Rect) -> usize {
    let step = steps(cells, pixels).into_iter().fold(1.0, f64::max);
    (step.log2().floor() as usize).min(pyramid.top())
}

/// Entries a pixel takes, along x and y: fewer along a thin side, which is drawn thicker.
fn steps(cells: Rect, pixels: Rect) -> [f64; 2] {
    let step = |cells: f32, pixels: f32| f64::from(cells) / f64::from(pixels);
    [step(cells.width(), pixels.width()), step(cells.height(), pixels.height())]
}

/// The first level that is a single tile.
pub fn coarse_level(pyramid: &Pyramid) -> usize {
    let small = |&level: &usize| {
        let (rows, cols) = pyramid.shape(level);
        rows.max(cols) <= CONTENT
    };
    (0..=pyramid.top()).find(small).unwrap_or(pyramid.top())
}

/// The pieces of `level` that are seen when the part `cells` of the matrix (x along columns, in entries) fills `pixels`.
pub fn pieces(pyramid: &Pyramid, level: usize, cells: Rect, pixels: Rect) -> Vec<Placed> {
    let (tall, wide) = pyramid.unit(level);
    let [step_x, step_y] = steps(cells, pixels);
    let ((rows, cols), (level_rows, level_cols)) = (pyramid.matrix().shape(), pyramid.shape(level));
    // Along one axis: the tiles seen, each with its first and last pixel's edge.
    let along = |(unit, step): (usize, f64),
                 first_cell: f32,
                 (first_pixel, last_pixel): (f32, f32),
                 entries: usize,
                 numbers: usize| {
        let unit = unit as f64;
        let (first_cell, first_pixel, last_pixel) =
            (f64::from(first_cell), f64::from(first_pixel), f64::from(last_pixel));
        (0..numbers.div_ceil(CONTENT)).filter_map(move |tile| {
            let number = (tile * CONTENT) as f64;
            let end = (unit * (number + CONTENT as f64)).min(entries as f64);
            let at = |entry: f64| first_pixel + (entry - first_cell) / step;
            let (from, to) = (at(unit * number).max(first_pixel), at(end).min(last_pixel));
            let base = from.floor();
            let origin = ((base - first_pixel) * step + first_cell) / unit - number + APRON as f64;
            (from < to).then_some((tile, from as f32, to as f32, base as f32, origin as f32))
        })
    };
    let columns: Vec<_> = along((wide, step_x), cells.min.x, (pixels.min.x, pixels.max.x), cols, level_cols).collect();
    let mut placed = Vec::new();
    let lines = along((tall, step_y), cells.min.y, (pixels.min.y, pixels.max.y), rows, level_rows);
    for (row, top, bottom, base_y, origin_y) in lines {
        for &(col, left, right, base_x, origin_x) in &columns {
            placed.push(Placed {
                piece: Piece { level, row, col },
                rect: Rect::from_min_max(pos2(left, top), pos2(right, bottom)),
                base: [base_x, base_y],
                origin: [origin_x, origin_y],
                step: [(step_x / wide as f64) as f32, (step_y / tall as f64) as f32],
            });
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;
    use eframe::egui::vec2;
    use std::sync::Arc;

    /// Every pixel inside of the matrix belongs to one piece, and its numbers are inside of that piece's texture.
    #[test]
    fn pieces_cover_what_is_seen() {
        let pyramid = Pyramid::new(Arc::new(Matrix::zeros(700, 1300)));
        for zoom in [1.0, 0.31, 0.05] {
            let pixels = Rect::from_min_size(pos2(13.5, 7.25), vec2(640.0, 360.0));
            let cells = Rect::from_min_size(pos2(20.3, 11.0), vec2(1280.0, 720.0) * zoom);
            let level = fitting_level(&pyramid, cells, pixels);
            let placed = pieces(&pyramid, level, cells, pixels);
            let step = cells.width() / pixels.width();
            for (x, y) in [(14, 8), (100, 200), (300, 50), (640, 300)] {
                let center = pos2(x as f32 + 0.5, y as f32 + 0.5);
                let entry = cells.min + (center - pixels.min) * step;
                let at: Vec<_> = placed.iter().filter(|placed| placed.rect.contains(center)).collect();
                assert_eq!(at.len(), usize::from(entry.x < 1300.0 && entry.y < 700.0), "{entry}");
                for placed in at {
                    let number =
                        |axis: usize, pixel: f32| placed.origin[axis] + (pixel - placed.base[axis]) * placed.step[axis];
                    for (axis, pixel) in [(0, x), (1, y)] {
                        let (low, high) = (number(axis, pixel as f32), number(axis, pixel as f32 + 1.0));
                        assert!(low >= 0.0 && high <= SIDE as f32, "{low} to {high}");
                    }
                    let start = (placed.piece.col * CONTENT) as f32 - APRON as f32;
                    let found = (number(0, center.x) + start) * (1 << level) as f32;
                    assert!((found - entry.x).abs() < 0.01 * (1 << level) as f32, "{found} {entry}");
                }
            }
        }
    }

    #[test]
    fn numbers_are_never_smaller_than_half_a_pixel() {
        let pyramid = Pyramid::new(Arc::new(Matrix::zeros(4096, 2048)));
        let pixels = Rect::from_min_size(pos2(0.0, 0.0), vec2(100.0, 200.0));
        for cells in [100.0, 150.0, 400.0, 1000.0, 2048.0] {
            let cells = Rect::from_min_size(pos2(0.0, 0.0), vec2(cells, 2.0 * cells));
            let step = cells.width() / 100.0 / (1 << fitting_level(&pyramid, cells, pixels)) as f32;
            assert!((1.0..2.0).contains(&step), "{step}");
        }
        assert_eq!(pyramid.shape(coarse_level(&pyramid)), (128, 64));
    }
}
