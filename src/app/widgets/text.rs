//! Numbers and settings in a few words.

use crate::Named;
use crate::factorize::{Preset, Settings};
use crate::model::printable;
use std::borrow::Cow;

/// As a person says it.
pub fn duration(secs: f64) -> String {
    match secs {
        s if s < 1.0 => format!("{s:.2} s"),
        s if s < 90.0 => format!("{s:.0} s"),
        s if s < 5400.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}

/// Settings in a few words.
pub fn summary(settings: &Settings) -> String {
    let percent = 100.0 * settings.density;
    let name = settings.preset().map_or("custom", Preset::name);
    format!("{name}, {percent:.1} %, {}×{}", settings.outer, settings.inner)
}

/// A layer's name without what nearly all names of a model begin and end with, on one line.
pub fn short_layer_name(name: &str) -> Cow<'_, str> {
    let name = name.strip_prefix("model.").unwrap_or(name);
    let name = name.strip_prefix("layers.").unwrap_or(name);
    printable(name.strip_suffix(".weight").unwrap_or(name))
}

/// Text that begins with a capital letter.
pub fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Text of at most `most` characters on one line: of a longer one its end, which tells a model's layers apart.
pub fn shortened(text: &str, most: usize) -> String {
    let text = printable(text);
    match text.char_indices().rev().nth(most.saturating_sub(1)) {
        Some((at, _)) if at > 0 => format!("…{}", text[at..].chars().skip(1).collect::<String>()),
        _ => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_their_end() {
        assert_eq!(shortened("layers.0.q_proj", 15), "layers.0.q_proj");
        assert_eq!(shortened("layers.0.q_proj", 8), "….q_proj");
        assert_eq!(shortened("größe", 3), "…ße");
        assert_eq!(shortened("", 3), "");
        assert_eq!(shortened("a\nb", 9), "a\\nb");
        assert_eq!(short_layer_name("model.layers.0.\u{202e}q.weight"), "0.\\u{202e}q");
    }
}
