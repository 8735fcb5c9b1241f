//! One half-step: one factor is held, and the other solved for by a few iterations of ADMM.
//!
//! Written for a fixed factor F, k×p, and a target T, p×q: find a sparse X, k×q, with FᵀX close to T. For the second
//! factor F is the first one transposed and T = W; for the first factor F is the second and T = Wᵀ, so that X comes out
//! transposed. Both factors are therefore kept with k rows.
//!
//! In formulas, after F's rows are normalised to 1 (X and its dual are multiplied by the norms, and divided by them at
//! the end), with c = r + ρ, in the first iteration with ρ₀ instead of ρ:
//!
//! - Y = (FFᵀ + cI)⁻¹(FT + ρ(Z − U)),
//! - V = λY + (1 − λ)Z + U with the relaxation λ, 1 in the first iteration; the mask M keeps V's largest entries,
//! - Z = M⊙V, U = V − Z.
//!
//! When F has more rows than columns the same Y comes from the smaller system (Woodbury's identity): with R = (Z −
//! U)ρ/c it is Y = R + F(FᵀF + cI)⁻¹(T − FᵀR).

use super::factor_state::{Choice, FactorState, Parts, each};
use super::lifted::lifted;
use super::metric::PowerMetric;
use super::panel_scratch::{Iteration, PanelScratch, Sums};
use super::phase::{Clock, Phase, Times};
use super::target::Target;
use super::weighed::{Axis, Weighed};
use crate::compute::{Cholesky, PANEL, join, sparse_gram};
use crate::matrix::{Csr, Matrix};

/// Parameters of a half-step's ADMM.
pub(super) struct AdmmParams {
    pub rho: f32,
    pub rho0: f32,
    /// Ridge r, in units of F's mean squared row norm.
    pub ridge: f32,
    /// Over-relaxation λ of the inner iterations.
    pub relaxation: f32,
    /// Largest number of entries that X may keep.
    pub budget: usize,
    pub iterations: usize,
    pub mask_iterations: usize,
    pub warm_start: bool,
    /// Power of the inputs' metric, where there is one.
    pub power: f64,
}

/// The factors that a run starts from, k×n and k×m, with their masks; without one, what is not zero.
pub(super) type InitialFactors<'a> = [(&'a Matrix, Option<&'a [bool]>); 2];

/// Statistics of a half-step.
#[derive(Clone, Copy, Default)]
pub(super) struct HalfStepStats {
    /// Number of positions that entered or left the mask.
    pub changed: usize,
    /// ‖Y − M⊙Y‖ / ‖Z‖ in the last iteration, with M before it is chosen.
    pub primal: f64,
    /// ρ‖Z − Z'‖ / ‖Z‖, with Z' from before the half-step.
    pub dual: f64,
}

/// Result of a half-step.
pub(super) struct HalfStepResult {
    pub outcome: HalfStepStats,
    /// Squared error ‖W − AB‖².
    pub residual_squared: f64,
    /// Layer-wise errors after the second factor's half-step, on each of the statistics.
    pub layer: Vec<f64>,
}

/// Memory of half-steps, reused.
pub(super) struct Workspace {
    /// Row norms of F, k of them.
    norms: Vec<f32>,
    /// F with rows of norm 1, k×p.
    f: Csr,
    /// Transpose of `f`, p×k.
    ft: Csr,
    /// Systems of the first and the later iterations.
    systems: [Cholesky; 2],
    scratches: Vec<PanelScratch>,
    parts: Vec<Parts>,
    choice: Choice,
    weighed: Weighed,
    pub times: Times,
}

impl Workspace {
    pub fn new(clock: Clock) -> Self {
        let (norms, f, ft, systems, scratches, parts) = Default::default();
        let (choice, weighed) = Default::default();
        Self { norms, f, ft, systems, scratches, parts, choice, weighed, times: Times::new(clock) }
    }

