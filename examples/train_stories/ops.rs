//! The model's pointwise and row-wise steps as single passes with their derivatives.
//!
//! Composed of candle's elementary operations, each of these would walk over its data five to ten times, forwards and
//! again backwards; on a CPU that costs more than the matrix products between them. Every function here is an
//! ordinary differentiable operation for candle's autograd.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, Storage, Tensor, bail};

/// The added constant under the root of the norm.
pub const NORM_EPS: f64 = 1e-5;

/// `x / rms(x) * weight` over the last dimension.
pub fn rms_norm(x: &Tensor, weight: &Tensor) -> Result<Tensor> {
    x.apply_op2(weight, RmsNorm)
}

/// `silu(gate) * up`.
pub fn swiglu(gate: &Tensor, up: &Tensor) -> Result<Tensor> {
    gate.apply_op2(up, SwiGlu)
}

/// Softmax over the last dimension of `scale * scores`, where row `i` sees the columns `0..=i`.
pub fn causal_softmax(scores: &Tensor, scale: f32) -> Result<Tensor> {
    scores.apply_op1(CausalSoftmax { scale })
}

/// What should come: token numbers with probabilities that add up to 1.
pub type Target = Vec<(u32, f32)>;

/// Mean over the rows of `-sum p ln softmax(logits)` over the target's tokens and their probabilities `p`.
pub fn cross_entropy(logits: &Tensor, targets: Vec<Target>) -> Result<Tensor> {
    logits.apply_op1(CrossEntropy { targets })
}

/// `(batch, time, heads * size)` to `(batch, heads, time, size)`, on the way turned by the position if `angles` are
/// given, which hold `(cos, sin)` for each position and each half of a head.
pub fn split_heads(x: &Tensor, heads: usize, angles: Option<&Angles>) -> Result<Tensor> {
    x.apply_op1(Heads { heads, angles: angles.cloned(), split: true })
}

/// The inverse of [`split_heads`] without turning.
pub fn merge_heads(x: &Tensor) -> Result<Tensor> {
    let heads = x.dims4()?.1;
    x.apply_op1(Heads { heads, angles: None, split: false })
}

/// `(cos, sin)` of `position * theta^(-2 j / size)` at `[position * size / 2 + j]`.
pub type Angles = std::sync::Arc<Vec<(f32, f32)>>;

fn floats<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!("expected contiguous data, got {layout:?}"),
    }
}

/// The values of a tensor, copied only if it is not contiguous.
fn with_floats<R>(tensor: &Tensor, use_them: impl FnOnce(&[f32]) -> R) -> Result<R> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => Ok(use_them(floats(storage, layout)?)),
        _ => bail!("the trainer runs on the CPU"),
    }
}

fn like(values: Vec<f32>, tensor: &Tensor) -> Result<Tensor> {
    Tensor::from_vec(values, tensor.shape(), tensor.device())
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Sixteen partial sums, so that the compiler may use vector registers.
    let mut sums = [0f32; 16];
    let (a_chunks, b_chunks) = (a.chunks_exact(16), b.chunks_exact(16));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..16 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f32>() + rest
}

struct RmsNorm;

fn inverse_rms(row: &[f32]) -> f32 {
    (dot(row, row) / row.len() as f32 + NORM_EPS as f32).sqrt().recip()
}

impl CustomOp2 for RmsNorm {
    fn name(&self) -> &'static str {
        "rms-norm"
    }

    fn cpu_fwd(&self, x: &CpuStorage, xl: &Layout, w: &CpuStorage, wl: &Layout) -> Result<(CpuStorage, Shape)> {
        let (x, w) = (floats(x, xl)?, floats(w, wl)?);
        let mut out = Vec::with_capacity(x.len());
        for row in x.chunks_exact(w.len()) {
            let scale = inverse_rms(row);
            out.extend(row.iter().zip(w).map(|(x, w)| x * scale * w));
        }
        Ok((CpuStorage::F32(out), xl.shape().clone()))
    }

    /// With `r = 1 / rms(x)` and `h = g * w`: `dx = r h - r^3 x (x . h) / n` and `dw = sum over rows of g x r`.
    fn bwd(&self, x: &Tensor, w: &Tensor, _: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (dx, dw) = with_floats(x, |xs| {
            with_floats(w, |ws| {
                with_floats(grad, |gs| {
                    let size = ws.len();
                    let mut dx = Vec::with_capacity(xs.len());
                    let mut dw = vec![0f32; size];
                    let mut h = vec![0f32; size];
                    for (row, g) in xs.chunks_exact(size).zip(gs.chunks_exact(size)) {
                        let r = inverse_rms(row);
                        for j in 0..size {
                            h[j] = g[j] * ws[j];
                            dw[j] += g[j] * row[j] * r;
                        }
                        let along = r * r * r * dot(row, &h) / size as f32;
                        dx.extend(row.iter().zip(&h).map(|(x, h)| r * h - along * x));
                    }
                    (dx, dw)
                })
            })
        })???;
        Ok((Some(like(dx, x)?), Some(like(dw, w)?)))
    }
}

