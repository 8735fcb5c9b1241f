//! How images become a network's input.

use serde::{Deserialize, Serialize};

/// How images become a network's input: brought to one size, then scaled and normalized by colour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// How files of a folder are resized; `None` leaves them as they are.
    pub resize: Option<Resize>,
    /// Height and width in pixels of what is cut out of the middle after that, black where the image is smaller; `None` keeps
    /// all of it.
    pub crop: Option<(usize, usize)>,
    /// What a pixel's 0 to 255 are multiplied by.
    pub scale: f32,
    /// What is taken off each colour after that.
    pub mean: [f32; 3],
    /// What each colour is divided by after that.
    pub std: [f32; 3],
}

/// How an image is resized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resize {
    /// Size that it is brought to.
    pub to: Size,
    /// How values between pixels are found.
    pub filter: Filter,
}

/// A size to which images are brought, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Size {
    /// The shorter side gets this length, the longer one what keeps their ratio, rounded down.
    ShorterSide(usize),
    /// Both sides, whatever their ratio was.
    Exactly {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
    },
}

/// How values between pixels are found: PIL's filters, widened when an image is made smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Filter {
    /// The pixel that is there, without a mean.
    Nearest,
    /// sinc windowed by a wider sinc, of three zeros on each side.
    Lanczos,
    /// A triangle.
    Bilinear,
    /// Cubic pieces with a = −1/2 (Catmull and Rom's).
    Bicubic,
    /// A plain mean.
    Box,
    /// sinc in Hamming's window, as wide as the triangle.
    Hamming,
}

impl Default for Preprocess {
    /// Images as they are, with mean and standard deviation of ImageNet's colours, as most networks take them.
    fn default() -> Self {
        Self { resize: None, crop: None, scale: 1.0 / 255.0, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
    }
}

impl Preprocess {
    /// The same colours, of squares of `side` pixels: the shorter side is brought to that, and the middle cut out.
    pub fn for_side(self, side: usize) -> Self {
        self.for_sides(side, side)
    }

    /// The same colours, of squares of `cropped` pixels from the middle of images whose shorter side is brought to `resized`.
    pub fn for_sides(self, resized: usize, cropped: usize) -> Self {
        let resize = Resize { to: Size::ShorterSide(resized), filter: Filter::Bilinear };
        Self { resize: Some(resize), crop: Some((cropped, cropped)), ..self }
    }

    /// Height and width of any image afterwards, `None` where they depend on the image.
    pub fn fixed_size(&self) -> Option<(usize, usize)> {
        self.crop.or(match self.resize.map(|resize| resize.to) {
            Some(Size::Exactly { height, width }) => Some((height, width)),
            Some(Size::ShorterSide(_)) | None => None,
        })
    }

    /// Height and width after resizing an image of this size, before it is cropped.
    pub fn resized(&self, height: usize, width: usize) -> (usize, usize) {
        let longer = |side: usize, long: usize, short: usize| {
            let long = side as u128 * long as u128 / short.max(1) as u128;
            usize::try_from(long).unwrap_or(usize::MAX)
        };
        match self.resize.map(|resize| resize.to) {
            None => (height, width),
            Some(Size::Exactly { height, width }) => (height, width),
            Some(Size::ShorterSide(side)) if height <= width => (side, longer(side, width, height)),
            Some(Size::ShorterSide(side)) => (longer(side, height, width), side),
        }
    }

    /// Height and width of an image of this size afterwards.
    pub fn output_size(&self, height: usize, width: usize) -> (usize, usize) {
        self.fixed_size().unwrap_or_else(|| self.resized(height, width))
    }

    /// The input of each colour for each of the 256 pixel values.
    pub(super) fn table(&self) -> [[f32; 256]; 3] {
        let value = |colour: usize, pixel: usize| (pixel as f32 * self.scale - self.mean[colour]) / self.std[colour];
        std::array::from_fn(|colour| std::array::from_fn(|pixel| value(colour, pixel)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_by_hand() {
        let plain = Preprocess::default();
        assert_eq!((plain.fixed_size(), plain.output_size(30, 40)), (None, (30, 40)));
        let cropped = Preprocess { crop: Some((5, 6)), ..plain.clone() };
        assert_eq!((cropped.fixed_size(), cropped.resized(30, 40)), (Some((5, 6)), (30, 40)));
        let mut square = plain.clone().for_side(224);
        assert_eq!((square.fixed_size(), square.resized(375, 500)), (Some((224, 224)), (224, 298))); // 298.67
        square.crop = None;
        assert_eq!((square.fixed_size(), square.output_size(500, 375)), (None, (298, 224)));
        assert_eq!(square.output_size(1, usize::MAX).0, 224);
        square.resize = Some(Resize { to: Size::Exactly { height: 3, width: 5 }, filter: Filter::Nearest });
        assert_eq!((square.fixed_size(), square.resized(500, 375)), (Some((3, 5)), (3, 5)));
    }
}
