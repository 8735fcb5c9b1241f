//! A picture with its label.

use super::chance::Chance;
use super::figure::CLASSES;
use super::mask::SIDE;
use super::scene;

/// A labelled picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glyph {
    /// The red plane, the green and the blue one, each row by row from the top: `[3, SIDE, SIDE]`.
    pub pixels: [u8; 3 * SIDE * SIDE],
    /// What it shows: an index of [`CLASSES`].
    pub label: usize,
}

/// Draws picture number `index` of the stream `seed`: its class, then all else, at random. Every class is as likely as
/// every other.
pub fn picture(seed: u64, index: u64) -> Glyph {
    let mut chance = Chance::new(seed, index);
    let label = chance.below(CLASSES.len() as u32) as usize;
    Glyph { pixels: scene::draw(&mut chance, label), label }
}
