//! Line charts for files: as a picture of lines and text (SVG), and as numbers (CSV).

use super::axis::Axis;
use super::escape;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

pub(super) const FONT: f64 = 12.0;
/// Of a character on average, for what must be known before a browser sets it.
const CHARACTER: f64 = 6.6;
const LEGEND_LINE: f64 = 18.0;
const SAMPLE: f64 = 24.0;
pub(super) const MARGIN: f64 = 14.0;

/// Lines over a common x axis, on a light background.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// What stands above it.
    pub title: String,
    /// What x is, with its unit.
    pub x_label: String,
    /// What y is, with its unit.
    pub y_label: String,
    /// Equal ratios of x are equally far apart.
    pub log_x: bool,
    /// Equal ratios of y are equally far apart.
    pub log_y: bool,
    /// The lines.
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
    /// How it is drawn.
    pub look: Look,
    /// x and y. Where one has no place on its axis (not finite, or not above 0 on a logarithmic one) the line breaks.
    pub points: Vec<(f64, f64)>,
}

/// How a [`Series`] is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Look {
    /// As a line.
    #[default]
    Line,
    /// As a line with a dot at each point.
    Marked,
    /// As small dots.
    Dots,
}

/// A level across a [`Chart`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// What is written on it.
    pub name: String,
    /// Where it is.
    pub y: f64,
    /// Its colour as sRGB.
    pub color: [u8; 3],
}

impl Chart {
    /// As an SVG picture of so many pixels, at least 240×180.
    pub fn to_svg(&self, width: u32, height: u32) -> String {
        let (width, height) = (width.max(240), height.max(180));
        let plot = Plot::new(self, f64::from(width), f64::from(height));
        let mut svg = open(width, height, &self.title);
        plot.frame(&mut svg);
        plot.legend(&mut svg);
        self.series.iter().for_each(|series| plot.series(&mut svg, series));
        plot.rules(&mut svg);
        svg.push_str("</svg>\n");
        svg
    }

    /// As a table (RFC 4180): a column of x, rising, one for each series, empty where it has no such x, and one for each
    /// rule.
    pub fn to_csv(&self) -> String {
        let x_label = if self.x_label.is_empty() { "x" } else { &self.x_label };
        let names = self.series.iter().map(|series| &*series.name).chain(self.rules.iter().map(|rule| &*rule.name));
        let head: Vec<String> = std::iter::once(x_label).chain(names).map(escape::csv).collect();
        let mut csv = head.join(",") + "\r\n";
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
        for row in cells.chunk_by(|a, b| a.0.to_bits() == b.0.to_bits() && a.1 == b.1) {
            let mut fields = vec![String::new(); self.series.len()];
            row.iter().for_each(|&(_, _, column, y)| fields[column] = format!("{y:?}"));
            fields.insert(0, format!("{:?}", row[0].0));
            fields.extend(self.rules.iter().map(|rule| format!("{:?}", rule.y)));
            csv.push_str(&fields.join(","));
            csv.push_str("\r\n");
        }
        csv
    }
}

/// The beginning of an SVG picture: a white ground, and a title for those who cannot see it.
pub(super) fn open(width: u32, height: u32, title: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"{FONT}\" fill=\"#222222\">\n\
         <title>{}</title>\n<rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n",
        escape::markup(title)
    )
}

/// The chart laid out: margins are as wide as what stands in them.
struct Plot<'a> {
    chart: &'a Chart,
    x: Axis,
    y: Axis,
    /// Rising, with their labels.
    x_ticks: Vec<(f64, String)>,
    y_ticks: Vec<(f64, String)>,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    height: f64,
    /// The upper left corners of the legend's entries, one for each series that has a name.
    entries: Vec<(f64, f64)>,
}

