//! Finalisation: the values solved again on the final masks, against the layer-wise error (the paper's section 4.3).

use super::masked::{Masked, exact_rows};
use super::regression::{RIDGE, Regression, norms, root_or_1, scale};

use crate::compute::{Device, Eigen, gram, matmul, symmetric_eigen, times_transposed};
use crate::factorize::scale::{scale_of, scale_of_values};
use crate::factorize::{Error, check_factors};
use crate::matrix::{Calibration, Csr, Factor, Factors, Matrix};
use crate::measure::{output_energy, residual_energy};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::task::Poll;

/// Settings of the finalization.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Finalize {
    /// Factors that are solved for.
    pub sides: Sides,
    /// Number of rounds; each solves for every factor once.
    pub rounds: usize,
    /// Method that solves for a factor.
    pub solve: Solve,
    /// Iterations on one factor.
    pub iterations: usize,
    /// ADMM penalty ρ, against Gram matrices of unit diagonal.
    pub rho: f64,
    /// AdmmFinish much XᵀX is shrunk toward its diagonal: see [`Calibration::shrunk`].
    pub shrinkage: f64,
}

impl Default for Finalize {
    /// The published code's, for language models.
    fn default() -> Self {
        Self { sides: Sides::Output, rounds: 1, solve: Solve::Admm, iterations: 20, rho: 1.0, shrinkage: 0.0 }
    }
}

/// Factors that are finalised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sides {
    /// A alone, a regression for each row of it: published for language models.
    #[default]
    Output,
    /// A and then B.
    Both,
}

/// AdmmFinish a factor's values are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Solve {
    /// ADMM: the published way.
    #[default]
    Admm,
    /// A exactly, row by row; B, whose values all hang together, by conjugate gradients: what ADMM approaches, for both
    /// together in less time.
    Exact,
}

impl Finalize {
    /// Checks every range; says which setting is outside its own.
    pub fn check(&self) -> Result<(), Error> {
        let setting = |name, value: String, range| Err(Error::Setting { name, value, range });
        for (name, count) in [("finalisation rounds", self.rounds), ("finalisation iterations", self.iterations)] {
            if count == 0 || count > 1_000_000 {
                return setting(name, count.to_string(), "from 1 to 1000000");
            }
        }
        if !(self.rho >= 1e-3 && self.rho <= 1e6) {
            return setting("finalisation rho", self.rho.to_string(), "from 1e-3 to 1e6");
        }
        if !(self.shrinkage >= 0.0 && self.shrinkage <= 1e6) {
            return setting("shrinkage", self.shrinkage.to_string(), "from 0 to 1e6");
        }
        Ok(())
    }
}

/// Report of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinalizeReport {
    /// Number of the step, from 1.
    pub step: usize,
    /// The round it belongs to, from 1.
    pub round: usize,
    /// The factor it solved for.
    pub factor: Factor,
    /// The layer-wise error on the calibration statistics after it.
    pub layer_error: f64,
    /// Whether these are the best values so far.
    pub best: bool,
    /// Something that happened to the device it is computed on.
    pub note: Option<String>,
}

/// A finalisation in progress: [`Finalizer::step`] solves for one factor, with the other held.
///
/// Inside, W and B have each input's column multiplied by the input's norm, and XᵀX is divided by the norms to unit
/// diagonal: the errors are the same, and all numbers of one size.
pub struct Finalizer {
    settings: Finalize,
    objective: Objective,
    step: usize,
    /// A, and B times the norms.
    a: Matrix,
    b: Matrix,
    /// Masks of A and B, row-major.
    keep: [Vec<bool>; 2],
    masked: Masked,
    best: Factors,
    /// Errors of the best values.
    errors: Errors,
    /// Plain relative error before the first step.
    start: f64,
    /// Device that computes products and the iterations on A.
    device: Device,
    /// Work in progress on the device.
    #[cfg(feature = "gpu")]
    there: Option<There>,
    note: Option<String>,
}

/// Stages of solving for A's rows on a device.
#[cfg(feature = "gpu")]
enum There {
    /// The Gram matrix and the right-hand side are under way.
    Systems(crate::factorize::gpu::PendingMatrices),
    /// So are the rows, with what they are scaled by.
    Rows(Regression, crate::factorize::gpu::PendingMatrices),
}

