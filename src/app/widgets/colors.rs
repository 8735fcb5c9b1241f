//! What colour stands for what, in every view and both themes.

use crate::methods::Method;
use eframe::egui::Color32;

const fn color([r, g, b]: [u8; 3]) -> Color32 {
    Color32::from_rgb(r, g, b)
}

/// The layer's own weights.
pub const W: Color32 = Color32::from_rgb(150, 150, 160);
/// Colour of the output-side factor A.
pub const A: Color32 = Color32::from_rgb(214, 120, 40);
/// Colour of the input-side factor B.
pub const B: Color32 = Color32::from_rgb(52, 150, 110);
/// Double sparse factorization: A·B and its error curve.
pub const DSF: Color32 = color(Method::Dsf.color());
/// Colour of the error W − A·B.
pub const ERROR: Color32 = Color32::from_rgb(205, 80, 95);
/// Colour of right answers.
pub const RIGHT: Color32 = Color32::from_rgb(60, 160, 100);
/// Colour of wrong answers.
pub const WRONG: Color32 = Color32::from_rgb(210, 75, 75);
/// Colour of magnitude pruning.
pub const MAGNITUDE: Color32 = color(Method::Magnitude.color());
/// A second curve of the run on screen, and the ridge.
pub const SECOND: Color32 = Color32::from_rgb(176, 160, 50);
/// Colour of the growing budget.
pub const BUDGET: Color32 = Color32::from_rgb(140, 140, 110);
/// Colour of the power of the inputs' metric, and of errors on held-out inputs.
pub const POWER: Color32 = Color32::from_rgb(150, 110, 190);
/// Colour of entries that only the first of two masks keeps.
pub const ONLY_FIRST: Color32 = Color32::from_rgb(226, 196, 60);
/// Colour of entries that only the second keeps.
pub const ONLY_SECOND: Color32 = Color32::from_rgb(196, 80, 170);
/// Colour of entries that both masks keep.
pub const BOTH: Color32 = Color32::from_rgb(120, 130, 150);
/// Colour of the line where something was cut.
pub const CUT: Color32 = Color32::from_rgb(128, 128, 128);
/// Colour of runs that are not the selected one.
pub const OTHER_RUN: Color32 = Color32::from_rgb(128, 128, 128);

/// Colour of a method.
pub const fn of(method: Method) -> Color32 {
    color(method.color())
}
