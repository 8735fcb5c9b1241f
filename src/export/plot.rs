//! A [`Chart`] as a picture (SVG): axes with their grid, a legend above them, lines, levels across.

use super::axis::Axis;
use super::chart::{Chart, Look, Rule, Series};
use super::svg::{self, FONT, INK, MARGIN, Px, dot, heading, hex, line, text, text_width};
use maud::{Markup, html};

/// The height of the legend's lines, and the width of the piece of line beside a name.
const LEGEND_LINE: f64 = 18.0;
const SAMPLE: f64 = 24.0;
const STROKE: f64 = 1.8;
/// Distance from the middle of letters down to their baseline, in pixels.
const BASELINE: f64 = 0.35 * FONT;

impl Chart {
    /// As an SVG picture of so many pixels, at least 240×180.
    pub fn to_svg(&self, width: u32, height: u32) -> String {
        let (width, height) = (width.max(240), height.max(180));
        let plot = Plot::new(self, f64::from(width), f64::from(height));
        let content = html! {
            (plot.frame())
            (plot.legend())
            @for series in &self.series { (plot.series(series)) }
            (plot.rules())
        };
        svg::picture(width, height, &self.title, &content)
    }
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

    /// The title, and axes with their grid, numbers and names.
    fn frame(&self) -> Markup {
        let Self { chart, left, right, top, bottom, height, .. } = *self;
        let middle = ((left + right) / 2.0, (top + bottom) / 2.0);
        let turned = (MARGIN + BASELINE, middle.1);
        html! {
            @for (value, label) in &self.y_ticks {
                @if let Some(y) = self.y(*value) {
                    (line((left, y), (right, y), "#e4e4e4"))
                    (text((left - 6.0, y + BASELINE), "end", label))
                }
            }
            @for (value, label) in &self.x_ticks {
                @if let Some(x) = self.x(*value) {
                    (line((x, top), (x, bottom), "#f0f0f0"))
                    (line((x, bottom), (x, bottom + 4.0), INK))
                    (text((x, bottom + 6.0 + FONT), "middle", label))
                }
            }
            (line((left, bottom), (right, bottom), INK))
            (line((left, top), (left, bottom), INK))
            (text((middle.0, height - MARGIN), "middle", &chart.x_label))
            g transform={ "rotate(-90 " (Px(turned.0)) " " (Px(turned.1)) ")" } { (text(turned, "middle", &chart.y_label)) }
            (heading(&chart.title))
        }
    }

    fn legend(&self) -> Markup {
        let named = self.chart.series.iter().filter(|series| !series.name.is_empty());
        html! {
            @for (series, &(x, y)) in named.zip(&self.entries) {
                @let middle = y + LEGEND_LINE / 2.0;
                @if series.look != Look::Dots { (stroke(&[(x, middle), (x + SAMPLE, middle)], &hex(series.color))) }
                @if let Some(radius) = radius(series.look) { (dot((x + SAMPLE / 2.0, middle), radius, &hex(series.color))) }
                (text((x + SAMPLE + 6.0, middle + BASELINE), "start", &series.name))
            }
        }
    }

    /// A line for each run of points that have a place, a dot for one that stands alone; or dots.
    fn series(&self, series: &Series) -> Markup {
        let places: Vec<_> = series.points.iter().map(|&(x, y)| self.x(x).zip(self.y(y))).collect();
        let runs = places.split(Option::is_none).map(|run| run.iter().flatten().copied().collect::<Vec<_>>());
        let color = hex(series.color);
        html! {
            @if let Some(radius) = radius(series.look) { @for &place in places.iter().flatten() { (dot(place, radius, &color)) } }
            @if series.look != Look::Dots {
                @for run in runs {
                    @match run[..] {
                        [] => {}
                        [place] => (dot(place, 3.0, &color))
                        _ => (stroke(&run, &color))
                    }
                }
            }
        }
    }

    /// Above all lines; names that would stand on each other move apart, the lower ones down.
    fn rules(&self) -> Markup {
        let levels = self.chart.rules.iter().filter_map(|rule| self.y(rule.y).map(|y| (y, y - 4.0, rule)));
        let mut levels: Vec<(f64, f64, &Rule)> = levels.collect();
        levels.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut free = self.top;
        for (_, baseline, _) in &mut levels {
            *baseline = baseline.max(free + FONT);
            free = *baseline + 2.0;
        }
        html! {
            g stroke-dasharray="5 3" {
                @for (y, _, rule) in &levels { (line((self.left, *y), (self.right, *y), &hex(rule.color))) }
            }
            // A light rim, so that lines beneath do not cross the letters out.
            g fill="#444444" stroke="#ffffff" stroke-width="3" paint-order="stroke" {
                @for (_, baseline, rule) in &levels { (text((self.right - 4.0, *baseline), "end", &rule.name)) }
            }
        }
    }
}

/// A line through all of `points`.
fn stroke(points: &[(f64, f64)], color: &str) -> Markup {
    html! {
        polyline points={ @for &(x, y) in points { (Px(x)) "," (Px(y)) " " } }
            fill="none" stroke=(color) stroke-width=(STROKE) stroke-linejoin="round" {}
    }
}

