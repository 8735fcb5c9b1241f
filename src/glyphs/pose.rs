//! Where a figure stands, how large it is and how it leans.

use super::chance::Chance;
use super::mask::{Point, SIDE};

/// An affine map from a figure's own square, −1 to 1 in both directions, to the picture.
#[derive(Clone, Copy, Debug)]
pub struct Pose {
    /// The figure's middle.
    pub center: Point,
    /// Where the figure's x of 1 lies from there.
    right: Point,
    /// Where the figure's y of 1 lies from there.
    down: Point,
    /// Half of the figure's side, in pixels.
    pub radius: f32,
}

impl Pose {
    /// Half sizes of figures, in pixels.
    const RADIUS: (f32, f32) = (4.8, 8.4);
    /// How far a figure may reach beyond the border, in pixels.
    const BEYOND: f32 = 1.0;

    /// Draws one: upright to about 25°, a little longer one way than the other, sheared a little.
    pub fn draw(chance: &mut Chance) -> Self {
        let radius = chance.between(Self::RADIUS.0, Self::RADIUS.1);
        let room = SIDE as f32 * 0.5 - radius + Self::BEYOND;
        let middle = SIDE as f32 * 0.5;
        let center = [middle + chance.between(-room, room), middle + chance.between(-room, room)];
        let [cos, sin] = chance.turn(0.22);
        let (wide, high) = (radius * chance.between(0.82, 1.08), radius * chance.between(0.82, 1.08));
        let shear = chance.between(-0.15, 0.15);
        let right = [cos * wide, sin * wide];
        let down = [(shear * cos - sin) * high, (shear * sin + cos) * high];
        Self { center, right, down, radius }
    }

    /// The same place, turned by a vector of length 1.
    pub fn turned(self, [cos, sin]: [f32; 2]) -> Self {
        let mix = |a: f32, b: f32| [a * self.right[0] + b * self.down[0], a * self.right[1] + b * self.down[1]];
        Self { right: mix(cos, sin), down: mix(-sin, cos), ..self }
    }

    /// Where the figure's `(x, y)` lies in the picture.
    pub fn at(&self, [x, y]: Point) -> Point {
        let place = |axis: usize| self.center[axis] + x * self.right[axis] + y * self.down[axis];
        [place(0), place(1)]
    }

    /// Several places at once.
    pub fn all<const N: usize>(&self, points: [Point; N]) -> [Point; N] {
        points.map(|point| self.at(point))
    }
}
