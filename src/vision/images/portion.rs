//! What is read of images at a time.

use super::super::Pictures;

/// Images that were read together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Portion {
    /// The images, in order.
    pub pictures: Pictures,
    /// Names of files that are left out, because they are broken or of a kind that is not read.
    pub skipped: Vec<String>,
}
