//! A matrix as a picture.

use super::image::{LINE, text_width};
use super::range::automatic_range;
use super::{Image, Palette};
use crate::matrix::{Matrix, Replacement};

/// The least that an entry is away from zero's colour, as a share of the range: nonzeros stay visible.
const LEAST: f32 = 0.04;

/// The least pixels of a side of a matrix: one of 1×5000, too, is seen.
const THINNEST: usize = 8;

const MARGIN: usize = 8;
const BAR: usize = 12;
const FRAME: [u8; 3] = [128; 3];

/// A matrix to be drawn: its entries in the colours of a [`Palette`], a title above, a bar with the range below.
#[derive(Clone, Debug)]
pub struct Picture<'a> {
    matrix: &'a Matrix,
    title: String,
    max_side: usize,
    range: f32,
    palette: Palette,
}

impl<'a> Picture<'a> {
    /// Of `matrix`, at most 512 pixels a side, with [`default_range`] and no title.
    pub fn new(matrix: &'a Matrix) -> Self {
        Self::with_range(matrix, default_range(matrix))
    }

    /// Of `matrix`, where entries of ±`range` and beyond have the colours of the ends.
    pub fn with_range(matrix: &'a Matrix, range: f32) -> Self {
        let range = if range.is_finite() && range > 0.0 { range } else { 1.0 };
        Self { matrix, title: String::new(), max_side: 512, range, palette: Palette::default() }
    }

    /// Sets the title above the matrix.
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Sets the longest side of the matrix, in pixels; title and bar come on top.
    pub fn max_side(mut self, pixels: usize) -> Self {
        self.max_side = pixels.max(1);
        self
    }

    /// Sets the colours of the entries.
    pub fn palette(mut self, palette: Palette) -> Self {
        self.palette = palette;
        self
    }

    /// The matrix alone.
    ///
    /// A large one is reduced: each pixel shows the entry of largest magnitude of its block, so that a lone nonzero does
    /// not vanish. A small one is enlarged by a whole factor.
    pub fn pixels(&self) -> Image {
        let (rows, cols) = self.matrix.shape();
        let longest = rows.max(cols).max(1);
        // A thin side is reduced less, and enlarged more.
        let thinnest = THINNEST.min(self.max_side);
        let block = |side: usize| longest.div_ceil(self.max_side).min(side / thinnest).max(1);
        let (tall, wide) = (block(rows), block(cols));
        let (height, width) = (rows.div_ceil(tall), cols.div_ceil(wide));
        let zoom = |pixels: usize| (self.max_side / longest).max(thinnest / pixels.max(1)).max(1);
        let (zoom_y, zoom_x) = (zoom(height), zoom(width));
        let mut image = Image::new(width * zoom_x, height * zoom_y, self.palette.background());
        let mut line = vec![0.0f32; width];
        for y in 0..height {
            line.fill(0.0);
            for i in y * tall..rows.min((y + 1) * tall) {
                for (most, entries) in line.iter_mut().zip(self.matrix.row(i).chunks(wide)) {
                    *most = entries.iter().fold(*most, |most, &x| larger(most, x));
                }
            }
            for (x, &value) in line.iter().enumerate() {
                image.fill((x * zoom_x, y * zoom_y), (zoom_x, zoom_y), self.color(value));
            }
        }
        image
    }

    /// The matrix with its title and its colour bar.
    pub fn image(&self) -> Image {
        let bar = ColorBar::of(self.range, self.palette).noting(self.matrix, self.range);
        framed(&self.pixels(), &self.title, &bar, self.palette)
    }

    fn color(&self, value: f32) -> [u8; 3] {
        let t = value / self.range;
        let visible = if value != 0.0 && t.abs() < LEAST { LEAST.copysign(t) } else { t };
        self.palette.color(visible)
    }
}

/// A bar that says what colours mean.
#[derive(Clone, Debug)]
pub struct ColorBar {
    /// At its left end, its middle and its right end.
    pub labels: [String; 3],
    /// From left to right.
    pub colors: Vec<[u8; 3]>,
    /// What lies beyond its ends; empty where nothing does.
    pub note: String,
}

