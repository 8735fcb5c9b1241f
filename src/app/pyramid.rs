//! A matrix that can be drawn at any zoom without losing a lone nonzero.

use crate::export::Palette;
use crate::matrix::Matrix;
use eframe::egui::{Color32, ColorImage, Rect};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A matrix and its halvings: each entry of a level is the one of largest magnitude of 2×2 entries below.
///
/// Neither the mean nor the nearest entry would do: they make lone nonzeros of a sparse factor fade or flicker.
pub struct Pyramid {
    id: u64,
    base: Arc<Matrix>,
    halvings: Vec<Matrix>,
    range: f32,
    nnz: usize,
}

impl Pyramid {
    /// Takes about a third of the matrix's memory beside it, and one pass over it.
    pub fn new(base: Arc<Matrix>) -> Self {
        let mut halvings: Vec<Matrix> = Vec::new();
        loop {
            let below = halvings.last().unwrap_or(&base);
            if below.rows().max(below.cols()) <= 64 {
                break;
            }
            halvings.push(halved(below));
        }
        let range = crate::export::default_range(&base);
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), nnz: base.nnz(), base, halvings, range }
    }

    /// Different for every pyramid of this program: says whether what was drawn is still right.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Entries that are not zero.
    pub fn nnz(&self) -> usize {
        self.nnz
    }

    /// The matrix itself.
    pub fn matrix(&self) -> &Matrix {
        &self.base
    }

    /// The magnitude at which the colours are full: a high percentile of the nonzeros.
    pub fn range(&self) -> f32 {
        self.range
    }

    /// The part `cells` of the matrix (x along columns, y along rows, in entries) as `width`×`height` pixels.
    ///
    /// Every entry of the part falls into exactly one pixel, and a pixel shows its entry of largest magnitude.
    pub fn draw(&self, cells: Rect, width: usize, height: usize, colors: &Colors) -> ColorImage {
        let step = (cells.width() / width as f32).max(cells.height() / height as f32);
        let level = (step.max(1.0).log2().floor() as usize).min(self.halvings.len());
        let matrix = if level == 0 { &*self.base } else { &self.halvings[level - 1] };
        let unit = 1.0 / (1u32 << level) as f32;
        let columns = spans(cells.min.x * unit, cells.width() * unit, width, matrix.cols());
        let rows = spans(cells.min.y * unit, cells.height() * unit, height, matrix.rows());
        let mut pixels = vec![Color32::TRANSPARENT; width * height];
        let lines: Vec<(&mut [Color32], (usize, usize))> = pixels.chunks_mut(width.max(1)).zip(rows).collect();
        for (line, (top, bottom)) in lines {
            for (pixel, &(left, right)) in line.iter_mut().zip(&columns) {
                if top < bottom && left < right {
                    let mut value = 0.0f32;
                    for i in top..bottom {
                        for &x in &matrix.row(i)[left..right] {
                            value = if x.abs() > value.abs() { x } else { value };
                        }
                    }
                    *pixel = colors.of(value);
                }
            }
        }
        ColorImage::new([width, height], pixels)
    }
}

/// The entries under each of `count` pixels that show `extent` entries from `start` on; no entry under two pixels unless
/// it is larger than one. Empty outside `0..entries`.
fn spans(start: f32, extent: f32, count: usize, entries: usize) -> Vec<(usize, usize)> {
    // A thousandth of an entry makes up for what f32 coordinates of large matrices round away.
    let at = |pixel: usize| f64::from(start) + f64::from(extent) * pixel as f64 / count as f64 + 1e-3;
    let enlarged = extent < count as f32;
    (0..count)
        .map(|pixel| {
            let (first, last) = (at(pixel).floor(), at(pixel + 1).floor());
            if first >= entries as f64 || last < 0.0 || (first < 0.0 && enlarged) {
                return (0, 0);
            }
            let first = first.max(0.0) as usize;
            (first, (last.max(0.0) as usize).max(first + 1).min(entries))
        })
        .collect()
}

