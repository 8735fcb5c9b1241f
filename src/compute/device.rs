//! The device that computes: the CPU, or an open GPU.

#[cfg(feature = "gpu")]
use super::gpu::Gpu;
#[cfg(feature = "gpu")]
use std::sync::Arc;

/// The CPU, or a GPU that was opened.
#[derive(Clone, Default)]
pub enum Device {
    /// The CPU, with the calling thread's pool.
    #[default]
    Cpu,
    /// An open graphics processor.
    #[cfg(feature = "gpu")]
    Gpu(Arc<Gpu>),
}

impl Device {
    /// `cpu` or `gpu`, as in flags and files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            #[cfg(feature = "gpu")]
            Self::Gpu(_) => "gpu",
        }
    }

    /// Name of the graphics adapter; `None` on the CPU.
    pub fn adapter(&self) -> Option<&str> {
        match self {
            Self::Cpu => None,
            #[cfg(feature = "gpu")]
            Self::Gpu(gpu) => Some(&gpu.adapter().name),
        }
    }

    /// This device, reopened if it is lost.
    pub(crate) fn reopened_if_lost(&self) -> Self {
        match self {
            #[cfg(feature = "gpu")]
            Self::Gpu(gpu) if gpu.check().is_err() => self.reopen(),
            _ => self.clone(),
        }
    }

    /// Reopens the device after it was lost. The CPU where that fails or cannot be waited for.
    pub(crate) fn reopen(&self) -> Self {
        match self {
            Self::Cpu => Self::Cpu,
            #[cfg(feature = "gpu")]
            Self::Gpu(_) if cfg!(target_arch = "wasm32") => Self::Cpu,
            #[cfg(feature = "gpu")]
            Self::Gpu(gpu) => super::gpu::reopen(gpu).map_or(Self::Cpu, Self::Gpu),
        }
    }
}
