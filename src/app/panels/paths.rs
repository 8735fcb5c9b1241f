//! How an entry of A·B comes about: the paths from an input over the inner indices to an output (the paper's Fig. 2).

use crate::app::panels::state::State;
use crate::app::state::paths::{Path, paths};
use crate::app::state::pointer::SharedPointer;
use crate::app::tasks::pictures::Pictures;
use crate::app::widgets::colors;
use crate::app::widgets::picture::Pyramid;
use crate::app::widgets::regions::scroll_ui;
use crate::app::widgets::theme;
use eframe::egui::{Align2, FontId, Pos2, Rect, ScrollArea, Sense, Stroke, Ui, pos2, vec2};
use std::sync::Arc;

/// The width of the drawn paths.
const DRAWN: f32 = 74.0;

/// Draws the facts about the entry under the shared pointer, and its paths.
pub fn paths_ui(ui: &mut Ui, state: &State) {
    let SharedPointer { at: pointer, is_pinned: pinned } = state.pointer;
    let pictures = state.pictures().map(AsRef::as_ref);
    let (Some(out), Some(input), Some(pictures)) = (pointer.out, pointer.input, pictures) else {
        ui.weak("Point at an entry of W, A·B or the error: here you see which entries of A and B make it. Click to hold it.");
        ui.weak("Scroll to zoom, drag to move, double-click to see all.");
        return;
    };
    let (row, col) = (pictures.out.position(out), pictures.input.position(input));
    let value = |picture: &Option<Arc<Pyramid>>| {
        let matrix = picture.as_ref()?.matrix();
        (row < matrix.rows() && col < matrix.cols()).then(|| matrix.get(row, col))
    };
    ui.horizontal_wrapped(|ui| {
        ui.strong(format!("Row {out}, column {input}"));
        ui.weak(if pinned { "held; click or U lets go" } else { "click holds it" });
    });
    ui.horizontal_wrapped(|ui| {
        for (name, color, value) in [
            ("W", colors::W, value(&pictures.w)),
            ("(AB)", colors::DSF, value(&pictures.product)),
            ("error", colors::ERROR, value(&pictures.error)),
        ] {
            if let Some(value) = value {
                ui.colored_label(theme::readable(ui.visuals(), color), name);
                ui.monospace(format!("{value:.5}"));
            }
        }
    });
    let (Some(a), Some(b)) = (&pictures.a, &pictures.b) else { return };
    let paths = paths(a, b, row, col);
    // The empty sum of floats is −0, which nobody expects to read.
    let sum = paths.iter().map(|path| f64::from(path.a) * f64::from(path.b)).sum::<f64>() + 0.0;
    let over = if paths.len() == 1 { "1 inner index".to_owned() } else { format!("{} inner indices", paths.len()) };
    ui.label(format!("Σ over {over} = {sum:.5}"))
        .on_hover_text("Each path goes from the input over one inner index to the output; its weight is a product");
    scroll_ui(ui, ScrollArea::vertical().auto_shrink(false), |ui| list(ui, &paths, pictures));
}

fn list(ui: &mut Ui, paths: &[Path], pictures: &Pictures) {
    let line = 15.0;
    // Drawn are those in sight, however many there are.
    let size = vec2(ui.available_width(), line * paths.len() as f32);
    let (whole, response) = ui.allocate_exact_size(size, Sense::hover());
    let label = format!("{} paths", paths.len());
    response.widget_info(|| eframe::egui::WidgetInfo::labeled(eframe::egui::Role::Image, true, &label));
    let seen = whole.intersect(ui.clip_rect());
    if paths.is_empty() || seen.height() <= 0.0 {
        return;
    }
    let painter = ui.painter();
    let drawn = DRAWN.min(whole.width() * 0.45);
    let [left, right] = [6.0, drawn - 6.0].map(|x| pos2(whole.left() + x, seen.center().y));
    let most = |of: fn(&Path) -> f32| paths.iter().map(|path| of(path).abs()).fold(f32::MIN_POSITIVE, f32::max);
    let (most_a, most_b) = (most(|path| path.a), most(|path| path.b));
    let first = ((seen.top() - whole.top()) / line) as usize;
    let last = (((seen.bottom() - whole.top()) / line).ceil() as usize).min(paths.len());
    let font = FontId::monospace(10.0);
    let ink = ui.visuals().text_color();
    for (at, path) in paths.iter().enumerate().take(last).skip(first) {
        let middle = pos2(whole.left() + drawn / 2.0, whole.top() + (at as f32 + 0.5) * line);
        let stroke = |value: f32, most: f32, color| Stroke::new(0.6 + 2.6 * value.abs() / most, color);
        painter.line_segment([left, middle], stroke(path.b, most_b, colors::B));
        painter.line_segment([middle, right], stroke(path.a, most_a, colors::A));
        painter.circle_filled(middle, 2.5, ink);
        let text =
            format!("{:>4} {:>6.3}·{:<6.3} ={:>8.4}", pictures.inner.index(path.inner), path.a, path.b, path.product());
        let place = pos2(whole.left() + drawn + 4.0, middle.y);
        painter.text(place, Align2::LEFT_CENTER, text, font.clone(), ink);
    }
    node(painter, left, ink);
    node(painter, right, ink);
}

fn node(painter: &eframe::egui::Painter, at: Pos2, color: eframe::egui::Color32) {
    painter.rect_filled(Rect::from_center_size(at, vec2(7.0, 7.0)), 1.0, color);
}
