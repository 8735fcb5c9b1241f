//! One matrix on screen: its picture, what is lit up in it, numbers, colour bar and marginals.

use super::corners::{color_bar, readout};
use super::frame::Frame;
use super::gpu::Paint;
use super::keys::keys;
use super::on_screen::OnScreen;
use super::overlays::{STRIP, marginals, mark, numbers};
use super::{Colors, Pyramid, Viewport, canvas};
use crate::export::Image;
use eframe::egui::accesskit::Live;
use eframe::egui::{
    CornerRadius, Id, Pos2, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo, vec2,
};
use eframe::egui_wgpu;

/// Result of drawing a view: what the pointer does there.
pub struct Seen {
    /// The entry under the mouse as (row, column), by position on screen.
    pub hovered: Option<(usize, usize)>,
    /// The entry that keys have moved the pointer to in this frame.
    pub moved: Option<(usize, usize)>,
    /// Whether what is beyond the colours was clicked.
    pub wants_whole_range: bool,
    /// The picture's part of the view.
    pub area: Rect,
    /// For clicks and a context menu.
    pub response: Response,
}

/// A view's place: all of its state is the caller's [`Viewport`].
#[derive(Clone, Copy)]
pub struct MatrixView(pub Id);

impl MatrixView {
    /// Draws the matrix in the space that is left.
    pub fn ui(self, ui: &mut Ui, frame: &Frame<'_>, viewport: &mut Viewport) -> Seen {
        let (whole, response) =
            ui.allocate_exact_size(ui.available_size().max(vec2(32.0, 32.0)), Sense::click_and_drag());
        let area = picture_area(whole, frame.marginals);
        let (rows, cols) = frame.pyramid.matrix().shape();
        describe(&response, frame, (rows, cols));
        let shape = vec2(cols as f32, rows as f32);
        let moved = keys(&response, viewport, frame.marks, area, shape);
        viewport.interact(&response, area, shape);
        let (cells, points) = viewport.cells(area, shape);
        let painter = ui.painter().with_clip_rect(area.intersect(ui.clip_rect()));
        painter.add(egui_wgpu::Callback::new_paint_callback(
            area,
            Paint {
                view: self.0,
                pyramid: frame.pyramid.clone(),
                colors: frame.colors,
                area,
                cells,
                ctx: ui.ctx().clone(),
            },
        ));
        let on_screen = OnScreen { area, cells, points, shape };
        let entry = response.hover_pos().filter(|&at| area.contains(at)).map(|at| on_screen.entry(at));
        let hovered = entry.filter(|at| at.x >= 0.0 && at.y >= 0.0 && at.x < shape.x && at.y < shape.y);
        let hovered = hovered.map(|at| (at.y as usize, at.x as usize));
        numbers(&painter, frame, &on_screen, ui.visuals().dark_mode);
        mark(&painter, frame, &on_screen, ui.visuals().strong_text_color());
        if frame.marginals {
            marginals(ui, frame, &on_screen, whole);
        }
        readout(ui, &painter, frame, area);
        let wants_whole_range = color_bar(ui, response.id, &painter, frame, area);
        if response.has_focus() {
            let ring = Stroke::new(2.0, ui.visuals().selection.stroke.color);
            ui.painter().rect_stroke(whole, CornerRadius::same(2), ring, StrokeKind::Inside);
        }
        Seen { hovered, moved, wants_whole_range, area, response }
    }
}

/// What a person hears of a view: what it is, and where the pointer is in it.
fn describe(response: &Response, frame: &Frame<'_>, (rows, cols): (usize, usize)) {
    let label = format!("Picture of {}, {rows} by {cols}", frame.title);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &label));
    let focused = response.has_focus();
    let Some(readout) = &frame.readout else { return };
    response.ctx.accesskit_node_builder(response.id, |node| {
        node.set_value(readout.spoken());
        // Said again as it changes; but not the mouse's way over the other views.
        if focused {
            node.set_live(Live::Polite);
        }
    });
}

/// What a view of this size would show as a picture for a file, `side` pixels along its longer side.
pub fn image(pyramid: &Pyramid, colors: &Colors, viewport: &Viewport, aspect: f32, side: usize) -> Image {
    let (rows, cols) = pyramid.matrix().shape();
    let size = if aspect > 1.0 { vec2(1.0, 1.0 / aspect) } else { vec2(aspect, 1.0) } * side as f32;
    let (cells, points) = viewport.cells(Rect::from_min_size(Pos2::ZERO, size), vec2(cols as f32, rows as f32));
    // Without the empty margin around a matrix that fits.
    let inside = cells.intersect(Rect::from_min_size(Pos2::ZERO, vec2(cols as f32, rows as f32)));
    let seen = inside.size().max(Vec2::ZERO) * points;
    let seen = seen * side as f32 / seen.max_elem().max(f32::MIN_POSITIVE);
    let [width, height] = [seen.x, seen.y].map(|extent| (extent.round() as usize).max(1));
    canvas::draw(pyramid, inside, (width, height), colors)
}

/// The picture's part of a view's space.
fn picture_area(whole: Rect, marginals: bool) -> Rect {
    let strips = if marginals { Vec2::splat(STRIP) } else { Vec2::ZERO };
    Rect::from_min_max(whole.min, (whole.max - strips).max(whole.min + Vec2::splat(8.0)))
}

#[cfg(test)]
mod tests {
    use super::super::{Shade, colors};
    use super::*;
    use std::sync::Arc;

    #[test]
    fn a_file_shows_what_the_view_shows() {
        let matrix = crate::matrix::Matrix::from_fn(50, 100, |i, j| if (i, j) == (10, 70) { 1.0 } else { 0.0 });
        let pyramid = Pyramid::new(Arc::new(matrix));
        let colors = Colors { shade: Shade::Value, range: 1.0, dark: false };
        let all = image(&pyramid, &colors, &Viewport::default(), 1.0, 200);
        assert_eq!((all.width, all.height), (200, 100));
        assert_ne!(all.pixel(141, 21), all.pixel(139, 21));
        assert_eq!(all.pixel(141, 21), Colors::table(false)[2 * colors::HALF]);
    }
}