struct SwiGlu;

fn sigmoid(x: f32) -> f32 {
    (1.0 + (-x).exp()).recip()
}

impl CustomOp2 for SwiGlu {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(&self, a: &CpuStorage, al: &Layout, b: &CpuStorage, bl: &Layout) -> Result<(CpuStorage, Shape)> {
        let out = floats(a, al)?.iter().zip(floats(b, bl)?).map(|(a, b)| a * sigmoid(*a) * b).collect();
        Ok((CpuStorage::F32(out), al.shape().clone()))
    }

    /// `silu'(a) = s (1 + a (1 - s))` with `s = sigmoid(a)`.
    fn bwd(&self, a: &Tensor, b: &Tensor, _: &Tensor, grad: &Tensor) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let (da, db) = with_floats(a, |gates| {
            with_floats(b, |ups| {
                with_floats(grad, |gs| {
                    let triples = gates.iter().zip(ups).zip(gs);
                    let pairs = triples.map(|((a, b), g)| {
                        let s = sigmoid(*a);
                        (g * b * s * (1.0 + a * (1.0 - s)), g * a * s)
                    });
                    pairs.unzip::<f32, f32, Vec<_>, Vec<_>>()
                })
            })
        })???;
        Ok((Some(like(da, a)?), Some(like(db, b)?)))
    }
}

struct CausalSoftmax {
    scale: f32,
}

impl CustomOp1 for CausalSoftmax {
    fn name(&self) -> &'static str {
        "causal-softmax"
    }

    fn cpu_fwd(&self, scores: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let scores = floats(scores, layout)?;
        let width = layout.dims()[layout.dims().len() - 1];
        let mut out = vec![0f32; scores.len()];
        for (index, (row, out)) in scores.chunks_exact(width).zip(out.chunks_exact_mut(width)).enumerate() {
            let seen = index % width + 1;
            let top = row[..seen].iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut sum = 0.0;
            for (out, score) in out[..seen].iter_mut().zip(row) {
                *out = (self.scale * (score - top)).exp();
                sum += *out;
            }
            out[..seen].iter_mut().for_each(|out| *out /= sum);
        }
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }

    /// `ds = scale p (g - p . g)`.
    fn bwd(&self, arg: &Tensor, result: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let width = result.dim(candle_core::D::Minus1)?;
        let ds = with_floats(result, |ps| {
            with_floats(grad, |gs| {
                let mut ds = vec![0f32; ps.len()];
                let rows = ps.chunks_exact(width).zip(gs.chunks_exact(width)).zip(ds.chunks_exact_mut(width));
                for (index, ((p, g), ds)) in rows.enumerate() {
                    let seen = index % width + 1;
                    let mean = dot(&p[..seen], &g[..seen]);
                    for j in 0..seen {
                        ds[j] = self.scale * p[j] * (g[j] - mean);
                    }
                }
                ds
            })
        })??;
        Ok(Some(like(ds, arg)?))
    }
}

struct CrossEntropy {
    targets: Vec<Target>,
}

impl CustomOp1 for CrossEntropy {
    fn name(&self) -> &'static str {
        "cross-entropy"
    }

    fn cpu_fwd(&self, logits: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let losses = row_losses(floats(logits, layout)?, &self.targets);
        let mean = losses.sum::<f64>() / self.targets.len() as f64;
        Ok((CpuStorage::F32(vec![mean as f32]), Shape::from(())))
    }

    /// `dlogits = (softmax(logits) - p) g / rows`.
    fn bwd(&self, logits: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let factor = grad.to_scalar::<f32>()? / self.targets.len() as f32;
        let dlogits = with_floats(logits, |logits| {
            let width = logits.len() / self.targets.len();
            let mut out = Vec::with_capacity(logits.len());
            for (row, target) in logits.chunks_exact(width).zip(&self.targets) {
                let (top, sum) = exp_sum(row);
                let start = out.len();
                out.extend(row.iter().map(|x| (x - top).exp() / sum * factor));
                for &(token, share) in target {
                    out[start + token as usize] -= share * factor;
                }
            }
            out
        })?;
        Ok(Some(like(dlogits, logits)?))
    }
}

/// The largest value of a row, and the sum of `exp(x - largest)`.
fn exp_sum(row: &[f32]) -> (f32, f32) {
    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    (top, row.iter().map(|x| (x - top).exp()).sum())
}

fn row_losses(logits: &[f32], targets: &[Target]) -> impl Iterator<Item = f64> {
    logits.chunks_exact(logits.len() / targets.len()).zip(targets).map(|(row, target)| {
        let (top, sum) = exp_sum(row);
        let said: f64 = target.iter().map(|&(token, share)| f64::from(share) * f64::from(row[token as usize])).sum();
        f64::from(top) + f64::from(sum).ln() - said
    })
}

struct Heads {
    heads: usize,
    angles: Option<Angles>,
    split: bool,
}

