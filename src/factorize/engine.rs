//! Where half-steps are done.

use super::factor_state::FactorState;
#[cfg(feature = "gpu")]
use super::gpu::{GpuSolver, HostCopy};
use super::half_step::{AdmmParams, HalfStepResult, InitialFactors, Workspace};
use super::inputs::RunInputs;
use super::phase::{Clock, Phase};
use super::target::residual_squared;
use super::working::WorkingMatrix;
use crate::Named;
#[cfg(feature = "gpu")]
use crate::compute::gpu;
use crate::matrix::{Csr, Matrix};

/// Both factors and the memory of half-steps, on the CPU or a GPU.
pub(super) enum Engine {
    Cpu(Box<CpuEngine>),
    #[cfg(feature = "gpu")]
    Gpu(Box<GpuSolver>),
}

/// Error that stops an engine.
#[cfg(feature = "gpu")]
pub(super) type EngineError = gpu::Error;
/// Error that stops an engine; the CPU has none.
#[cfg(not(feature = "gpu"))]
pub(super) type EngineError = std::convert::Infallible;

/// A sparse factor, k×q, in the engine's own form.
pub(super) enum FactorCopy {
    Csr(Csr),
    #[cfg(feature = "gpu")]
    HostCopy(HostCopy),
}

impl FactorCopy {
    pub fn into_csr(self) -> Csr {
        match self {
            Self::Csr(csr) => csr,
            #[cfg(feature = "gpu")]
            Self::HostCopy(kept) => kept.csr(),
        }
    }
}

impl Engine {
    /// Begins a half-step; W is n×m in the working orientation.
    pub fn begin(&mut self, side: usize, inner: &AdmmParams, w: &WorkingMatrix) -> Result<(), EngineError> {
        match self {
            Self::Cpu(cpu) => cpu.half_step(side, inner, w),
            #[cfg(feature = "gpu")]
            Self::Gpu(gpu) => gpu.begin(side, inner)?,
        }
        Ok(())
    }

    /// Largest number of half-steps begun before the first result is taken.
    pub fn ahead(&self) -> usize {
        match self {
            Self::Cpu(_) => 1,
            #[cfg(feature = "gpu")]
            Self::Gpu(gpu) => gpu.ahead(),
        }
    }

    /// The result of the earliest pending half-step, once it is there.
    pub fn done(&mut self) -> Result<Option<HalfStepResult>, EngineError> {
        match self {
            Self::Cpu(cpu) => Ok(cpu.done.take()),
            #[cfg(feature = "gpu")]
            Self::Gpu(gpu) => gpu.done(),
        }
    }

    /// The sparse factor Z of a side, k×q.
    pub fn z(&self, side: usize) -> Csr {
        match self {
            Self::Cpu(cpu) => cpu.sides[side].z().clone(),
            #[cfg(feature = "gpu")]
            Self::Gpu(gpu) => gpu.kept(side).csr(),
        }
    }

    /// Number of entries in a side's mask.
    pub fn nnz(&self, side: usize) -> usize {
        match self {
            Self::Cpu(cpu) => cpu.sides[side].z().nnz(),
            #[cfg(feature = "gpu")]
            Self::Gpu(gpu) => gpu.kept(side).nnz(),
        }
    }

    /// Number of a side's entries that are not zero.
    pub fn used(&self, side: usize) -> usize {
        match self {
            Self::Cpu(cpu) => cpu.sides[side].z().values().iter().filter(|&&x| x != 0.0).count(),
            #[cfg(feature = "gpu")]
            Self::Gpu(gpu) => gpu.kept(side).used(),
        }
    }

    /// A copy of a side's Z, into `copy`'s memory where it fits.
    pub fn keep(&self, side: usize, copy: Option<FactorCopy>) -> FactorCopy {
        match (self, copy) {
            (Self::Cpu(cpu), Some(FactorCopy::Csr(mut csr))) => {
                csr.clone_from(cpu.sides[side].z());
                FactorCopy::Csr(csr)
            }
            (Self::Cpu(cpu), _) => FactorCopy::Csr(cpu.sides[side].z().clone()),
            #[cfg(feature = "gpu")]
            (Self::Gpu(gpu), _) => FactorCopy::HostCopy(gpu.kept(side).clone()),
        }
    }

    /// Work that the last half-step gave to the GPU.
    #[cfg(feature = "gpu")]
    pub fn counts(&self) -> gpu::Counts {
        match self {
            Self::Cpu(_) => gpu::Counts::default(),
            Self::Gpu(gpu) => gpu.counts(),
        }
    }

    /// Seconds by phase; zeros on a GPU.
    pub fn seconds(&self) -> [f64; Phase::ALL.len()] {
        match self {
            Self::Cpu(cpu) => cpu.workspace.times.seconds,
            #[cfg(feature = "gpu")]
            Self::Gpu(_) => [0.0; Phase::ALL.len()],
        }
    }

    /// Counts the time since the half-step as that of its report.
    pub fn reported(&mut self) {
        match self {
            Self::Cpu(cpu) => cpu.workspace.times.took(Phase::Report),
            #[cfg(feature = "gpu")]
            Self::Gpu(_) => {}
        }
    }
}

/// The engine that computes on the CPU.
pub(super) struct CpuEngine {
    /// W turned from how it is stored, if half-steps often read these rows.
    turned: Option<Matrix>,
    /// The first factor transposed, k×n, and the second, k×m.
    sides: [FactorState; 2],
    workspace: Workspace,
    inputs: Option<RunInputs>,
    done: Option<HalfStepResult>,
}

impl CpuEngine {
    /// The engine for W n×m and the initial factors.
    pub fn new(w: &WorkingMatrix, starts: InitialFactors<'_>, inputs: Option<RunInputs>, clock: Clock) -> Self {
        let k = starts[0].0.rows();
        Self {
            turned: (w.shape().1 < k).then(|| w.stored().transposed()),
            sides: starts.map(|(start, mask)| FactorState::new(start, mask)),
            workspace: Workspace::new(clock),
            inputs,
            done: None,
        }
    }

    fn half_step(&mut self, side: usize, inner: &AdmmParams, w: &WorkingMatrix) {
        let [first, second] = &mut self.sides;
        let (x, fixed) = if side == 0 { (first, &*second) } else { (second, &*first) };
        let target = w.target(side, self.turned.as_ref());
        let metric = self.inputs.as_mut().and_then(|inputs| inputs.metric(side, inner.power));
        let outcome = self.workspace.half_step(x, fixed, target, metric, inner);
        let [first, second] = &self.sides;
        // As W is stored, A·B.
        let [a, b] = if w.is_transposed() { [second.zt(), first.zt()] } else { [first.zt(), second.zt()] };
        let residual_squared = residual_squared(w.stored_target(), a, b);
        let layer = match &mut self.inputs {
            Some(inputs) if side == 1 => inputs.meter.measure(w.stored_target(), a, b),
            _ => Vec::new(),
        };
        self.done = Some(HalfStepResult { outcome, residual_squared, layer });
    }
}
