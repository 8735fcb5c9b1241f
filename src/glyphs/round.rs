//! What goes around: points a fixed angle apart, for sine and cosine differ between platforms in their last bits.

use super::mask::{Mask, Point};
use super::pose::Pose;

/// cos and sin of 22.5°, to a step around a circle.
pub const STEP: Point = [0.923_879_5, 0.382_683_43];

/// Points around a circle, a step apart.
fn circle(radius: f32) -> [Point; 16] {
    let mut at = [radius, 0.0];
    std::array::from_fn(|_| {
        let here = at;
        at = step(at, 1.0);
        here
    })
}

/// A point, one step further around the origin: clockwise for a `sign` of 1.
pub fn step([x, y]: Point, sign: f32) -> Point {
    let [cos, sin] = [STEP[0], sign * STEP[1]];
    [cos * x - sin * y, sin * x + cos * y]
}

/// A disc as it leans.
pub fn ellipse(pose: &Pose, radius: f32) -> Mask {
    let mut mask = Mask::empty();
    mask.polygon(&pose.all(circle(radius)));
    mask
}
