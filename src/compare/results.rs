//! Results of a sweep, as a chart and as a table.

use super::{Quantity, Record, Sweep, View};
use crate::Named;
use crate::export::{Bar, BarChart, Chart, Column, Look, Series, csv_of};
use crate::methods::Method;
use serde::{Deserialize, Serialize};

/// Colours of lines that are not methods.
const COLORS: [[u8; 3]; 8] = [
    [64, 130, 220],
    [222, 92, 58],
    [52, 150, 110],
    [160, 110, 190],
    [176, 160, 50],
    [0, 150, 160],
    [214, 92, 158],
    [104, 104, 112],
];

/// A sweep with what has been measured of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The sweep that was measured.
    pub sweep: Sweep,
    /// The records so far, in the order of the points.
    pub records: Vec<Record>,
}

/// A drawing of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub enum Drawn {
    /// Lines, where the choices have positions on an axis.
    Lines(Chart),
    /// Bars, where they do not.
    Bars(BarChart),
}

impl Drawn {
    /// The drawing as SVG, `width` pixels wide.
    pub fn to_svg(&self, width: u32) -> String {
        match self {
            Self::Lines(chart) => chart.to_svg(width, width * 9 / 16),
            Self::Bars(bars) => bars.to_svg(width),
        }
    }
}

impl Results {
    /// A sweep without records.
    pub fn new(sweep: Sweep) -> Self {
        Self { sweep, records: Vec::new() }
    }

    /// Colour of a line: that of its method, if each line is another one.
    pub fn color(&self, at: usize) -> [u8; 3] {
        let series = &self.sweep.series;
        let methods: Vec<Option<Method>> = series.iter().map(|choice| choice.method).collect();
        let Some(method) = methods[at] else { return COLORS[at % COLORS.len()] };
        let earlier = methods[..at].iter().filter(|other| **other == Some(method)).count();
        // Several lines of a method are shades of its colour.
        method.color().map(|channel| channel.saturating_sub(44 * earlier as u8))
    }

    /// A line chart, or bars when the choices are only names.
    pub fn drawn(&self, view: View) -> Drawn {
        let place = |record: &Record| view.x.map_or(record.number, |quantity| record.value(quantity));
        let numbered = self.records.iter().all(|record| place(record).is_some());
        if !numbered {
            return Drawn::Bars(self.bars(view.y));
        }
        let mut lines = Vec::new();
        for (at, choice) in self.sweep.series.iter().enumerate() {
            let of_line = || self.records.iter().filter(|record| record.series == choice.name);
            let point = |record: &Record| Some((place(record)?, record.value(view.y)?));
            let mut mean: Vec<(f64, f64)> = Vec::new();
            for x in &self.sweep.x {
                let here: Vec<(f64, f64)> = of_line().filter(|record| record.x == x.name).filter_map(point).collect();
                if !here.is_empty() {
                    let count = here.len() as f64;
                    let sum = here.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
                    mean.push((sum.0 / count, sum.1 / count));
                }
            }
            let color = self.color(at);
            let several = of_line().any(|record| record.layer != self.records[0].layer);
            if several {
                let points = of_line().filter_map(point).collect();
                lines.push(Series { name: String::new(), color, look: Look::Dots, points });
            }
            let name = if choice.name.is_empty() { self.sweep.base.method.title().into() } else { choice.name.clone() };
            lines.push(Series { name, color, look: Look::Marked, points: mean });
        }
        Drawn::Lines(Chart {
            title: self.title(),
            x_label: view.x.map_or(self.sweep.x_label.clone(), |quantity| quantity.label().into()),
            y_label: view.y.label().into(),
            log_x: view.log_x,
            log_y: !matches!(view.y, Quantity::Ratio | Quantity::Bytes),
            series: lines,
            rules: Vec::new(),
        })
    }

    /// A bar for each pair of choices: the mean over the layers.
    fn bars(&self, y: Quantity) -> BarChart {
        let mut bars = Vec::new();
        for x in &self.sweep.x {
            for (at, series) in self.sweep.series.iter().enumerate() {
                let here = self.records.iter().filter(|record| record.x == x.name && record.series == series.name);
                let values: Vec<f64> = here.filter_map(|record| record.value(y)).collect();
                if !values.is_empty() {
                    let name = [x.name.as_str(), &series.name].into_iter().filter(|name| !name.is_empty());
                    let color = x.method.map_or_else(|| self.color(at), Method::color);
                    let value = values.iter().sum::<f64>() / values.len() as f64;
                    bars.push(Bar { name: name.collect::<Vec<_>>().join(", "), value, color });
                }
            }
        }
        BarChart { title: self.title(), label: y.label().into(), bars }
    }

    /// The sweep's title, with the layer if there is only one.
    fn title(&self) -> String {
        let first = self.records.first().map(|record| record.layer.as_str());
        let only = first.filter(|first| self.records.iter().all(|record| record.layer == **first));
        only.map_or(self.sweep.title.clone(), |layer| format!("{}: {layer}", self.sweep.title))
    }

    /// A CSV table (RFC 4180), a row for each record.
    pub fn to_csv(&self) -> String {
        let number = |value: f64| format!("{value:?}");
        let optional = |value: Option<f64>| value.map_or(String::new(), number);
        let columns: [Column<'_, Record>; 17] = [
            ("layer", &|record| record.layer.clone()),
            ("x", &|record| record.x.clone()),
            ("series", &|record| record.series.clone()),
            ("method", &|record| record.method.name().into()),
            ("rows", &|record| record.rows.to_string()),
            ("cols", &|record| record.cols.to_string()),
            ("density", &|record| number(record.density)),
            ("factor_density", &|record| optional(record.factor_density)),
            ("nnz", &|record| record.nnz.to_string()),
            ("relative_error", &|record| number(record.error)),
            ("relative_to_magnitude", &|record| optional(record.ratio)),
            ("layer_error", &|record| optional(record.layer_error)),
            ("layer_error_held_out", &|record| optional(record.layer_error_held_out)),
            ("bytes", &|record| record.bytes.to_string()),
            ("bytes_dense", &|record| record.bytes_dense.to_string()),
            ("seconds", &|record| number(record.seconds)),
            ("threads", &|record| record.threads.to_string()),
        ];
        csv_of(&self.records, &columns)
    }
}
