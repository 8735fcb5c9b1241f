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
use super::panel_scratch::{Iteration, PanelScratch, Sums};
use super::phase::{Clock, Phase, Times};
use super::target::Target;
use crate::compute::{Cholesky, join, sparse_gram};
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
    pub times: Times,
}

impl Workspace {
    pub fn new(clock: Clock) -> Self {
        let (norms, f, ft, systems, scratches, parts) = Default::default();
        Self { norms, f, ft, systems, scratches, parts, choice: Choice::default(), times: Times::new(clock) }
    }

    /// Solves for `x` with `fixed` held; `target` is p×q.
    pub fn half_step(
        &mut self,
        x: &mut FactorState,
        fixed: &FactorState,
        target: Target<'_>,
        inner: &AdmmParams,
    ) -> HalfStepStats {
        let clock = self.times.clock;
        self.times.start();
        self.reserve(x);
        let small = fixed.cols() < fixed.rows();
        let ridge = inner.ridge * self.normalise(fixed);
        sparse_gram(self.systems[0].lower_mut(), if small { &self.ft } else { &self.f });
        self.times.took(Phase::Gram);
        // Without any shift the small system would have nothing to divide by.
        let shift = |rho: f32| (ridge + rho).max(if small { 1e-6 } else { 0.0 });
        let shifts = [shift(inner.rho0), shift(inner.rho)];
        let one_system = inner.iterations == 1 || inner.rho0 == inner.rho;
        self.factorize(shifts, one_system, small);
        self.times.took(Phase::Factorize);

        let Self { norms, f, ft, systems, scratches, parts, choice, times } = self;
        let iteration = |i: usize| {
            let first = i == 0;
            let rho = if first { inner.rho0 } else { inner.rho };
            Iteration {
                system: &systems[usize::from(!first && !one_system)],
                f,
                ft,
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
        x.assemble(&parts[..count]);
        let outcome = outcome(scratches[..count].iter().map(|scratch| scratch.sums), inner.rho);
        times.took(Phase::Update);
        outcome
    }

    fn reserve(&mut self, x: &FactorState) {
        let panels = x.panels.len();
        self.scratches.resize_with(panels.max(self.scratches.len()), PanelScratch::default);
        self.parts.resize_with(panels.max(self.parts.len()), Parts::default);
        self.choice.reserve(panels);
    }

    /// Normalises F's rows; returns their mean squared norm afterwards, which is 1 unless some are empty.
    fn normalise(&mut self, fixed: &FactorState) -> f32 {
        let z = fixed.z();
        self.norms.clear();
        // Rows can be empty, at the start above all; the small addend is the published code's.
        self.norms.extend((0..z.rows()).map(|i| {
            let squares: f32 = z.row(i).map(|(_, value)| value * value).sum();
            squares.sqrt() + 1e-8
        }));
        let norms = &self.norms;
        let (f, ft) = (&mut self.f, &mut self.ft);
        join(
            || f.copy_from(z, |i, _, value| value / norms[i]),
            || ft.copy_from(fixed.zt(), |_, i, value| value / norms[i]),
        );
        let squares: f64 = self.f.values().iter().map(|&value| f64::from(value) * f64::from(value)).sum();
        (squares / z.rows() as f64) as f32
    }

    /// Factorizes the Gram matrix, in the first system, with each of the shifts on its diagonal.
    fn factorize(&mut self, shifts: [f32; 2], one_system: bool, small: bool) {
        let gram_of = if small { &self.ft } else { &self.f };
        let k = gram_of.rows();
        // At the first half-steps ρ₀ is 0 and rows of F may be empty: a matrix that is not positive is lifted until it is.
        let lifted = |system: &mut Cholesky, shift: f32| {
            let mut lift = 1e-6;
            let mut done = system.factorize(k, shift).is_ok();
            while !done && lift < 1e3 {
                sparse_gram(system.lower_mut(), gram_of);
                done = system.factorize(k, shift + lift).is_ok();
                lift *= 10.0;
            }
        };
        let [first, later] = &mut self.systems;
        if one_system {
            return lifted(first, shifts[0]);
        }
        later.lower_mut().clone_from(first.lower_mut());
        // FactorState by side: on small matrices two threads in one factorization only wait for each other.
        join(|| lifted(first, shifts[0]), || lifted(later, shifts[1]));
    }
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
