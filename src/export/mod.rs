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
mod escape;
mod factors;
mod font;
mod html;
mod image;
mod layout;
mod palette;
mod picture;
mod raster;
mod report;
mod round;

#[cfg(not(target_arch = "wasm32"))]
pub use atomic::{check_writable, write, write_with};
pub use bars::{Bar, BarChart};
pub use chart::{Chart, Look, Rule, Series};
pub use container::{Entry, Tensor, header, safetensors, sort_entries};
pub(crate) use escape::csv as csv_field;
pub use factors::{Export, factor_tensors, merged};
pub use html::{HtmlReport, history_chart, html_report, report_pictures};
pub use image::Image;
pub use layout::Layout;
pub use palette::Palette;
#[cfg(feature = "gui")]
pub(crate) use picture::short;
pub use picture::{ColorBar, Picture, contact_sheet, default_range, factor_sheet, framed, picture, replacement_sheet};
pub use raster::{CHARTS_AS_PNG, svg_to_png};
pub use report::RunReport;

use std::path::PathBuf;

/// Why something cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The factors do not belong to the layer.
    #[error(
        "A {}×{} times B {}×{} is not the shape of {tensor}, {}×{}: these factors are of another tensor",
        a.0, a.1, b.0, b.1, weight.0, weight.1
    )]
    Shapes {
        /// The tensor's name.
        tensor: String,
        /// Rows and columns of W.
        weight: (usize, usize),
        /// Rows and columns of A.
        a: (usize, usize),
        /// Rows and columns of B.
        b: (usize, usize),
    },
    /// A method that makes no two factors.
    #[error(
        "{layout} writes two factors, and this method makes {}with --layout merged",
        if *parts == 1 { "one matrix: write it " } else { "three: write their product " }
    )]
    NoFactors {
        /// The layout's name.
        layout: &'static str,
        /// How many matrices it makes.
        parts: usize,
    },
    /// The layer's matrix is not its tensor's shape flattened.
    #[error("{tensor} is stored as {shape:?}, which is not a {}×{} matrix: write another layout than merged", weight.0, weight.1)]
    Stored {
        /// The tensor's name.
        tensor: String,
        /// Its shape in its file.
        shape: Vec<usize>,
        /// Rows and columns of W.
        weight: (usize, usize),
    },
    /// An infinity or something that is not a number would be written.
    #[error("{matrix} holds {value} in row {row}, column {col}: factorize again with a larger ridge or ρ")]
    NotFinite {
        /// `A`, `B` or `A·B`.
        matrix: &'static str,
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        col: usize,
        /// The value.
        value: f32,
    },
    /// A value is too large for the file's number format.
    #[error(
        "{matrix} holds {value} in row {row}, column {col}, and {dtype} ends at {largest}: write it with --dtype {hint}"
    )]
    Range {
        /// `A`, `B` or `A·B`.
        matrix: &'static str,
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        col: usize,
        /// The value.
        value: f32,
        /// The format's name.
        dtype: &'static str,
        /// The format's largest value.
        largest: f32,
        /// Formats that hold it.
        hint: &'static str,
    },
    /// A chart that cannot be drawn.
    #[error("the chart cannot be drawn ({what}): write it as .svg or .csv instead")]
    Picture {
        /// What is wrong with it.
        what: String,
    },
    /// The target exists and was not to be replaced.
    #[error("{} exists: use --force to replace it", path.display())]
    Exists {
        /// The target.
        path: PathBuf,
    },
    /// The target's folder does not exist.
    #[error("{} cannot be written, {} is not a folder: make the folder first", path.display(), folder.display())]
    NoFolder {
        /// The target.
        path: PathBuf,
        /// Where it was to be.
        folder: PathBuf,
    },
    /// The target is something else than a file.
    #[error("{:?} is not a file: give the name of a file to write", path)]
    NotAFile {
        /// The target.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{} cannot be written ({source}): nothing was left there; try another folder", path.display())]
    Write {
        /// The target.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}
