//! A matrix as a picture, at any size and zoom.
//!
//! A [`Pyramid`] holds the matrix and its halvings, made once on another thread: each level keeps the entry of largest
//! magnitude and the share of nonzeros of four entries of the level below, so that no lone nonzero is lost. A [`Viewport`]
//! says which part is seen. A [`MatrixView`] draws that part: the tiles it needs go to the GPU as plain numbers, from the
//! level whose numbers are one to two pixels large. A shader (`matrix.wgsl`) takes the largest of the numbers under a pixel
//! and finds its colour in a table, so that another zoom, range or palette touches no data, and 4096×11008 costs as much
//! per frame as a small matrix. `canvas.rs` draws the same on the CPU, for files.

mod canvas;
mod colors;
mod corners;
mod frame;
mod gpu;
mod keys;
mod marginals;
mod matrix_view;
mod on_screen;
mod overlays;
mod pyramid;
mod shade;
mod spread;
mod tiles;
mod viewport;

pub use canvas::draw;
pub use colors::Colors;
pub use corners::bar;
pub use frame::{Frame, Marks, Readout};
pub use gpu::install;
pub use keys::answers;
pub use matrix_view::{MatrixView, Seen, image};
pub use pyramid::{Kind, Pyramid};
pub use shade::Shade;
pub use spread::{AUTOMATIC, Spread};
pub use viewport::Viewport;
