//! All words of the tour, the lesson and the 'why?', from one file that a teacher can translate.

use eframe::egui::text::LayoutJob;
use eframe::egui::{Style, TextFormat, TextStyle, Ui};
use std::collections::HashMap;
use std::sync::LazyLock;

static FILE: &str = include_str!("../../../assets/teaching/en.md");

/// A heading's own words, and what stands below it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Words {
    /// Part of the heading after the colon.
    pub title: &'static str,
    /// Paragraphs of the text, in Markdown's emphasis.
    pub text: &'static str,
}

/// By what stands before the colon; the reasons by the control's label.
static WORDS: LazyLock<HashMap<(&str, &str), Words>> = LazyLock::new(|| {
    let sections = FILE.split("\n## ").skip(1);
    let read = |section: &'static str| {
        let (heading, text) = section.split_once('\n').unwrap_or((section, ""));
        let (key, title) = heading.split_once(": ").unwrap_or((heading, ""));
        let kind = if key == "why" { ("why", title) } else { (key, "") };
        (kind, Words { title, text: text.trim() })
    };
    sections.map(read).collect()
});

/// The words under `## <key>: …`.
pub fn words(key: &str) -> Words {
    let missing = Words { title: "", text: "" };
    WORDS.get(&(key, "")).copied().unwrap_or(missing)
}

/// Why there is a control with this label, and what it does.
pub fn why(label: &str) -> Option<&'static str> {
    WORDS.get(&("why", label)).map(|words| words.text)
}

/// Paragraphs, with **bold** as strong text and *this* in italics.
pub fn paragraphs(ui: &mut Ui, text: &str) {
    for paragraph in text.split("\n\n") {
        ui.label(marked(ui.style(), paragraph));
    }
}

fn marked(style: &Style, text: &str) -> LayoutJob {
    let mut job = LayoutJob::default();
    let plain = TextFormat {
        font_id: TextStyle::Body.resolve(style),
        color: style.visuals.text_color(),
        ..TextFormat::default()
    };
    // Bold parts are every second piece between two stars, italic ones within the others between single stars.
    for (at, piece) in text.split("**").enumerate() {
        if at % 2 == 1 {
            let strong = TextFormat { color: style.visuals.strong_text_color(), ..plain.clone() };
            job.append(piece, 0.0, strong);
            continue;
        }
        for (at, piece) in piece.split('*').enumerate() {
            job.append(piece, 0.0, TextFormat { italics: at % 2 == 1, ..plain.clone() });
        }
    }
    job
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_is_found_and_says_something() {
        let headings = FILE.lines().filter(|line| line.starts_with("## ")).count();
        assert_eq!(WORDS.len(), headings, "a heading stands there twice");
        for ((key, label), words) in WORDS.iter() {
            assert!(!words.title.is_empty() && !words.text.is_empty(), "{key} {label}");
            assert_eq!(words.text.matches("**").count() % 2, 0, "{key} {label}");
        }
        assert!((1..=10).all(|card| !words(&format!("tour {card}")).text.is_empty()));
        assert!(why("Density").is_some_and(|text| text.contains("nonzeros")));
    }

    #[test]
    fn stars_are_not_seen() {
        let job = marked(&Style::default(), "Move **Density** and *look*.");
        assert_eq!(job.text, "Move Density and look.");
        let italics: Vec<&str> = job
            .sections
            .iter()
            .filter(|part| part.format.italics)
            .map(|part| &job.text[part.byte_range.start.0..part.byte_range.end.0])
            .collect();
        assert_eq!(italics, ["look"]);
    }
}
