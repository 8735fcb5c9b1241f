//! What each class looks like: areas in a figure's own square, −1 to 1 in both directions, y downwards.

use super::chance::Chance;
use super::mask::{Mask, Point};
use super::pose::Pose;
use super::round::{STEP, ellipse, step};
use super::texture;

/// The names of the classes.
pub const CLASSES: [&str; 12] = [
    "disc", "ring", "square", "triangle", "cross", "zigzag", "spiral", "stripes", "chequers", "dots", "letter A",
    "letter S",
];

/// Draws a figure of class `label`.
pub fn draw(chance: &mut Chance, label: usize) -> Mask {
    let pose = Pose::draw(chance);
    match label {
        0 => ellipse(&pose, 1.0),
        1 => ring(chance, &pose),
        2 => hollow(chance, &pose, &[[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]]),
        3 => triangle(chance, &pose),
        4 => cross(chance, &pose),
        5 => zigzag(chance, &pose),
        6 => spiral(chance, &pose),
        7 => texture::stripes(chance, &pose),
        8 => texture::chequers(chance, &pose),
        9 => texture::dots(chance, &pose),
        10 => letter_a(chance, &pose),
        _ => letter_s(chance, &pose),
    }
}

/// The width of a stroke, in pixels.
fn pen(chance: &mut Chance) -> f32 {
    chance.between(1.3, 2.3)
}

fn ring(chance: &mut Chance, pose: &Pose) -> Mask {
    let mut mask = ellipse(pose, 1.0);
    mask.remove(&ellipse(pose, chance.between(0.45, 0.75)));
    mask
}

/// A polygon: filled, or its outline.
fn hollow(chance: &mut Chance, pose: &Pose, corners: &[Point]) -> Mask {
    let corners: Vec<Point> = corners.iter().map(|&corner| pose.at(corner)).collect();
    let mut mask = Mask::empty();
    if chance.once_in(2) {
        mask.polygon(&corners);
    } else {
        let closed: Vec<Point> = corners.iter().chain(corners.first()).copied().collect();
        mask.line(&closed, pen(chance));
    }
    mask
}

/// On its base or on its tip.
fn triangle(chance: &mut Chance, pose: &Pose) -> Mask {
    let up = chance.sign();
    hollow(chance, pose, &[[0.0, -up], [1.0, 0.8 * up], [-1.0, 0.8 * up]])
}

/// Two bars: upright, or on their edges.
fn cross(chance: &mut Chance, pose: &Pose) -> Mask {
    let pose = if chance.once_in(2) { pose.turned([STEP[0] * STEP[0] - STEP[1] * STEP[1]; 2]) } else { *pose };
    let half = chance.between(0.16, 0.34);
    let mut mask = Mask::empty();
    mask.polygon(&pose.all([[-1.0, -half], [1.0, -half], [1.0, half], [-1.0, half]]));
    mask.polygon(&pose.all([[-half, -1.0], [half, -1.0], [half, 1.0], [-half, 1.0]]));
    mask
}

/// Four to six strokes up and down, along either side.
fn zigzag(chance: &mut Chance, pose: &Pose) -> Mask {
    let pose = if chance.once_in(2) { pose.turned([0.0, 1.0]) } else { *pose };
    let strokes = 4 + chance.below(3);
    let height = chance.between(0.35, 0.75) * chance.sign();
    let points: Vec<Point> = (0..=strokes)
        .map(|point| {
            let x = 2.1 * (point as f32 / strokes as f32 - 0.5);
            pose.at([x, if point % 2 == 0 { height } else { -height }])
        })
        .collect();
    let mut mask = Mask::empty();
    mask.line(&points, chance.between(1.1, 1.8));
    mask
}

/// Two turns and a bit, from anywhere, either way round.
fn spiral(chance: &mut Chance, pose: &Pose) -> Mask {
    let mut direction = chance.direction();
    let sign = chance.sign();
    let steps = 30 + chance.below(8);
    let points: Vec<Point> = (0..steps)
        .map(|index| {
            let radius = 0.08 + index as f32 / steps as f32;
            let [x, y] = direction;
            direction = step(direction, sign);
            pose.at([radius * x, radius * y])
        })
        .collect();
    let mut mask = Mask::empty();
    mask.line(&points, chance.between(1.1, 1.6));
    mask
}

fn letter_a(chance: &mut Chance, pose: &Pose) -> Mask {
    let width = pen(chance);
    let bar = chance.between(0.2, 0.45);
    let foot = chance.between(0.62, 0.85);
    // The legs at the height of the bar.
    let x = foot * 0.5 * (1.0 + bar);
    let mut mask = Mask::empty();
    mask.line(&pose.all([[-foot, 1.0], [0.0, -1.0], [foot, 1.0]]), width);
    mask.line(&pose.all([[-x, bar], [x, bar]]), 0.85 * width);
    mask
}

fn letter_s(chance: &mut Chance, pose: &Pose) -> Mask {
    let points = [
        [0.62, -0.66],
        [0.38, -0.92],
        [0.0, -1.0],
        [-0.38, -0.92],
        [-0.62, -0.66],
        [-0.58, -0.34],
        [-0.3, -0.12],
        [0.3, 0.12],
        [0.6, 0.36],
        [0.62, 0.68],
        [0.36, 0.93],
        [0.0, 1.0],
        [-0.4, 0.92],
        [-0.64, 0.66],
    ];
    let mut mask = Mask::empty();
    mask.line(&pose.all(points), pen(chance));
    mask
}
