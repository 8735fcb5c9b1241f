//! The colours of text and of what it stands on, in both themes: all text can be read, with a contrast of at least 4.5 : 1
//! (WCAG 2.2, 1.4.3), weak text and the labels of what is disabled too.

use eframe::egui::{Color32, Context, Rgba, Theme, Visuals};

/// The least contrast of text.
pub const CONTRAST: f32 = 4.5;

/// Takes these colours for both themes.
pub fn install(ctx: &Context) {
    for theme in [Theme::Dark, Theme::Light] {
        ctx.set_visuals_of(theme, visuals(theme));
    }
}

/// egui's, with other colours of text.
pub fn visuals(theme: Theme) -> Visuals {
    let mut visuals = theme.default_visuals();
    let dark = theme == Theme::Dark;
    let of = |in_dark: u8, in_light: u8| Color32::from_gray(if dark { in_dark } else { in_light });
    let widgets = &mut visuals.widgets;
    widgets.noninteractive.fg_stroke.color = of(200, 45);
    widgets.inactive.fg_stroke.color = of(230, 30);
    // Weak text on a button under the pointer is read too.
    widgets.hovered.weak_bg_fill = of(58, 222);
    widgets.active.weak_bg_fill = of(40, 198);
    widgets.active.bg_fill = of(55, 198);
    widgets.open.fg_stroke.color = of(225, 0);
    visuals.weak_text_color = Some(of(170, 80));
    // What is disabled is paler, not gone; nothing weak stands in it.
    visuals.disabled_alpha = if dark { 0.62 } else { 0.68 };
    let of = |in_dark: [u8; 3], in_light: [u8; 3]| {
        let [r, g, b] = if dark { in_dark } else { in_light };
        Color32::from_rgb(r, g, b)
    };
    visuals.warn_fg_color = of([255, 160, 40], [145, 70, 0]);
    visuals.error_fg_color = of([255, 120, 110], [185, 0, 0]);
    visuals.hyperlink_color = of([110, 180, 255], [0, 85, 180]);
    visuals
}

/// A colour that stands for something, as one of text: so much lighter or darker that it can be read.
pub fn readable(visuals: &Visuals, color: Color32) -> Color32 {
    let ground = visuals.panel_fill;
    let towards = if visuals.dark_mode { Color32::WHITE } else { Color32::BLACK };
    let steps = (0..=20u8).map(|step| color.lerp_to_gamma(towards, f32::from(step) / 20.0));
    // A little more than needed: rows that are striped are lighter than the panel.
    steps.into_iter().find(|color| contrast(*color, ground) >= 1.1 * CONTRAST).unwrap_or(towards)
}

/// Black or white, whichever is read more easily on this.
pub fn ink_on(ground: Color32) -> Color32 {
    let better = contrast(Color32::WHITE, ground) >= contrast(Color32::BLACK, ground);
    if better { Color32::WHITE } else { Color32::BLACK }
}

/// Contrast of two opaque colours, from 1 to 21 (WCAG 2.2).
pub fn contrast(one: Color32, other: Color32) -> f32 {
    let luminance = |color: Color32| {
        let linear = Rgba::from(color);
        0.2126 * linear.r() + 0.7152 * linear.g() + 0.0722 * linear.b()
    };
    let (one, other) = (luminance(one) + 0.05, luminance(other) + 0.05);
    one.max(other) / one.min(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Named;
    use crate::app::widgets::colors;
    use crate::methods::Method;

    /// Every text with what it stands on, by name.
    fn pairs(visuals: &Visuals) -> Vec<(String, Color32, Color32)> {
        let (panel, field) = (visuals.panel_fill, visuals.text_edit_bg_color());
        let striped = panel.blend(visuals.faint_bg_color);
        // As egui_tiles has them.
        let bar = Color32::from(Rgba::from(panel) * Rgba::from_gray(0.8));
        let bar = if visuals.dark_mode { visuals.extreme_bg_color } else { bar };
        let widgets = &visuals.widgets;
        let mut pairs = Vec::new();
        let mut add = |name: &str, text: Color32, ground: Color32| pairs.push((name.to_owned(), text, ground));
        let (text, weak, strong) = (visuals.text_color(), visuals.weak_text_color(), visuals.strong_text_color());
        for (ground_name, ground) in [("panel", panel), ("stripe", striped), ("field", field), ("tabs", bar)] {
            for (name, color) in [("text", text), ("weak", weak), ("strong", strong)] {
                // egui_tiles gives tabs no weak text.
                if (ground_name, name) != ("tabs", "weak") {
                    add(&format!("{name} on {ground_name}"), panel.blend(color), ground);
                }
            }
        }
        for (name, widget) in [
            ("button", &widgets.inactive),
            ("hovered button", &widgets.hovered),
            ("pressed button", &widgets.active),
            ("open button", &widgets.open),
        ] {
            add(name, widget.text_color(), widget.weak_bg_fill);
            add(&format!("weak {name}"), panel.blend(weak), widget.weak_bg_fill);
        }
        add("selected", visuals.selection.stroke.color, visuals.selection.bg_fill);
        for (name, color) in
            [("warning", visuals.warn_fg_color), ("error", visuals.error_fg_color), ("link", visuals.hyperlink_color)]
        {
            add(name, color, panel);
        }
        let faded = |color: Color32| panel.blend(visuals.disable(color));
        add("disabled text", faded(text), panel);
        add("disabled button", faded(widgets.inactive.text_color()), faded(widgets.inactive.weak_bg_fill));
        pairs
    }

    fn all_pairs(visuals: &Visuals) -> Vec<(String, Color32, Color32)> {
        let mut pairs = pairs(visuals);
        let own = [("W", colors::W), ("A", colors::A), ("B", colors::B), ("error", colors::ERROR)];
        let methods = Method::ALL.iter().map(|&method| (method.name(), colors::of(method)));
        for (name, color) in own.into_iter().chain(methods) {
            pairs.push((format!("colour of {name}"), readable(visuals, color), visuals.panel_fill));
            let fill = visuals.panel_fill.blend(color.gamma_multiply(0.9));
            pairs.push((format!("button in the colour of {name}"), ink_on(fill), fill));
        }
        pairs
    }

    #[test]
    fn all_text_can_be_read() {
        for theme in [Theme::Dark, Theme::Light] {
            let before = pairs(&theme.default_visuals());
            for (at, (name, text, ground)) in all_pairs(&visuals(theme)).iter().enumerate() {
                let ratio = contrast(*text, *ground);
                let was = before.get(at).map(|(_, text, ground)| contrast(*text, *ground));
                println!("{theme:?} {name}: {ratio:.2}, egui's {was:.2?}");
                assert!(ratio >= CONTRAST, "{theme:?}: {name} has {ratio:.2}");
            }
        }
    }

    #[test]
    fn contrast_is_that_of_the_standard() {
        assert!((contrast(Color32::BLACK, Color32::WHITE) - 21.0).abs() < 1e-3);
        // Gray 118 is the darkest that white can still be read on: WebAIM's example, #767676.
        assert!((contrast(Color32::from_gray(118), Color32::WHITE) - 4.54).abs() < 0.01);
    }

    #[test]
    fn a_colour_keeps_its_hue_where_it_can_be_read() {
        let dark = visuals(Theme::Dark);
        assert_eq!(readable(&dark, colors::ONLY_FIRST), colors::ONLY_FIRST);
        assert_ne!(readable(&visuals(Theme::Light), colors::ONLY_FIRST), colors::ONLY_FIRST);
    }
}
