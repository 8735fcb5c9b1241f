//! One matrix on screen: its picture, what is lit up in it, numbers, colour bar and marginals.

use super::gpu::Paint;
use super::marginals::strip;
use super::pyramid::Kind;
use super::{Colors, Pyramid, Shade, Viewport, canvas, colors};
use crate::export::{ColorBar, Image};
use eframe::egui::{
    Align2, Color32, CornerRadius, FontId, Id, Painter, Pos2, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui,
    Vec2, WidgetInfo, pos2, vec2,
};
use eframe::egui_wgpu;
use std::sync::Arc;

/// The width of the strips of row and column counts.
const STRIP: f32 = 14.0;
/// Entries at least this large have their number written in them.
const READABLE: f32 = 34.0;
/// But no more than so many: the window stays quick.
const MOST_NUMBERS: usize = 1200;

/// Entries that are lit up, by position on screen (after reordering).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Marks {
    /// A whole row, by position.
    pub row: Option<usize>,
    /// A whole column, by position.
    pub col: Option<usize>,
    /// Single entries, as (row, column).
    pub entries: Vec<(usize, usize)>,
}

/// Content of a view: a matrix with its colours and marks.
pub struct Frame<'a> {
    /// Name of the view.
    pub title: &'a str,
    /// Colour that stands for the matrix in every view.
    pub accent: Color32,
    /// Matrix that the view shows.
    pub pyramid: &'a Arc<Pyramid>,
    /// Colours of the entries.
    pub colors: Colors,
    /// Entries that the shared pointer lights up here.
    pub marks: &'a Marks,
    /// In the corner: the value under the shared pointer.
    pub readout: Option<String>,
    /// Whether rows' and columns' counts are shown.
    pub marginals: bool,
}

/// Result of drawing a view: what the pointer does there.
pub struct Seen {
    /// The entry under the pointer as (row, column), by position on screen.
    pub hovered: Option<(usize, usize)>,
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
        let label = format!("Picture of {}, {rows} by {cols}", frame.title);
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &label));
        let shape = vec2(cols as f32, rows as f32);
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
        corners(ui, &painter, frame, area);
        Seen { hovered, response }
    }
}

/// Draws what a view of this size would show as a picture for a file, `side` pixels along its longer side.
pub fn image(pyramid: &Pyramid, colors: &Colors, viewport: &Viewport, aspect: f32, side: usize) -> Image {
    let (rows, cols) = pyramid.matrix().shape();
    let size = if aspect > 1.0 { vec2(1.0, 1.0 / aspect) } else { vec2(aspect, 1.0) } * side as f32;
    let (cells, _) = viewport.cells(Rect::from_min_size(Pos2::ZERO, size), vec2(cols as f32, rows as f32));
    // Without the empty margin around a matrix that fits.
    let inside = cells.intersect(Rect::from_min_size(Pos2::ZERO, vec2(cols as f32, rows as f32)));
    let scale = side as f32 / inside.width().max(inside.height()).max(1.0);
    let pixels = |extent: f32| ((extent * scale).round() as usize).max(1);
    canvas::draw(pyramid, inside, (pixels(inside.width()), pixels(inside.height())), colors)
}

/// The picture's part of a view's space.
fn picture_area(whole: Rect, marginals: bool) -> Rect {
    let strips = if marginals { Vec2::splat(STRIP) } else { Vec2::ZERO };
    Rect::from_min_max(whole.min, (whole.max - strips).max(whole.min + Vec2::splat(8.0)))
}

/// Position of the entries on screen.
struct OnScreen {
    area: Rect,
    /// Part of the matrix in sight, in entries.
    cells: Rect,
    /// Points an entry takes.
    points: f32,
    /// Number of columns and rows.
    shape: Vec2,
}

impl OnScreen {
    fn entry(&self, at: Pos2) -> Pos2 {
        self.cells.min + (at - self.area.min) / self.points
    }

    fn rect(&self, entries: Rect) -> Rect {
        let place = |entry: Pos2| self.area.min + (entry - self.cells.min) * self.points;
        Rect::from_min_max(place(entries.min), place(entries.max))
    }

