//! Parts that any panel is drawn with: the matrix view, charts, fields, colours, fonts, words.

pub mod atlas;
pub mod beside;
pub mod chart_view;
pub mod colors;
pub mod dialog;
pub mod fields;
pub mod finder;
pub mod fonts;
pub mod marks;
pub mod picture;
pub mod plot_axes;
pub mod regions;
pub mod row_keys;
pub mod text;
pub mod theme;
pub mod words;
