//! The alternation of half-steps: the paper's Algorithm 1.

use super::half_step::{Inner, Side, Workspace};
use super::{Budget, Error, Factor, Factors, Settings};
use crate::compute::{dot, product};
use crate::matrix::{Mask, Matrix, keep_largest};
use serde::{Deserialize, Serialize};

/// What one half-step did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Which half-step, from 1.
    pub step: usize,
    /// The outer iteration it belongs to, from 1.
    pub outer: usize,
    /// The factor it solved for.
    pub factor: Factor,
    /// ‖W − AB‖_F / ‖W‖_F after it.
    pub error: f64,
    /// The penalty of its first inner iteration.
    pub rho0: f64,
    /// The factor's nonzeros.
    pub nnz: usize,
    /// Positions that entered or left the factor's mask, as a share of the kept ones.
    pub churn: f64,
    /// ‖Y − Z‖ / ‖Z‖ of the last inner iteration: how far the regression is from the sparse factor.
    pub primal: f64,
    /// ρ‖Z − Z'‖ / ‖Z‖: how much the last inner iteration still moved the sparse factor.
    pub dual: f64,
    /// Whether an outer iteration ended here, with the smallest error so far.
    pub best: bool,
}

/// A factorization in progress; see [`super`] and [`crate`]'s example.
pub struct Solver {
    settings: Settings,
    /// W in the working orientation (n×m, n ≤ m), divided by `scale`.
    w: Matrix,
    /// Whether the working orientation is Wᵀ.
    transposed: bool,
    /// A power of two near W's root mean square, so that no square overflows.
    scale: f32,
    norm_squared: f64,
    /// The first factor transposed, n×n, and the second, n×m.
    sides: [Side; 2],
    /// Of each side after its last half-step.
    masks: [Mask; 2],
    workspace: Workspace,
    step: usize,
    best: Option<(f64, [Matrix; 2])>,
}

impl Solver {
    /// Checks W and the settings and makes the starting factors.
    pub fn new(w: &Matrix, settings: &Settings) -> Result<Self, Error> {
        let (rows, cols) = w.shape();
        settings.check()?;
        if w.is_empty() {
            return Err(Error::EmptyMatrix { rows, cols });
        }
        if let Some((row, col)) = w.first_not_finite() {
            return Err(Error::NotFinite { row, col, value: w.get(row, col) });
        }
        let budget = Budget::new(rows, cols, settings)?;
        let transposed = rows >= cols;
        let scale = scale_of(w);
        let mut w = if transposed { w.transposed() } else { w.clone() };
        w.as_mut_slice().iter_mut().for_each(|x| *x /= scale);
        let (first, second) = settings.start.factors(&w, &budget, settings.seed);
        let sides = [Side::new(first, budget.first), Side::new(second, budget.second)];
        Ok(Self {
            norm_squared: w.norm_squared(),
            masks: [sides[0].mask(), sides[1].mask()],
            settings: settings.clone(),
            w,
            transposed,
            scale,
            sides,
            workspace: Workspace::default(),
            step: 0,
            best: None,
        })
    }

    /// How many half-steps a whole run has.
    pub fn steps(&self) -> usize {
        2 * self.settings.outer
    }