    fn cell(&self, (row, col): (usize, usize)) -> Rect {
        self.rect(Rect::from_min_size(pos2(col as f32, row as f32), vec2(1.0, 1.0)))
    }

    /// The rows and columns seen.
    fn seen(&self) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let range = |from: f32, to: f32, all: f32| from.max(0.0) as usize..to.ceil().clamp(0.0, all) as usize;
        let Rect { min, max } = self.cells;
        (range(min.y, max.y, self.shape.y), range(min.x, max.x, self.shape.x))
    }
}

/// The values, where there is room for them.
fn numbers(painter: &Painter, frame: &Frame<'_>, on_screen: &OnScreen, dark: bool) {
    let (rows, cols) = on_screen.seen();
    if on_screen.points < READABLE || rows.len() * cols.len() > MOST_NUMBERS || frame.pyramid.kind() == Kind::Sets {
        return;
    }
    let font = FontId::monospace((on_screen.points / 5.2).clamp(6.5, 13.0));
    for i in rows {
        for j in cols.clone() {
            let value = frame.pyramid.matrix().get(i, j);
            // On full colour the ink is that of the other theme.
            let strong = match frame.colors.shade {
                Shade::Value => value.abs() > 0.5 * frame.colors.range,
                _ => value != 0.0,
            };
            let ink =
                if value == 0.0 { Color32::GRAY } else { Color32::from_gray(if dark != strong { 235 } else { 20 }) };
            painter.text(on_screen.cell((i, j)).center(), Align2::CENTER_CENTER, in_cell(value), font.clone(), ink);
        }
    }
}

/// A number in at most six characters.
fn in_cell(x: f32) -> String {
    match x.abs() {
        0.0 => "0".into(),
        size if (0.0995..99.95).contains(&size) => format!("{x:.2}"),
        size if (0.00995..0.0995).contains(&size) => format!("{x:.3}").replacen("0.", ".", 1),
        size if (99.95..9999.5).contains(&size) => format!("{x:.0}"),
        _ => format!("{x:.0e}"),
    }
}

fn mark(painter: &Painter, frame: &Frame<'_>, on_screen: &OnScreen, ink: Color32) {
    let faint = ink.gamma_multiply(0.55);
    let outline = |rect: Rect, color: Color32| match on_screen.points {
        // Too thin for an outline: a line through the middle.
        thin if thin < 3.0 => {
            let line = Rect::from_center_size(rect.center(), rect.size().max(vec2(1.0, 1.0)));
            painter.rect_filled(line, CornerRadius::ZERO, color);
        }
        _ => _ = painter.rect_stroke(rect, CornerRadius::ZERO, Stroke::new(1.0, color), StrokeKind::Outside),
    };
    let Vec2 { x: cols, y: rows } = on_screen.shape;
    if let Some(row) = frame.marks.row {
        outline(on_screen.rect(Rect::from_min_size(pos2(0.0, row as f32), vec2(cols, 1.0))), faint);
    }
    if let Some(col) = frame.marks.col {
        outline(on_screen.rect(Rect::from_min_size(pos2(col as f32, 0.0), vec2(1.0, rows))), faint);
    }
    for &entry in &frame.marks.entries {
        let cell = on_screen.cell(entry);
        let ring = Rect::from_center_size(cell.center(), cell.size().max(vec2(5.0, 5.0)));
        painter.rect_stroke(ring, CornerRadius::ZERO, Stroke::new(1.5, frame.accent), StrokeKind::Outside);
        painter.rect_stroke(ring.expand(1.5), CornerRadius::ZERO, Stroke::new(1.0, ink), StrokeKind::Outside);
    }
}

