//! A picture put together: background, clutter, the figure, what hides a part of it, noise.

use super::chance::Chance;
use super::figure;
use super::mask::{Mask, Point, SIDE};

/// Pixels of a plane.
const AREA: usize = SIDE * SIDE;
/// Least sum of the differences of the figure's three colours to the background's, of 765.
const CONTRAST: f32 = 110.0;
/// The same of clutter, and of what hides a part of the figure.
const CLUTTER_CONTRAST: f32 = 60.0;
/// Most pieces of clutter behind the figure.
const CLUTTER_BEHIND: u32 = 6;
/// Most pieces before it.
const CLUTTER_BEFORE: u32 = 2;
/// Largest strength of the noise, in steps of 1/255: its standard deviation is 0.41 of it.
const NOISE: f32 = 58.0;

/// Red, green and blue, 0 to 255.
type Color = [f32; 3];

/// A colour that changes evenly across the picture.
struct Gradient {
    from: Color,
    to: Color,
    /// What a pixel to the right and one down add to the way from the one to the other.
    slope: [f32; 2],
}

impl Gradient {
    fn new(chance: &mut Chance, from: Color, to: Color) -> Self {
        let [x, y] = chance.direction();
        // Along a diagonal the way is longest.
        let scale = 1.0 / (1.42 * SIDE as f32);
        Self { from, to, slope: [x * scale, y * scale] }
    }

    fn at(&self, x: f32, y: f32) -> Color {
        let middle = 0.5 * SIDE as f32;
        let way = 0.5 + (x - middle) * self.slope[0] + (y - middle) * self.slope[1];
        std::array::from_fn(|color| self.from[color] + (self.to[color] - self.from[color]) * way)
    }
}

/// A picture in the making.
struct Canvas {
    planes: [[f32; AREA]; 3],
}

impl Canvas {
    fn paint(&mut self, mask: &Mask, paint: &Gradient) {
        mask.cover(|x, y, share| {
            let color = paint.at(x as f32 + 0.5, y as f32 + 0.5);
            for (plane, color) in self.planes.iter_mut().zip(color) {
                let pixel = &mut plane[y * SIDE + x];
                *pixel += (color - *pixel) * share;
            }
        });
    }
}

fn any_color(chance: &mut Chance) -> Color {
    std::array::from_fn(|_| chance.between(16.0, 240.0))
}

/// A colour not too far from `color`.
fn near(chance: &mut Chance, color: Color, reach: f32) -> Color {
    color.map(|value| (value + chance.between(-reach, reach)).clamp(8.0, 247.0))
}

/// A colour that can be told from `ground`.
fn apart_from(chance: &mut Chance, ground: Color, contrast: f32) -> Color {
    loop {
        let color = any_color(chance);
        let difference = (0..3).fold(0.0, |sum, plane| sum + (color[plane] - ground[plane]).abs());
        if difference >= contrast {
            return color;
        }
    }
}

/// A short stroke, a blob or a splinter.
fn clutter(chance: &mut Chance) -> Mask {
    let side = SIDE as f32;
    let at: Point = [chance.between(0.0, side), chance.between(0.0, side)];
    let mut around = |reach: f32| [at[0] + chance.between(-reach, reach), at[1] + chance.between(-reach, reach)];
    let (corners, end) = ([around(2.6), around(2.6), around(2.6)], around(8.0));
    let mut mask = Mask::empty();
    match chance.below(3) {
        0 => mask.line(&[at, end], chance.between(0.8, 1.7)),
        1 => mask.disc(at, chance.between(0.8, 2.2)),
        _ => mask.polygon(&corners),
    }
    mask
}

/// A quadrilateral that hides a part of the picture.
fn screen(chance: &mut Chance) -> Mask {
    let side = SIDE as f32;
    let center = [chance.between(0.1, 0.9) * side, chance.between(0.1, 0.9) * side];
    let [cos, sin] = chance.direction();
    let (long, short) = (chance.between(3.0, 7.0), chance.between(1.0, 2.4));
    let corner = |u: f32, v: f32| [center[0] + u * cos - v * sin, center[1] + u * sin + v * cos];
    let mut mask = Mask::empty();
    mask.polygon(&[corner(-long, -short), corner(long, -short), corner(long, short), corner(-long, short)]);
    mask
}

/// Adds noise and rounds.
fn develop(chance: &mut Chance, canvas: &Canvas) -> [u8; 3 * AREA] {
    let strength = chance.between(0.2, 1.0) * NOISE / 255.0;
    let mut pixels = [0; 3 * AREA];
    for (pixels, values) in pixels.chunks_exact_mut(4).zip(canvas.planes.as_flattened().chunks_exact(4)) {
        let bytes = chance.bits().to_le_bytes();
        for (lane, (pixel, value)) in pixels.iter_mut().zip(values).enumerate() {
            let noise = f32::from(bytes[2 * lane]) - f32::from(bytes[2 * lane + 1]);
            *pixel = (value + strength * noise + 0.5).clamp(0.0, 255.0) as u8;
        }
    }
    pixels
}

/// Draws the picture of a figure of class `label`.
pub fn draw(chance: &mut Chance, label: usize) -> [u8; 3 * AREA] {
    let base = any_color(chance);
    let (from, to) = (near(chance, base, 50.0), near(chance, base, 50.0));
    let ground = Gradient::new(chance, from, to);
    let mut canvas = Canvas { planes: [[0.0; AREA]; 3] };
    canvas.paint(&Mask::full(), &ground);

    for _ in 0..chance.below(CLUTTER_BEHIND + 1) {
        add(chance, &mut canvas, base, CLUTTER_CONTRAST, clutter);
    }
    add(chance, &mut canvas, base, CONTRAST, |chance| figure::draw(chance, label));
    for _ in 0..chance.below(CLUTTER_BEFORE + 1) {
        add(chance, &mut canvas, base, CLUTTER_CONTRAST, clutter);
    }
    if chance.once_in(2) {
        add(chance, &mut canvas, base, CLUTTER_CONTRAST, screen);
    }
    develop(chance, &canvas)
}

/// Paints an area in a colour that can be told from the ground's.
fn add(chance: &mut Chance, canvas: &mut Canvas, ground: Color, contrast: f32, area: impl FnOnce(&mut Chance) -> Mask) {
    let color = apart_from(chance, ground, contrast);
    let end = near(chance, color, 25.0);
    let paint = Gradient::new(chance, color, end);
    let mask = area(chance);
    canvas.paint(&mask, &paint);
}