impl<'a> Plot<'a> {
    fn new(chart: &'a Chart, width: f64, height: f64) -> Self {
        let points = || chart.series.iter().flat_map(|series| &series.points);
        let marked = chart.series.iter().any(|series| series.look != Look::Line);
        let x = Axis::over(points().map(|&(x, _)| x), chart.log_x, if marked { 0.03 } else { 0.0 });
        let levels = chart.rules.iter().map(|rule| rule.y);
        let y = Axis::over(points().map(|&(_, y)| y).chain(levels), chart.log_y, 0.05);
        let right = width - 2.0 * MARGIN;

        let mut top = if chart.title.is_empty() { MARGIN } else { MARGIN + 1.5 * FONT };
        let (mut entries, mut at) = (Vec::new(), MARGIN);
        for series in chart.series.iter().filter(|series| !series.name.is_empty()) {
            let wide = SAMPLE + 6.0 + text_width(&series.name) + 18.0;
            if at > MARGIN && at + wide > width {
                (at, top) = (MARGIN, top + LEGEND_LINE);
            }
            entries.push((at, top));
            at += wide;
        }
        top += if entries.is_empty() { 0.0 } else { LEGEND_LINE } + 8.0;
        let bottom = height - MARGIN - FONT - if chart.x_label.is_empty() { 6.0 } else { 6.0 + 1.6 * FONT };
        let bottom = bottom.max(top + 10.0);

        let y_ticks = y.ticks(((bottom - top) / 28.0).clamp(2.0, 10.0) as usize);
        let widest = y_ticks.iter().map(|(_, label)| text_width(label)).fold(0.0, f64::max);
        let left = MARGIN + widest + 8.0 + if chart.y_label.is_empty() { 0.0 } else { 1.6 * FONT };
        let left = left.min(right - 10.0);
        let x_ticks = x.ticks(((right - left) / 70.0).clamp(2.0, 12.0) as usize);
        Self { chart, x, y, x_ticks, y_ticks, left, right, top, bottom, height, entries }
    }

    fn x(&self, x: f64) -> Option<f64> {
        self.x.place(x).map(|share| self.left + share * (self.right - self.left))
    }

    fn y(&self, y: f64) -> Option<f64> {
        self.y.place(y).map(|share| self.bottom - share * (self.bottom - self.top))
    }

    /// Axes with their grid, numbers and names, and the title.
    fn frame(&self, svg: &mut String) {
        let Self { chart, left, right, top, bottom, height, .. } = *self;
        for (value, label) in &self.y_ticks {
            let Some(y) = self.y(*value) else { continue };
            line(svg, (left, y), (right, y), "#e4e4e4", "");
            text(svg, (left - 6.0, y + 0.35 * FONT), "text-anchor=\"end\"", label);
        }
        for (value, label) in &self.x_ticks {
            let Some(x) = self.x(*value) else { continue };
            line(svg, (x, top), (x, bottom), "#f0f0f0", "");
            line(svg, (x, bottom), (x, bottom + 4.0), "#222222", "");
            text(svg, (x, bottom + 6.0 + FONT), "text-anchor=\"middle\"", label);
        }
        line(svg, (left, bottom), (right, bottom), "#222222", "");
        line(svg, (left, top), (left, bottom), "#222222", "");
        let middle = ((left + right) / 2.0, (top + bottom) / 2.0);
        text(svg, (middle.0, height - MARGIN), "text-anchor=\"middle\"", &chart.x_label);
        let turned = (MARGIN + 0.35 * FONT, middle.1);
        let turn = format!("text-anchor=\"middle\" transform=\"rotate(-90 {:.2} {:.2})\"", turned.0, turned.1);
        text(svg, turned, &turn, &chart.y_label);
        text(svg, (MARGIN, MARGIN + FONT), "font-weight=\"bold\"", &chart.title);
    }

    fn legend(&self, svg: &mut String) {
        let named = self.chart.series.iter().filter(|series| !series.name.is_empty());
        for (series, &(x, y)) in named.zip(&self.entries) {
            let middle = y + LEGEND_LINE / 2.0;
            let color = hex(series.color);
            if series.look != Look::Dots {
                line(svg, (x, middle), (x + SAMPLE, middle), &color, STROKE);
            }
            if let Some(radius) = series.look.radius() {
                circle(svg, (x + SAMPLE / 2.0, middle), radius, &color);
            }
            text(svg, (x + SAMPLE + 6.0, middle + 0.35 * FONT), "", &series.name);
        }
    }

    /// A path for each run of points that have a place, a dot for one that stands alone; or dots.
    fn series(&self, svg: &mut String, series: &Series) {
        let places: Vec<_> = series.points.iter().map(|&(x, y)| self.x(x).zip(self.y(y))).collect();
        let color = hex(series.color);
        if let Some(radius) = series.look.radius() {
            places.iter().flatten().for_each(|&place| circle(svg, place, radius, &color));
        }
        if series.look == Look::Dots {
            return;
        }
        for run in places.split(Option::is_none) {
            let run: Vec<(f64, f64)> = run.iter().flatten().copied().collect();
            match run[..] {
                [] => {}
                [place] => circle(svg, place, 3.0, &color),
                _ => {
                    let steps: Vec<String> = run.iter().map(|(x, y)| format!("{x:.2} {y:.2}")).collect();
                    let (path, style) = (steps.join(" L"), STROKE);
                    let _ = writeln!(
                        svg,
                        "<path d=\"M{path}\" fill=\"none\" stroke=\"{color}\" stroke-linejoin=\"round\" {style}/>"
                    );
                }
            }
        }
    }

