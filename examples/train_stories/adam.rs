//! AdamW: steps along the running mean of the gradient, divided by the root of the running mean of its square.
//!
//! ```text
//! m <- b1 m + (1 - b1) g      v <- b2 v + (1 - b2) g^2
//! w <- w - rate * (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + decay * w)
//! ```
//!
//! Own code because the moments must be saved for a run to be resumed, and in one pass over the data.

use std::collections::BTreeMap;

use candle_core::{Device, Result, Tensor};

use crate::model::Parameters;

const BETAS: (f64, f64) = (0.9, 0.98);
const EPS: f32 = 1e-8;
const DECAY: f32 = 0.02;
/// Gradients longer than this are shortened to it.
const LONGEST: f64 = 1.0;
/// The largest weight of a matrix from some step on, times the root of its number of columns: about twice the typical
/// size that weights have got by then.
///
/// Without a bound the typical weight goes on growing, normally distributed, and a few large weights carry so much of
/// what the model knows that the others hardly matter. With it, more of them have to take part.
const BOUND: f32 = 2.75;

/// Gradients by parameter name.
pub type Gradients = BTreeMap<String, Vec<f32>>;

/// First and second moments of the gradients.
#[derive(Default)]
pub struct Adam {
    /// Moments by parameter name.
    pub moments: BTreeMap<String, [Vec<f32>; 2]>,
}

impl Adam {
    /// The `step`-th step, counted from 1; returns the length of the gradient. If `bounded`, the weights of matrices
    /// are kept small.
    pub fn step(
        &mut self,
        parameters: &Parameters,
        gradients: &Gradients,
        rate: f64,
        step: u64,
        bounded: bool,
    ) -> Result<f64> {
        let squares = gradients.values().flatten().map(|g| f64::from(*g) * f64::from(*g));
        let length = squares.sum::<f64>().sqrt();
        let shorten = (LONGEST / length).min(1.0) as f32;
        let (b1, b2) = (BETAS.0 as f32, BETAS.1 as f32);
        let unbias = |beta: f64| (1.0 / (1.0 - beta.powf(step as f64))) as f32;
        let (unbias1, unbias2, rate) = (unbias(BETAS.0), unbias(BETAS.1), rate as f32);
        for (name, variable) in parameters {
            let gradient = &gradients[name];
            let zeros = || [vec![0.0; gradient.len()], vec![0.0; gradient.len()]];
            let [m, v] = self.moments.entry(name.clone()).or_insert_with(zeros);
            let mut values = variable.flatten_all()?.to_vec1::<f32>()?;
            // Norms and the embedding are neither pulled towards zero nor bounded: only matrices between them.
            let matrix = variable.rank() == 2 && !name.contains("embed");
            let decay = if matrix { DECAY } else { 0.0 };
            let bound = if matrix && bounded { BOUND / (variable.dims()[1] as f32).sqrt() } else { f32::INFINITY };
            for (((w, g), m), v) in values.iter_mut().zip(gradient).zip(m).zip(v) {
                let g = g * shorten;
                *m = b1 * *m + (1.0 - b1) * g;
                *v = b2 * *v + (1.0 - b2) * g * g;
                *w -= rate * (*m * unbias1 / ((*v * unbias2).sqrt() + EPS) + decay * *w);
                if w.abs() > bound {
                    // Thrown back by the bound rather than cut off there: no two weights become equal.
                    *w = w.signum() * (2.0 * bound - w.abs()).max(0.0);
                }
            }
            variable.set(&Tensor::from_vec(values, variable.shape(), &Device::Cpu)?)?;
        }
        Ok(length)
    }
}

/// The learning rate: a linear start, then half a cosine down to a twentieth.
pub fn rate(step: u64, steps: u64, peak: f64) -> f64 {
    let warm_up = (steps / 20).clamp(1, 150);
    if step < warm_up {
        return peak * (step + 1) as f64 / warm_up as f64;
    }
    let progress = ((step - warm_up) as f64 / (steps - warm_up).max(1) as f64).min(1.0);
    peak * (0.05 + 0.95 * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()))
}
