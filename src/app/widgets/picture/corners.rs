//! What stands in a view's corners: the value under the pointer, the colour bar, and what is beyond its ends.

use super::frame::Frame;
use super::pyramid::Kind;
use super::spread::Beyond;
use super::{Colors, Pyramid, Shade, colors};
use crate::export::{ColorBar, short};
use eframe::egui::{Color32, FontId, Id, Mesh, Painter, Pos2, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

const MARGIN: f32 = 5.0;
/// What is so many times beyond the end of the colours is worth a warning.
const FAR: f32 = 10.0;

/// The value under the shared pointer, in the upper right corner.
pub fn readout(ui: &Ui, painter: &Painter, frame: &Frame<'_>, area: Rect) {
    let Some(readout) = &frame.readout else { return };
    let galley = painter.layout_no_wrap(readout.short(), FontId::monospace(11.0), ui.visuals().strong_text_color());
    let corner = area.right_top() + vec2(-MARGIN - galley.size().x, MARGIN);
    painter.rect_filled(Rect::from_min_size(corner, galley.size()).expand(3.0), 3.0, ground(ui));
    painter.galley(corner, galley, ui.visuals().text_color());
}

/// The colour bar in the lower left corner, where there is room for it; says whether what is beyond its ends was clicked.
pub fn color_bar(ui: &Ui, id: Id, painter: &Painter, frame: &Frame<'_>, area: Rect) -> bool {
    if frame.pyramid.kind() == Kind::Sets || area.width() < 150.0 || area.height() < 60.0 {
        return false;
    }
    let ink = ui.visuals().text_color();
    let layout = |text: String, color: Color32| painter.layout_no_wrap(text, FontId::proportional(10.5), color);
    let ColorBar { labels: [left, _, right], colors, .. } = bar(&frame.colors, frame.pyramid);
    let [left, right] = [left, right].map(|text| layout(text, ink));
    let beyond = beyond(&frame.colors, frame.pyramid).map(|beyond| {
        let far = beyond.largest > FAR * frame.colors.range;
        let color = if far { ui.visuals().warn_fg_color } else { ui.visuals().weak_text_color() };
        (layout(format!("▲ {}", beyond.how_many()), color), beyond)
    });
    let (bar, height) = ((area.width() * 0.25).clamp(40.0, 110.0), left.size().y);
    let corner = area.left_bottom() + vec2(MARGIN, -MARGIN - height);
    let scale = left.size().x + bar + right.size().x + 8.0;
    let width = scale + beyond.as_ref().map_or(0.0, |(galley, _)| galley.size().x + 8.0);
    painter.rect_filled(Rect::from_min_size(corner, vec2(width, height)).expand(3.0), 3.0, ground(ui));
    let start = corner + vec2(left.size().x + 4.0, height / 2.0 - 3.0);
    strips(painter, start, bar, &colors);
    painter.galley(corner, left, ink);
    painter.galley(pos2(start.x + bar + 4.0, corner.y), right, ink);
    let Some((galley, beyond)) = beyond else { return false };
    let place = Rect::from_min_size(pos2(corner.x + scale + 8.0, corner.y), galley.size());
    painter.galley(place.min, galley, ink);
    // No stop for the Tab key: a view is one.
    let response = ui.interact(place.expand(3.0), id.with("beyond"), Sense::CLICK);
    let label = format!("{} of {} {}", beyond.how_many(), frame.title, beyond.told(frame.colors.range));
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, &label));
    response.on_hover_text(format!("{label}. Click for colours over the whole range")).clicked()
}

fn ground(ui: &Ui) -> Color32 {
    ui.visuals().extreme_bg_color.gamma_multiply(0.82)
}

/// The colours, `width` points wide; at most a strip for each point.
fn strips(painter: &Painter, start: Pos2, width: f32, colors: &[[u8; 3]]) {
    let mut mesh = Mesh::default();
    let stride = (colors.len() / width as usize).max(1);
    let strips: Vec<[u8; 3]> = colors.iter().copied().step_by(stride).collect();
    let strip = width / strips.len() as f32;
    for (at, [r, g, b]) in strips.into_iter().enumerate() {
        let place = Rect::from_min_size(start + vec2(at as f32 * strip, 0.0), vec2(strip + 0.3, 6.0));
        mesh.add_colored_rect(place, Color32::from_rgb(r, g, b));
    }
    painter.add(mesh);
}

/// What the colours cannot tell apart, where they show values.
fn beyond(colors: &Colors, pyramid: &Pyramid) -> Option<Beyond> {
    let values = colors.shade == Shade::Value && pyramid.kind() == Kind::Values;
    values.then(|| pyramid.spread().beyond(colors.range)).flatten()
}

/// What the colours mean.
pub fn bar(colors: &Colors, pyramid: &Pyramid) -> ColorBar {
    let table = Colors::table(colors.dark);
    let (left, middle, right, part) = match colors.shade {
        Shade::Value => {
            let range = short(colors.range);
            (format!("-{range}"), "0", range, table[..=2 * colors::HALF].to_vec())
        }
        Shade::Density => ("0".into(), "", "all kept".into(), table[colors::RAMP..=colors::INK].to_vec()),
        Shade::Any => ("0".into(), "", "kept".into(), vec![table[colors::HALF], table[colors::INK]]),
    };
    let note = beyond(colors, pyramid)
        .map_or(String::new(), |beyond| format!("{} {}", beyond.how_many(), beyond.told(colors.range)));
    ColorBar { labels: [left, middle.to_owned(), right], colors: part, note }
}
