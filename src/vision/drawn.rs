//! The built-in network's pictures, drawn as they are asked for.

use super::Pictures;
use crate::glyphs::{SIDE, picture};
use std::ops::Range;

impl Pictures {
    /// Some pictures of the stream `seed` of [`crate::glyphs`], with their classes. The built-in network was trained on seed
    /// 1; every other one is held out.
    pub fn of_glyphs(seed: u64, range: Range<u64>) -> Self {
        let mut pictures = Self { height: SIDE, width: SIDE, ..Self::default() };
        for glyph in range.map(|index| picture(seed, index)) {
            pictures.pixels.extend(glyph.pixels);
            pictures.labels.push(glyph.label);
        }
        pictures
    }
}
