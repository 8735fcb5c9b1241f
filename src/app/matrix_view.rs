//! One matrix as a picture: zoom to the pointer, pan, fit, hover.

use super::pyramid::{Colors, Pyramid};
use eframe::egui::{
    self, Color32, CornerRadius, Label, Pos2, Rect, RichText, Role, Sense, Stroke, StrokeKind, TextureHandle,
    TextureOptions, Ui, Vec2, WidgetInfo, pos2, vec2,
};

/// Which part of a matrix is seen. Views of the same shape can share one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Viewport {
    /// The entry at the middle, as (column, row).
    center: Pos2,
    /// Points a matrix entry takes, against the size at which all fits.
    zoom: f32,
}

impl Default for Viewport {
    fn default() -> Self {
        Self { center: pos2(0.5, 0.5), zoom: 1.0 }
    }
}

impl Viewport {
    /// The entries seen in `area`, for a matrix of `cols`×`rows`, and the points an entry takes.
    fn cells(&self, area: Rect, shape: Vec2) -> (Rect, f32) {
        let points = (area.width() / shape.x).min(area.height() / shape.y) * self.zoom;
        let center = pos2(self.center.x * shape.x, self.center.y * shape.y);
        (Rect::from_center_size(center, area.size() / points), points)
    }

    fn interact(&mut self, response: &egui::Response, area: Rect, shape: Vec2) {
        if response.double_clicked() {
            *self = Self::default();
        }
        let (cells, points) = self.cells(area, shape);
        if response.dragged() {
            let moved = response.drag_delta() / points;
            self.center -= vec2(moved.x / shape.x, moved.y / shape.y);
        }
        let Some(pointer) = response.hover_pos() else { return };
        let factor = response.ctx.input(|input| input.zoom_delta() * (input.smooth_scroll_delta.y / 200.0).exp());
        if factor != 1.0 {
            // The entry under the pointer stays there.
            let anchor = cells.min + (pointer - area.min) / points;
            let fit = points / self.zoom;
            let zoom = (self.zoom * factor).clamp(1.0, (64.0 / fit).max(1.0));
            let center = anchor + (cells.center() - anchor) * (self.zoom / zoom);
            *self = Self { center: pos2(center.x / shape.x, center.y / shape.y), zoom };
        }
        if self.zoom <= 1.0 {
            self.center = pos2(0.5, 0.5);
        }
        self.center = self.center.clamp(pos2(0.0, 0.0), pos2(1.0, 1.0));
    }
}

/// What the pointer of another view says to light up here.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Marks {
    /// A row.
    pub row: Option<usize>,
    /// A column.
    pub col: Option<usize>,
}

/// What the picture on screen was made from; when it is the same again, nothing is drawn anew.
#[derive(PartialEq, Clone, Copy)]
struct Drawn {
    picture: u64,
    cells: Rect,
    pixels: [usize; 2],
    range: f32,
    dark: bool,
}

/// A matrix view's own state: its texture.
#[derive(Default)]
pub struct MatrixView {
    texture: Option<TextureHandle>,
    drawn: Option<Drawn>,
}

