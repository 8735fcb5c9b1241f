//! Pixels, and the little drawing that pictures need.

use embedded_graphics::draw_target::DrawTarget;
use embedded_graphics::geometry::{OriginDimensions, Point, Size};
use embedded_graphics::mono_font::{MonoFont, MonoTextStyle, iso_8859_1};
use embedded_graphics::pixelcolor::{Rgb888, RgbColor};
use embedded_graphics::text::{Baseline, Text};
use embedded_graphics::{Drawable, Pixel};

/// Letters in pictures: all as wide as each other, with the signs of western European languages.
const FONT: MonoFont = iso_8859_1::FONT_10X20;
/// The height of a line of them.
pub(super) const LINE: usize = FONT.character_size.height as usize;

/// A picture: `width`·`height` pixels, row by row, red, green and blue bytes each.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// Pixels of a row.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// Bytes of the pixels, `3·width·height` in all.
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

    /// Fills a rectangle, given by its upper left corner and its size, with one colour.
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

    /// Writes `text` from its upper left corner.
    pub(super) fn write(&mut self, (x, y): (usize, usize), text: &str, [r, g, b]: [u8; 3]) {
        let style = MonoTextStyle::new(&FONT, Rgb888::new(r, g, b));
        let Ok(_) = Text::with_baseline(text, Point::new(x as i32, y as i32), style, Baseline::Top).draw(self);
    }
}

impl OriginDimensions for Image {
    fn size(&self) -> Size {
        Size::new(self.width as u32, self.height as u32)
    }
}

impl DrawTarget for Image {
    type Color = Rgb888;
    type Error = std::convert::Infallible;

    fn draw_iter<I: IntoIterator<Item = Pixel<Rgb888>>>(&mut self, pixels: I) -> Result<(), Self::Error> {
        for Pixel(place, color) in pixels {
            if let (Ok(x), Ok(y)) = (usize::try_from(place.x), usize::try_from(place.y)) {
                self.set(x, y, [color.r(), color.g(), color.b()]);
            }
        }
        Ok(())
    }
}

/// Returns the width of `text` as [`Image::write`] writes it, in pixels.
pub(super) fn text_width(text: &str) -> usize {
    text.chars().count() * FONT.character_size.width as usize
}

impl std::fmt::Debug for Image {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Image {}×{}", self.width, self.height)
    }
}
