//! Where the entries of a matrix are on screen.

use eframe::egui::{Pos2, Rect, Vec2, pos2, vec2};

/// Position of the entries on screen.
pub struct OnScreen {
    /// Area of the view.
    pub area: Rect,
    /// Part of the matrix in sight, in entries.
    pub cells: Rect,
    /// Points an entry takes along each side.
    pub points: Vec2,
    /// Number of columns and rows.
    pub shape: Vec2,
}

impl OnScreen {
    /// The entry at a place, as (column, row) with its fraction; beside the matrix it is one that there is not.
    pub fn entry(&self, at: Pos2) -> Pos2 {
        self.cells.min + (at - self.area.min) / self.points
    }

    /// Where entries are, given as columns and rows.
    pub fn rect(&self, entries: Rect) -> Rect {
        let place = |entry: Pos2| self.area.min + (entry - self.cells.min) * self.points;
        Rect::from_min_max(place(entries.min), place(entries.max))
    }

    /// Where one entry is.
    pub fn cell(&self, (row, col): (usize, usize)) -> Rect {
        self.rect(Rect::from_min_size(pos2(col as f32, row as f32), vec2(1.0, 1.0)))
    }

    /// The rows and columns seen.
    pub fn seen(&self) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let range = |from: f32, to: f32, all: f32| from.max(0.0) as usize..to.ceil().clamp(0.0, all) as usize;
        let Rect { min, max } = self.cells;
        (range(min.y, max.y, self.shape.y), range(min.x, max.x, self.shape.x))
    }
}