impl Heads {
    /// Moves the values; `turn` is 1 to turn by the angle, -1 to turn back.
    fn shuffle(&self, x: &[f32], [batch, time, size]: [usize; 3], to_heads: bool, turn: f32) -> Vec<f32> {
        let (heads, half) = (self.heads, size / 2);
        let mut out = vec![0f32; x.len()];
        for b in 0..batch {
            for t in 0..time {
                for h in 0..heads {
                    let flat = ((b * time + t) * heads + h) * size;
                    let split = ((b * heads + h) * time + t) * size;
                    let (from, to) = if to_heads { (flat, split) } else { (split, flat) };
                    let (from, to) = (&x[from..from + size], &mut out[to..to + size]);
                    let Some(angles) = &self.angles else {
                        to.copy_from_slice(from);
                        continue;
                    };
                    for (j, (cos, sin)) in angles[t * half..(t + 1) * half].iter().enumerate() {
                        let (a, b) = (from[j], from[j + half]);
                        to[j] = a * cos - b * sin * turn;
                        to[j + half] = b * cos + a * sin * turn;
                    }
                }
            }
        }
        out
    }

    /// Batch, time and head size of either side.
    fn sizes(&self, dims: &[usize], flat: bool) -> [usize; 3] {
        if flat { [dims[0], dims[1], dims[2] / self.heads] } else { [dims[0], dims[2], dims[3]] }
    }
}

impl CustomOp1 for Heads {
    fn name(&self) -> &'static str {
        "heads"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let sizes @ [batch, time, size] = self.sizes(layout.dims(), self.split);
        let out = self.shuffle(floats(x, layout)?, sizes, self.split, 1.0);
        let shape = match self.split {
            true => Shape::from((batch, self.heads, time, size)),
            false => Shape::from((batch, time, self.heads * size)),
        };
        Ok((CpuStorage::F32(out), shape))
    }

    /// A permutation and turns: the transposed map is the inverse one.
    fn bwd(&self, arg: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let sizes = self.sizes(arg.dims(), self.split);
        let out = with_floats(grad, |grad| self.shuffle(grad, sizes, !self.split, -1.0))?;
        Ok(Some(like(out, arg)?))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;
    use dsf_explorer::stories::SplitMix64;

    /// Compares the derivative of `sum of weights * f(x)` with differences, for each value of `x`.
    fn check(shape: &[usize], f: impl Fn(&Tensor) -> Result<Tensor>) -> Result<()> {
        let mut random = SplitMix64(3);
        let mut draw = |count: usize| (0..count).map(|_| random.unit() as f32 * 2.0 - 1.0).collect::<Vec<f32>>();
        let values = draw(shape.iter().product());
        let place = |values: &[f32]| Var::from_vec(values.to_vec(), shape, &Device::Cpu);
        let x = place(&values)?;
        let result = f(&x)?;
        let weights = Tensor::from_vec(draw(result.elem_count()), result.shape(), &Device::Cpu)?;
        let sum = |x: &Var| (f(x)? * &weights)?.sum_all();
        let gradient = sum(&x)?.backward()?.get(&x).expect("x takes part").flatten_all()?.to_vec1::<f32>()?;
        for (index, derivative) in gradient.into_iter().enumerate() {
            let moved = |by: f32| {
                let mut values = values.clone();
                values[index] += by;
                sum(&place(&values)?)?.to_scalar::<f32>()
            };
            let difference = (moved(1e-2)? - moved(-1e-2)?) / 2e-2;
            assert!((derivative - difference).abs() < 2e-3, "{index}: {derivative} or {difference}");
        }
        Ok(())
    }

    fn constant(shape: &[usize]) -> Result<Tensor> {
        let count: usize = shape.iter().product();
        Tensor::from_vec((0..count).map(|i| (i as f32 * 0.7).sin() + 0.5).collect(), shape, &Device::Cpu)
    }

    #[test]
    fn derivatives_are_those_of_the_functions() -> Result<()> {
        check(&[3, 20], |x| rms_norm(x, &constant(&[20])?))?;
        check(&[20], |w| rms_norm(&constant(&[3, 20])?, w))?;
        check(&[2, 9], |a| swiglu(a, &constant(&[2, 9])?))?;
        check(&[2, 9], |b| swiglu(&constant(&[2, 9])?, b))?;
        check(&[2, 5, 5], |x| causal_softmax(x, 0.7))?;
        check(&[3, 7], |x| cross_entropy(x, vec![vec![(2, 1.0)], vec![(0, 0.25), (3, 0.75)], vec![(6, 1.0)]]))?;
        let angles = Angles::new((0..12).map(|i| (f64::from(i).cos() as f32, f64::from(i).sin() as f32)).collect());
        check(&[2, 4, 12], |x| split_heads(x, 2, Some(&angles)))?;
        check(&[2, 2, 4, 6], merge_heads)
    }

    #[test]
    fn splitting_and_merging_heads_gives_the_input_back() -> Result<()> {
        let x = constant(&[2, 4, 12])?;
        let back = merge_heads(&split_heads(&x, 3, None)?)?;
        assert_eq!(back.to_vec3::<f32>()?, x.to_vec3::<f32>()?);
        Ok(())
    }
}
