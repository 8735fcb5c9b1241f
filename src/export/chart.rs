//! Line charts for files: what they show, and the same as numbers (CSV).

use super::csv::csv;
use serde::{Deserialize, Serialize};

/// Lines over a common x axis, on a light background.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// Title above the chart.
    pub title: String,
    /// Label of the x axis, with its unit.
    pub x_label: String,
    /// Label of the y axis, with its unit.
    pub y_label: String,
    /// Equal ratios of x are equally far apart.
    pub log_x: bool,
    /// Equal ratios of y are equally far apart.
    pub log_y: bool,
    /// Lines of the chart, in drawing order.
    pub series: Vec<Series>,
    /// Levels to compare them with.
    pub rules: Vec<Rule>,
}

/// One line of a [`Chart`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// Its name in the legend.
    pub name: String,
    /// Its colour as sRGB.
    pub color: [u8; 3],
    /// Way in which it is drawn.
    pub look: Look,
    /// x and y. Where one has no place on its axis (not finite, or not above 0 on a logarithmic one) the line breaks.
    pub points: Vec<(f64, f64)>,
}

/// Way in which a [`Series`] is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Look {
    /// A line through the points.
    #[default]
    Line,
    /// A line with a dot at each point.
    Marked,
    /// Small dots without a line.
    Dots,
}

/// A level across a [`Chart`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// Text written on it.
    pub name: String,
    /// Value on the y axis where it is drawn.
    pub y: f64,
    /// Its colour as sRGB.
    pub color: [u8; 3],
}

impl Chart {
    /// As a table (RFC 4180): a column of x, rising, one for each series, empty where it has no such x, and one for each
    /// rule.
    pub fn to_csv(&self) -> String {
        let x_label = if self.x_label.is_empty() { "x" } else { &self.x_label };
        let names = self.series.iter().map(|series| &series.name).chain(self.rules.iter().map(|rule| &rule.name));
        let head: Vec<String> = std::iter::once(x_label.to_owned()).chain(names.cloned()).collect();
        // A series may have an x several times: each gets a row.
        let mut cells: Vec<(f64, usize, usize, f64)> = Vec::new();
        for (column, series) in self.series.iter().enumerate() {
            let mut points = series.points.clone();
            points.iter_mut().for_each(|(x, _)| *x += 0.0); // −0 is 0
            points.sort_by(|(x, _), (other, _)| x.total_cmp(other));
            for run in points.chunk_by(|(x, _), (other, _)| x.to_bits() == other.to_bits()) {
                cells.extend(run.iter().enumerate().map(|(time, &(x, y))| (x, time, column, y)));
            }
        }
        cells.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        let rows = cells.chunk_by(|a, b| a.0.to_bits() == b.0.to_bits() && a.1 == b.1).map(|row| {
            let mut fields = vec![String::new(); self.series.len()];
            row.iter().for_each(|&(_, _, column, y)| fields[column] = format!("{y:?}"));
            fields.insert(0, format!("{:?}", row[0].0));
            fields.extend(self.rules.iter().map(|rule| format!("{:?}", rule.y)));
            fields
        });
        csv(std::iter::once(head).chain(rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, points: &[(f64, f64)]) -> Series {
        Series { name: name.into(), points: points.to_vec(), ..Series::default() }
    }

    #[test]
    fn csv_comes_back() {
        let lines = vec![
            series("plain", &[(2.0, 0.1), (1.0, 1e-300), (2.0, 7.0)]),
            series("with \"quotes\", and\nlines", &[(1.0, f64::NAN), (-0.0, 1.0 / 3.0)]),
        ];
        let rules = vec![Rule { name: "level".into(), y: 0.25, color: [160, 110, 190] }];
        let csv = Chart { series: lines, rules, ..Chart::default() }.to_csv();
        let head = "x,plain,\"with \"\"quotes\"\", and\nlines\",level\r\n";
        let body = csv.strip_prefix(head).unwrap();
        let rows: Vec<Vec<Option<f64>>> =
            body.split_terminator("\r\n").map(|row| row.split(',').map(|field| field.parse().ok()).collect()).collect();
        assert_eq!(rows[0], [Some(0.0), None, Some(1.0 / 3.0), Some(0.25)]);
        assert!(rows[1][..2] == [Some(1.0), Some(1e-300)] && rows[1][2].is_some_and(f64::is_nan), "{csv}");
        assert_eq!(rows[2], [Some(2.0), Some(0.1), None, Some(0.25)]);
        assert_eq!(rows[3], [Some(2.0), Some(7.0), None, Some(0.25)]);
    }
}
