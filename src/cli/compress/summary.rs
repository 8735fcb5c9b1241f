//! A compression as a table.

use super::super::output;
use crate::compress::Totals;
use crate::export::{RunReport, error_text};
use crate::model;
use indicatif::HumanBytes;
use std::path::Path;

/// The table of all layers, and what they take together.
pub fn summary(model: &str, totals: &Totals, out: Option<&Path>) -> String {
    let head = ["layer", "shape", "density", "relative error", "layer error", "before finalisation", "time"];
    let row = |report: &RunReport| {
        let number = |error: Option<f64>| error.map_or("–".into(), |error| error_text(error, 5));
        let density = report.nnz as f64 / (report.rows * report.cols) as f64;
        vec![
            report.tensor.trim_end_matches(".weight").into(),
            format!("{}×{}", report.rows, report.cols),
            format!("{:.1} %", 100.0 * density),
            error_text(report.relative_error, 4),
            number(report.layer_error),
            number(report.layer_error_before_finalize),
            format!("{:.2} s", report.seconds),
        ]
    };
    let rows: Vec<Vec<String>> =
        std::iter::once(head.map(str::to_owned).to_vec()).chain(totals.layers.iter().map(row)).collect();
    let mut text = output::table(&rows);
    let weights = totals.bytes_dense / 2;
    text.push_str(&format!(
        "\n{}: {} of {weights} weights kept ({:.2} %), 16-bit storage {} with bit masks, {} as CSR, {} dense, {:.1} s",
        model::printable(model),
        totals.nnz,
        100.0 * totals.nnz as f64 / weights.max(1) as f64,
        HumanBytes(totals.bytes_bitmask),
        HumanBytes(totals.bytes_csr),
        HumanBytes(totals.bytes_dense),
        totals.seconds
    ));
    if let Some(out) = out {
        text.push_str(&format!("\nwritten to {}", out.display()));
    }
    text
}
