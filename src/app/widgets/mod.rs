//! Parts that any panel is drawn with: the matrix view, charts, fields, colours, fonts, words.

pub mod chart_view;
pub mod colors;
pub mod dialog;
pub mod fields;
pub mod finder;
pub mod fonts;
pub mod log_axis;
pub mod marks;
pub mod picture;
pub mod text;
pub mod words;