impl ColorBar {
    /// From −range to range.
    pub fn of(range: f32, palette: Palette) -> Self {
        let labels = [format!("-{}", short(range)), "0".to_owned(), format!("+{}", short(range))];
        Self { labels, colors: palette.table(511), note: String::new() }
    }

    /// With a note on the entries of `matrix` that are larger than `range`.
    fn noting(self, matrix: &Matrix, range: f32) -> Self {
        let beyond = || matrix.as_slice().iter().map(|x| x.abs()).filter(|&x| x > range && x.is_finite());
        let (count, largest) = (beyond().count(), beyond().fold(0.0, f32::max));
        let note = format!("{count} beyond \u{b1}{}, up to {}", short(range), short(largest));
        Self { note: if count == 0 { String::new() } else { note }, ..self }
    }
}

/// A picture with a title above and a bar below.
pub fn framed(pixels: &Image, title: &str, bar: &ColorBar, palette: Palette) -> Image {
    let widths = bar.labels.each_ref().map(|label| text_width(label));
    let widest = widths.into_iter().max().unwrap_or(0);
    let content = (pixels.width + 2).max(text_width(title)).max(3 * widest).max(text_width(&bar.note)).max(2);
    let top = if title.is_empty() { MARGIN } else { 2 * MARGIN + LINE };
    let bar_top = top + pixels.height + 2 + MARGIN;
    let label_top = bar_top + BAR + MARGIN / 2;
    let text = palette.text();
    let lines = if bar.note.is_empty() { 1 } else { 2 };
    let mut image = Image::new(content + 2 * MARGIN, label_top + lines * LINE + MARGIN, palette.background());
    image.write((MARGIN, MARGIN), title, text);
    image.fill((MARGIN, top), (pixels.width + 2, pixels.height + 2), FRAME);
    image.paste((MARGIN + 1, top + 1), pixels);
    image.fill((MARGIN, bar_top), (content, BAR), FRAME);
    let inside = content - 2;
    for x in 0..inside {
        let at = x * bar.colors.len() / inside;
        image.fill((MARGIN + 1 + x, bar_top + 1), (1, BAR - 2), bar.colors.get(at).copied().unwrap_or(FRAME));
    }
    let starts = [MARGIN, MARGIN + (content - widths[1]) / 2, MARGIN + content - widths[2]];
    for (x, label) in starts.into_iter().zip(&bar.labels) {
        image.write((x, label_top), label, text);
    }
    image.write((MARGIN, label_top + LINE), &bar.note, text);
    image
}

/// The one of larger magnitude; what is no number is larger than any.
fn larger(most: f32, x: f32) -> f32 {
    if x.is_nan() || x.abs() > most.abs() { x } else { most }
}

/// `matrix` with its colour bar, see [`Picture`].
pub fn picture(matrix: &Matrix, max_side: usize, range: f32) -> Image {
    Picture::with_range(matrix, range).max_side(max_side).image()
}

/// What `automatic_range` finds for the finite nonzeros; 1 where there are none.
pub fn default_range(matrix: &Matrix) -> f32 {
    let nonzeros = matrix.as_slice().iter().map(|x| x.abs()).filter(|&x| x != 0.0 && x.is_finite());
    let mut magnitudes: Vec<f32> = nonzeros.collect();
    let filled = magnitudes.len() as f64 / matrix.len().max(1) as f64;
    automatic_range(&mut magnitudes, filled)
}

/// Pictures side by side, on the first one's background.
pub fn contact_sheet(pictures: &[Picture]) -> Image {
    let images: Vec<Image> = pictures.iter().map(Picture::image).collect();
    let palette = pictures.first().map_or(Palette::default(), |picture| picture.palette);
    side_by_side(&images, palette)
}

fn side_by_side(images: &[Image], palette: Palette) -> Image {
    let width = images.iter().map(|image| image.width).sum();
    let height = images.iter().map(|image| image.height).max().unwrap_or(0);
    let mut sheet = Image::new(width, height, palette.background());
    let mut left = 0;
    for image in images {
        sheet.paste((left, 0), image);
        left += image.width;
    }
    sheet
}

