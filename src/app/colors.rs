//! What colour stands for what, in every view and both themes.

use eframe::egui::Color32;

/// The layer's own weights.
pub const W: Color32 = Color32::from_rgb(150, 150, 160);
/// The output-side factor.
pub const A: Color32 = Color32::from_rgb(214, 120, 40);
/// The input-side factor.
pub const B: Color32 = Color32::from_rgb(52, 150, 110);
/// Double sparse factorization: A·B and its error curve.
pub const DSF: Color32 = Color32::from_rgb(64, 130, 220);
/// W − A·B.
pub const ERROR: Color32 = Color32::from_rgb(205, 80, 95);
/// Magnitude pruning.
pub const MAGNITUDE: Color32 = Color32::from_rgb(160, 110, 190);
/// The best matrix of low rank.
pub const SVD: Color32 = Color32::from_rgb(0, 150, 160);
/// Runs that are not the selected one.
pub const OTHER_RUN: Color32 = Color32::from_rgb(128, 128, 128);