    /// Solves for `x` with `fixed` held; `target` is p×q. In a metric, the inputs are on the given axis.
    pub fn half_step(
        &mut self,
        x: &mut FactorState,
        fixed: &FactorState,
        target: Target<'_>,
        metric: Option<(&mut PowerMetric, Axis)>,
        inner: &AdmmParams,
    ) -> HalfStepStats {
        self.times.start();
        self.reserve(x);
        let small = fixed.cols() < fixed.rows();
        match metric {
            Some((metric, Axis::Columns)) => self.columns(x, fixed, target, metric, small, inner),
            Some((metric, Axis::Rows)) => self.rows(x, fixed, target, Some(metric), small, inner),
            None => self.rows(x, fixed, target, None, small, inner),
        }
    }

    /// A plain half-step, or one whose target's rows are weighed: all columns have the same system.
    fn rows(
        &mut self,
        x: &mut FactorState,
        fixed: &FactorState,
        target: Target<'_>,
        metric: Option<&mut PowerMetric>,
        small: bool,
        inner: &AdmmParams,
    ) -> HalfStepStats {
        let clock = self.times.clock;
        let ridge = inner.ridge * self.normalise(fixed, metric.as_deref());
        let shifts = shifts(ridge, small, inner);
        let one_system = inner.iterations == 1 || inner.rho0 == inner.rho;
        let weighed = metric.is_some() && !small;
        match metric {
            None => {
                sparse_gram(self.systems[0].lower_mut(), if small { &self.ft } else { &self.f });
                self.times.took(Phase::Gram);
                self.factorize(shifts, one_system, small);
            }
            Some(metric) => {
                let inverse = if small { Some(metric.inverse()) } else { None };
                match inverse {
                    Some(_) => sparse_gram(self.systems[0].lower_mut(), &self.ft),
                    None => self.weighed.gram(self.systems[0].lower_mut(), &self.f, metric.matrix()),
                }
                self.times.took(Phase::Gram);
                self.factorize_weighed(shifts, one_system, small.then(|| metric.inverse()));
            }
        }
        self.times.took(Phase::Factorize);

        let Self { norms, f, ft, systems, scratches, parts, choice, weighed: memory, times } = self;
        let iteration = |i: usize| {
            let first = i == 0;
            let rho = if first { inner.rho0 } else { inner.rho };
            Iteration {
                system: &systems[usize::from(!first && !one_system)],
                f,
                ft,
                fm: weighed.then_some(&memory.fm),
                target,
                small,
                rho,
                weight: rho / shifts[usize::from(!first)],
                relaxation: if first { 1.0 } else { inner.relaxation },
            }
        };
        let mask_iterations = if x.is_fixed() { 0 } else { inner.mask_iterations.min(inner.iterations) };
        let count = x.panels.len();
        let mut next = 0;
        loop {
            // Panels need each other only for the mask: all that lies between two choices, they do alone.
            let choose = next < mask_iterations;
            let now = next..if choose { next + 1 } else { inner.iterations };
            let (panels, before) = x.panels_and_z();
            let work = panels.iter_mut().zip(&mut *scratches).zip(&mut choice.parts).zip(&mut *parts);
            each(work, |(((panel, scratch), choice), parts)| {
                scratch.times = Times::new(clock);
                scratch.times.start();
                for i in now.clone() {
                    if i == 0 {
                        scratch.prepare(panel, norms, inner.warm_start, &iteration(i));
                    }
                    scratch.iterate(panel, &iteration(i), choose.then_some(&mut choice.histogram));
                }
                if !choose {
                    scratch.finish(panel, norms, before, parts);
                    scratch.times.took(Phase::Update);
                }
            });
            times.took_parts(scratches[..count].iter().map(|scratch| &scratch.times));
            if !choose {
                break;
            }
            x.choose(inner.budget, choice);
            times.took(Phase::TopK);
            next += 1;
        }
        self.assemble(x, inner.rho)
    }

