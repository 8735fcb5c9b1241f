//! What charts are drawn of: a ground, lines, letters and dots as elements of an SVG picture.

use crate::model::printable;
use maud::{Markup, Render, html};
use std::fmt::Write;

/// The letters' height in pixels.
pub(super) const FONT: f64 = 12.0;
/// Free on each side of a picture.
pub(super) const MARGIN: f64 = 14.0;
/// The colour of letters and axes.
pub(super) const INK: &str = "#222222";

/// A character's width on average, for what must be known before a browser sets it.
const CHARACTER: f64 = 6.6;

/// A length or a place in pixels, to the hundredth.
pub(super) struct Px(pub f64);

impl Render for Px {
    fn render_to(&self, out: &mut String) {
        // Writing to a string cannot fail.
        let _ = write!(out, "{:.2}", self.0);
    }
}

/// A picture of `content` on white, with a title for those who cannot see it.
pub(super) fn picture(width: u32, height: u32, title: &str, content: &Markup) -> String {
    let markup = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(width) height=(height) viewBox={ "0 0 " (width) " " (height) } role="img"
            font-family="system-ui, sans-serif" font-size=(FONT) fill=(INK) {
            title { (printable(title)) }
            rect width=(width) height=(height) fill="#ffffff" {}
            (content)
        }
    };
    // XML cannot hold these, not even escaped.
    let impossible = |c| matches!(c, '\0'..' ' | '\u{fffe}' | '\u{ffff}') && !matches!(c, '\t' | '\n');
    markup.into_string().replace(impossible, "\u{fffd}")
}

/// The title of a chart, in its upper left corner.
pub(super) fn heading(title: &str) -> Markup {
    html! { @if !title.is_empty() { text x=(Px(MARGIN)) y=(Px(MARGIN + FONT)) font-weight="bold" { (printable(title)) } } }
}

/// Letters, as [`printable`], that end, begin, or have their middle at a place: `anchor` is SVG's word for it.
pub(super) fn text((x, y): (f64, f64), anchor: &str, text: &str) -> Markup {
    html! { @if !text.is_empty() { text x=(Px(x)) y=(Px(y)) text-anchor=(anchor) { (printable(text)) } } }
}

/// A line one pixel wide.
pub(super) fn line(from: (f64, f64), to: (f64, f64), color: &str) -> Markup {
    html! { line x1=(Px(from.0)) y1=(Px(from.1)) x2=(Px(to.0)) y2=(Px(to.1)) stroke=(color) {} }
}

/// A filled dot.
pub(super) fn dot((x, y): (f64, f64), radius: f64, color: &str) -> Markup {
    html! { circle cx=(Px(x)) cy=(Px(y)) r=(radius) fill=(color) {} }
}

/// An sRGB colour as CSS has it.
pub(super) fn hex([r, g, b]: [u8; 3]) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// About how wide `text` will be.
pub(super) fn text_width(text: &str) -> f64 {
    CHARACTER * printable(text).chars().count() as f64
}
