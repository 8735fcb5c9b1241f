//! The columns of the comparison, and what its bars show.

use crate::app::tasks::comparison::Row;
use crate::app::tasks::replace::THREADS;
use crate::export::RunReport;
use eframe::egui::Rangef;

/// Smallest width of a bar, in points.
pub const LEAST_BAR: f32 = 90.0;

/// Quantity that the bars show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BarQuantity {
    /// The layer-wise error where there is one, else the relative one.
    #[default]
    Best,
    /// Relative error of W.
    Error,
    /// To magnitude pruning's error.
    Ratio,
    /// Layer-wise error, of the layer's outputs.
    Layer,
    /// Bytes with 16-bit values.
    Bytes,
}

impl BarQuantity {
    /// Label of its button.
    pub fn title(self) -> &'static str {
        match self {
            Self::Best | Self::Error => "Relative error",
            Self::Ratio => "× magnitude's",
            Self::Layer => "Layer error",
            Self::Bytes => "Bytes",
        }
    }

    pub fn about(self) -> &'static str {
        match self {
            Self::Best | Self::Error => "‖W − Ŵ‖ / ‖W‖: how far the weights are from those of the layer",
            Self::Ratio => "The relative error as a multiple of magnitude pruning's",
            Self::Layer => "How far the layer's outputs are from the dense one's, on its own inputs, squared",
            Self::Bytes => "What takes W's place, with 16-bit values and the cheaper way to store positions",
        }
    }

    /// Value of the measure in a report.
    pub fn of(self, report: &RunReport, magnitude: Option<f64>) -> Option<f64> {
        match self {
            Self::Best | Self::Error => Some(report.relative_error),
            Self::Ratio => magnitude.map(|magnitude| report.relative_error / magnitude),
            Self::Layer => report.layer_error,
            Self::Bytes => Some(report.bytes as f64),
        }
    }
}

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Heading {
    Method,
    Bar,
    Error,
    Layer,
    Nonzeros,
    Bytes,
    Seconds,
    Buttons,
}

impl Heading {
    /// Heading of the column, and a second line in small letters.
    pub fn names(self, held_out: bool) -> (&'static str, String) {
        match self {
            Self::Method => ("Method", String::new()),
            Self::Bar | Self::Buttons => ("", String::new()),
            Self::Error => ("Error", "× magnitude's".into()),
            Self::Layer => ("Layer error", if held_out { "held out".into() } else { String::new() }),
            Self::Nonzeros => ("Nonzeros", "of W".into()),
            Self::Bytes => ("Bytes", "of dense".into()),
            Self::Seconds => ("Seconds", format!("on {THREADS} thread")),
        }
    }

    pub fn about(self) -> &'static str {
        match self {
            Self::Method => "In the order of the list above",
            Self::Error => BarQuantity::Error.about(),
            Self::Layer => BarQuantity::Layer.about(),
            Self::Nonzeros => "Numbers that are kept; of dense factors all their entries",
            Self::Bytes => BarQuantity::Bytes.about(),
            _ => "Each method has one thread of its own; what goes on beside it slows it down",
        }
    }

    /// The least that its column takes.
    pub fn width(self) -> f32 {
        match self {
            Self::Method => 104.0,
            Self::Bar => LEAST_BAR,
            Self::Error => 76.0,
            Self::Layer => 74.0,
            Self::Nonzeros => 66.0,
            Self::Bytes => 66.0,
            Self::Seconds => 62.0,
            Self::Buttons => 108.0,
        }
    }

    /// Sort key of the column; the smallest comes first.
    pub fn key(self, row: &Row) -> Option<f64> {
        let report = &row.made()?.report;
        match self {
            Self::Error => Some(report.relative_error),
            Self::Layer => report.layer_error,
            Self::Nonzeros => Some(report.nnz as f64),
            Self::Bytes => Some(report.bytes as f64),
            Self::Seconds => Some(report.seconds),
            Self::Method | Self::Bar | Self::Buttons => None,
        }
    }
}

/// Returns the columns with their places, in points; the bars take what the others leave.
pub fn columns(width: f32, layerwise: bool) -> Vec<(Heading, Rangef)> {
    const GAP: f32 = 8.0;
    use Heading::{Bar, Buttons, Bytes, Error, Layer, Method, Nonzeros, Seconds};
    let headings: Vec<Heading> = [Method, Bar, Error, Layer, Nonzeros, Bytes, Seconds, Buttons]
        .into_iter()
        .filter(|heading| layerwise || *heading != Layer)
        .collect();
    let all: f32 = headings.iter().map(|heading| heading.width() + GAP).sum();
    let bar = LEAST_BAR + (width - all).max(0.0);
    let mut x = GAP / 2.0;
    let mut place = |heading: Heading| {
        let wide = if heading == Bar { bar } else { heading.width() };
        let range = Rangef::new(x, x + wide);
        x += wide + GAP;
        (heading, range)
    };
    headings.into_iter().map(&mut place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_share_the_room() {
        for (width, layerwise) in [(780.0, true), (780.0, false), (1400.0, true), (200.0, false)] {
            let columns = columns(width, layerwise);
            assert_eq!(columns.len(), if layerwise { 8 } else { 7 });
            assert!(columns.windows(2).all(|pair| pair[0].1.max < pair[1].1.min));
            assert!(columns.iter().all(|(heading, range)| range.span() >= heading.width() - 1e-3));
            let end = columns.last().unwrap().1.max;
            assert!(end <= width || width < 500.0, "{end} of {width}");
        }
    }
}