    /// Does the next half-step; `None` when the run is over.
    pub fn step(&mut self) -> Result<Option<Report>, Error> {
        if self.step == self.steps() {
            return Ok(None);
        }
        let (outer, side) = (self.step / 2, self.step % 2);
        let settings = &self.settings;
        let rho0 = settings.rho * settings.schedule.rho0(outer, settings.outer);
        let inner = Inner {
            rho: settings.rho as f32,
            rho0: rho0 as f32,
            ridge: settings.ridge as f32,
            iterations: settings.inner,
            mask_iterations: settings.mask_iterations,
            warm_start: settings.warm_start,
        };
        let [first, second] = &mut self.sides;
        let (x, fixed, target) = match side {
            0 => (first, &*second, self.w.view().transpose()),
            _ => (second, &*first, self.w.view()),
        };
        let outcome = self.workspace.half_step(x, fixed, target, &inner);
        self.step += 1;
        let error = self.error(outcome.overlap);
        if !error.is_finite() {
            return Err(Error::Diverged { step: self.step });
        }
        let mask = self.sides[side].mask();
        let nnz = mask.count();
        let changed = mask.difference(&self.masks[side]);
        self.masks[side] = mask;
        let best = side == 1 && self.best.as_ref().is_none_or(|(least, _)| error < *least);
        if best {
            self.keep(error);
        }
        Ok(Some(Report {
            step: self.step,
            outer: outer + 1,
            factor: self.factor(side),
            error,
            rho0,
            nnz,
            churn: changed as f64 / nnz.max(1) as f64,
            primal: outcome.primal,
            dual: outcome.dual,
            best,
        }))
    }

    /// The factors as they are now.
    pub fn factors(&self) -> Factors {
        self.stored([self.sides[0].z().clone(), self.sides[1].z().clone()])
    }

    /// The factors with the smallest error at the end of an outer iteration; before the first such end, the current ones
    /// cut to their budgets.
    pub fn finish(mut self) -> Factors {
        match self.best.take() {
            Some((_, sides)) => self.stored(sides),
            // A start can have more nonzeros than the budget.
            None => self.stored([0, 1].map(|side| keep_largest(self.sides[side].z(), self.sides[side].budget()))),
        }
    }

    /// Takes the current factors as the best.
    fn keep(&mut self, error: f64) {
        let [first, second] = [0, 1].map(|side| self.sides[side].z());
        match &mut self.best {
            Some((least, kept)) => {
                *least = error;
                kept[0].as_mut_slice().copy_from_slice(first.as_slice());
                kept[1].as_mut_slice().copy_from_slice(second.as_slice());
            }
            none => *none = Some((error, [first.clone(), second.clone()])),
        }
    }

    /// Which stored factor a side is.
    fn factor(&self, side: usize) -> Factor {
        let first = if self.transposed { Factor::B } else { Factor::A };
        if side == 0 { first } else { first.other() }
    }

    /// From the working orientation to the stored one: W_work ≈ XᵀY with X the first side, so Wᵀ_work ≈ YᵀX.
    fn stored(&self, [first, mut second]: [Matrix; 2]) -> Factors {
        second.as_mut_slice().iter_mut().for_each(|x| *x *= self.scale);
        match self.transposed {
            true => Factors { a: second.transposed(), b: first },
            false => Factors { a: first.transposed(), b: second },
        }
    }

    /// ‖W − XᵀY‖ / ‖W‖ without another product: ‖W‖² − 2⟨FT, X⟩ + ⟨FFᵀ, XXᵀ⟩.
    fn error(&self, overlap: f64) -> f64 {
        if self.norm_squared == 0.0 {
            return 0.0;
        }
        let [first, second] = &self.sides;
        let squares = dot(first.gram().as_slice(), second.gram().as_slice());
        let relative = (self.norm_squared - 2.0 * overlap + squares) / self.norm_squared;
        // Below this the difference of large numbers has lost its digits (f32 products are good to about 1e-6).
        if relative.abs() > 1e-4 || !relative.is_finite() {
            return relative.max(0.0).sqrt();
        }
        let mut back = Matrix::zeros(self.w.rows(), self.w.cols());
        product(&mut back, first.z().view().transpose(), second.z().view());
        crate::measure::relative_difference(&self.w, &back)
    }
}

/// The power of two nearest to W's root mean square; 1 for W = 0.
fn scale_of(w: &Matrix) -> f32 {
    let largest = f64::from(w.max_abs());
    if largest == 0.0 {
        return 1.0;
    }
    let squares: f64 = w.as_slice().iter().map(|&x| (f64::from(x) / largest).powi(2)).sum();
    let rms = largest * (squares / w.len() as f64).sqrt();
    2f64.powi(rms.log2().round().clamp(-120.0, 120.0) as i32) as f32
}