fn halved(below: &Matrix) -> Matrix {
    let (rows, cols) = (below.rows().div_ceil(2), below.cols().div_ceil(2));
    let mut half = Matrix::zeros(rows, cols);
    let larger = |a: f32, b: f32| if b.abs() > a.abs() { b } else { a };
    for (i, out) in half.as_mut_slice().chunks_mut(cols).enumerate() {
        let upper = below.row(2 * i);
        let lower = if 2 * i + 1 < below.rows() { below.row(2 * i + 1) } else { upper };
        for ((out, a), b) in out.iter_mut().zip(upper.chunks(2)).zip(lower.chunks(2)) {
            *out = a.iter().chain(b).copied().fold(0.0, larger);
        }
    }
    half
}

/// Values to colours by a table: another colour map or range never touches the matrix.
pub struct Colors {
    table: Vec<Color32>,
    scale: f32,
}

impl Colors {
    /// Half the table's length.
    const HALF: f32 = 255.0;

    /// Full colour at ±`range`.
    pub fn new(range: f32, dark: bool) -> Self {
        let palette = if dark { Palette::Dark } else { Palette::Light };
        let color = |[r, g, b]: [u8; 3]| Color32::from_rgb(r, g, b);
        let table = palette.table(2 * Self::HALF as usize + 1).into_iter().map(color).collect();
        Self { table, scale: if range > 0.0 { Self::HALF / range } else { 0.0 } }
    }

    /// The colour of `value`. What is not zero never looks like zero.
    pub fn of(&self, value: f32) -> Color32 {
        const FAINTEST: f32 = 0.12 * Colors::HALF;
        let scaled = value * self.scale;
        let shown = match value {
            0.0 => 0.0,
            _ => scaled.abs().clamp(FAINTEST, Self::HALF).copysign(scaled),
        };
        self.table[(shown + Self::HALF).round() as usize]
    }

    /// The colours from −range to +range.
    pub fn table(&self) -> &[Color32] {
        &self.table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eframe::egui::{pos2, vec2};

    /// One nonzero in 4096×11008, small against the range, seen whole at any size and zoomed anywhere near it.
    #[test]
    fn a_lone_nonzero_is_visible_at_every_zoom() {
        let (i, j) = (2777, 7311);
        let mut matrix = Matrix::zeros(4096, 11008);
        matrix.as_mut_slice()[i * 11008 + j] = 1e-3;
        let pyramid = Pyramid::new(Arc::new(matrix));
        let colors = Colors::new(1.0, true);
        let zero = colors.of(0.0);
        for zoom in 0..14 {
            let size = vec2(11008.0, 4096.0) / 2f32.powi(zoom);
            let corner = pos2(j as f32 + 0.5, i as f32 + 0.5) - size * vec2(0.37, 0.61);
            let cells = Rect::from_min_size(if zoom == 0 { pos2(0.0, 0.0) } else { corner }, size);
            for (width, height) in [(700, 260), (113, 42), (1920, 714)] {
                let image = pyramid.draw(cells, width, height, &colors);
                let lit = image.pixels.iter().filter(|&&p| p != zero && p != Color32::TRANSPARENT).count();
                assert!(lit >= 1, "zoom {zoom}, {width}×{height}");
            }
        }
    }

    #[test]
    fn each_entry_falls_into_one_pixel() {
        for (entries, pixels) in [(10, 3), (7, 7), (1000, 64), (5, 20), (11008, 700), (4096, 1023)] {
            let spans = spans(0.0, entries as f32, pixels, entries);
            let mut seen = vec![0; entries];
            spans.iter().for_each(|&(a, b)| (a..b).for_each(|at| seen[at] += 1));
            assert!(seen.iter().all(|&n| n == 1 || pixels > entries && n >= 1), "{entries} in {pixels}: {seen:?}");
        }
    }
}
