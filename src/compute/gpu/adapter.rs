//! Opening a GPU: the adapter, its device, and the errors of both.

use super::kernel::{Kernel, KernelSource};
use super::tiles::Tiles;
use crate::hint::{Explain, Hint};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Advice, by platform, on what an adapter may need to be found.
const NEEDED: &str = if cfg!(target_arch = "wasm32") {
    "use a browser that has WebGPU switched on"
} else if cfg!(any(target_os = "macos", windows)) {
    "update the graphics driver"
} else {
    "install a Vulkan driver"
};

/// Why nothing can be computed on a graphics processor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no adapter that can compute.
    #[error("no graphics adapter that can compute was found{why}")]
    None {
        /// Message of the system, if any.
        why: String,
    },
    /// The adapter refuses to open a device.
    #[error("the graphics adapter '{adapter}' gives no device ({why})")]
    Refused {
        /// Name of the adapter.
        adapter: String,
        /// Message of the driver.
        why: String,
    },
    /// The matrix exceeds the adapter's limits.
    #[error("the graphics adapter '{adapter}' holds matrices of {limit} bytes in one piece, and {needed} are needed")]
    TooLarge {
        /// Name of the adapter.
        adapter: String,
        /// Largest binding or buffer, in bytes.
        limit: u64,
        /// Bytes that are needed.
        needed: u64,
    },
    /// The device is out of memory.
    #[error("the graphics adapter '{adapter}' has not enough memory ({why})")]
    Full {
        /// Name of the adapter.
        adapter: String,
        /// Message of the driver.
        why: String,
    },
    /// The device was lost or reset.
    #[error("the graphics adapter '{adapter}' was lost ({why})")]
    Lost {
        /// Name of the adapter.
        adapter: String,
        /// Message of the driver.
        why: String,
    },
}

impl Explain for Error {
    fn hint(&self) -> Option<Hint> {
        let or = match self {
            Self::None { .. } => Some(NEEDED.into()),
            Self::Refused { .. } | Self::Full { .. } => Some("close other programs that use it".into()),
            Self::TooLarge { .. } => None,
            Self::Lost { .. } => return None,
        };
        Some(Hint::UseCpu { or })
    }
}

/// Description of a graphics adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// Name given by the driver.
    pub name: String,
    /// Whether it is emulated on the CPU.
    pub software: bool,
    /// Graphics interface in use: `Vulkan`, `Metal`, `DX12`, `WebGPU` or `other`.
    pub interface: &'static str,
}

/// Target duration of a submission, in seconds: other users of the device wait no longer.
const SUBMISSION_SECONDS: f64 = 0.02;

/// Operations of a submission before the device's speed is known.
const FIRST_SUBMISSION_FLOPS: u64 = 1 << 30;

/// Reason why the device's results can no longer be trusted.
#[derive(Debug)]
enum Failure {
    Lost(String),
    Full(String),
}

impl Failure {
    /// wgpu reports the failure of some calls for lack of memory as a lost device.
    fn from_text(why: String) -> Self {
        if why.to_lowercase().contains("out of memory") { Self::Full(why) } else { Self::Lost(why) }
    }

    fn from_wgpu(error: &wgpu::Error) -> Self {
        match error {
            wgpu::Error::OutOfMemory { .. } => Self::Full(error.to_string()),
            _ => Self::from_text(error.to_string()),
        }
    }
}