/// The objective, which stays the same over all steps.
struct Objective {
    w: Arc<Matrix>,
    calibration: Arc<Calibration>,
    /// With shrinkage, what is solved for.
    shrunk: Option<Calibration>,
    /// tr(W·XᵀX·Wᵀ), plain and with shrinkage.
    energies: [f64; 2],
    /// Powers of two that bring A and B times the norms near 1.
    scales: [f32; 2],
    /// The inputs' norms; 1 for an input that never came.
    norms: Vec<f32>,
    /// XᵀX of unit diagonal, E.
    e: Matrix,
    eigen: Option<Eigen>,
    /// W times the norms, times E.
    we: Matrix,
}

/// The layer-wise error, and the same with shrinkage: what is solved for.
#[derive(Clone, Copy, PartialEq)]
struct Errors {
    plain: f64,
    shrunk: f64,
}

impl Finalizer {
    /// For W `[out, in]` ≈ A·B; the factors' zeros stay zeros.
    pub fn new(w: &Matrix, factors: Factors, calibration: &Calibration, settings: &Finalize) -> Result<Self, Error> {
        let (w, calibration) = (Arc::new(w.clone()), Arc::new(calibration.clone()));
        Self::on_device(&w, factors, &calibration, None, settings, &Device::Cpu)
    }

    /// The same on any device, sharing W and the statistics, where A's rows are found by ADMM; all else is the processor's.
    /// With `regularised` statistics the values are solved for on these, in place of shrunk ones.
    pub fn on_device(
        w: &Arc<Matrix>,
        factors: Factors,
        calibration: &Arc<Calibration>,
        regularised: Option<Calibration>,
        settings: &Finalize,
        device: &Device,
    ) -> Result<Self, Error> {
        settings.check()?;
        calibration.check_inputs(w.cols())?;
        check_factors(&factors, w)?;
        let (a, b) = (&factors.a, &factors.b);
        let objective = Objective::new(w, &factors, calibration, regularised, settings)?;
        let errors = objective.errors(&factors);
        let (mut a, mut b) = (a.to_dense(), b.to_dense());
        let keep = [&a, &b].map(|x| x.as_slice().iter().map(|&x| x != 0.0).collect());
        scale(&mut a, |_, _, a| a / objective.scales[0]);
        scale(&mut b, |_, j, b| b / objective.scales[1] * objective.norms[j]);
        Ok(Self {
            settings: settings.clone(),
            step: 0,
            a,
            b,
            keep,
            masked: Masked::default(),
            start: errors.plain,
            device: device.clone(),
            #[cfg(feature = "gpu")]
            there: None,
            note: None,
            errors,
            best: factors,
            objective,
        })
    }

    /// AdmmFinish many steps there are: one for each factor and round.
    pub fn steps(&self) -> usize {
        self.settings.rounds * self.order().len()
    }

    /// The device in use.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The layer-wise error of the best values so far, on the calibration statistics.
    pub fn layer_error(&self) -> f64 {
        self.errors.plain
    }

    /// Solves for the next factor; `None` when all is done. Not in a browser on a device: see [`Finalizer::poll`].
    pub fn step(&mut self) -> Result<Option<FinalizeReport>, Error> {
        loop {
            if let Poll::Ready(report) = self.poll()? {
                return Ok(report);
            }
        }
    }

    /// The same without waiting for a device that cannot be waited for; as [`Solver::poll`](crate::factorize::Solver::poll).
    pub fn poll(&mut self) -> Result<Poll<Option<FinalizeReport>>, Error> {
        if self.step == self.steps() {
            return Ok(Poll::Ready(None));
        }
        let order = self.order();
        let (round, factor) = (self.step / order.len() + 1, order[self.step % order.len()]);
        match factor {
            Factor::A if self.solve_a().is_pending() => return Ok(Poll::Pending),
            Factor::A => {}
            Factor::B => self.solve_b(),
        }
        self.step += 1;
        let factors = self.factors();
        let errors = self.objective.errors(&factors);
        if !errors.plain.is_finite() {
            return Err(Error::Diverged { step: self.step });
        }
        let best = errors.shrunk < self.errors.shrunk && errors.plain <= self.start;
        if best {
            (self.errors, self.best) = (errors, factors);
        }
        let (step, layer_error, note) = (self.step, errors.plain, self.note.take());
        Ok(Poll::Ready(Some(FinalizeReport { step, round, factor, layer_error, best, note })))
    }

