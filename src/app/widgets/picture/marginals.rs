//! How the nonzeros are distributed over rows and columns: a strip along each side of a picture.

use eframe::egui::{Color32, Mesh, Painter, Rect, pos2};

/// Draws the counts of the rows (or columns) that are seen as bars that grow away from the picture.
///
/// `first` and `points` say which entry is at the strip's start, and how many points each takes. A bar for each two
/// points at most: of the entries under it, the one with the most.
pub fn strip(painter: &Painter, area: Rect, vertical: bool, counts: &[u32], first: f32, points: f32, color: Color32) {
    const LEAST: f32 = 2.0;
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f32;
    let (length, depth) = if vertical { (area.height(), area.width()) } else { (area.width(), area.height()) };
    let per_bar = (LEAST / points).ceil().max(1.0) as usize;
    let mut mesh = Mesh::default();
    // Bars begin at whole multiples, so that panning does not regroup them.
    let begin = (first.max(0.0) as usize) / per_bar * per_bar;
    let end = ((first + length / points).ceil().max(0.0) as usize).min(counts.len());
    for at in (begin..end).step_by(per_bar) {
        let bar = &counts[at..(at + per_bar).min(counts.len())];
        let share = bar.iter().copied().max().unwrap_or(0) as f32 / most;
        let from = ((at as f32 - first) * points).max(0.0);
        let to = (((at + bar.len()) as f32 - first) * points).min(length);
        if to <= from {
            continue;
        }
        let rect = match vertical {
            true => Rect::from_min_max(
                pos2(area.left(), area.top() + from),
                pos2(area.left() + depth * share, area.top() + to),
            ),
            false => Rect::from_min_max(
                pos2(area.left() + from, area.top()),
                pos2(area.left() + to, area.top() + depth * share),
            ),
        };
        mesh.add_colored_rect(rect, color);
    }
    painter.add(mesh);
}
