//! Which part of a matrix is seen.

use eframe::egui::{Pos2, Rect, Response, Vec2, pos2, vec2};
use serde::{Deserialize, Serialize};

/// The largest size of an entry on screen, in points: its number can then be read.
const LARGEST: f32 = 96.0;
/// The least thickness of a whole matrix on screen, in points: of 1×5000 entries, too, one can be seen and pointed at.
const THINNEST: f32 = 12.0;

/// Part of a matrix that is seen. Views of the same shape can share one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Viewport {
    /// Position in the middle, as shares of (columns, rows).
    center: Pos2,
    /// Points a matrix entry takes, against the size at which all fits.
    zoom: f32,
    /// Wait until it is known how large all is.
    #[serde(skip)]
    wanted: Option<Wanted>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Wanted {
    /// Entries of so many points, around the middle.
    Points(f32),
    /// Larger or smaller by a factor, while the entry (column, row) stays where it is in `area`; the middle where there is
    /// none.
    Zoom { factor: f32, about: [Option<f32>; 2], area: Rect },
}

impl Default for Viewport {
    fn default() -> Self {
        Self { center: pos2(0.5, 0.5), zoom: 1.0, wanted: None }
    }
}

impl Viewport {
    /// Entries take so many points from the next frame on, and the middle stays.
    pub fn show_at(&mut self, points: f32) {
        self.wanted = Some(Wanted::Points(points));
    }

    /// Makes everything larger or smaller from the next frame on. The row and the column stay where they are in `area`, or
    /// come into the middle if they are out of sight.
    pub fn zoom(&mut self, factor: f32, (row, col): (Option<usize>, Option<usize>), area: Rect) {
        let about = [col, row].map(|at| at.map(|at| at as f32 + 0.5));
        self.wanted = Some(Wanted::Zoom { factor, about, area });
    }

    /// Moves as little as needed to see entry (row, column) in `area`.
    pub fn reveal(&mut self, (row, col): (usize, usize), area: Rect, shape: Vec2) {
        let (cells, points) = self.cells(area, shape);
        let entry = Rect::from_min_size(pos2(col as f32, row as f32), vec2(1.0, 1.0));
        // What is missing at the far side, or else at the near one.
        let by = (entry.max - cells.max).max(Vec2::ZERO) + (entry.min - cells.min).min(Vec2::ZERO);
        self.drag(-by * points, area, shape);
    }

    /// The entries seen in `area`, for a matrix of (columns, rows), and the points an entry takes along each side.
    pub fn cells(&self, area: Rect, shape: Vec2) -> (Rect, Vec2) {
        let points = self.points(area, shape);
        let center = pos2(self.center.x * shape.x, self.center.y * shape.y);
        (Rect::from_center_size(center, area.size() / points), points)
    }

    /// Drags, scrolls, pinches and double-clicks.
    ///
    /// Only the view that is acted on changes anything: others that share the viewport may be of other sizes.
    pub fn interact(&mut self, response: &Response, area: Rect, shape: Vec2) {
        self.fulfil(area, shape);
        if response.double_clicked() {
            *self = Self::default();
        }
        if response.dragged() {
            self.drag(response.drag_delta(), area, shape);
        }
        if let Some(pointer) = response.hover_pos() {
            let scrolled =
                |input: &eframe::egui::InputState| input.zoom_delta() * (input.smooth_scroll_delta.y / 200.0).exp();
            let factor = response.ctx.input(scrolled);
            if factor != 1.0 {
                let (cells, points) = self.cells(area, shape);
                self.zoom_about(factor, cells.min + (pointer - area.min) / points, area, shape);
            }
        }
    }

    /// Does what was wanted before it was known how large all is.
    fn fulfil(&mut self, area: Rect, shape: Vec2) {
        match self.wanted.take() {
            None => {}
            Some(Wanted::Points(points)) => {
                self.zoom = points / fitting(area, shape);
                self.settle(self.center, area, shape);
            }
            Some(Wanted::Zoom { factor, about, area: of }) => {
                let area = if of.is_positive() { of } else { area };
                let (cells, _) = self.cells(area, shape);
                let [x, y] = about;
                let mut anchor = cells.center();
                x.into_iter().for_each(|x| anchor.x = x);
                y.into_iter().for_each(|y| anchor.y = y);
                if !cells.contains(anchor) {
                    self.center = pos2(anchor.x / shape.x, anchor.y / shape.y);
                }
                self.zoom_about(factor, anchor, area, shape);
                if about == [None; 2] {
                    self.settle(self.center, area, shape);
                }
            }
        }
    }

