//! The alternation of half-steps: the paper's Algorithm 1.

use super::engine::{CpuEngine, Engine, EngineError, FactorCopy};
#[cfg(feature = "gpu")]
use super::gpu::GpuSolver;
use super::half_step::{AdmmParams, HalfStepResult, HalfStepStats, InitialFactors};
use super::inputs::RunInputs;
use super::phase::{Clock, Phase};
use super::start::fixed_mask;
use super::working::WorkingMatrix;
use super::{Budget, Error, Inputs, Objective, Orientation, Settings};
use crate::Named;
use crate::compute::Device;
use crate::matrix::{Csr, Factor, Factors, Matrix, keep_largest};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::task::Poll;

/// Report of a half-step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Number of the half-step, from 1.
    pub step: usize,
    /// The outer iteration it belongs to, from 1.
    pub outer: usize,
    /// The factor it solved for.
    pub factor: Factor,
    /// ‖W − AB‖_F / ‖W‖_F after it.
    pub error: f64,
    /// Layer-wise error on the calibration statistics, at the end of an outer iteration of a run that has some; in f32.
    pub layer_error: Option<f64>,
    /// The same on held-out statistics.
    pub held_out_error: Option<f64>,
    /// What runs are compared by: `error`, or the root of `layer_error` where half-steps see the inputs.
    pub score: f64,
    /// The penalty of its first inner iteration.
    pub rho0: f64,
    /// Ridge added to the Gram matrix's diagonal, as a share of its mean.
    pub ridge: f64,
    /// Number of the factor's nonzeros.
    pub nnz: usize,
    /// Positions that entered or left the factor's mask, as a share of the kept ones.
    pub churn: f64,
    /// ‖Y − M⊙Y‖ / ‖Z‖ of the last inner iteration: how far the regression is from being sparse.
    pub primal: f64,
    /// ρ‖Z − Z'‖ / ‖Z‖: how much the half-step moved the sparse factor.
    pub dual: f64,
    /// Whether an outer iteration ended here, with the smallest error so far.
    pub best: bool,
    /// A message about the device, such as its loss.
    pub note: Option<String>,
}

/// A factorization in progress; see [`super`] and [`crate`]'s example.
pub struct Solver {
    settings: Settings,
    w: WorkingMatrix,
    norm_squared: f64,
    /// Number of entries that the first factor, k×n when transposed, and the second, k×m, may keep in the end.
    budgets: [usize; 2],
    engine: Engine,
    inputs: Option<Inputs>,
    device: Device,
    /// Number of times the device was lost.
    losses: usize,
    note: Option<String>,
    step: usize,
    /// Number of half-steps that the engine has begun after it.
    begun: usize,
    best: Option<(f64, [FactorCopy; 2])>,
    fallback: Option<Fallback>,
}

/// I·W_p: an identity for the first factor, magnitude pruning for the second.
struct Fallback {
    kept: usize,
    error: f64,
}

impl Fallback {
    /// With `nonzeros` in all; `None` when the identity leaves nothing.
    fn new(w: &Matrix, nonzeros: usize, norm_squared: f64) -> Option<Self> {
        let kept = nonzeros.checked_sub(w.rows().min(w.cols())).filter(|&kept| kept > 0)?;
        let pruned = keep_largest(w, kept).norm_squared();
        let error = if norm_squared == 0.0 { 0.0 } else { ((norm_squared - pruned).max(0.0) / norm_squared).sqrt() };
        Some(Self { kept, error })
    }
}

impl Solver {
    /// Checks W and the settings and makes the starting factors.
    pub fn new(w: &Matrix, settings: &Settings) -> Result<Self, Error> {
        Self::with_clock(w, settings, || 0.0)
    }

    /// A solver that measures its phases with `clock`; see [`Solver::seconds`].
    pub fn with_clock(w: &Matrix, settings: &Settings, clock: Clock) -> Result<Self, Error> {
        Self::prepare(&Arc::new(w.clone()), None, settings, clock, &Device::Cpu)
    }

    /// A solver that computes on `device`, and shares W. Where that cannot hold the matrices it is the processor, and the first report
    /// says why.
    pub fn on_device(w: &Arc<Matrix>, settings: &Settings, device: &Device) -> Result<Self, Error> {
        Self::prepare(w, None, settings, || 0.0, device)
    }

    /// A solver for W scaled by the norms of its inputs, [`Calibration::scale_inputs`](crate::matrix::Calibration::scale_inputs),
    /// that knows these inputs: it reports the layer-wise error, and with
    /// [`Objective::Outputs`](super::Objective::Outputs) minimises it.
    pub fn with_inputs(
        w: &Arc<Matrix>,
        inputs: Option<&Inputs>,
        settings: &Settings,
        device: &Device,
    ) -> Result<Self, Error> {
        Self::prepare(w, inputs, settings, || 0.0, device)
    }

