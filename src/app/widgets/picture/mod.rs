//! A matrix as a picture, at any size and zoom: our own part of the window.
//!
//! A [`Pyramid`] holds the matrix, its halvings and what is known of its values, made once on another thread. A
//! [`Viewport`] says which part is seen. A [`MatrixView`] draws that part: the tiles it needs go to the GPU as plain
//! numbers, and a shader finds each pixel's number and its colour (`gpu.rs`), so that another zoom, range or palette costs
//! nothing on this side.

mod canvas;
mod colors;
mod gpu;
mod marginals;
mod matrix_view;
mod pyramid;
mod spread;
mod tiles;
mod viewport;

pub use canvas::draw;
pub use colors::{Colors, Shade};
pub use gpu::install;
pub use matrix_view::{Frame, Marks, MatrixView, Seen, bar, image};
pub use pyramid::{Kind, Pyramid};
pub use spread::Spread;
pub use viewport::Viewport;
