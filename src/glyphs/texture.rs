//! Textures: patterns within a patch. They are told by their pattern alone, for the patch is a disc or a square.

use super::chance::Chance;
use super::mask::{Mask, Point};
use super::pose::Pose;
use super::round::ellipse;

/// Where a pattern shows: a disc or a square, a little larger than other figures, so that it repeats often enough.
fn patch(chance: &mut Chance, pose: &Pose) -> Mask {
    if chance.once_in(2) {
        ellipse(pose, 1.2)
    } else {
        let mut mask = Mask::empty();
        mask.polygon(&pose.all([[-1.05, -1.05], [1.05, -1.05], [1.05, 1.05], [-1.05, 1.05]]));
        mask
    }
}

/// A grid across a patch: its directions and spacing in pixels, and how many lines reach from the middle to the border.
struct Grid {
    origin: Point,
    along: Point,
    spacing: f32,
    reach: i32,
}

impl Grid {
    fn new(chance: &mut Chance, pose: &Pose, along: Point, spacing: f32) -> Self {
        let [x, y] = pose.center;
        let origin = [x + spacing * chance.between(-0.5, 0.5), y + spacing * chance.between(-0.5, 0.5)];
        Self { origin, along, spacing, reach: (pose.radius * 1.7 / spacing) as i32 + 1 }
    }

    /// Where `(u, v)` lies, in steps of the grid.
    fn at(&self, u: f32, v: f32) -> Point {
        let ([x, y], [cos, sin]) = (self.origin, self.along);
        [x + self.spacing * (u * cos - v * sin), y + self.spacing * (u * sin + v * cos)]
    }

    /// Bars along the grid's first direction (or its second one), `share` of a step wide.
    fn bars(&self, step: i32, share: f32, second: bool) -> Mask {
        let mut mask = Mask::empty();
        let far = self.reach as f32 + 1.0;
        let place = |u: f32, v: f32| if second { self.at(v, u) } else { self.at(u, v) };
        for bar in (-self.reach..=self.reach).step_by(step as usize) {
            let (low, high) = (bar as f32, bar as f32 + share);
            mask.polygon(&[place(-far, low), place(far, low), place(far, high), place(-far, high)]);
        }
        mask
    }
}

/// Parallel bars in any direction.
pub fn stripes(chance: &mut Chance, pose: &Pose) -> Mask {
    let (along, spacing) = (chance.direction(), chance.between(2.6, 4.4));
    let grid = Grid::new(chance, pose, along, spacing);
    let mut mask = grid.bars(1, chance.between(0.4, 0.6), false);
    mask.keep(&patch(chance, pose));
    mask
}

/// Squares of a board, every second one.
pub fn chequers(chance: &mut Chance, pose: &Pose) -> Mask {
    let (along, spacing) = (chance.turn(1.0), chance.between(2.3, 3.4));
    let grid = Grid::new(chance, pose, along, spacing);
    let mut mask = grid.bars(2, 1.0, false);
    mask.swap(&grid.bars(2, 1.0, true));
    mask.keep(&patch(chance, pose));
    mask
}

/// Dots in rows and columns; every second row may be shifted.
pub fn dots(chance: &mut Chance, pose: &Pose) -> Mask {
    let (along, spacing) = (chance.turn(1.0), chance.between(3.2, 4.8));
    let grid = Grid::new(chance, pose, along, spacing);
    let radius = spacing * chance.between(0.24, 0.33);
    let shift = if chance.once_in(2) { 0.5 } else { 0.0 };
    let patch = patch(chance, pose);
    let mut mask = Mask::empty();
    for row in -grid.reach..=grid.reach {
        for column in -grid.reach..=grid.reach {
            let shift = if row % 2 == 0 { 0.0 } else { shift };
            mask.disc(grid.at(column as f32 + shift, row as f32), radius);
        }
    }
    mask.keep(&patch);
    mask
}
