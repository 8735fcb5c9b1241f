//! The window's fonts: egui's for text, which have Latin, Greek and Cyrillic letters; our own for the symbols on buttons; and
//! for all other letters those of the system, where it has some.

use eframe::egui::{Context, FontData, FontDefinitions, FontFamily};
use std::sync::Arc;

/// Icon font, drawn by `assets/icons/make.py`.
static ICONS: &[u8] = include_bytes!("../../../assets/icons/icons.ttf");

/// Sees that all symbols can be drawn, and names in any script.
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
    #[cfg(not(target_arch = "wasm32"))]
    ctx.add_font_provider(Arc::new(system_font));
}

/// A font of the system with the first of these letters. They are looked for when a letter is missing for the first time,
/// which takes that one frame longer; a page has the browser's letters from eframe.
#[cfg(not(target_arch = "wasm32"))]
fn system_font(
    wanted: &eframe::egui::epaint::text::FallbackRequest<'_>,
) -> Option<eframe::egui::epaint::text::FontInsert> {
    use eframe::egui::epaint::text::FontProvider;
    static SYSTEM: std::sync::LazyLock<egui_system_font_provider::SystemFontProvider> =
        std::sync::LazyLock::new(Default::default);
    SYSTEM.font_for(wanted)
}