impl MatrixView {
    /// Draws a matrix, its colours full at ±the given value, under a title line and over its colour bar, in the space
    /// that is left; gives the entry under the pointer as (row, column).
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        title: &str,
        accent: Color32,
        shown: Option<(&Pyramid, f32)>,
        viewport: &mut Viewport,
        marks: Marks,
    ) -> Option<(usize, usize)> {
        let size = ui.available_size();
        ui.vertical(|ui| {
            ui.set_min_size(size);
            let Some((pyramid, range)) = shown else {
                ui.label(RichText::new(title).color(accent).strong());
                ui.weak("not there yet");
                return None;
            };
            let matrix = pyramid.matrix();
            let kept = 100.0 * pyramid.nnz() as f64 / matrix.len() as f64;
            ui.horizontal(|ui| {
                ui.label(RichText::new(title).color(accent).strong());
                let facts = format!("{} × {} · {kept:.1} % nonzero", matrix.rows(), matrix.cols());
                ui.add(Label::new(RichText::new(facts).weak()).truncate());
            });
            let bar = 14.0;
            let space = ui.available_size() - vec2(0.0, bar + ui.spacing().item_spacing.y);
            let (area, response) = ui.allocate_exact_size(space.max(vec2(32.0, 32.0)), Sense::click_and_drag());
            let label = format!("Picture of {title}, {} by {}", matrix.rows(), matrix.cols());
            response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &label));
            let shape = vec2(matrix.cols() as f32, matrix.rows() as f32);
            viewport.interact(&response, area, shape);
            let (cells, points) = viewport.cells(area, shape);
            self.paint(ui, pyramid, range, area, cells);
            let entry = response.hover_pos().map(|at| cells.min + (at - area.min) / points);
            let hovered = entry.filter(|at| at.x >= 0.0 && at.y >= 0.0 && at.x < shape.x && at.y < shape.y);
            let hovered = hovered.map(|at| (at.y as usize, at.x as usize));
            let marks = hovered.map_or(marks, |(row, col)| Marks { row: Some(row), col: Some(col) });
            mark(ui, area, cells, points, shape, marks);
            color_bar(ui, range, bar);
            hovered
        })
        .inner
    }

    fn paint(&mut self, ui: &Ui, pyramid: &Pyramid, range: f32, area: Rect, cells: Rect) {
        let density = ui.ctx().pixels_per_point();
        let pixels = [(area.width() * density) as usize, (area.height() * density) as usize];
        let dark = ui.visuals().dark_mode;
        let drawn = Drawn { picture: pyramid.id(), cells, pixels, range, dark };
        if self.drawn != Some(drawn) {
            let image = pyramid.draw(cells, pixels[0], pixels[1], &Colors::new(range, dark));
            match &mut self.texture {
                Some(texture) => texture.set(image, TextureOptions::NEAREST),
                none => *none = Some(ui.ctx().load_texture("matrix", image, TextureOptions::NEAREST)),
            }
            self.drawn = Some(drawn);
        }
        if let Some(texture) = &self.texture {
            let whole = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
            ui.painter().image(texture.id(), area, whole, Color32::WHITE);
        }
    }
}

fn mark(ui: &Ui, area: Rect, cells: Rect, points: f32, shape: Vec2, marks: Marks) {
    let ink = ui.visuals().strong_text_color().gamma_multiply(0.7);
    let painter = ui.painter().with_clip_rect(area);
    let outline = |entries: Rect| {
        let rect = Rect::from_min_max(
            area.min + (entries.min - cells.min) * points,
            area.min + (entries.max - cells.min) * points,
        );
        match points {
            // Too thin for an outline: a line through the middle.
            thin if thin < 3.0 => painter.rect_filled(
                Rect::from_center_size(rect.center(), rect.size().max(vec2(1.0, 1.0))),
                CornerRadius::ZERO,
                ink,
            ),
            _ => painter.rect_stroke(rect, CornerRadius::ZERO, Stroke::new(1.0, ink), StrokeKind::Outside),
        };
    };
    if let Some(row) = marks.row {
        outline(Rect::from_min_size(pos2(0.0, row as f32), vec2(shape.x, 1.0)));
    }
    if let Some(col) = marks.col {
        outline(Rect::from_min_size(pos2(col as f32, 0.0), vec2(1.0, shape.y)));
    }
}

/// The colours from −range to range with their values.
fn color_bar(ui: &mut Ui, range: f32, height: f32) {
    let (area, _) = ui.allocate_exact_size(vec2(ui.available_width(), height), Sense::hover());
    let colors = Colors::new(range, ui.visuals().dark_mode);
    let text = egui::FontId::proportional(10.0);
    let ink = ui.visuals().weak_text_color();
    let bar = Rect::from_center_size(area.center(), vec2((area.width() - 130.0).clamp(30.0, 220.0), 6.0));
    let strip = bar.width() / colors.table().len() as f32;
    let mut mesh = egui::Mesh::default();
    for (at, &color) in colors.table().iter().enumerate() {
        let left = bar.left() + at as f32 * strip;
        mesh.add_colored_rect(Rect::from_min_size(pos2(left, bar.top()), vec2(strip + 0.5, bar.height())), color);
    }
    ui.painter().add(mesh);
    let number = |x: f32| format!("{x:.2e}");
    ui.painter().text(
        bar.left_center() - vec2(4.0, 0.0),
        egui::Align2::RIGHT_CENTER,
        number(-range),
        text.clone(),
        ink,
    );
    ui.painter().text(bar.right_center() + vec2(4.0, 0.0), egui::Align2::LEFT_CENTER, number(range), text, ink);
}