/// W, A, B, A·B and W − A·B side by side. The three that are W's size share W's range, so that they can be compared.
///
/// # Panics
/// Panics if A·B has not W's shape.
pub fn factor_sheet(w: &Matrix, replacement: &Replacement, max_side: usize, palette: Palette) -> Image {
    let [a, b] = replacement.dense_factors();
    let mut titles = ["W", "A", "B", "AB", "W-AB"].into_iter();
    let images = factor_images(w, &a, &b, &replacement.to_dense(), |picture| {
        picture.title(titles.next().unwrap_or_default()).max_side(max_side).palette(palette).image()
    });
    side_by_side(&images, palette)
}

/// W, what replaces it and what is left side by side, in W's range; `name` is written over the second.
///
/// # Panics
/// Panics if `replacement` has not W's shape.
pub fn replacement_sheet(w: &Matrix, replacement: &Matrix, name: &str, max_side: usize, palette: Palette) -> Image {
    let rest = format!("W-{name}");
    let mut titles = ["W", name, &rest].into_iter();
    let images = pruned_images(w, replacement, |picture| {
        picture.title(titles.next().unwrap_or_default()).max_side(max_side).palette(palette).image()
    });
    side_by_side(&images, palette)
}

/// W, A, B, A·B, which is `product`, and W − A·B, each as `draw` draws it. The three that are W's size share W's range.
pub(super) fn factor_images(
    w: &Matrix,
    a: &Matrix,
    b: &Matrix,
    product: &Matrix,
    mut draw: impl FnMut(Picture<'_>) -> Image,
) -> [Image; 5] {
    let [factor_a, factor_b] = [a, b].map(|factor| draw(Picture::new(factor)));
    let [w, product, rest] = pruned_images(w, product, draw);
    [w, factor_a, factor_b, product, rest]
}

/// W, what replaces it, and what is left, all in W's range, each as `draw` draws it.
pub(super) fn pruned_images(w: &Matrix, replacement: &Matrix, draw: impl FnMut(Picture<'_>) -> Image) -> [Image; 3] {
    assert_eq!(w.shape(), replacement.shape(), "shapes of W and what replaces it");
    let rest = w.as_slice().iter().zip(replacement.as_slice()).map(|(w, p)| w - p).collect();
    let rest = Matrix::from_vec(w.rows(), w.cols(), rest);
    let range = default_range(w);
    [w, replacement, &rest].map(|matrix| Picture::with_range(matrix, range)).map(draw)
}

/// A positive number in three digits.
pub(crate) fn short(x: f32) -> String {
    match x {
        _ if !(1e-3..1e4).contains(&x) => format!("{x:.1e}"),
        _ if x < 1.0 => format!("{x:.4}"),
        _ if x < 100.0 => format!("{x:.2}"),
        _ => format!("{x:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lone_nonzero_in_a_large_matrix_stays_visible() {
        let mut matrix = Matrix::zeros(4096, 11008);
        matrix.as_mut_slice()[1234 * 11008 + 5678] = -1e-3;
        let image = Picture::with_range(&matrix, 1.0).max_side(512).pixels();
        assert_eq!((image.width, image.height), (501, 187)); // blocks of 22
        let zero = Palette::Light.color(0.0);
        let colored: Vec<usize> = (0..501 * 187).filter(|at| image.pixel(at % 501, at / 501) != zero).collect();
        assert_eq!(colored, [1234 / 22 * 501 + 5678 / 22]);
        let [r, _, b] = image.pixel(5678 / 22, 1234 / 22);
        assert!(b > r, "negative is blue");
        let own = Picture::new(&matrix).max_side(512).pixels();
        assert_eq!(own.pixel(5678 / 22, 1234 / 22), Palette::Light.color(-1.0));
    }

    #[test]
    fn a_thin_matrix_is_seen() {
        let wide = Matrix::from_fn(1, 5000, |_, j| j as f32 - 2500.0);
        let image = Picture::new(&wide).pixels();
        assert_eq!((image.width, image.height), (500, 8));
        assert!((0..8).all(|y| image.pixel(0, y) == image.pixel(0, 0)) && image.pixel(0, 0) != image.pixel(499, 0));
        let tall = Matrix::from_fn(5000, 3, |_, j| [-1.0, 0.0, 1.0][j]);
        let image = Picture::with_range(&tall, 1.0).pixels();
        assert_eq!((image.width, image.height), (6, 500));
        let columns: Vec<[u8; 3]> = [0, 2, 4].map(|x| image.pixel(x, 250)).to_vec();
        assert_eq!(columns, [-1.0, 0.0, 1.0].map(|x| Palette::Light.color(x)));
    }

    #[test]
    fn what_is_beyond_the_range_is_noted() {
        let matrix = Matrix::from_fn(40, 50, |i, j| if (i, j) == (3, 4) { -1e30 } else { (i + j) as f32 / 1e4 });
        let bar = ColorBar::of(0.01, Palette::Light).noting(&matrix, 0.01);
        assert_eq!(bar.note, "1 beyond \u{b1}0.0100, up to 1.0e30");
        assert_eq!(ColorBar::of(1.0, Palette::Light).noting(&Matrix::zeros(2, 2), 1.0).note, "");
        let with = framed(&Image::new(300, 10, FRAME), "", &bar, Palette::Light);
        let without = framed(&Image::new(300, 10, FRAME), "", &ColorBar::of(0.01, Palette::Light), Palette::Light);
        assert_eq!(with.height, without.height + LINE);
    }

    #[test]
    fn a_small_matrix_is_enlarged_by_a_whole_factor() {
        let matrix = Matrix::from_vec(2, 3, vec![1.0, 0.0, -1.0, 0.5, 2.0, 0.0]);
        let image = Picture::with_range(&matrix, 1.0).max_side(32).pixels();
        assert_eq!((image.width, image.height), (30, 20));
        for (at, &value) in matrix.as_slice().iter().enumerate() {
            let (x, y) = (at % 3 * 10, at / 3 * 10);
            assert_eq!(image.pixel(x, y), Palette::Light.color(value));
            assert_eq!(image.pixel(x + 9, y + 9), Palette::Light.color(value));
        }
    }

    #[test]
    fn the_default_range_leaves_out_the_largest() {
        let dense = Matrix::from_fn(20, 50, |i, j| -((i * 50 + j + 1) as f32));
        assert_eq!(default_range(&dense), 995.0); // of 1 to 1000
        let matrix = Matrix::from_fn(40, 50, |i, j| if i % 2 == 0 { 0.0 } else { -((i / 2 * 50 + j + 1) as f32) });
        assert_eq!(default_range(&matrix), 948.0);
        assert_eq!(default_range(&Matrix::zeros(3, 3)), 1.0);
    }

    #[test]
    fn the_sheet_survives_its_png() {
        let w = Matrix::from_fn(12, 20, |i, j| (i as f32 - j as f32) / 10.0);
        let a = Matrix::from_fn(12, 12, |i, j| f32::from(i == j));
        let sheet = factor_sheet(&w, &Replacement::LowRank { a, b: w.clone() }, 120, Palette::Dark);
        let png = sheet.to_png();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&png)).read_info().unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut rgb).unwrap();
        assert_eq!((info.width as usize, info.height as usize), (sheet.width, sheet.height));
        assert_eq!(rgb, sheet.rgb);
        if let Some(path) = std::env::var_os("DSF_TEST_PICTURE") {
            std::fs::write(path, png).unwrap(); // to look at
        }
    }

    #[test]
    fn nothing_is_too_odd_to_be_drawn() {
        let odd = Matrix::from_vec(1, 4, vec![f32::NAN, f32::INFINITY, 1.0, 0.0]);
        for matrix in [&odd, &Matrix::zeros(0, 0), &Matrix::zeros(0, 5), &Matrix::zeros(1, 1)] {
            for range in [0.0, f32::NAN, 1e-40] {
                let image = picture(matrix, 0, range);
                assert_eq!(image.rgb.len(), 3 * image.width * image.height);
            }
            Picture::new(matrix).title("…").image().to_png();
        }
        assert_eq!(contact_sheet(&[]).rgb.len(), 3);
    }

    #[test]
    fn numbers_of_the_bar() {
        assert_eq!([0.0421, 1.5, 250.0, 1e-5, 3e7].map(short), ["0.0421", "1.50", "250", "1.0e-5", "3.0e7"]);
    }
}