    fn prepare(
        w: &Arc<Matrix>,
        inputs: Option<&Inputs>,
        settings: &Settings,
        clock: Clock,
        device: &Device,
    ) -> Result<Self, Error> {
        let (rows, cols) = w.shape();
        settings.check()?;
        // Other schedules suit a run that sees no inputs.
        let settings = &settings.effective(inputs.is_some_and(Inputs::in_half_steps));
        if w.is_empty() {
            return Err(Error::EmptyMatrix { rows, cols });
        }
        if let Some((row, col)) = w.first_not_finite() {
            return Err(Error::NotFinite { row, col, value: w.get(row, col) });
        }
        let mut budget = Budget::new(rows, cols, settings)?;
        let transposed = match settings.orientation {
            // Of a square W the factor that sees the inputs better comes second, B (by experiment).
            Orientation::Paper | Orientation::Auto if settings.objective == Objective::Outputs => rows > cols,
            Orientation::Paper | Orientation::Auto => rows >= cols,
            Orientation::AsIs => false,
            Orientation::Transposed => true,
        };
        let w = WorkingMatrix::new(w, transposed);
        let (n, m) = w.shape();
        if n > m {
            // An orientation that was asked for: the factor on the smaller side is now the second.
            budget = Budget { first: budget.second, second: budget.first };
        }
        let k = settings.inner_dim(rows, cols);
        let divided = w.to_matrix();
        let norm_squared = divided.norm_squared();
        // A mask that layers share is not given up for a better one.
        let fallback = match settings.fallback && !settings.fixed_mask {
            true => Fallback::new(&divided, budget.total(), norm_squared),
            false => None,
        };
        let (mut first, second) = settings.start.factors(divided, k, [budget.first, budget.second], settings.seed);
        let mask = settings.fixed_mask.then(|| fixed_mask(k, n, budget.first, settings.seed));
        if let Some(mask) = &mask {
            first.as_mut_slice().iter_mut().zip(mask).filter(|(_, keep)| !**keep).for_each(|(x, _)| *x = 0.0);
        }
        let starts = [(&first, mask.as_deref()), (&second, None)];
        let run_inputs = || inputs.map(|inputs| RunInputs::new(inputs, w.stored(), 1.0 / w.scale(), transposed));
        let (engine, device, note) = engine(&w, starts, run_inputs, budget.total(), clock, device);
        Ok(Self {
            inputs: inputs.cloned(),
            norm_squared,
            fallback,
            settings: settings.clone(),
            w,
            budgets: [budget.first, budget.second],
            engine,
            device,
            losses: 0,
            note,
            step: 0,
            begun: 0,
            best: None,
        })
    }

    /// Number of half-steps of a whole run.
    pub fn steps(&self) -> usize {
        2 * self.settings.outer
    }

    /// Seconds spent in each phase so far, by the clock that was given.
    pub fn seconds(&self) -> impl Iterator<Item = (Phase, f64)> {
        Phase::ALL.iter().copied().zip(self.engine.seconds())
    }

    /// The device in use.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Work that the last half-step gave to the GPU.
    #[cfg(feature = "gpu")]
    pub fn counts(&self) -> crate::compute::gpu::Counts {
        self.engine.counts()
    }

    /// Computes the next half-step; `None` when the run is over.
    pub fn step(&mut self) -> Result<Option<Report>, Error> {
        loop {
            if let Poll::Ready(report) = self.poll()? {
                return Ok(report);
            }
        }
    }

    /// Goes on with the next half-step. Pending while a device works on it that cannot be waited for, as in a browser:
    /// then it is to be called again when other things have had their turn.
    pub fn poll(&mut self) -> Result<Poll<Option<Report>>, Error> {
        if self.step == self.steps() {
            return Ok(Poll::Ready(None));
        }
        loop {
            match self.advance() {
                Ok(Some(done)) => return self.report(&done).map(|report| Poll::Ready(Some(report))),
                Ok(None) => return Ok(Poll::Pending),
                Err(why) => self.recover(why),
            }
        }
    }

