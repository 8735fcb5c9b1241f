//! Pixels, and the little drawing that pictures need.

use super::font;

/// A picture: `width`·`height` pixels, row by row, red, green and blue bytes each.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// Pixels of a row.
    pub width: usize,
    /// Rows of pixels.
    pub height: usize,
    /// The bytes.
    pub rgb: Vec<u8>,
}

impl Image {
    /// One colour all over; at least one pixel.
    pub fn new(width: usize, height: usize, color: [u8; 3]) -> Self {
        let (width, height) = (width.max(1), height.max(1));
        Self { width, height, rgb: color.repeat(width * height) }
    }

    /// The colour in column `x` of row `y`.
    pub fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let at = 3 * (y * self.width + x);
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    /// As a PNG file.
    pub fn to_png(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width as u32, self.height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(&self.rgb));
        written.expect("an image that is not empty, written to memory");
        bytes
    }

    /// Colours a pixel; nothing outside of the picture.
    pub fn set(&mut self, x: usize, y: usize, color: [u8; 3]) {
        if x < self.width && y < self.height {
            let at = 3 * (y * self.width + x);
            self.rgb[at..at + 3].copy_from_slice(&color);
        }
    }

    /// Fills a rectangle.
    pub(super) fn fill(&mut self, (x, y): (usize, usize), (width, height): (usize, usize), color: [u8; 3]) {
        for row in y..y + height {
            (x..x + width).for_each(|column| self.set(column, row, color));
        }
    }

    /// Copies another picture into this one.
    pub(super) fn paste(&mut self, (x, y): (usize, usize), other: &Self) {
        for row in 0..other.height {
            (0..other.width).for_each(|column| self.set(x + column, y + row, other.pixel(column, row)));
        }
    }

    /// Writes `text` from its upper left corner, each of the font's dots `scale` pixels wide.
    pub(super) fn write(&mut self, (x, y): (usize, usize), text: &str, scale: usize, color: [u8; 3]) {
        for (i, c) in text.chars().enumerate() {
            let left = x + i * (font::WIDTH + 1) * scale;
            for (row, bits) in font::glyph(c).into_iter().enumerate() {
                for column in (0..font::WIDTH).filter(|column| bits >> (font::WIDTH - 1 - column) & 1 == 1) {
                    self.fill((left + column * scale, y + row * scale), (scale, scale), color);
                }
            }
        }
    }
}

/// How wide [`Image::write`] writes.
pub(super) fn text_width(text: &str, scale: usize) -> usize {
    (text.chars().count() * (font::WIDTH + 1)).saturating_sub(1) * scale
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image {}×{}", self.width, self.height)
    }
}
