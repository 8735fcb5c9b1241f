//! Times of the parts of a half-step on a GPU.

use super::{GpuSolver, IterationBuffers, IterationEnd, NextInput, NormScaling, RowOutput};
use crate::compute::gpu::{Commands, Counts, Error, Gpu, Staging, padded};
use crate::factorize::half_step::AdmmParams;
use crate::factorize::{Budget, Settings};
use crate::matrix::Matrix;
use serde::Serialize;
use std::sync::Arc;
use web_time::Instant;

/// A part of the second factor's half-step.
#[derive(Clone, Debug, Serialize)]
pub struct KernelTime {
    /// Name of the part.
    pub name: &'static str,
    /// Number of times per half-step.
    pub times: usize,
    /// Seconds for one time.
    pub seconds: f64,
    /// Number of kernel launches.
    pub dispatches: usize,
    /// Additions and multiplications of matrix products, as computed: zeros included, half for symmetric results.
    pub flops: f64,
    /// Bytes that must be read and written at least.
    pub bytes: f64,
}

/// Measures the parts of a half-step on W n×m, n ≤ m, with these settings. Blocks until the device is done.
pub fn kernel_times(gpu: &Arc<Gpu>, w: &Matrix, settings: &Settings) -> Result<Vec<KernelTime>, Error> {
    let (n, m) = w.shape();
    let k = settings.inner_dim(n, m);
    let budget = Budget::new(n, m, settings).map_or(1, |budget| budget.second);
    let starts =
        [Matrix::from_fn(k, n, |i, j| f32::from(u8::from(i % n == j))), Matrix::from_fn(k, m, |i, j| w.get(i % n, j))];
    let solver = GpuSolver::new(gpu.clone(), w, [(&starts[0], None), (&starts[1], None)], None, k * m.max(n))?;
    let inner = AdmmParams {
        rho: settings.rho as f32,
        rho0: 0.5,
        ridge: settings.ridge as f32,
        relaxation: settings.relaxation as f32,
        budget,
        iterations: settings.inner,
        mask_iterations: settings.mask_iterations,
        warm_start: true,
        power: 0.0,
    };
    const SIDE: usize = 1;
    let (x, fixed) = (&solver.sides[SIDE], &solver.sides[1 - SIDE]);
    let small = fixed.q < k;
    let system = padded(if small { fixed.q } else { k });
    let choices = inner.mask_iterations.min(inner.iterations);
    let output = if small { RowOutput::Reflected } else { RowOutput::WithTarget };
    let turn = IterationBuffers { from: 0, to: usize::from(!small), n: system, small };
    let going = IterationEnd { next: NextInput::Right, relaxation: inner.relaxation };
    let [kq, kp, pq, nn] =
        [(k, m), (k, n), (n, m), (system, system)].map(|(a, b)| 4.0 * padded(a) as f64 * padded(b) as f64);
    let kept = 4.0 * budget as f64;
    type Part<'a> = (&'static str, usize, f64, Box<dyn Fn(&mut Commands<'_>) + 'a>);
    let parts: Vec<Part<'_>> = vec![
        ("normalise", 1, 3.0 * kp, Box::new(|c| solver.normalise(c, 1 - SIDE, &inner, small))),
        ("gram", 1, kp + nn / 2.0, Box::new(|c| solver.gram(c, &fixed.f, small, system))),
        ("inverse", 2, 2.0 * nn, Box::new(|c| solver.inverses[SIDE].run(c, &solver.systems[..1]))),
        ("target", usize::from(!small), kp + pq + kq, Box::new(|c| solver.target(c, SIDE, &fixed.f))),
        ("iterate", inner.iterations, nn + 5.0 * kq, Box::new(|c| _ = solver.iterate(c, SIDE, 0, turn, going))),
        ("choose", choices, 4.0 * kq, Box::new(|c| x.topk.select(c, &x.v, &x.mask, budget))),
        (
            "right-hand sides",
            1 + choices,
            3.0 * kq,
            Box::new(|c| solver.row_pass(c, SIDE, 0, 3, NormScaling::Stay, output)),
        ),
        ("error", 1, kp + kq + pq, Box::new(|c| _ = solver.error(c, SIDE, 0))),
        ("compare", 1, 3.0 * kq, Box::new(|c| solver.compare(c, SIDE))),
        ("pack", 1, 2.0 * kept + kq / 32.0, Box::new(|c| solver.pack(c, SIDE))),
    ];
    let mut times = Vec::new();
    for (name, often, bytes, record) in parts.into_iter().filter(|part| part.1 > 0) {
        let seconds = |repeats: usize| -> Result<(f64, Counts), Error> {
            let mut staging = Staging::new(gpu, 4)?;
            let mut commands = Commands::new(gpu);
            let begun = Instant::now();
            (0..repeats).for_each(|_| record(&mut commands));
            let counts = commands.counts();
            staging.copy_from(&mut commands, &solver.scalars, 4);
            staging.request(&mut commands);
            while !staging.is_ready(gpu)? {}
            Ok((begun.elapsed().as_secs_f64(), counts))
        };
        // The first time it is compiled.
        seconds(1)?;
        let (once, counts) = seconds(1)?;
        let more = ((0.1 / once.max(1e-6)) as usize).clamp(1, 50);
        let (several, _) = seconds(1 + more)?;
        let seconds = ((several - once) / more as f64).max(0.0);
        let Counts { dispatches, flops, .. } = counts;
        times.push(KernelTime { name, times: often, seconds, dispatches, flops, bytes });
    }
    Ok(times)
}
