//! Areas of a picture, sampled finer than its pixels.

/// Pixels of a picture's side.
pub const SIDE: usize = 20;
/// Samples of a pixel's side.
const FINE: usize = 3;
/// Samples of the picture's side.
const ROWS: usize = SIDE * FINE;
/// A row with every sample in it.
const FULL: u64 = !0 >> (64 - ROWS);

/// A place in the picture, in pixels from its upper left corner: x to the right, y downwards.
pub type Point = [f32; 2];

/// A set of samples: nine to a pixel, a bit each.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    rows: [u64; ROWS],
}

impl Mask {
    /// No sample.
    pub fn empty() -> Self {
        Self { rows: [0; ROWS] }
    }

    /// Every sample.
    pub fn full() -> Self {
        Self { rows: [FULL; ROWS] }
    }

    /// Adds a disc.
    pub fn disc(&mut self, [x, y]: Point, radius: f32) {
        for row in rows_between(y - radius, y + radius) {
            let height = middle(row) - y;
            let half = (radius * radius - height * height).max(0.0).sqrt();
            self.rows[row] |= samples_between(x - half, x + half);
        }
    }

    /// Adds a convex polygon, its corners in either order.
    pub fn polygon(&mut self, corners: &[Point]) {
        let low = corners.iter().fold(f32::MAX, |low, corner| low.min(corner[1]));
        let high = corners.iter().fold(f32::MIN, |high, corner| high.max(corner[1]));
        for row in rows_between(low, high) {
            let y = middle(row);
            let (mut left, mut right) = (f32::MAX, f32::MIN);
            for (index, &[x0, y0]) in corners.iter().enumerate() {
                let [x1, y1] = corners[(index + 1) % corners.len()];
                if (y0 <= y) != (y1 <= y) {
                    let x = x0 + (x1 - x0) * ((y - y0) / (y1 - y0));
                    (left, right) = (left.min(x), right.max(x));
                }
            }
            self.rows[row] |= samples_between(left, right);
        }
    }

    /// Adds a line through `points` with round ends and joints.
    pub fn line(&mut self, points: &[Point], width: f32) {
        let half = 0.5 * width;
        for pair in points.windows(2) {
            let [[x0, y0], [x1, y1]] = [pair[0], pair[1]];
            let (dx, dy) = (x1 - x0, y1 - y0);
            let length = (dx * dx + dy * dy).sqrt();
            if length > 0.0 {
                let [across, down] = [-dy * half / length, dx * half / length];
                self.polygon(&[
                    [x0 + across, y0 + down],
                    [x1 + across, y1 + down],
                    [x1 - across, y1 - down],
                    [x0 - across, y0 - down],
                ]);
            }
        }
        points.iter().for_each(|&point| self.disc(point, half));
    }

    /// Keeps what is in `other` too.
    pub fn keep(&mut self, other: &Self) {
        self.rows.iter_mut().zip(&other.rows).for_each(|(row, other)| *row &= other);
    }

    /// Removes what is in `other`.
    pub fn remove(&mut self, other: &Self) {
        self.rows.iter_mut().zip(&other.rows).for_each(|(row, other)| *row &= !other);
    }

    /// Swaps inside and outside where `other` is.
    pub fn swap(&mut self, other: &Self) {
        self.rows.iter_mut().zip(&other.rows).for_each(|(row, other)| *row ^= other);
    }

    /// Calls `paint` for each pixel that is covered in part, with column, row and the covered share.
    pub fn cover(&self, mut paint: impl FnMut(usize, usize, f32)) {
        for (y, rows) in self.rows.chunks_exact(FINE).enumerate() {
            if rows.iter().all(|&row| row == 0) {
                continue;
            }
            for x in 0..SIDE {
                let bits = rows.iter().fold(0, |bits, row| bits << FINE | (row >> (FINE * x) & ((1 << FINE) - 1)));
                if bits != 0 {
                    paint(x, y, bits.count_ones() as f32 / (FINE * FINE) as f32);
                }
            }
        }
    }
}

/// Where a sample lies: in pixels, along one side.
fn middle(sample: usize) -> f32 {
    (sample as f32 + 0.5) / FINE as f32
}

/// The rows of samples whose middles lie from `low` to `high`.
fn rows_between(low: f32, high: f32) -> std::ops::Range<usize> {
    let first = (low * FINE as f32 - 0.5).ceil().max(0.0);
    let end = (high * FINE as f32 + 0.5).floor().clamp(0.0, ROWS as f32);
    first as usize..end as usize
}

/// The bits of samples whose middles lie from `left` to `right`.
fn samples_between(left: f32, right: f32) -> u64 {
    let range = rows_between(left, right);
    let below = |end: usize| (1_u64 << end) - 1;
    below(range.end) & !below(range.start.min(ROWS))
}