fn marginals(ui: &Ui, frame: &Frame<'_>, on_screen: &OnScreen, whole: Rect) {
    const GAP: f32 = 2.0;
    let OnScreen { area, cells, points, shape } = *on_screen;
    if frame.pyramid.nnz() == frame.pyramid.matrix().len() {
        return;
    }
    let color = frame.accent.gamma_multiply(0.8);
    // Beside the matrix, which may be smaller than its area.
    let end = on_screen.rect(Rect::from_min_max(Pos2::ZERO, shape.to_pos2())).max.min(area.max) + Vec2::splat(GAP);
    let depth = Vec2::splat(STRIP - GAP);
    let right = Rect::from_min_max(pos2(end.x, area.top()), pos2((end + depth).x.min(whole.right()), area.bottom()));
    let below = Rect::from_min_max(pos2(area.left(), end.y), pos2(area.right(), (end + depth).y.min(whole.bottom())));
    strip(ui.painter(), right, true, frame.pyramid.row_counts(), cells.min.y, points, color);
    strip(ui.painter(), below, false, frame.pyramid.col_counts(), cells.min.x, points, color);
}

/// The colour bar in the lower left corner, the value under the pointer in the upper right one.
fn corners(ui: &Ui, painter: &Painter, frame: &Frame<'_>, area: Rect) {
    const MARGIN: f32 = 5.0;
    let ground = ui.visuals().extreme_bg_color.gamma_multiply(0.82);
    let ink = ui.visuals().text_color();
    let font = FontId::proportional(10.5);
    if let Some(text) = &frame.readout {
        let galley = painter.layout_no_wrap(text.clone(), FontId::monospace(11.0), ui.visuals().strong_text_color());
        let corner = area.right_top() + vec2(-MARGIN - galley.size().x, MARGIN);
        painter.rect_filled(Rect::from_min_size(corner, galley.size()).expand(3.0), 3.0, ground);
        painter.galley(corner, galley, ink);
    }
    if frame.pyramid.kind() == Kind::Sets || area.width() < 150.0 || area.height() < 60.0 {
        return;
    }
    let ColorBar { labels: [left, _, right], colors } = bar(&frame.colors);
    let [left, right] = [left, right].map(|text| painter.layout_no_wrap(text, font.clone(), ink));
    let (bar, height) = ((area.width() * 0.25).clamp(40.0, 110.0), left.size().y);
    let corner = area.left_bottom() + vec2(MARGIN, -MARGIN - height);
    let width = left.size().x + bar + right.size().x + 8.0;
    painter.rect_filled(Rect::from_min_size(corner, vec2(width, height)).expand(3.0), 3.0, ground);
    let start = corner + vec2(left.size().x + 4.0, height / 2.0 - 3.0);
    let mut mesh = eframe::egui::Mesh::default();
    // At most a strip for each point.
    let stride = (colors.len() / bar as usize).max(1);
    let strips: Vec<[u8; 3]> = colors.into_iter().step_by(stride).collect();
    let strip = bar / strips.len() as f32;
    for (at, [r, g, b]) in strips.into_iter().enumerate() {
        let place = Rect::from_min_size(start + vec2(at as f32 * strip, 0.0), vec2(strip + 0.3, 6.0));
        mesh.add_colored_rect(place, Color32::from_rgb(r, g, b));
    }
    painter.add(mesh);
    let end = start.x + bar + 4.0;
    painter.galley(corner, left, ink);
    painter.galley(pos2(end, corner.y), right, ink);
}

/// Returns the colours of a picture with their meaning, as a bar.
pub fn bar(colors: &Colors) -> ColorBar {
    let table = Colors::table(colors.dark);
    let (left, middle, right, part) = match colors.shade {
        Shade::Value => {
            let range = crate::export::short(colors.range);
            (format!("-{range}"), "0", range, table[..=2 * colors::HALF].to_vec())
        }
        Shade::Density => ("0".into(), "", "all kept".into(), table[colors::RAMP..=colors::INK].to_vec()),
        Shade::Any => ("0".into(), "", "kept".into(), vec![table[colors::HALF], table[colors::INK]]),
    };
    ColorBar { labels: [left, middle.to_owned(), right], colors: part }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fit_into_cells() {
        assert_eq!(
            [0.0, 0.5, -12.345, 0.0123, 250.0, 1e-5].map(in_cell),
            ["0", "0.50", "-12.35", ".012", "250", "1e-5"]
        );
        let values = (-60..60).flat_map(|e| [1.0f32, -9.99, 5.55].map(|x| x * 10f32.powf(e as f32 / 3.0)));
        assert!(values.map(in_cell).all(|text| text.chars().count() <= 6), "too long");
    }

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
