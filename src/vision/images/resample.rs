//! Resizing as PIL does it, to the bit.
//!
//! Columns first, rounded to bytes, then rows: each output value is a sum of the pixels around it with weights in
//! fixed point. The image crate goes through the rows first and does not round in between, which differs by up to 40 of 255
//! at sharp edges; and it holds the whole image in f32, where here only what a crop needs is computed.

use super::super::Filter;
use std::f64::consts::PI;
use std::ops::Range;

/// An image of 8 bits a colour.
pub(super) struct Rgb {
    pub(super) height: usize,
    pub(super) width: usize,
    /// `[height, width, 3]`.
    pub(super) pixels: Vec<u8>,
}

/// Bits after the point of a weight.
const FRACTION: u32 = 22;

/// The given rows and columns of the image resized to `size`, rows and columns; without a filter it keeps its size.
pub(super) fn resample(
    image: &Rgb,
    size: (usize, usize),
    filter: Option<Filter>,
    rows: Range<usize>,
    cols: Range<usize>,
) -> Rgb {
    let filter = filter.unwrap_or(Filter::Nearest);
    let (rows, cols) = (taps(filter, image.height, size.0, rows), taps(filter, image.width, size.1, cols));
    let first = rows.iter().map(|tap| tap.first).min().unwrap_or(0);
    let last = rows.iter().map(|tap| tap.first + tap.weights.len()).max().unwrap_or(0);
    // What the rows need, with all columns that are wanted.
    let mut across = Vec::with_capacity(last.saturating_sub(first) * cols.len() * 3);
    for row in image.pixels.chunks_exact(3 * image.width).take(last).skip(first) {
        for tap in &cols {
            across.extend([0, 1, 2].map(|colour| tap.sum(|at| row[3 * at + colour])));
        }
    }
    let line = 3 * cols.len();
    let mut pixels = Vec::with_capacity(rows.len() * line);
    for tap in &rows {
        pixels.extend((0..line).map(|at| tap.sum(|row| across[(row - first) * line + at])));
    }
    Rgb { height: rows.len(), width: cols.len(), pixels }
}

/// The pixels that an output value is the sum of.
struct Tap {
    /// The first of them.
    first: usize,
    /// Their weights, with [`FRACTION`] bits after the point.
    weights: Vec<i32>,
}

impl Tap {
    fn sum(&self, pixel: impl Fn(usize) -> u8) -> u8 {
        let half = 1 << (FRACTION - 1);
        let products = self.weights.iter().zip(self.first..).map(|(&weight, at)| weight * i32::from(pixel(at)));
        ((half + products.sum::<i32>()) >> FRACTION).clamp(0, 255) as u8
    }
}

/// What the outputs of a range are sums of when `from` pixels become `to`.
fn taps(filter: Filter, from: usize, to: usize, range: Range<usize>) -> Vec<Tap> {
    let scale = from as f64 / to as f64;
    if from == to || filter == Filter::Nearest {
        let nearest = |at| ((at as f64 + 0.5) * scale) as usize;
        return range.map(|at| Tap { first: nearest(at).min(from - 1), weights: vec![1 << FRACTION] }).collect();
    }
    // Made smaller, an image is averaged: the filter is as wide as what becomes one pixel.
    let width = scale.max(1.0);
    let (support, inverse) = (support(filter) * width, 1.0 / width);
    let tap = |at: usize| {
        let centre = (at as f64 + 0.5) * scale;
        let first = (centre - support + 0.5).max(0.0) as usize;
        let end = ((centre + support + 0.5) as usize).min(from);
        let weights: Vec<f64> = (first..end).map(|x| weight(filter, (x as f64 - centre + 0.5) * inverse)).collect();
        let sum: f64 = weights.iter().sum();
        let inverse = if sum == 0.0 { 1.0 } else { 1.0 / sum };
        let fixed = |weight: f64| (weight * inverse * f64::from(1 << FRACTION)).round() as i32;
        Tap { first, weights: weights.into_iter().map(fixed).collect() }
    };
    range.map(tap).collect()
}

/// Half the width of a filter, in pixels.
fn support(filter: Filter) -> f64 {
    match filter {
        Filter::Nearest | Filter::Box => 0.5,
        Filter::Bilinear | Filter::Hamming => 1.0,
        Filter::Bicubic => 2.0,
        Filter::Lanczos => 3.0,
    }
}

/// A filter's value at a distance in pixels.
fn weight(filter: Filter, x: f64) -> f64 {
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) };
    let distance = x.abs();
    match filter {
        Filter::Nearest | Filter::Box => f64::from(x > -0.5 && x <= 0.5),
        Filter::Bilinear => (1.0 - distance).max(0.0),
        Filter::Bicubic if distance < 1.0 => (1.5 * distance - 2.5) * distance * distance + 1.0,
        Filter::Bicubic if distance < 2.0 => (((distance - 5.0) * distance + 8.0) * distance - 4.0) * -0.5,
        Filter::Lanczos if distance < 3.0 => sinc(x) * sinc(x / 3.0),
        Filter::Hamming if distance < 1.0 => sinc(x) * (0.54 + 0.46 * (PI * x).cos()),
        Filter::Bicubic | Filter::Lanczos | Filter::Hamming => 0.0,
    }
}