    /// Zooms while `anchor`, in entries (x along columns), or the entry next to it, stays where it is. Beyond the smallest
    /// zoom all comes back into the middle.
    fn zoom_about(&mut self, factor: f32, anchor: Pos2, area: Rect, shape: Vec2) {
        let (least, most) = limits(area, shape);
        let (cells, before) = self.cells(area, shape);
        let current = self.zoom.clamp(least, most);
        self.zoom = (current * factor).clamp(least, most);
        if factor < 1.0 && current == least {
            self.center = pos2(0.5, 0.5);
            return;
        }
        let anchor = anchor.clamp(Pos2::ZERO, shape.to_pos2());
        let center = anchor + (cells.center() - anchor) * before / self.points(area, shape);
        self.center = pos2(center.x / shape.x, center.y / shape.y);
    }

    fn drag(&mut self, by: Vec2, area: Rect, shape: Vec2) {
        let before = self.center;
        let moved = by / self.points(area, shape);
        self.center -= vec2(moved.x / shape.x, moved.y / shape.y);
        self.settle(before, area, shape);
    }

    /// No empty margin where there is something to fill it: a side that fits is centred, another ends at the edge. But
    /// what a zoom has moved away from there, `before`, is not moved at once.
    fn settle(&mut self, before: Pos2, area: Rect, shape: Vec2) {
        let seen = area.size() / self.points(area, shape);
        let within = |center: f32, before: f32, seen: f32, all: f32| {
            let half = (seen / all / 2.0).min(0.5);
            center.clamp(half.min(before), (1.0 - half).max(before))
        };
        self.center =
            pos2(within(self.center.x, before.x, seen.x, shape.x), within(self.center.y, before.y, seen.y, shape.y));
    }

    /// Points an entry takes along each side: the same, but for a matrix that would be too thin to be seen.
    fn points(&self, area: Rect, shape: Vec2) -> Vec2 {
        let (least, most) = limits(area, shape);
        let points = fitting(area, shape) * self.zoom.clamp(least, most);
        Vec2::splat(points).max(area.size().min(Vec2::splat(THINNEST)) / shape.max(Vec2::splat(1.0)))
    }
}

/// The smallest and the largest zoom. A small matrix can be shown smaller than its place: a point an entry, or less.
fn limits(area: Rect, shape: Vec2) -> (f32, f32) {
    let fit = fitting(area, shape);
    ((0.25 / fit).min(1.0), (LARGEST / fit).max(1.0))
}