    /// A half-step whose columns are weighed: each column, turned into the eigenvectors' basis, has a penalty of its own.
    fn columns(
        &mut self,
        x: &mut FactorState,
        fixed: &FactorState,
        target: Target<'_>,
        metric: &PowerMetric,
        small: bool,
        inner: &AdmmParams,
    ) -> HalfStepStats {
        let clock = self.times.clock;
        let ridge = inner.ridge * self.normalise(fixed, None);
        let shifts = shifts(ridge, small, inner).map(|shift| shift.max(1e-6));
        let Self { norms, f, ft, scratches, parts, choice, weighed, times, .. } = self;
        let of = if small { &*ft } else { &*f };
        let size = of.rows();
        weighed.factorize(size, shifts, metric.weights(), |lower| sparse_gram(lower, of));
        times.took(Phase::Factorize);
        weighed.residual.resize(x.cols(), size);
        let mask_iterations = if x.is_fixed() { 0 } else { inner.mask_iterations };
        let count = x.panels.len();
        for i in 0..inner.iterations {
            let (first, last) = (i == 0, i + 1 == inner.iterations);
            let shift = shifts[usize::from(!first)];
            let rho = if first { inner.rho0 } else { inner.rho };
            let weight = rho / shift;
            let relaxation = if first { 1.0 } else { inner.relaxation };
            let choose = i < mask_iterations;
            let rows = weighed.residual.as_mut_slice().chunks_mut(PANEL * size);
            each(x.panels.iter_mut().zip(&mut *scratches).zip(rows), |((panel, scratch), rows)| {
                scratch.times = Times::new(clock);
                scratch.times.start();
                if first {
                    scratch.begin(panel, norms, inner.warm_start);
                }
                scratch.residual(panel, [f, ft], target, small, weight, rows);
            });
            times.took_parts(scratches[..count].iter().map(|scratch| &scratch.times));
            weighed.solve(shift, metric);
            times.took(Phase::Products);
            let rows = weighed.residual.as_slice().chunks(PANEL * size);
            let (panels, before) = x.panels_and_z();
            let work = panels.iter_mut().zip(&mut *scratches).zip(&mut choice.parts).zip(&mut *parts).zip(rows);
            each(work, |((((panel, scratch), choice), parts), rows)| {
                scratch.times = Times::new(clock);
                scratch.times.start();
                let histogram = choose.then_some(&mut choice.histogram);
                scratch.step(panel, f, small, weight, relaxation, rows, histogram);
                if last && !choose {
                    scratch.finish(panel, norms, before, parts);
                    scratch.times.took(Phase::Update);
                }
            });
            times.took_parts(scratches[..count].iter().map(|scratch| &scratch.times));
            if choose {
                x.choose(inner.budget, choice);
                times.took(Phase::TopK);
                if last {
                    let (panels, before) = x.panels_and_z();
                    each(panels.iter_mut().zip(&mut *scratches).zip(&mut *parts), |((panel, scratch), parts)| {
                        scratch.finish(panel, norms, before, parts);
                    });
                    times.took(Phase::Update);
                }
            }
        }
        self.assemble(x, inner.rho)
    }

    /// Puts the panels' parts together.
    fn assemble(&mut self, x: &mut FactorState, rho: f32) -> HalfStepStats {
        let count = x.panels.len();
        x.assemble(&self.parts[..count]);
        let outcome = outcome(self.scratches[..count].iter().map(|scratch| scratch.sums), rho);
        self.times.took(Phase::Update);
        outcome
    }

    fn reserve(&mut self, x: &FactorState) {
        let panels = x.panels.len();
        self.scratches.resize_with(panels.max(self.scratches.len()), PanelScratch::default);
        self.parts.resize_with(panels.max(self.parts.len()), Parts::default);
        self.choice.reserve(panels);
    }