    /// Returns the current factors, in W's own scale.
    pub fn factors(&self) -> Factors {
        let [scale_a, scale_b] = self.objective.scales;
        let norms = &self.objective.norms;
        let (mut a, mut b) = (Csr::from_dense(&self.a), Csr::from_dense(&self.b));
        a.map_values(|_, _, a| a * scale_a);
        b.map_values(|_, j, b| b / norms[j] * scale_b);
        // A product may be too small for a number.
        a.drop_zeros();
        b.drop_zeros();
        Factors { a, b }
    }

    /// The best factors: of the least layer-wise error, with shrinkage on the shrunk statistics, but never worse on the
    /// calibration statistics than the ones it began with.
    pub fn finish(self) -> Factors {
        self.best
    }

    fn order(&self) -> &'static [Factor] {
        match self.settings.sides {
            Sides::Output => &[Factor::A],
            Sides::Both => &[Factor::A, Factor::B],
        }
    }

    /// The rows of A on a device; false when that is the processor's to do. Pending while the device works and cannot be
    /// waited for.
    #[cfg(feature = "gpu")]
    fn solve_a_there(&mut self) -> Poll<bool> {
        use crate::compute::gpu;
        let Device::Gpu(gpu) = self.device.clone() else { return Poll::Ready(false) };
        if self.settings.solve != Solve::Admm {
            return Poll::Ready(false);
        }
        match self.go_on_there(&gpu) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => Poll::Ready(true),
            Err(gpu::Error::TooLarge { .. }) => Poll::Ready(false),
            Err(why) => {
                self.note = Some(format!("{why}: the factors are finalized on the processor"));
                self.device = Device::Cpu;
                Poll::Ready(false)
            }
        }
    }

    #[cfg(feature = "gpu")]
    fn go_on_there(&mut self, gpu: &crate::compute::gpu::Gpu) -> Result<Poll<()>, crate::compute::gpu::Error> {
        use crate::factorize::gpu::{admm_rows, systems};
        loop {
            let next = match self.there.take() {
                None => There::Systems(systems(gpu, &self.b, &self.objective.e, &self.objective.we)?),
                Some(There::Systems(answer)) => match answer.poll(gpu)? {
                    Poll::Pending => {
                        self.there = Some(There::Systems(answer));
                        return Ok(Poll::Pending);
                    }
                    Poll::Ready(matrices) => {
                        let [g, h]: [Matrix; 2] = matrices.try_into().expect("what was asked for");
                        let regression = Regression::new(g, h, |l| floor(&self.b, l));
                        let mut x = self.a.clone();
                        regression.enter(&mut x);
                        let Regression { g, h, .. } = &regression;
                        let Finalize { rho, iterations, .. } = self.settings;
                        let answer = admm_rows(gpu, &x, &self.keep[0], h, g, rho as f32, iterations)?;
                        There::Rows(regression, answer)
                    }
                },
                Some(There::Rows(regression, answer)) => {
                    let Poll::Ready(matrices) = answer.poll(gpu)? else {
                        self.there = Some(There::Rows(regression, answer));
                        return Ok(Poll::Pending);
                    };
                    self.a = matrices[0].transposed();
                    regression.leave(&mut self.a);
                    return Ok(Poll::Ready(()));
                }
            };
            self.there = Some(next);
        }
    }

    /// There is only the processor in this build.
    #[cfg(not(feature = "gpu"))]
    fn solve_a_there(&mut self) -> Poll<bool> {
        let Device::Cpu = self.device;
        Poll::Ready(false)
    }

    /// The rows of A: Gram matrix G = B·E·Bᵀ, right-hand side W·E·Bᵀ.
    fn solve_a(&mut self) -> Poll<()> {
        match self.solve_a_there() {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(true) => return Poll::Ready(()),
            Poll::Ready(false) => {}
        }
        let objective = &self.objective;
        // E is symmetric: what is made first is (B·E)ᵀ.
        let b = Csr::from_dense(&self.b);
        let (mut eb, mut g, mut h) = (Matrix::default(), Matrix::default(), Matrix::default());
        times_transposed(&mut eb, &objective.e, &b);
        times_transposed(&mut g, &eb.transposed(), &b);
        times_transposed(&mut h, &objective.we, &b);
        let floor = |l: usize| floor(&self.b, l);
        let (settings, keep, masked) = (&self.settings, &self.keep[0], &mut self.masked);
        Regression::new(g, h, floor).solve(&mut self.a, |x, Regression { g, h, .. }| match settings.solve {
            Solve::Admm => masked.admm_rows(x, keep, h, g, settings.rho as f32, settings.iterations),
            Solve::Exact => exact_rows(x, keep, h, g, RIDGE),
        });
        Poll::Ready(())
    }

    /// All of B: D = AᵀA and right-hand side Aᵀ·W·E, scaled to D's unit diagonal.
    fn solve_b(&mut self) {
        let objective = &self.objective;
        let (settings, n) = (&self.settings, self.a.cols());
        // (Aᵀ·W·E)ᵀ = (W·E)ᵀ·A.
        let mut a = Csr::from_dense(&self.a);
        let mut h = Matrix::default();
        times_transposed(&mut h, &objective.we.transposed(), &a.transposed());
        let squares = self.a.as_slice().chunks(n.max(1)).fold(vec![0.0f32; n], |mut sums, row| {
            sums.iter_mut().zip(row).for_each(|(sum, a)| *sum += a * a);
            sums
        });
        let norms = norms(squares.into_iter());
        a.map_values(|_, l, a| a / norms[l]);
        scale(&mut h, |_, l, h| h / norms[l]);
        scale(&mut self.b, |l, _, b| b * norms[l]);
        let eigen = match settings.solve {
            Solve::Admm => {
                let mut d = Matrix::zeros(n, n);
                gram(&mut d, &a.transposed().to_dense());
                symmetric_eigen(&d)
            }
            Solve::Exact => None,
        };
        match (&eigen, &objective.eigen) {
            (Some(d), Some(e)) => {
                let (x, keep, h) = (&mut self.b, &self.keep[1], h.transposed());
                self.masked.admm_sylvester(x, keep, &h, [d, e], settings.rho as f32, settings.iterations);
            }
            _ => {
                let mut x = self.b.transposed();
                let (k, inputs) = self.b.shape();
                let keep: Vec<bool> = (0..k * inputs).map(|at| self.keep[1][at % k * inputs + at / k]).collect();
                self.masked.descend(&mut x, &keep, &h, &a, &objective.e, settings.iterations);
                self.b = x.transposed();
            }
        }
        scale(&mut self.b, |l, _, b| b / norms[l]);
    }
}

