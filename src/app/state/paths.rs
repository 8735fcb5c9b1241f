//! Paths from an input to an output over the inner indices (the paper's Fig. 2).

use crate::app::widgets::picture::Pyramid;

/// One way from an input to an output.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Path {
    /// The inner index l.
    pub inner: usize,
    /// A's entry in the output's row.
    pub a: f32,
    /// B's entry in the input's column.
    pub b: f32,
}

impl Path {
    /// Contribution of the path to (AB)ᵢⱼ.
    pub fn product(&self) -> f32 {
        self.a * self.b
    }
}

/// The paths from an input to an output, the weightiest first; positions on screen.
pub fn paths(a: &Pyramid, b: &Pyramid, row: usize, col: usize) -> Vec<Path> {
    let (a, b) = (a.matrix(), b.matrix());
    if row >= a.rows() || col >= b.cols() || a.cols() != b.rows() {
        return Vec::new();
    }
    let entries = a.row(row).iter().enumerate().filter(|(_, a)| **a != 0.0);
    let mut paths: Vec<Path> =
        entries.map(|(inner, &a)| Path { inner, a, b: b.get(inner, col) }).filter(|path| path.b != 0.0).collect();
    paths.sort_by(|x, y| y.product().abs().total_cmp(&x.product().abs()));
    paths
}
