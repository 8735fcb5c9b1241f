//! Small labelled pictures without end, drawn by a generator: what the built-in network sees.
//!
//! A picture of 20×20 pixels shows one of twelve figures: a shape, a stroke, a texture or a letter, in any two colours,
//! of many sizes, at many places, leaning a little and stretched a little. The background changes its colour across the
//! picture; blobs, strokes and splinters lie behind the figure and before it, a bar may hide a part of it, and all of it
//! is noisy. Colours say nothing about the class, and textures are told by their pattern alone, for they fill discs and
//! squares.
//!
//! `picture(seed, index)` is the same on every platform, to the bit. A picture takes its numbers from a random
//! generator that never changes, and its geometry from f32 sums, products, quotients and square roots, which
//! IEEE 754 rounds alike everywhere; sine and cosine, which it does not, are avoided. So a seed that no training has used
//! gives as many held-out pictures as anyone wants, and none of them has to be stored.
//!
//! Areas are sets of samples, nine to a pixel (`mask`): a figure (`figure`, `round`, `texture`) is drawn as the union,
//! intersection or difference of convex areas, a row of samples being the bits of one number, and a pixel's colour
//! changes by its covered share (`scene`).
//!
//! ```
//! use dsf_explorer::glyphs::{CLASSES, SIDE, picture};
//!
//! let glyph = picture(1, 0);
//! assert_eq!(glyph.pixels.len(), 3 * SIDE * SIDE);
//! println!("a {}", CLASSES[glyph.label]);
//! ```

mod chance;
mod figure;
mod glyph;
mod mask;
mod pose;
mod round;
mod scene;
#[cfg(test)]
mod tests;
mod texture;

pub use figure::CLASSES;
pub use glyph::{Glyph, picture};
pub use mask::SIDE;
