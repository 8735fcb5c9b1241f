//! Which part of a matrix is seen.

use eframe::egui::{Pos2, Rect, Response, Vec2, pos2, vec2};
use serde::{Deserialize, Serialize};

/// The largest size of an entry on screen, in points: its number can then be read.
const LARGEST: f32 = 96.0;

/// Part of a matrix that is seen. Views of the same shape can share one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Viewport {
    /// Position in the middle, as shares of (columns, rows).
    center: Pos2,
    /// Points a matrix entry takes, against the size at which all fits.
    zoom: f32,
    /// Wait until it is known how large all is, then show entries at this many points.
    wanted: Option<f32>,
}

impl Default for Viewport {
    fn default() -> Self {
        Self { center: pos2(0.5, 0.5), zoom: 1.0, wanted: None }
    }
}

impl Viewport {
    /// Entries take so many points from the next frame on, and the middle stays.
    pub fn show_at(&mut self, points: f32) {
        self.wanted = Some(points);
    }

    /// Makes everything larger or smaller around the middle, from the next frame on.
    pub fn zoom(&mut self, factor: f32) {
        self.zoom *= factor;
    }

    /// Puts entry (row, column) into the middle.
    pub fn look_at(&mut self, (row, col): (usize, usize), (rows, cols): (usize, usize)) {
        self.center = pos2((col as f32 + 0.5) / cols.max(1) as f32, (row as f32 + 0.5) / rows.max(1) as f32);
    }

    /// The entries seen in `area`, for a matrix of (columns, rows), and the points an entry takes.
    pub fn cells(&self, area: Rect, shape: Vec2) -> (Rect, f32) {
        let points = fitting(area, shape) * self.zoom;
        let center = pos2(self.center.x * shape.x, self.center.y * shape.y);
        (Rect::from_center_size(center, area.size() / points), points)
    }

    /// Drags, scrolls, pinches and double-clicks.
    pub fn interact(&mut self, response: &Response, area: Rect, shape: Vec2) {
        let fit = fitting(area, shape);
        let limit = (LARGEST / fit).max(1.0);
        // A small matrix can be shown smaller than its place: one pixel an entry.
        let least = (1.0 / response.ctx.pixels_per_point() / fit).min(1.0);
        if let Some(points) = self.wanted.take() {
            self.zoom = points / fit;
        }
        self.zoom = self.zoom.clamp(least, limit);
        if response.double_clicked() {
            *self = Self::default();
        }
        let (cells, points) = self.cells(area, shape);
        if response.dragged() {
            let moved = response.drag_delta() / points;
            self.center -= vec2(moved.x / shape.x, moved.y / shape.y);
        }
        if let Some(pointer) = response.hover_pos() {
            let scrolled =
                |input: &eframe::egui::InputState| input.zoom_delta() * (input.smooth_scroll_delta.y / 200.0).exp();
            let factor = response.ctx.input(scrolled);
            if factor != 1.0 {
                self.zoom_by(factor, pointer - area.min, (cells, points), (least, limit), shape);
            }
        }
        self.settle(area, shape);
    }

    /// Zooms so that the entry `at` points from the corner stays there.
    fn zoom_by(&mut self, factor: f32, at: Vec2, (cells, points): (Rect, f32), limits: (f32, f32), shape: Vec2) {
        let anchor = cells.min + at / points;
        let zoom = (self.zoom * factor).clamp(limits.0, limits.1);
        let center = anchor + (cells.center() - anchor) * (self.zoom / zoom);
        *self = Self { center: pos2(center.x / shape.x, center.y / shape.y), zoom, wanted: None };
    }

    /// No empty margin where there is something to fill it: a side that fits is centred, another ends at the edge.
    fn settle(&mut self, area: Rect, shape: Vec2) {
        let seen = area.size() / (fitting(area, shape) * self.zoom);
        let within = |center: f32, seen: f32, all: f32| {
            let half = (seen / all / 2.0).min(0.5);
            center.clamp(half, 1.0 - half)
        };
        self.center = pos2(within(self.center.x, seen.x, shape.x), within(self.center.y, seen.y, shape.y));
    }
}

/// Points an entry takes when all fits.
fn fitting(area: Rect, shape: Vec2) -> f32 {
    (area.width() / shape.x.max(1.0)).min(area.height() / shape.y.max(1.0)).max(f32::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zooming_keeps_the_entry_under_the_pointer() {
        let (area, shape) = (Rect::from_min_size(pos2(40.0, 10.0), vec2(300.0, 200.0)), vec2(600.0, 400.0));
        let mut viewport = Viewport::default();
        let at = vec2(60.0, 150.0);
        for factor in [1.7, 3.0, 1.2, 0.8] {
            let (cells, points) = viewport.cells(area, shape);
            let before = cells.min + at / points;
            viewport.zoom_by(factor, at, (cells, points), (1.0, 100.0), shape);
            let (cells, points) = viewport.cells(area, shape);
            let after = cells.min + at / points;
            assert!((before - after).length() < 1e-2, "{before} {after}");
        }
    }

    #[test]
    fn nothing_outside_is_shown_when_there_is_enough_inside() {
        let (area, shape) = (Rect::from_min_size(pos2(0.0, 0.0), vec2(100.0, 100.0)), vec2(400.0, 100.0));
        let mut viewport = Viewport { center: pos2(-3.0, 9.0), zoom: 2.0, wanted: None };
        viewport.settle(area, shape);
        let (cells, points) = viewport.cells(area, shape);
        assert_eq!((cells.min.x, points), (0.0, 0.5));
        assert_eq!(cells.center().y, 50.0, "a side that fits is in the middle");
    }
}