    /// Above all lines; names that would stand on each other move apart, the lower ones down.
    fn rules(&self, svg: &mut String) {
        let mut rules: Vec<_> = self.chart.rules.iter().filter_map(|rule| Some((self.y(rule.y)?, rule))).collect();
        rules.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut free = self.top;
        for (y, rule) in rules {
            line(svg, (self.left, y), (self.right, y), &hex(rule.color), "stroke-dasharray=\"5 3\"");
            let baseline = (y - 4.0).max(free + FONT);
            // A light rim, so that lines beneath do not cross the letters out.
            let rim =
                "text-anchor=\"end\" fill=\"#444444\" stroke=\"#ffffff\" stroke-width=\"3\" paint-order=\"stroke\"";
            text(svg, (self.right - 4.0, baseline), rim, &rule.name);
            free = baseline + 2.0;
        }
    }
}

pub(super) fn line(svg: &mut String, from: (f64, f64), to: (f64, f64), color: &str, style: &str) {
    let ((x1, y1), (x2, y2)) = (from, to);
    let _ =
        writeln!(svg, "<line x1=\"{x1:.2}\" y1=\"{y1:.2}\" x2=\"{x2:.2}\" y2=\"{y2:.2}\" stroke=\"{color}\" {style}/>");
}

pub(super) fn text(svg: &mut String, (x, y): (f64, f64), style: &str, text: &str) {
    if !text.is_empty() {
        let _ = writeln!(svg, "<text x=\"{x:.2}\" y=\"{y:.2}\" {style}>{}</text>", escape::markup(text));
    }
}

fn circle(svg: &mut String, (x, y): (f64, f64), radius: f64, color: &str) {
    let _ = writeln!(svg, "<circle cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"{radius}\" fill=\"{color}\"/>");
}

const STROKE: &str = "stroke-width=\"1.8\"";

impl Look {
    /// Of its dots, in pixels.
    fn radius(self) -> Option<f64> {
        match self {
            Self::Line => None,
            Self::Marked => Some(3.5),
            Self::Dots => Some(2.0),
        }
    }
}

pub(super) fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