/// Key of a pipeline: the kernel and the bits of its constants.
type Key = (KernelSource, Vec<(&'static str, u64)>);

/// An open GPU: device, queue and the pipelines compiled so far.
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    adapter: Adapter,
    limits: wgpu::Limits,
    kernels: Mutex<HashMap<Key, Arc<Kernel>>>,
    tiles: Tiles,
    /// Binding limit it was opened with, if lower than the adapter's.
    binding_limit_asked: Option<u64>,
    failure: Arc<OnceLock<Failure>>,
    /// Operations of a submission that takes about [`SUBMISSION_SECONDS`].
    submission_flops: AtomicU64,
    pub(super) submissions: AtomicU64,
    /// Uniform buffer with the parameters of a submission's kernels, written and submitted under `turn`.
    pub(super) params: wgpu::Buffer,
    pub(super) submit_lock: Mutex<()>,
}

/// Largest binding, in bytes: kernels index vectors of four with 32 bits.
const MAX_BINDING: u64 = (4 << 30) - 256;

impl Gpu {
    /// Opens the fastest adapter; one in software only when there is no other.
    pub async fn open() -> Result<Self, Error> {
        Self::with_binding_limit(MAX_BINDING).await
    }

    /// Opens the fastest adapter with bindings of at most `most` bytes.
    pub async fn with_binding_limit(most: u64) -> Result<Self, Error> {
        let mut description = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
        // No validation of calls, and no GL, whose compute shaders are too limited.
        description.backends &= wgpu::Backends::PRIMARY;
        description.flags = wgpu::InstanceFlags::empty();
        let instance = wgpu::Instance::new(description);
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let found = instance.request_adapter(&options).await;
        let adapter = found.map_err(|error| Error::None { why: format!(" ({})", none_because(&error)) })?;
        let info = adapter.get_info();
        let refused = |why: String| Error::Refused { adapter: info.name.clone(), why };
        let has = adapter.limits();
        let limits = wgpu::Limits {
            max_storage_buffer_binding_size: has.max_storage_buffer_binding_size.min(most),
            max_buffer_size: has.max_buffer_size.min(2 * MAX_BINDING),
            ..wgpu::Limits::defaults().or_worse_values_from(&has)
        };
        let least = wgpu::Limits::defaults();
        if has.max_compute_invocations_per_workgroup < least.max_compute_invocations_per_workgroup
            || has.max_storage_buffers_per_shader_stage < least.max_storage_buffers_per_shader_stage
        {
            return Err(Error::None { why: format!(" ('{}' has no compute shaders)", info.name) });
        }
        let description = wgpu::DeviceDescriptor {
            label: Some("compute"),
            required_limits: limits.clone(),
            memory_hints: wgpu::MemoryHints::Performance,
            ..Default::default()
        };
        let (device, queue) = adapter.request_device(&description).await.map_err(|error| refused(error.to_string()))?;
        let failure = Arc::new(OnceLock::new());
        let (first, second) = (failure.clone(), failure.clone());
        device.set_device_lost_callback(move |reason, why| {
            let _ = first.set(Failure::from_text(if why.is_empty() { format!("{reason:?}") } else { why }));
        });
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| _ = second.set(Failure::from_wgpu(&error))));
        let params = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("parameters"),
            size: Self::MAX_KERNELS * Self::PARAMS_BYTES,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let interface = match info.backend {
            wgpu::Backend::Vulkan => "Vulkan",
            wgpu::Backend::Metal => "Metal",
            wgpu::Backend::Dx12 => "DX12",
            wgpu::Backend::BrowserWebGpu => "WebGPU",
            _ => "other",
        };
        let name = name_in_browser(&device).unwrap_or(info.name);
        // Browsers do not always report a software adapter as one.
        let known = ["swiftshader", "llvmpipe"].iter().any(|known| name.to_lowercase().contains(known));
        let software = info.device_type == wgpu::DeviceType::Cpu || known;
        let adapter = Adapter { name, software, interface };
        let tiles = Tiles::for_device(if software { wgpu::DeviceType::Cpu } else { info.device_type });
        Ok(Self {
            device,
            queue,
            adapter,
            limits,
            kernels: Mutex::default(),
            tiles,
            binding_limit_asked: (most < MAX_BINDING).then_some(most),
            failure,
            submission_flops: AtomicU64::new(FIRST_SUBMISSION_FLOPS),
            submissions: AtomicU64::new(0),
            params,
            submit_lock: Mutex::default(),
        })
    }

    /// Bytes reserved for the parameters of one kernel.
    pub(super) const PARAMS_BYTES: u64 = 256;
    /// Largest number of kernels in a submission.
    pub(super) const MAX_KERNELS: u64 = 256;

    /// Description of the adapter.
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// Largest binding, in bytes.
    pub fn binding_limit(&self) -> u64 {
        self.limits.max_storage_buffer_binding_size.min(self.limits.max_buffer_size)
    }

    /// Largest buffer, in bytes.
    pub fn buffer_limit(&self) -> u64 {
        self.limits.max_buffer_size
    }

    /// Tile sizes of products.
    pub fn tiles(&self) -> Tiles {
        self.tiles
    }

    /// The binding limit asked for when it was opened, if one was.
    pub(super) fn binding_limit_asked(&self) -> Option<u64> {
        self.binding_limit_asked
    }

    /// The same device with other tile sizes, to measure them.
    pub fn with_tiles(self, tiles: Tiles) -> Self {
        Self { tiles, ..self }
    }

    /// Number of submissions so far.
    pub fn submissions(&self) -> u64 {
        self.submissions.load(Ordering::Relaxed)
    }

    /// Fails when the device is lost or out of memory; results since the last success cannot be trusted.
    pub fn check(&self) -> Result<(), Error> {
        let adapter = || self.adapter.name.clone();
        match self.failure.get() {
            Some(Failure::Lost(why)) => Err(Error::Lost { adapter: adapter(), why: why.clone() }),
            Some(Failure::Full(why)) => Err(Error::Full { adapter: adapter(), why: why.clone() }),
            None => Ok(()),
        }
    }

    /// Operations of matrix products that go into one submission.
    pub(super) fn submission_flops(&self) -> f64 {
        self.submission_flops.load(Ordering::Relaxed) as f64
    }

    /// Records that `flops` operations took `seconds`, and sizes submissions accordingly: nobody else waits long for
    /// the device, and no system takes it for hung.
    pub fn record_speed(&self, flops: f64, seconds: f64) {
        let fits = flops / seconds.max(1e-9) * SUBMISSION_SECONDS;
        // At most doubled: a time measured too short must not make the next submission too long.
        let most = (2.0 * self.submission_flops()).min(1e12);
        self.submission_flops.store(fits.min(most).max(1e8) as u64, Ordering::Relaxed);
    }

    /// Destroys the device, as a driver's reset does.
    pub fn destroy(&self) {
        self.device.destroy();
        let _ = self.failure.set(Failure::Lost("given up".into()));
    }

    /// Simulates a device out of memory.
    #[cfg(test)]
    pub(crate) fn simulate_out_of_memory(&self) {
        let error = wgpu::Error::OutOfMemory { source: "all of it is taken".into() };
        let _ = self.failure.set(Failure::from_wgpu(&error));
    }

    /// A buffer of `numbers` zeros of four bytes, for f32 or u32.
    pub fn zeros(&self, numbers: usize) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 4 * numbers.max(4) as u64,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    /// Writes `numbers` into `buffer` from element `at` on, before the next submission.
    pub fn write<T: bytemuck::NoUninit>(&self, buffer: &wgpu::Buffer, at: usize, numbers: &[T]) {
        self.queue.write_buffer(buffer, 4 * at as u64, bytemuck::cast_slice(numbers));
    }

    /// The pipeline of a kernel with these values of its overridable constants; compiled on first use.
    pub fn kernel(&self, source: KernelSource, constants: &[(&'static str, f64)]) -> Arc<Kernel> {
        let mut kernels = self.kernels.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (source, constants.iter().map(|(name, value)| (*name, value.to_bits())).collect());
        kernels.entry(key).or_insert_with(|| Arc::new(Kernel::new(&self.device, &source, constants))).clone()
    }

    /// Error of a device that failed in an operation. From now on it counts as lost: a browser says so only later.
    pub(crate) fn lost_because(&self, why: &str) -> Error {
        let _ = self.failure.set(Failure::Lost(why.to_owned()));
        Error::Lost { adapter: self.adapter.name.clone(), why: why.to_owned() }
    }
}

/// The reason why there is no adapter, in short.
#[cfg(not(target_arch = "wasm32"))]
fn none_because(error: &wgpu::RequestAdapterError) -> String {
    error.to_string()
}

/// The reason why there is no adapter, in short. wgpu's text is about interfaces that no browser has.
#[cfg(target_arch = "wasm32")]
fn none_because(_: &wgpu::RequestAdapterError) -> &'static str {
    crate::tasks::why_no_gpu().unwrap_or("this browser's WebGPU offers none")
}

/// The adapter's name in a browser; none elsewhere.
#[cfg(not(target_arch = "wasm32"))]
fn name_in_browser(_: &wgpu::Device) -> Option<String> {
    None
}

/// The adapter's name in a browser: its maker and family, like `google swiftshader`, or its description.
#[cfg(target_arch = "wasm32")]
fn name_in_browser(device: &wgpu::Device) -> Option<String> {
    let get = |object: &wasm_bindgen::JsValue, key: &str| js_sys::Reflect::get(object, &key.into()).ok();
    let info = get(device.as_webgpu()?, "adapterInfo")?;
    let text = |key: &str| get(&info, key)?.as_string().filter(|text| !text.is_empty());
    let family: Vec<String> = ["vendor", "architecture"].into_iter().filter_map(text).collect();
    let name = text("description").unwrap_or(family.join(" "));
    Some(if name.is_empty() { "unnamed".into() } else { name })
}