    fn advance(&mut self) -> Result<Option<HalfStepResult>, EngineError> {
        // With a fixed mask a budget hangs on what the half-step before has found.
        let ahead = if self.settings.fixed_mask { 1 } else { self.engine.ahead() };
        while self.begun < ahead && self.step + self.begun < self.steps() {
            let (outer, side) = ((self.step + self.begun) / 2, (self.step + self.begun) % 2);
            let settings = &self.settings;
            let params = settings.iteration_params(outer);
            let inner = AdmmParams {
                rho: params.rho as f32,
                rho0: params.rho0 as f32,
                ridge: params.ridge as f32,
                relaxation: settings.relaxation as f32,
                budget: ((self.budget(side) as f64 * params.budget) as usize).max(1),
                iterations: settings.inner,
                mask_iterations: settings.mask_iterations,
                warm_start: settings.warm_start,
                power: params.power,
            };
            self.engine.begin(side, &inner, &self.w)?;
            self.begun += 1;
        }
        let done = self.engine.done()?;
        self.begun -= usize::from(done.is_some());
        Ok(done)
    }

    /// After the device was lost: on with the factors as they came back last, on the device made anew or on the
    /// processor.
    fn recover(&mut self, why: EngineError) {
        self.begun = 0;
        let z = [0, 1].map(|side| self.engine.z(side));
        let dense = z.each_ref().map(Csr::to_dense);
        let mask: Option<Vec<bool>> = self.settings.fixed_mask.then(|| mask_of(&z[0]));
        let starts = [(&dense[0], mask.as_deref()), (&dense[1], None)];
        self.losses += 1;
        // What it held is free before it is needed anew.
        let nothing = Arc::new(Matrix::zeros(1, 1));
        let processor = CpuEngine::new(&WorkingMatrix::new(&nothing, false), [(&nothing, None); 2], None, || 0.0);
        self.engine = Engine::Cpu(Box::new(processor));
        // One that is lost again and again is not worth waiting for.
        let device = if self.losses > 2 { Device::Cpu } else { self.device.reopen() };
        let inputs = || self.run_inputs();
        let (engine, device, note) = engine(&self.w, starts, inputs, self.budgets.iter().sum(), || 0.0, &device);
        let place = device.adapter().map_or("the processor".to_owned(), |name| format!("'{name}'"));
        let problem = note.map_or(String::new(), |note| format!("; {note}"));
        let before = self.note.take().map_or(String::new(), |note| format!("{note}; then "));
        self.note = Some(format!("{before}{why}{problem}: the run goes on on {place}"));
        (self.engine, self.device) = (engine, device);
    }

    /// The inputs for an engine that begins anew.
    fn run_inputs(&self) -> Option<RunInputs> {
        let inputs = self.inputs.as_ref()?;
        Some(RunInputs::new(inputs, self.w.stored(), 1.0 / self.w.scale(), self.w.is_transposed()))
    }

    fn report(&mut self, done: &HalfStepResult) -> Result<Report, Error> {
        let (outer, side) = (self.step / 2, self.step % 2);
        let params = self.settings.iteration_params(outer);
        self.step += 1;
        let error = match self.norm_squared {
            0.0 => 0.0,
            norm_squared => (done.residual_squared / norm_squared).sqrt(),
        };
        if !error.is_finite() {
            return Err(Error::Diverged { step: self.step });
        }
        let full = params.budget >= 1.0 || self.step == self.steps();
        let (layer_error, held_out_error) = (done.layer.first().copied(), done.layer.get(1).copied());
        // What is minimised decides.
        let sees_inputs = self.inputs.as_ref().is_some_and(Inputs::in_half_steps);
        let score = layer_error.filter(|_| sees_inputs).map_or(error, f64::sqrt);
        let best = side == 1 && full && self.best.as_ref().is_none_or(|(least, _)| score < *least);
        if best {
            self.keep(score);
        }
        self.engine.reported();
        let HalfStepStats { changed, primal, dual } = done.outcome;
        let nnz = self.engine.nnz(side);
        Ok(Report {
            step: self.step,
            outer: outer + 1,
            factor: self.factor(side),
            error,
            layer_error,
            held_out_error,
            score,
            rho0: params.rho0,
            ridge: params.ridge,
            nnz,
            churn: changed as f64 / nnz.max(1) as f64,
            primal,
            dual,
            best,
            note: self.note.take(),
        })
    }

    /// The current factors, dense.
    pub fn factors(&self) -> Factors {
        stored([0, 1].map(|side| self.engine.z(side)), self.w.is_transposed(), self.w.scale())
    }

    /// Whether an outer iteration has ended with the whole budget.
    pub fn has_result(&self) -> bool {
        self.best.is_some()
    }

    /// Whether magnitude pruning beside an identity is better than what has been found, and asked for.
    pub fn falls_back(&self) -> bool {
        let least = self.best.as_ref().map_or(f64::INFINITY, |(least, _)| *least);
        self.fallback.as_ref().is_some_and(|fallback| fallback.error < least)
    }