/// A row of B that the inputs hardly excite has a diagonal entry of rounding errors: not below what its entries alone would
/// give, less the digits of f32.
fn floor(b: &Matrix, l: usize) -> f32 {
    1e-6 * b.row(l).iter().map(|x| x * x).sum::<f32>()
}

impl Objective {
    fn new(
        w: &Arc<Matrix>,
        factors: &Factors,
        calibration: &Arc<Calibration>,
        regularised: Option<Calibration>,
        settings: &Finalize,
    ) -> Result<Self, Error> {
        let shrunk = regularised.or_else(|| (settings.shrinkage > 0.0).then(|| calibration.shrunk(settings.shrinkage)));
        let solved: &Calibration = shrunk.as_ref().unwrap_or(calibration);
        let norms: Vec<f32> = (0..solved.inputs()).map(|j| root_or_1(solved.xtx().get(j, j))).collect();
        let mut e = solved.xtx().clone();
        scale(&mut e, |i, j, e| e / (norms[i] * norms[j]));
        let scale_a = scale_of_values(factors.a.values(), factors.a.rows() * factors.a.cols());
        let scale_b = (f64::from(scale_of(w)) / f64::from(scale_a)).clamp(1e-35, 1e35) as f32;
        let mut we = Matrix::zeros(w.rows(), w.cols());
        let scaled = Matrix::from_fn(w.rows(), w.cols(), |i, j| w.get(i, j) / scale_a / scale_b * norms[j]);
        matmul(&mut we, scaled.view(), e.view());
        let eigen = match (settings.solve, settings.sides) {
            (Solve::Admm, Sides::Both) => symmetric_eigen(&e),
            _ => None,
        };
        Ok(Self {
            energies: [&**calibration, solved].map(|calibration| output_energy(w, calibration.xtx())),
            w: w.clone(),
            calibration: calibration.clone(),
            shrunk,
            scales: [scale_a, scale_b],
            norms,
            e,
            eigen,
            we,
        })
    }

    fn errors(&self, factors: &Factors) -> Errors {
        let of = |calibration: &Calibration, whole: f64| match whole > 0.0 {
            true => residual_energy(&self.w, &factors.a, &factors.b, calibration.xtx()) / whole,
            false => 0.0,
        };
        let plain = of(&self.calibration, self.energies[0]);
        Errors { plain, shrunk: self.shrunk.as_ref().map_or(plain, |shrunk| of(shrunk, self.energies[1])) }
    }
}
