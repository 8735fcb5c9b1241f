//! Bars side by side: a number for each of several things.

use super::csv::csv;
use super::number::error_text;
use super::svg::{self, FONT, INK, MARGIN, Px, heading, hex, line, text, text_width};
use maud::html;
use serde::{Deserialize, Serialize};

/// The height of a bar, and of a line of the picture.
const BAR: (f64, f64) = (18.0, 28.0);

/// Numbers as lying bars, on a light background.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BarChart {
    /// Title above the chart.
    pub title: String,
    /// Meaning of the numbers, with their unit; written below the bars.
    pub label: String,
    /// Bars, from top to bottom.
    pub bars: Vec<Bar>,
}

/// One bar of a [`BarChart`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// Name of what the bar measures.
    pub name: String,
    /// Its length; what is negative or not finite has none.
    pub value: f64,
    /// Its colour as sRGB.
    pub color: [u8; 3],
}

impl BarChart {
    /// As an SVG picture of so many pixels' width, as high as it needs to be.
    pub fn to_svg(&self, width: u32) -> String {
        let width = width.max(240);
        let top = MARGIN + if self.title.is_empty() { 0.0 } else { 2.4 * FONT };
        let bottom = top + BAR.1 * self.bars.len() as f64;
        let height = (bottom + MARGIN + if self.label.is_empty() { 0.0 } else { 1.8 * FONT }) as u32;
        let number = |value: f64| if value.is_finite() { error_text(value, 4) } else { "–".to_owned() };
        let name_width = self.bars.iter().map(|bar| text_width(&bar.name)).fold(0.0, f64::max);
        let number_width = self.bars.iter().map(|bar| text_width(&number(bar.value))).fold(0.0, f64::max);
        let left = MARGIN + 8.0 + name_width;
        let right = f64::from(width) - MARGIN - 8.0 - number_width;
        let most = self.bars.iter().map(|bar| bar.value).filter(|value| value.is_finite()).fold(0.0, f64::max);
        let length = |value: f64| {
            let share = if value.is_finite() && most > 0.0 { (value / most).max(0.0) } else { 0.0 };
            share * (right - left).max(1.0)
        };
        let content = html! {
            (heading(&self.title))
            @for (at, bar) in self.bars.iter().enumerate() {
                @let (y, length) = (top + BAR.1 * at as f64, length(bar.value));
                (text((left - 8.0, y + 14.0), "end", &bar.name))
                rect x=(Px(left)) y=(Px(y)) width=(Px(length)) height=(BAR.0) fill=(hex(bar.color)) {}
                (text((left + length + 6.0, y + 14.0), "start", &number(bar.value)))
            }
            (line((left, top - 4.0), (left, bottom), INK))
            (text(((left + right) / 2.0, bottom + 1.8 * FONT), "middle", &self.label))
        };
        svg::picture(width, height, &self.title, &content)
    }

    /// As a table (RFC 4180): names and numbers.
    pub fn to_csv(&self) -> String {
        let label = if self.label.is_empty() { "value" } else { &self.label };
        let rows = self.bars.iter().map(|bar| vec![bar.name.clone(), format!("{:?}", bar.value)]);
        csv(std::iter::once(vec!["name".to_owned(), label.to_owned()]).chain(rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roxmltree::Document;

    #[test]
    fn lengths_are_in_proportion() {
        let bar = |name: &str, value| Bar { name: name.into(), value, color: [1, 2, 3] };
        let chart = BarChart { bars: vec![bar("a", 0.5), bar("<b>", 0.25), bar("c", f64::NAN)], ..BarChart::default() };
        let svg = chart.to_svg(600);
        let svg = Document::parse(&svg).unwrap();
        let bars = svg.descendants().filter(|node| node.attribute("fill") == Some("#010203"));
        let widths: Vec<f64> = bars.map(|bar| bar.attribute("width").unwrap().parse().unwrap()).collect();
        assert_eq!(widths.len(), 3);
        assert!((widths[0] - 2.0 * widths[1]).abs() < 0.02 && widths[2] == 0.0, "{widths:?}");
        assert!(svg.descendants().any(|node| node.text() == Some("<b>")));
        assert_eq!(chart.to_csv(), "name,value\r\na,0.5\r\n<b>,0.25\r\nc,NaN\r\n");
    }
}
