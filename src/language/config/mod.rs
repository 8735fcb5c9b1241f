//! What a decoder-only transformer computes: sizes, and which norms, positions, attention and feed-forward part it has.
//!
//! A family of models is a description, not code of its own: `families` reads each family's `config.json` into one
//! [`Config`], and the same blocks compute them all.

mod description;
mod families;
mod fields;
pub(super) mod names;
mod parts;
mod places;
mod rope;

pub use description::Config;
pub use families::ARCHITECTURES;
pub use parts::{Activation, BlockKind, BlockOrder, Experts, NormKind, NormSpan, Rotary};
pub use places::Place;
pub use rope::{Rope, Scaling};

use super::Error;

impl Config {
    /// Parses a `config.json`; fails with the name of a feature that is not supported, or of a field that is wrong.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        families::read(bytes)
    }
}
