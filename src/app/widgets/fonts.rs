//! The window's fonts: egui's for text, and our own for the symbols on buttons.

use eframe::egui::{Context, FontData, FontDefinitions, FontFamily};
use std::sync::Arc;

/// Icon font, drawn by `assets/icons/make.py`.
static ICONS: &[u8] = include_bytes!("../../../assets/icons/icons.ttf");

/// Sees that all symbols can be drawn.
pub fn install(ctx: &Context) {
    let mut fonts = FontDefinitions::default();
    fonts.font_data.insert("icons".to_owned(), Arc::new(FontData::from_static(ICONS)));
    for family in [FontFamily::Proportional, FontFamily::Monospace] {
        // Behind the family's own letters, and before whoever else has such symbols.
        let names = fonts.families.entry(family).or_default();
        names.insert(names.len().min(1), "icons".to_owned());
    }
    // Arrows and norms stand only in the font of equally wide letters.
    let proportional = fonts.families.entry(FontFamily::Proportional).or_default();
    if !proportional.iter().any(|name| name == "Hack") {
        proportional.push("Hack".to_owned());
    }
    ctx.set_fonts(fonts);
}
