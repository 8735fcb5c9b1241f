//! Which processor a run is computed on.

use super::NoAdapter;
use crate::compute::Device;
use crate::factorize::Settings;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::task::Poll;
use strum::{IntoStaticStr, VariantArray};

/// Backend that was asked for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum, IntoStaticStr, VariantArray,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Backend {
    /// The processor
    #[default]
    Cpu,
    /// The graphics adapter, through Vulkan, Metal, DX12 or WebGPU
    Gpu,
    /// Whichever is faster, as a short measurement shows; never an adapter in software
    Auto,
}

/// Device and threads of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComputeConfig {
    /// The kind of device.
    pub backend: Backend,
    /// Number of worker threads; by default one a processor.
    pub threads: Option<usize>,
}

impl ComputeConfig {
    /// The CPU with `threads` threads.
    pub fn on_threads(threads: usize) -> Self {
        Self { backend: Backend::Cpu, threads: Some(threads) }
    }

    /// Number of worker threads, with the default resolved.
    pub fn thread_count(&self) -> usize {
        self.threads.unwrap_or_else(crate::tasks::processors)
    }
}

/// Opens the device asked for. Poll it again while it is pending, as in a browser.
pub(super) struct DeviceRequest {
    backend: Backend,
    #[cfg(feature = "gpu")]
    probe: Option<crate::compute::gpu::Probe>,
}

/// An open device, and the reason if it is not the one asked for.
pub type OpenedDevice = (Device, Option<String>);

impl DeviceRequest {
    pub fn new(backend: Backend) -> Self {
        Self {
            backend,
            #[cfg(feature = "gpu")]
            probe: None,
        }
    }

    /// Opens the device for a run on W `rows`×`cols`, which would have `threads` threads on the CPU.
    #[cfg(feature = "gpu")]
    pub fn poll(&mut self, shape: (usize, usize), settings: &Settings, threads: usize) -> Poll<OpenedDevice> {
        use crate::compute::gpu::{self, Probe};
        use crate::hint::{Explain, Hint};
        let (rows, cols) = shape;
        let processor = (Device::Cpu, None);
        if self.backend == Backend::Cpu {
            return Poll::Ready(processor);
        }
        let Poll::Ready(opened) = gpu::shared() else { return Poll::Pending };
        let gpu = match opened {
            Ok(gpu) => gpu,
            // Nobody asked for one in particular.
            Err(_) if self.backend == Backend::Auto => return Poll::Ready(processor),
            Err(why) => {
                // Its hint but for the processor, where the run is done anyway.
                let or = why.hint().and_then(|hint| if let Hint::UseCpu { or } = hint { or } else { None });
                let or = or.map_or(String::new(), |or| format!(": {or}"));
                return Poll::Ready((Device::Cpu, Some(format!("{why}{or}; the run is done on the processor"))));
            }
        };
        if self.backend == Backend::Gpu {
            return Poll::Ready((Device::Gpu(gpu), None));
        }
        if gpu.adapter().software {
            return Poll::Ready(processor);
        }
        let side = settings.inner_dim(rows, cols).min(rows.max(cols)).clamp(64, 1024);
        match self.probe.get_or_insert_with(|| Probe::new(gpu.clone(), side)).poll() {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(speed)) if is_faster(speed, side, shape, settings, threads) => {
                Poll::Ready((Device::Gpu(gpu), None))
            }
            Ok(Poll::Ready(_)) | Err(_) => Poll::Ready(processor),
        }
    }

    /// The CPU: this build has nothing else.
    #[cfg(not(feature = "gpu"))]
    pub fn poll(&mut self, _: (usize, usize), _: &Settings, _: usize) -> Poll<OpenedDevice> {
        let note = || format!("{}; the run is done on the processor", NoAdapter::NotBuilt);
        Poll::Ready((Device::Cpu, (self.backend == Backend::Gpu).then(note)))
    }
}

/// Opens the device for a run on W `rows`×`cols`, which would have `threads` threads on the CPU. Blocks until it is
/// open.
#[cfg(not(target_arch = "wasm32"))]
pub fn device(backend: Backend, shape: (usize, usize), settings: &Settings, threads: usize) -> OpenedDevice {
    let mut opening = DeviceRequest::new(backend);
    loop {
        if let Poll::Ready(opened) = opening.poll(shape, settings, threads) {
            return opened;
        }
    }
}

/// The CPU: in a browser opening another device cannot block, only a polled request waits for it.
#[cfg(target_arch = "wasm32")]
pub fn device(backend: Backend, _: (usize, usize), _: &Settings, _: usize) -> OpenedDevice {
    let note = "in a page only single runs are done on the graphics adapter: this is done on the processor";
    (Device::Cpu, (backend == Backend::Gpu).then(|| note.into()))
}

/// Returns the name of the graphics adapter, or the reason why there is none. Pending as `gpu::shared` is.
pub fn adapter() -> Poll<Result<String, NoAdapter>> {
    #[cfg(feature = "gpu")]
    return crate::compute::gpu::shared().map(|opened| match opened {
        Ok(gpu) if gpu.adapter().software => Ok(format!("{}, in software", gpu.adapter().name)),
        Ok(gpu) => Ok(gpu.adapter().name.clone()),
        Err(why) => Err(why.into()),
    });
    #[cfg(not(feature = "gpu"))]
    Poll::Ready(Err(NoAdapter::NotBuilt))
}

/// Whether a run is faster on the GPU: the time of its necessary products at the speeds measured on both devices, plus
/// the GPU's kernel launches.
#[cfg(feature = "gpu")]
fn is_faster(
    speed: crate::compute::gpu::Speed,
    side: usize,
    (rows, cols): (usize, usize),
    settings: &Settings,
    threads: usize,
) -> bool {
    use crate::measure::cost::{adapter_secs, processor_secs};
    let size = settings.size(rows, cols);
    let there = adapter_secs(&size, speed.gflops, speed.dispatch_seconds);
    there < processor_secs(&size, super::bench::gemm_gflops(side, threads))
}
