//! Bars side by side: a number for each of several things.

use super::chart::{FONT, MARGIN, hex, line, open, text, text_width};
use super::escape;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// The height of a bar, and of a line of the picture.
const BAR: (f64, f64) = (18.0, 28.0);

/// Numbers as lying bars, on a light background.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BarChart {
    /// What stands above it.
    pub title: String,
    /// What the numbers are, with their unit.
    pub label: String,
    /// From above.
    pub bars: Vec<Bar>,
}

/// One of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    /// What it is of.
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
        let mut svg = open(width, height, &self.title);
        text(&mut svg, (MARGIN, MARGIN + FONT), "font-weight=\"bold\"", &self.title);
        let widest = |texts: Vec<f64>| texts.into_iter().fold(0.0, f64::max);
        let number = |value: f64| if value.is_finite() { format!("{value:.4}") } else { "–".to_owned() };
        let left = MARGIN + 8.0 + widest(self.bars.iter().map(|bar| text_width(&bar.name)).collect());
        let right = f64::from(width)
            - MARGIN
            - 8.0
            - widest(self.bars.iter().map(|bar| text_width(&number(bar.value))).collect());
        let most = widest(self.bars.iter().map(|bar| bar.value).filter(|value| value.is_finite()).collect());
        for (at, bar) in self.bars.iter().enumerate() {
            let y = top + BAR.1 * at as f64;
            let share = if bar.value.is_finite() && most > 0.0 { (bar.value / most).max(0.0) } else { 0.0 };
            let wide = share * (right - left).max(1.0);
            text(&mut svg, (left - 8.0, y + 14.0), "text-anchor=\"end\"", &bar.name);
            // Writing to a string cannot fail.
            let _ = writeln!(
                svg,
                "<rect x=\"{left:.2}\" y=\"{y:.2}\" width=\"{wide:.2}\" height=\"{}\" fill=\"{}\"/>",
                BAR.0,
                hex(bar.color)
            );
            text(&mut svg, (left + wide + 6.0, y + 14.0), "", &number(bar.value));
        }
        line(&mut svg, (left, top - 4.0), (left, bottom), "#222222", "");
        text(&mut svg, ((left + right) / 2.0, bottom + 1.8 * FONT), "text-anchor=\"middle\"", &self.label);
        svg.push_str("</svg>\n");
        svg
    }

    /// As a table (RFC 4180): names and numbers.
    pub fn to_csv(&self) -> String {
        let label = if self.label.is_empty() { "value" } else { &self.label };
        let row = |bar: &Bar| format!("{},{:?}\r\n", escape::csv(&bar.name), bar.value);
        format!("name,{}\r\n{}", escape::csv(label), self.bars.iter().map(row).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_in_proportion() {
        let bar = |name: &str, value| Bar { name: name.into(), value, color: [1, 2, 3] };
        let chart = BarChart { bars: vec![bar("a", 0.5), bar("<b>", 0.25), bar("c", f64::NAN)], ..BarChart::default() };
        let svg = chart.to_svg(600);
        let widths: Vec<f64> = svg
            .lines()
            .filter(|line| line.contains("#010203"))
            .map(|line| line.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(widths.len(), 3);
        assert!((widths[0] - 2.0 * widths[1]).abs() < 0.02 && widths[2] == 0.0, "{widths:?}");
        assert!(svg.contains("&lt;b&gt;") && chart.to_csv().contains("a,0.5\r\n"));
    }
}
