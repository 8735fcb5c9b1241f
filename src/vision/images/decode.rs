//! PNG and JPEG files, decoded and brought to one size.

use super::super::Preprocess;
use super::resample::{Rgb, resample};
use crate::model::Bytes;
use image::{DynamicImage, ImageFormat, ImageReader, Limits};
use std::io::Cursor;
use std::ops::Range;
use std::path::Path;

/// Largest file that is read, in bytes.
const LARGEST_FILE: usize = 1 << 28;

/// Most pixels of an image, and most on a side: several are in memory at a time.
const MOST_PIXELS: u64 = 1 << 26;
const LONGEST_SIDE: u32 = 65_535;

/// Bytes at a file's beginning in which its size mostly stands.
const HEADER: usize = 1 << 16;

/// Rows and columns of an image, without decoding it; `None` if it is broken or of a kind that is not read.
pub(super) fn size(path: &Path) -> Option<(usize, usize)> {
    let bytes = Bytes::open(path).ok().filter(|bytes| bytes.len() <= LARGEST_FILE)?;
    let size = |range: Range<usize>| {
        let (width, height) = reader(&bytes.read(range).ok()?)?.into_dimensions().ok()?;
        Some((height as usize, width as usize))
    };
    // A JPEG may have a small copy of itself before its size.
    size(0..HEADER).or_else(|| size(0..bytes.len()))
}

/// The values `[3, height, width]` of an image that comes to this size; `None` if it does not, is broken or of a kind that is
/// not read.
pub(super) fn picture(path: &Path, preprocess: &Preprocess, size: (usize, usize)) -> Option<Vec<u8>> {
    let bytes = Bytes::open(path).ok().filter(|bytes| bytes.len() <= LARGEST_FILE)?;
    let rgb = decode(&bytes.read(0..bytes.len()).ok()?)?;
    (preprocess.output_size(rgb.height, rgb.width) == size).then(|| fit(&rgb, preprocess, size))
}

/// A PNG or a JPEG, whatever the file is called. The orientation that a camera notes beside it is left alone, as PIL does.
fn reader(bytes: &[u8]) -> Option<ImageReader<Cursor<&[u8]>>> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(LONGEST_SIDE), Some(LONGEST_SIDE));
    reader.limits(limits);
    matches!(reader.format()?, ImageFormat::Png | ImageFormat::Jpeg).then_some(reader)
}

/// The colours of an image, what is transparent as if it were not.
fn decode(bytes: &[u8]) -> Option<Rgb> {
    let (width, height) = reader(bytes)?.into_dimensions().ok()?;
    let reader = reader(bytes)?;
    let is_jpeg = reader.format() == Some(ImageFormat::Jpeg);
    if u64::from(width) * u64::from(height) > MOST_PIXELS || is_jpeg && !ends(bytes) {
        return None;
    }
    // The high bytes. Of 16-bit greys PIL makes all above 255 white, which nobody means.
    let high = |values: &[u16], channels: usize, colours: [usize; 3]| -> Vec<u8> {
        values.chunks_exact(channels).flat_map(|pixel| colours.map(|at| (pixel[at] >> 8) as u8)).collect()
    };
    let pixels = match reader.decode().ok()? {
        DynamicImage::ImageRgb16(image) => high(&image, 3, [0, 1, 2]),
        DynamicImage::ImageRgba16(image) => high(&image, 4, [0, 1, 2]),
        DynamicImage::ImageLuma16(image) => high(&image, 1, [0; 3]),
        DynamicImage::ImageLumaA16(image) => high(&image, 2, [0; 3]),
        image => image.into_rgb8().into_raw(),
    };
    let (height, width) = (height as usize, width as usize);
    (pixels.len() == 3 * height * width && !pixels.is_empty()).then_some(Rgb { height, width, pixels })
}

/// Whether a JPEG goes on to its end. The decoder paints grey what is missing.
fn ends(bytes: &[u8]) -> bool {
    /// Starts of the image, of an entropy-coded part, and the end.
    const START: u8 = 0xd8;
    const SCAN: u8 = 0xda;
    const END: u8 = 0xd9;
    let mut at = 0;
    let mut in_scan = false;
    while let Some(&[mark, kind]) = bytes.get(at..at + 2) {
        match kind {
            _ if mark != 0xff => {
                if !in_scan {
                    return false;
                }
                at += 1;
            }
            END => return true,
            // A byte 255 of the image, one that fills, or a mark to find one's way again.
            0xff => at += 1,
            0 | 1 | START | 0xd0..=0xd7 => at += 2,
            _ => {
                let Some(&[high, low]) = bytes.get(at + 2..at + 4) else { return false };
                in_scan = kind == SCAN;
                at += 2 + usize::from(u16::from_be_bytes([high, low]));
            }
        }
    }
    false
}

/// The middle of the resized image, `[3, height, width]`, black where it is smaller than that.
fn fit(image: &Rgb, preprocess: &Preprocess, (height, width): (usize, usize)) -> Vec<u8> {
    let (from_height, from_width) = preprocess.resized(image.height, image.width);
    let (rows, top) = middle(from_height, height);
    let (cols, left) = middle(from_width, width);
    let filter = preprocess.resize.map(|resize| resize.filter);
    let part = resample(image, (from_height, from_width), filter, rows, cols);
    let mut pixels = vec![0; 3 * height * width];
    for (colour, plane) in pixels.chunks_exact_mut(height * width).enumerate() {
        for (row, values) in part.pixels.chunks_exact(3 * part.width).enumerate() {
            let start = (top + row) * width + left;
            let line = &mut plane[start..start + part.width];
            line.iter_mut().zip(values.chunks_exact(3)).for_each(|(to, pixel)| *to = pixel[colour]);
        }
    }
    pixels
}

/// What is kept of `from` pixels when the middle `to` are cut out, and where it begins among those.
fn middle(from: usize, to: usize) -> (Range<usize>, usize) {
    match from.checked_sub(to) {
        Some(more) => (more / 2..more / 2 + to, 0),
        None => (0..from, (to - from).div_ceil(2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By Hugging Face's `center_crop`.
    #[test]
    fn the_middle_by_hand() {
        assert_eq!(middle(7, 4), (1..5, 0));
        assert_eq!(middle(4, 7), (0..4, 2));
        assert_eq!(middle(5, 5), (0..5, 0));
    }

    #[test]
    fn the_end_of_a_jpeg() {
        let whole =
            [0xff, 0xd8, 0xff, 0xe0, 0, 4, 0xff, 0xd9, 0xff, 0xda, 0, 2, 5, 0xff, 0, 7, 0xff, 0xd1, 8, 0xff, 0xd9, 3];
        assert!(ends(&whole));
        for length in 0..21 {
            assert!(!ends(&whole[..length]), "{length}");
        }
    }
}