    /// The factors with the smallest error at the end of an outer iteration with the whole budget; before the first such
    /// end, the current ones cut to their budgets. Or the fallback, see [`Solver::falls_back`].
    pub fn finish(self) -> Factors {
        let falls_back = self.falls_back();
        let Self { w, engine, budgets, best, fallback, .. } = self;
        let (transposed, scale) = (w.is_transposed(), w.scale());
        // All other memory is free before the factors are made of what was found, and turned.
        let found = match (fallback.filter(|_| falls_back), best) {
            (Some(fallback), best) => {
                drop((engine, best));
                identity_times(&w.to_matrix(), fallback.kept)
            }
            (None, Some((_, found))) => {
                drop(engine);
                found.map(FactorCopy::into_csr)
            }
            // A start can have more nonzeros than the budget.
            (None, None) => {
                let kept = [0, 1].map(|side| engine.z(side));
                drop(engine);
                [0, 1].map(|side| Csr::from_dense(&keep_largest(&kept[side].to_dense(), budgets[side])))
            }
        };
        drop(w);
        stored(found, transposed, scale)
    }

    /// Returns the number of entries that a side may keep in the end. Of a fixed mask some may be of no use, where the
    /// second factor has an empty row; the second factor has them then.
    fn budget(&self, side: usize) -> usize {
        let [first, second] = self.budgets;
        match side {
            1 if self.settings.fixed_mask => second + first.saturating_sub(self.engine.used(0)),
            _ => self.budgets[side],
        }
    }

    /// Keeps the current factors as the best.
    fn keep(&mut self, error: f64) {
        let copies = self.best.take().map(|(_, copies)| copies.map(Some)).unwrap_or_default();
        let mut copies = copies.into_iter();
        let kept = [0, 1].map(|side| self.engine.keep(side, copies.next().flatten()));
        self.best = Some((error, kept));
    }

    /// Name of a side's factor.
    fn factor(&self, side: usize) -> Factor {
        let first = if self.w.is_transposed() { Factor::B } else { Factor::A };
        if side == 0 { first } else { first.other() }
    }
}

/// The engine on `device`, opened anew if it is gone; or on the processor and why. Of the factors no more than `most` entries are ever kept.
#[cfg_attr(not(feature = "gpu"), allow(unused_variables))]
fn engine(
    w: &WorkingMatrix,
    starts: InitialFactors<'_>,
    inputs: impl Fn() -> Option<RunInputs>,
    most: usize,
    clock: Clock,
    device: &Device,
) -> (Engine, Device, Option<String>) {
    let processor = || Engine::Cpu(Box::new(CpuEngine::new(w, starts, inputs(), clock)));
    let alive = device.reopened_if_lost();
    match &alive {
        Device::Cpu => (processor(), Device::Cpu, device.adapter().map(|name| format!("'{name}' was lost"))),
        #[cfg(feature = "gpu")]
        Device::Gpu(gpu) => match GpuSolver::new(gpu.clone(), &w.to_matrix(), starts, inputs(), most) {
            Ok(gpu) => (Engine::Gpu(Box::new(gpu)), alive, None),
            Err(why) => (processor(), Device::Cpu, Some(why.to_string())),
        },
    }
}

/// Returns the mask of the stored entries of a sparse matrix, in row-major order.
fn mask_of(z: &Csr) -> Vec<bool> {
    let mut mask = vec![false; z.rows() * z.cols()];
    for i in 0..z.rows() {
        z.row(i).for_each(|(j, _)| mask[i * z.cols() + j] = true);
    }
    mask
}

/// From the working orientation to the stored one: W_work ≈ XᵀY with X the first side, so Wᵀ_work ≈ YᵀX.
fn stored([mut first, mut second]: [Csr; 2], transposed: bool, scale: f32) -> Factors {
    // The scale goes to the second factor; a huge or tiny one to both, so that neither overflows.
    let exponent = scale.log2() as i32;
    let shared = if exponent.abs() > 60 { exponent / 2 } else { 0 };
    let times = |factor: &mut Csr, exponent| factor.values_mut().iter_mut().for_each(|x| *x *= 2f32.powi(exponent));
    times(&mut first, shared);
    times(&mut second, exponent - shared);
    // A mask may hold zeros, and scaling may make some.
    first.drop_zeros();
    second.drop_zeros();
    match transposed {
        true => Factors { a: second.transposed(), b: first },
        false => Factors { a: first.transposed(), b: second },
    }
}

/// An identity, and the `kept` largest entries of W.
fn identity_times(w: &Matrix, kept: usize) -> [Csr; 2] {
    let (n, m) = w.shape();
    let identity = |n| Csr::from_parts(n, n, (0..=n).collect(), (0..n as u32).collect(), vec![1.0; n]);
    let pruned = Csr::from_dense(&keep_largest(w, kept));
    if n <= m { [identity(n), pruned] } else { [pruned.transposed(), identity(m)] }
}
