//! Output of the program: factors as safetensors files, matrices as images, charts and reports.
//!
//! An [`Export`] is what replaces one layer, as it will be written: rounded to the file's number format, in one of four
//! [`Layout`]s. Errors and counts are taken from it, so that they are true of the file. Bytes are made in memory; only
//! `write` opens files, first a temporary one, so that a file is complete or not there.
//!
//! A [`Picture`] and a [`factor_sheet`] show matrices in a diverging [`Palette`] with zero in the middle. A [`Chart`]
//! shows numbers as lines, and [`html_report`] puts a whole run on one page.

#[cfg(not(target_arch = "wasm32"))]
mod atomic;
mod axis;
mod bars;
mod chart;
mod container;
mod csv;
mod ending;
mod error;
mod factors;
mod html;
mod image;
mod layout;
mod number;
mod palette;
mod picture;
mod plot;
mod range;
mod raster;
mod report;
mod round;
mod svg;
mod ticks;

pub(crate) use self::csv::{Column, csv_of};
#[cfg(not(target_arch = "wasm32"))]
pub use atomic::{check_writable, write, write_with};
pub use bars::{Bar, BarChart};
pub use chart::{Chart, Look, Rule, Series};
pub use container::{Entry, Tensor, header, safetensors, sort_entries, write_tensors};
pub use ending::check_ending;
pub use error::Error;
pub use factors::{Export, factor_tensors, merged, rounded};
pub use html::{HtmlReport, history_chart, html_report, report_pictures};
pub use image::Image;
pub use layout::Layout;
pub use number::error_text;
pub use palette::Palette;
#[cfg(feature = "gui")]
pub(crate) use picture::short;
pub use picture::{ColorBar, Picture, contact_sheet, default_range, factor_sheet, framed, picture, replacement_sheet};
#[cfg(feature = "gui")]
pub(crate) use range::automatic_range;
pub use raster::{CHARTS_AS_PNG, svg_to_png};
pub use report::RunReport;
#[cfg(feature = "gui")]
pub(crate) use ticks::{ticks, written};