/// Of the dots of a series, in pixels.
fn radius(look: Look) -> Option<f64> {
    match look {
        Look::Line => None,
        Look::Marked => Some(3.5),
        Look::Dots => Some(2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roxmltree::{Document, Node};

    fn series(name: &str, points: &[(f64, f64)]) -> Series {
        Series { name: name.into(), color: [200, 16, 0], look: Look::Line, points: points.to_vec() }
    }

    fn log_chart(points: &[(f64, f64)]) -> Chart {
        Chart { log_y: true, series: vec![series("s", points)], ..Chart::default() }
    }

    /// The one text of a picture.
    fn text_node<'a>(svg: &'a Document<'a>, text: &str) -> Node<'a, 'a> {
        let mut nodes = svg.descendants().filter(|node| node.has_tag_name("text") && node.text() == Some(text));
        let node = nodes.next().unwrap_or_else(|| panic!("no {text}"));
        assert_eq!(nodes.next(), None, "{text} twice");
        node
    }

    fn number(node: Node, attribute: &str) -> f64 {
        node.attribute(attribute).unwrap().parse().unwrap()
    }

    /// The points of all lines that are not straight, a list for each.
    fn paths(svg: &Document) -> Vec<Vec<(f64, f64)>> {
        let point = |point: &str| {
            let (x, y) = point.split_once(',').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        };
        let lines = svg.descendants().filter_map(|node| node.attribute("points"));
        lines.map(|points| points.split_whitespace().map(point).collect()).collect()
    }

    #[test]
    fn a_log_axis_is_one() {
        let svg = log_chart(&[(0.0, 1.0), (1.0, 0.1), (2.0, 0.01), (3.0, 0.02)]).to_svg(640, 400);
        let svg = Document::parse(&svg).unwrap();
        let at_axis = |node: &Node| node.attribute("text-anchor") == Some("end");
        let [one, tenth, hundredth] = ["1", "0.1", "0.01"].map(|label| {
            let label = svg.descendants().filter(at_axis).find(|node| node.text() == Some(label));
            number(label.unwrap(), "y")
        });
        assert!((tenth - one - (hundredth - tenth)).abs() < 0.02 && tenth > one + 50.0, "{one} {tenth} {hundredth}");
        let [_, path] = &paths(&svg)[..] else { panic!("the legend's line, and the series'") };
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
        assert_eq!(svg.matches("<circle").count(), 1, "0.4 stands alone");
        let lines = paths(&Document::parse(&svg).unwrap());
        assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2], "the legend's, and both pieces");
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
                Document::parse(&svg).unwrap();
                chart.to_csv();
            }
        }
        let svg = log_chart(&[(1.0, 1.0)]).to_svg(640, 400);
        let svg = Document::parse(&svg).unwrap();
        let dot = svg.descendants().find(|node| node.has_tag_name("circle")).unwrap();
        let (x, y) = (number(dot, "cx"), number(dot, "cy"));
        assert!(x > 300.0 && x < 400.0 && y > 150.0 && y < 250.0, "in the middle, not at {x}, {y}");
    }

    #[test]
    fn text_is_escaped_and_names_do_not_cover_each_other() {
        let rules =
            [0.5, 0.51, 0.505].map(|y| Rule { name: format!("\"{y}\" & more"), y, color: [160, 110, 190] }).to_vec();
        let text = || "<b>\0".to_owned();
        let lines = vec![series("W<b>", &[(0.0, 0.5), (1.0, 0.9)])];
        let chart = Chart { title: text(), x_label: text(), y_label: text(), series: lines, rules, ..Chart::default() };
        let svg = chart.to_svg(640, 400);
        let svg = Document::parse(&svg).unwrap();
        text_node(&svg, "W<b>");
        assert_eq!(
            svg.descendants().filter(|node| node.text() == Some("<b>\\u{0}")).count(),
            2 * 4,
            "elements and texts"
        );
        let heights = [0.51, 0.505, 0.5].map(|y| number(text_node(&svg, &format!("\"{y}\" & more")), "y"));
        assert!(heights.windows(2).all(|pair| pair[1] - pair[0] >= FONT), "{heights:?}");
    }

    #[test]
    fn legends_take_as_many_lines_as_they_need() {
        let lines = (0..12).map(|i| series(&format!("a rather long name {i}"), &[(0.0, 1.0), (1.0, 2.0)])).collect();
        let svg = Chart { series: lines, ..Chart::default() }.to_svg(640, 400);
        let svg = Document::parse(&svg).unwrap();
        let height = |i: usize| number(text_node(&svg, &format!("a rather long name {i}")), "y");
        let [first, third, fourth] = [0, 2, 3].map(height);
        assert!(first == third && fourth == third + LEGEND_LINE, "three in a line: {first} {third} {fourth}");
        let paths = paths(&svg);
        let (legend, lines) = paths.split_at(12);
        assert!(legend.iter().flatten().all(|&(_, y)| y < height(11)));
        assert!(lines.iter().flatten().all(|&(_, y)| y > height(11)));
    }
}