/// Points an entry takes when all fits.
fn fitting(area: Rect, shape: Vec2) -> f32 {
    (area.width() / shape.x.max(1.0)).min(area.height() / shape.y.max(1.0)).max(f32::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers from 0 to 1 without pattern, always the same.
    struct Draw(u64);

    impl Draw {
        fn next(&mut self) -> f32 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 40) as f32 / (1 << 24) as f32
        }

        fn between(&mut self, low: f32, high: f32) -> f32 {
            low * (high / low).powf(self.next())
        }
    }

    fn at(viewport: &Viewport, pointer: Pos2, area: Rect, shape: Vec2) -> Pos2 {
        let (cells, points) = viewport.cells(area, shape);
        cells.min + (pointer - area.min) / points
    }

    /// Of any shape, at any place, by any factor, also after a drag, and while a view of another size shares the viewport.
    #[test]
    fn zooming_keeps_the_entry_under_the_pointer() {
        let (mut draw, mut zooms, mut worst) = (Draw(7), 0, 0.0f32);
        for round in 0..3000 {
            let shape = match round % 5 {
                0 => vec2(576.0, 1536.0),
                1 => vec2(5000.0, 1.0),
                2 => vec2(3.0, 5000.0),
                _ => vec2(draw.between(1.0, 12_000.0).floor(), draw.between(1.0, 12_000.0).floor()),
            };
            let mut area =
                || Rect::from_min_size(pos2(40.0, 10.0), vec2(draw.between(60.0, 900.0), draw.between(60.0, 900.0)));
            let (area, other) = (area(), area());
            let mut viewport = Viewport::default();
            for _ in 0..8 {
                let pointer = area.min + area.size() * vec2(draw.next(), draw.next());
                let before = at(&viewport, pointer, area, shape);
                let inside = before.x >= 0.0 && before.y >= 0.0 && before.x <= shape.x && before.y <= shape.y;
                let factor = draw.between(0.2, 5.0);
                let at_least = viewport.zoom.clamp(limits(area, shape).0, f32::MAX) == limits(area, shape).0;
                viewport.zoom_about(factor, before, area, shape);
                viewport.fulfil(other, shape);
                if inside && !(factor < 1.0 && at_least) {
                    let (_, points) = viewport.cells(area, shape);
                    let moved = (at(&viewport, pointer, area, shape) - before) * points;
                    worst = worst.max(moved.length());
                    zooms += 1;
                }
                if draw.next() < 0.3 {
                    viewport.drag(vec2(draw.between(1.0, 200.0), -draw.between(1.0, 200.0)), area, shape);
                }
            }
        }
        assert!(zooms > 5000 && worst < 0.3, "{worst} points in {zooms} zooms");
    }

    #[test]
    fn what_was_zoomed_out_comes_back_into_the_middle() {
        let (area, shape) = (Rect::from_min_size(pos2(0.0, 0.0), vec2(300.0, 200.0)), vec2(600.0, 400.0));
        let mut viewport = Viewport::default();
        viewport.zoom_about(5.0, pos2(0.0, 0.0), area, shape);
        viewport.zoom_about(0.01, pos2(100.0, 100.0), area, shape);
        assert_ne!(viewport.center, pos2(0.5, 0.5));
        viewport.zoom_about(0.9, pos2(100.0, 100.0), area, shape);
        assert_eq!(viewport.center, pos2(0.5, 0.5));
    }

    #[test]
    fn keys_zoom_about_an_entry_or_bring_it_into_sight() {
        let (area, shape) = (Rect::from_min_size(pos2(0.0, 0.0), vec2(300.0, 200.0)), vec2(600.0, 400.0));
        let mut viewport = Viewport::default();
        let entry = (100, 40);
        let place = |viewport: &Viewport| {
            let (cells, points) = viewport.cells(area, shape);
            (pos2(40.5, 100.5) - cells.min) * points
        };
        let before = place(&viewport);
        viewport.zoom(4.0, (Some(entry.0), Some(entry.1)), area);
        viewport.fulfil(area, shape);
        assert!((place(&viewport) - before).length() < 0.01);
        viewport.zoom(2.0, (Some(390), Some(590)), area);
        viewport.fulfil(area, shape);
        assert!(viewport.cells(area, shape).0.contains(pos2(590.5, 390.5)));
    }

    #[test]
    fn an_entry_out_of_sight_is_revealed() {
        let (area, shape) = (Rect::from_min_size(pos2(0.0, 0.0), vec2(300.0, 200.0)), vec2(600.0, 400.0));
        let mut viewport = Viewport::default();
        viewport.zoom_about(40.0, pos2(300.0, 200.0), area, shape);
        for (row, col) in [(0, 0), (399, 599), (17, 590), (200, 300)] {
            viewport.reveal((row, col), area, shape);
            let seen = viewport.cells(area, shape).0.expand(1e-2);
            assert!(seen.contains_rect(Rect::from_min_size(pos2(col as f32, row as f32), vec2(1.0, 1.0))), "{seen}");
        }
    }

    #[test]
    fn a_thin_matrix_is_thick_enough_to_see() {
        let area = Rect::from_min_size(pos2(0.0, 0.0), vec2(400.0, 300.0));
        for (shape, expected) in [
            (vec2(5000.0, 1.0), vec2(0.08, 12.0)),
            (vec2(3.0, 5000.0), vec2(4.0, 0.06)),
            (vec2(400.0, 300.0), vec2(1.0, 1.0)),
        ] {
            let (cells, points) = Viewport::default().cells(area, shape);
            assert!((points - expected).length() < 1e-3, "{points}");
            assert!(cells.contains_rect(Rect::from_min_size(Pos2::ZERO, shape).shrink(0.01)), "{cells}");
        }
        // Pointing at the middle of each of three columns.
        let shape = vec2(3.0, 5000.0);
        let columns = [196.0, 200.0, 204.0].map(|x| at(&Viewport::default(), pos2(x, 150.0), area, shape).x.floor());
        assert_eq!(columns, [0.0, 1.0, 2.0]);
        let mut near = Viewport::default();
        near.zoom_about(1e9, pos2(1.5, 700.0), area, shape);
        assert_eq!(near.cells(area, shape).1, Vec2::splat(LARGEST), "and of the right proportions when it is large");
    }

    #[test]
    fn nothing_outside_is_shown_when_there_is_enough_inside() {
        let (area, shape) = (Rect::from_min_size(pos2(0.0, 0.0), vec2(100.0, 100.0)), vec2(400.0, 100.0));
        let mut viewport = Viewport { zoom: 2.0, ..Viewport::default() };
        viewport.drag(vec2(9e3, -9e3), area, shape);
        let (cells, points) = viewport.cells(area, shape);
        assert_eq!((cells.min.x, points), (0.0, Vec2::splat(0.5)));
        assert_eq!(cells.center().y, 50.0, "a side that fits is in the middle");
    }
}