    /// Normalises F's rows, in the metric where there is one; returns their mean squared norm afterwards, which is 1 unless
    /// some are empty.
    fn normalise(&mut self, fixed: &FactorState, metric: Option<&PowerMetric>) -> f32 {
        let z = fixed.z();
        // Rows can be empty, at the start above all; the small addend is the published code's.
        match metric {
            Some(metric) => self.weighed.norms(&mut self.norms, z, metric),
            None => {
                self.norms.clear();
                self.norms.extend((0..z.rows()).map(|i| {
                    let squares: f32 = z.row(i).map(|(_, value)| value * value).sum();
                    squares.sqrt() + 1e-8
                }));
            }
        }
        let norms = &self.norms;
        let (f, ft) = (&mut self.f, &mut self.ft);
        join(
            || f.copy_from(z, |i, _, value| value / norms[i]),
            || ft.copy_from(fixed.zt(), |_, i, value| value / norms[i]),
        );
        if metric.is_some() {
            let filled = norms.iter().filter(|&&norm| norm > 1e-6).count();
            return filled as f32 / z.rows() as f32;
        }
        let squares: f64 = self.f.values().iter().map(|&value| f64::from(value) * f64::from(value)).sum();
        (squares / z.rows() as f64) as f32
    }

    /// Factorizes the Gram matrix, in the first system, with each of the shifts on its diagonal.
    fn factorize(&mut self, shifts: [f32; 2], one_system: bool, small: bool) {
        let gram_of = if small { &self.ft } else { &self.f };
        let k = gram_of.rows();
        let gram = |lower: &mut Vec<f32>| sparse_gram(lower, gram_of);
        let [first, later] = &mut self.systems;
        if one_system {
            return lifted(first, k, shifts[0], gram);
        }
        later.lower_mut().clone_from(first.lower_mut());
        // Side by side: on small matrices two threads in one factorization only wait for each other.
        join(|| lifted(first, k, shifts[0], gram), || lifted(later, k, shifts[1], gram));
    }

    /// The same in a metric of the target's rows: with shifts times M⁻¹ on the small system.
    fn factorize_weighed(&mut self, shifts: [f32; 2], one_system: bool, inverse: Option<&Matrix>) {
        let [first, later] = &mut self.systems;
        let k = if inverse.is_some() { self.ft.rows() } else { self.f.rows() };
        let plain = if one_system { Vec::new() } else { first.lower_mut().clone() };
        let shifted = |system: &mut Cholesky, shift: f32| {
            let lower = system.lower_mut();
            let diagonal = match inverse {
                None => shift,
                Some(inverse) => {
                    // Symmetric: rows are columns.
                    lower.iter_mut().zip(inverse.as_slice()).for_each(|(x, m)| *x += shift * m);
                    0.0
                }
            };
            let kept = lower.clone();
            lifted(system, k, diagonal, |lower| lower.clone_from(&kept));
        };
        if one_system {
            return shifted(first, shifts[0]);
        }
        *later.lower_mut() = plain;
        join(|| shifted(first, shifts[0]), || shifted(later, shifts[1]));
    }
}

/// The penalties c of the first and the later iterations.
pub(super) fn shifts(ridge: f32, small: bool, inner: &AdmmParams) -> [f32; 2] {
    // Without any shift the small system would have nothing to divide by.
    [inner.rho0, inner.rho].map(|rho| (ridge + rho).max(if small { 1e-6 } else { 0.0 }))
}

/// Statistics from the sums of all panels.
fn outcome(panels: impl Iterator<Item = Sums>, rho: f32) -> HalfStepStats {
    let sums = panels.fold(Sums::default(), |all, one| Sums {
        primal: all.primal + one.primal,
        dual: all.dual + one.dual,
        norm: all.norm + one.norm,
        changed: all.changed + one.changed,
    });
    let norm = sums.norm.sqrt().max(f64::MIN_POSITIVE);
    let (primal, dual) = (sums.primal.sqrt() / norm, f64::from(rho) * sums.dual.sqrt() / norm);
    HalfStepStats { changed: sums.changed, primal, dual }
}
