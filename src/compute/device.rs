//! Where something is computed.

#[cfg(feature = "gpu")]
use super::gpu::Gpu;
#[cfg(feature = "gpu")]
use std::sync::Arc;

/// The processor, or a graphics processor that was opened.
#[derive(Clone, Default)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// A graphics processor.
    #[cfg(feature = "gpu")]
    Gpu(Arc<Gpu>),
}

impl Device {
    /// `cpu` or `gpu`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            #[cfg(feature = "gpu")]
            Self::Gpu(_) => "gpu",
        }
    }

    /// What a graphics processor is called.
    pub fn adapter(&self) -> Option<&str> {
        match self {
            Self::Cpu => None,
            #[cfg(feature = "gpu")]
            Self::Gpu(gpu) => Some(&gpu.adapter().name),
        }
    }

    /// The same, opened anew if it was lost.
    pub(crate) fn alive(&self) -> Self {
        match self {
            #[cfg(feature = "gpu")]
            Self::Gpu(gpu) if gpu.check().is_err() => self.again(),
            _ => self.clone(),
        }
    }

    /// The same opened anew, after it was lost; the processor where that cannot be, or cannot be waited for.
    pub(crate) fn again(&self) -> Self {
        match self {
            Self::Cpu => Self::Cpu,
            #[cfg(feature = "gpu")]
            Self::Gpu(_) if cfg!(target_arch = "wasm32") => Self::Cpu,
            #[cfg(feature = "gpu")]
            Self::Gpu(gpu) => super::gpu::again(gpu).map_or(Self::Cpu, Self::Gpu),
        }
    }
}
