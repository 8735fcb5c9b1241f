//! A layer's error by its density.

use crate::factorize::{Preset, Settings};
use crate::job::{End, Pipeline};
use crate::matrix::{Problem, Replacement};
use crate::methods;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A layer's error by its density, from those at some densities.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Points `(density, layer-wise error)`, densities ascending.
    points: Vec<(f64, f64)>,
}

impl Curve {
    /// The curve through these points, sorted by density. An error that grows with the density is an accident of its
    /// run, and is lowered to the one before.
    pub fn new(mut points: Vec<(f64, f64)>) -> Self {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        for at in 1..points.len() {
            points[at].1 = points[at].1.min(points[at - 1].1);
        }
        Self { points }
    }

    /// Error at `density`: ln e is linear between the points and extrapolated outside of them; 0 at density 1.
    pub fn error(&self, density: f64) -> f64 {
        if density >= 1.0 || self.points.is_empty() {
            return 0.0;
        }
        let after = self.points.partition_point(|point| point.0 < density).clamp(1, self.points.len().max(2) - 1);
        let (Some(&(from, low)), Some(&(to, high))) = (self.points.get(after - 1), self.points.get(after)) else {
            return self.points[0].1;
        };
        let (low, high) = (low.max(1e-12).ln(), high.max(1e-12).ln());
        (low + (high - low) * (density - from) / (to - from)).exp().min(1.0)
    }
}

/// A short run of DSF.
pub(super) fn short_run(problem: &Problem, density: f64) -> Result<Arc<Replacement>, methods::Error> {
    let settings = Settings { density, ..Settings::default() }.with_preset(Preset::Fast);
    let mut drive = Pipeline::new(problem.clone(), &settings)?;
    while drive.step()?.is_some() {}
    Ok(drive.finish(End::Finished, 0.0)?.replacement)
}
