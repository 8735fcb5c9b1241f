//! What is drawn over and beside a matrix: numbers, the pointer's marks, counts.

use super::Shade;
use super::frame::Frame;
use super::marginals::strip;
use super::on_screen::OnScreen;
use super::pyramid::Kind;
use eframe::egui::{
    Align2, Color32, CornerRadius, FontId, Painter, Pos2, Rect, Stroke, StrokeKind, Ui, Vec2, pos2, vec2,
};

/// The width of the strips of row and column counts.
pub const STRIP: f32 = 14.0;
/// Entries at least this large have their number written in them.
const READABLE: f32 = 34.0;
/// But no more than so many: the window stays quick.
const MOST_NUMBERS: usize = 1200;

/// The values, where there is room for them.
pub fn numbers(painter: &Painter, frame: &Frame<'_>, on_screen: &OnScreen, dark: bool) {
    let (rows, cols) = on_screen.seen();
    if on_screen.points.min_elem() < READABLE
        || rows.len() * cols.len() > MOST_NUMBERS
        || frame.pyramid.kind() == Kind::Sets
    {
        return;
    }
    let font = FontId::monospace((on_screen.points.min_elem() / 5.2).clamp(6.5, 13.0));
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

/// What the shared pointer lights up.
pub fn mark(painter: &Painter, frame: &Frame<'_>, on_screen: &OnScreen, ink: Color32) {
    let faint = ink.gamma_multiply(0.55);
    let outline = |rect: Rect, points: f32, color: Color32| match points {
        // Too thin for an outline: a line through the middle.
        thin if thin < 3.0 => {
            let line = Rect::from_center_size(rect.center(), rect.size().max(vec2(1.0, 1.0)));
            painter.rect_filled(line, CornerRadius::ZERO, color);
        }
        _ => _ = painter.rect_stroke(rect, CornerRadius::ZERO, Stroke::new(1.0, color), StrokeKind::Outside),
    };
    let (Vec2 { x: cols, y: rows }, points) = (on_screen.shape, on_screen.points);
    if let Some(row) = frame.marks.row {
        outline(on_screen.rect(Rect::from_min_size(pos2(0.0, row as f32), vec2(cols, 1.0))), points.y, faint);
    }
    if let Some(col) = frame.marks.col {
        outline(on_screen.rect(Rect::from_min_size(pos2(col as f32, 0.0), vec2(1.0, rows))), points.x, faint);
    }
    for &entry in &frame.marks.entries {
        let cell = on_screen.cell(entry);
        let ring = Rect::from_center_size(cell.center(), cell.size().max(vec2(5.0, 5.0)));
        painter.rect_stroke(ring, CornerRadius::ZERO, Stroke::new(1.5, frame.accent), StrokeKind::Outside);
        painter.rect_stroke(ring.expand(1.5), CornerRadius::ZERO, Stroke::new(1.0, ink), StrokeKind::Outside);
    }
}

/// The counts of nonzeros beside the matrix.
pub fn marginals(ui: &Ui, frame: &Frame<'_>, on_screen: &OnScreen, whole: Rect) {
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
    strip(ui.painter(), right, true, frame.pyramid.row_counts(), cells.min.y, points.y, color);
    strip(ui.painter(), below, false, frame.pyramid.col_counts(), cells.min.x, points.x, color);
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
}
