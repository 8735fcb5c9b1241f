//! Norms of vectors.

use super::config::NormKind;
use crate::matrix::Matrix;

/// A norm with its weight.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    pub kind: NormKind,
    pub eps: f32,
    /// Width of the vectors.
    pub width: usize,
    /// A weight for each entry of a vector, or of several vectors in turn. Gemma's with the one added.
    pub weight: Vec<f32>,
    /// In the same order.
    pub bias: Option<Vec<f32>>,
}

/// Gradients of a norm's weight and bias.
pub(super) struct NormGradients {
    pub weight: Vec<f32>,
    pub bias: Option<Vec<f32>>,
}

impl Norm {
    /// Norm of each row.
    pub fn of(&self, h: &Matrix) -> Matrix {
        let mut out = h.clone();
        self.apply(&mut out);
        out
    }

    /// Norms each vector in place.
    pub fn apply(&self, h: &mut Matrix) {
        let width = self.width;
        for vectors in h.as_mut_slice().chunks_exact_mut(self.weight.len()) {
            for (at, vector) in vectors.chunks_exact_mut(width).enumerate() {
                let range = at * width..(at + 1) * width;
                self.normalize(vector, &self.weight[range.clone()]);
                if let Some(bias) = &self.bias {
                    vector.iter_mut().zip(&bias[range]).for_each(|(x, bias)| *x += bias);
                }
            }
        }
    }

    /// Returns the scale that the vector was multiplied by before the weight.
    fn normalize(&self, vector: &mut [f32], weight: &[f32]) -> f32 {
        let width = vector.len() as f64;
        if self.is_centred() {
            let mean = (vector.iter().map(|&x| f64::from(x)).sum::<f64>() / width) as f32;
            vector.iter_mut().for_each(|x| *x -= mean);
        }
        let squares: f64 = vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
        let scale = ((squares / width) as f32 + self.eps).sqrt().recip();
        vector.iter_mut().zip(weight).for_each(|(x, weight)| *x *= scale * weight);
        scale
    }

    /// Turns gradients `g` with respect to the normed rows into those with respect to the rows `h` that were normed, and
    /// returns the gradients of the norm's own weight and bias, summed over the rows.
    ///
    /// With x̂ the scaled vector before the weight, u = w ⊙ g and s the scale: s·(u − mean(u) − x̂·mean(u ⊙ x̂)), without the
    /// first mean where the norm does not centre.
    pub fn backward(&self, h: &Matrix, g: &mut Matrix) -> NormGradients {
        let (all, width) = (self.weight.len(), self.width);
        let mut gradients = NormGradients { weight: vec![0.0; all], bias: self.bias.as_ref().map(|_| vec![0.0; all]) };
        let ones = vec![1.0; width];
        let mut scaled = vec![0.0f32; width];
        for (rows, gs) in h.as_slice().chunks_exact(all).zip(g.as_mut_slice().chunks_exact_mut(all)) {
            for (at, (vector, g)) in rows.chunks_exact(width).zip(gs.chunks_exact_mut(width)).enumerate() {
                let range = at * width..(at + 1) * width;
                scaled.copy_from_slice(vector);
                let scale = self.normalize(&mut scaled, &ones);
                if let Some(bias) = &mut gradients.bias {
                    bias[range.clone()].iter_mut().zip(&*g).for_each(|(sum, g)| *sum += g);
                }
                let (mut sum, mut along) = (0.0f64, 0.0f64);
                let weights = self.weight[range.clone()].iter().zip(&mut gradients.weight[range]);
                for ((g, x), (weight, sums)) in g.iter_mut().zip(&scaled).zip(weights) {
                    *sums += *g * x;
                    *g *= weight;
                    sum += f64::from(*g);
                    along += f64::from(*g * x);
                }
                let mean = if self.is_centred() { (sum / width as f64) as f32 } else { 0.0 };
                let along = (along / width as f64) as f32;
                g.iter_mut().zip(&scaled).for_each(|(g, x)| *g = scale * (*g - mean - x * along));
            }
        }
        gradients
    }

    fn is_centred(&self) -> bool {
        matches!(self.kind, NormKind::Layer | NormKind::LayerWithoutBias)
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.weight[..]) + self.bias.as_ref().map_or(0, |bias| size_of_val(&bias[..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_hand() {
        let h = Matrix::from_vec(1, 4, vec![1.0, 3.0, 6.0, 2.0]);
        let norm = |kind, width, weight: &[f32], bias: Option<&[f32]>| {
            let norm = Norm { kind, eps: 0.0, width, weight: weight.to_vec(), bias: bias.map(<[f32]>::to_vec) };
            norm.of(&h).as_slice().to_vec()
        };
        // Mean square of the first two (1 + 9)/2 = 5, of the last two (36 + 4)/2 = 20.
        let [five, twenty] = [5f32.sqrt(), 20f32.sqrt()];
        assert_eq!(
            norm(NormKind::Rms, 2, &[1.0, 2.0], None),
            [1.0 / five, 3.0 * (2.0 / five), 6.0 / twenty, 2.0 * (2.0 / twenty)]
        );
        // Centred −1, 1 and 2, −2; deviations 1 and 2. A weight of its own for each vector.
        let weights = [1.0, 1.0, 10.0, 10.0];
        assert_eq!(norm(NormKind::Layer, 2, &weights, Some(&[0.5; 4])), [-0.5, 1.5, 10.5, -9.5]);
    }
}