pub(super) fn text_width(text: &str) -> f64 {
    CHARACTER * text.chars().count() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &str, points: &[(f64, f64)]) -> Series {
        Series { name: name.into(), color: [200, 16, 0], look: Look::Line, points: points.to_vec() }
    }

    fn log_chart(points: &[(f64, f64)]) -> Chart {
        Chart { log_y: true, series: vec![series("s", points)], ..Chart::default() }
    }

    /// A number in the one line of the SVG that holds `what`.
    fn number(svg: &str, what: &str, attribute: &str) -> f64 {
        let lines: Vec<&str> = svg.lines().filter(|line| line.contains(what)).collect();
        assert_eq!(lines.len(), 1, "{what} in {svg}");
        let (_, rest) = lines[0].split_once(&format!(" {attribute}=\"")).unwrap();
        rest.split_once('"').unwrap().0.parse().unwrap()
    }

    /// The points of all paths, a list for each.
    fn paths(svg: &str) -> Vec<Vec<(f64, f64)>> {
        let point = |step: &str| {
            let (x, y) = step.split_once(' ').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        };
        let path = |line: &str| Some(line.strip_prefix("<path d=\"M")?.split_once('"')?.0.to_owned());
        svg.lines().filter_map(path).map(|path| path.split(" L").map(point).collect()).collect()
    }

    #[test]
    fn a_log_axis_is_one() {
        let svg = log_chart(&[(0.0, 1.0), (1.0, 0.1), (2.0, 0.01), (3.0, 0.02)]).to_svg(640, 400);
        let [one, tenth, hundredth] = [">1</text>", ">0.1</text>", ">0.01</text>"].map(|label| {
            let below: Vec<&str> =
                svg.lines().filter(|line| line.contains("\"end\"") && line.contains(label)).collect();
            number(below[0], label, "y")
        });
        assert!((tenth - one - (hundredth - tenth)).abs() < 0.02 && tenth > one + 50.0, "{one} {tenth} {hundredth}");
        let [path] = &paths(&svg)[..] else { panic!("{svg}") };
        // Labels stand 0.35 of the font's size lower than their lines.
        for ((_, y), label) in path.iter().zip([one, tenth, hundredth]) {
            assert!((label - y - 0.35 * FONT).abs() < 0.02, "{y} and {label}");
        }
        // log₁₀ 0.02 is 0.301 of a decade above 0.01.
        assert!(((hundredth - tenth) * 2f64.log10() - (path[2].1 - path[3].1)).abs() < 0.02);
        assert!((path[1].0 - path[0].0 - (path[3].0 - path[2].0)).abs() < 0.02);
    }

    #[test]
    fn a_line_breaks_where_a_point_has_no_place() {
        let points = [
            (0.0, 1.0),
            (1.0, 0.5),
            (2.0, 0.0),
            (3.0, 0.4),
            (4.0, -1.0),
            (5.0, f64::NAN),
            (6.0, 0.3),
            (7.0, 0.2),
            (f64::INFINITY, 1.0),
        ];
        let svg = log_chart(&points).to_svg(640, 400);
        assert_eq!(paths(&svg).iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
        assert_eq!(svg.matches("<circle").count(), 1, "0.4 stands alone");
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn nothing_is_too_odd_to_be_drawn() {
        let odd: [&[(f64, f64)]; 6] = [
            &[],
            &[(1.0, 1.0)],
            &[(0.0, 0.0), (1.0, -1.0)],
            &[(f64::NAN, 1.0)],
            &[(1e308, 1e308), (-1e308, 1e-320)],
            &[(2.0, 3.0), (2.0, 3.0)],
        ];
        for points in odd {
            for (log_y, size) in [(true, (640, 400)), (false, (0, 0)), (true, (1, 5000))] {
                let rules = vec![
                    Rule { name: "zero".into(), y: 0.0, color: [0, 150, 160] },
                    Rule { name: "none".into(), y: f64::NAN, color: [0, 150, 160] },
                ];
                let chart = Chart { log_y, rules, ..log_chart(points) };
                let svg = chart.to_svg(size.0, size.1);
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{points:?}: {svg}");
                assert_eq!(svg.matches("zero").count(), usize::from(!log_y));
                chart.to_csv();
            }
        }
        let svg = log_chart(&[(1.0, 1.0)]).to_svg(640, 400);
        let (x, y) = (number(&svg, "<circle", "cx"), number(&svg, "<circle", "cy"));
        assert!(x > 300.0 && x < 400.0 && y > 150.0 && y < 250.0, "in the middle, not at {x}, {y}");
    }

    #[test]
    fn text_is_escaped_and_names_do_not_cover_each_other() {
        let rules =
            [0.5, 0.51, 0.505].map(|y| Rule { name: format!("\"{y}\" & more"), y, color: [160, 110, 190] }).to_vec();
        let text = || "<b>".to_owned();
        let lines = vec![series("W<b>", &[(0.0, 0.5), (1.0, 0.9)])];
        let chart = Chart { title: text(), x_label: text(), y_label: text(), series: lines, rules, ..Chart::default() };
        let svg = chart.to_svg(640, 400);
        assert!(!svg.contains("<b>") && svg.contains("W&lt;b&gt;</text>"), "{svg}");
        let heights = ["0.51&quot;", "0.505&quot;", "0.5&quot;"].map(|name| number(&svg, name, "y"));
        assert!(heights.windows(2).all(|pair| pair[1] - pair[0] >= FONT), "{heights:?}");
    }

    #[test]
    fn legends_take_as_many_lines_as_they_need() {
        let lines = (0..12).map(|i| series(&format!("a rather long name {i}"), &[(0.0, 1.0), (1.0, 2.0)])).collect();
        let svg = Chart { series: lines, ..Chart::default() }.to_svg(640, 400);
        let [first, third, fourth] = [0, 2, 3].map(|i| number(&svg, &format!("name {i}</text>"), "y"));
        assert!(first == third && fourth == third + LEGEND_LINE, "three in a line: {first} {third} {fourth}");
        let lowest = number(&svg, "name 11</text>", "y");
        assert!(paths(&svg).iter().flatten().all(|&(_, y)| y > lowest));
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
