//! The device, and why there is none.

use super::Tiles;
use super::commands::{Kernel, Source};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// What can be done instead.
const ELSE: &str = if cfg!(target_arch = "wasm32") { "choose the CPU" } else { "use --backend cpu" };
/// What there may have to be for an adapter to be found.
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
    /// The system has none that can compute.
    #[error("no graphics adapter that can compute was found{why}: {NEEDED}, or {ELSE}")]
    None {
        /// What the system said, if anything.
        why: String,
    },
    /// There is one, and it does not let us.
    #[error("the graphics adapter '{adapter}' gives no device ({why}): close other programs that use it, or {ELSE}")]
    Refused {
        /// Its name.
        adapter: String,
        /// What the driver said.
        why: String,
    },
    /// It is too small for the matrix.
    #[error(
        "the graphics adapter '{adapter}' holds matrices of {limit} bytes in one piece, and {needed} are needed: {ELSE}"
    )]
    TooLarge {
        /// Its name.
        adapter: String,
        /// The largest binding.
        limit: u64,
        /// What would have to be bound.
        needed: u64,
    },
    /// It has not enough memory.
    #[error(
        "the graphics adapter '{adapter}' has not enough memory ({why}): close other programs that use it, or {ELSE}"
    )]
    Full {
        /// Its name.
        adapter: String,
        /// What the driver said.
        why: String,
    },
    /// It went away, or reset itself.
    #[error("the graphics adapter '{adapter}' was lost ({why})")]
    Lost {
        /// Its name.
        adapter: String,
        /// What the driver said.
        why: String,
    },
}

/// What is known of a graphics adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adapter {
    /// As its driver calls it.
    pub name: String,
    /// Whether a processor pretends to be one.
    pub software: bool,
    /// The interface it is spoken to through.
    pub interface: &'static str,
}

/// How long a portion of work may keep the device, in seconds.
const PORTION: f64 = 0.02;

/// Before anything is known of it.
const FIRST_PORTION: u64 = 1 << 30;

/// Why nothing more can come from a device.
#[derive(Debug)]
enum Gone {
    Lost(String),
    Full(String),
}

impl Gone {
    /// Of some of its calls wgpu says that the device is lost when there was no memory for them.
    fn because(why: String) -> Self {
        if why.to_lowercase().contains("out of memory") { Self::Full(why) } else { Self::Lost(why) }
    }

    fn after(error: &wgpu::Error) -> Self {
        match error {
            wgpu::Error::OutOfMemory { .. } => Self::Full(error.to_string()),
            _ => Self::because(error.to_string()),
        }
    }
}

/// A kernel with its constants' bits.
type Key = (Source, Vec<(&'static str, u64)>);

/// A device and its pipelines.
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    adapter: Adapter,
    limits: wgpu::Limits,
    kernels: Mutex<HashMap<Key, Arc<Kernel>>>,
    tiles: Tiles,
    /// The binding limit it was opened with, if it is lower than what the adapter would give.
    limited_to: Option<u64>,
    gone: Arc<OnceLock<Gone>>,
    /// Operations that take it about [`PORTION`], as far as is known.
    portion: AtomicU64,
    pub(super) submissions: AtomicU64,
    /// Parameters of the kernels of one submission. They are written and submitted by one thread at a time.
    pub(super) params: wgpu::Buffer,
    pub(super) turn: Mutex<()>,
}

/// More than this is not bound at once even where it could be: indices are 32 bits wide, and count vectors of four.
const WANTED_BINDING: u64 = (4 << 30) - 256;

impl Gpu {
    /// The fastest adapter there is. One in software only when it is all there is.
    pub async fn open() -> Result<Self, Error> {
        Self::with_binding_limit(WANTED_BINDING).await
    }

    /// The same, as if no more than `most` bytes could be bound at once.
    pub async fn with_binding_limit(most: u64) -> Result<Self, Error> {
        let mut description = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
        // Without checks of every call, and without GL, which has no compute worth the name.
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
            max_buffer_size: has.max_buffer_size.min(2 * WANTED_BINDING),
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
        let gone = Arc::new(OnceLock::new());
        let (first, second) = (gone.clone(), gone.clone());
        device.set_device_lost_callback(move |reason, why| {
            let _ = first.set(Gone::because(if why.is_empty() { format!("{reason:?}") } else { why }));
        });
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| _ = second.set(Gone::after(&error))));
        let params = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("parameters"),
            size: Self::SLOTS * Self::SLOT,
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
        // Browsers do not always say that it is one.
        let known = ["swiftshader", "llvmpipe"].iter().any(|known| name.to_lowercase().contains(known));
        let software = info.device_type == wgpu::DeviceType::Cpu || known;
        let adapter = Adapter { name, software, interface };
        let tiles = Tiles::of(if software { wgpu::DeviceType::Cpu } else { info.device_type });
        Ok(Self {
            device,
            queue,
            adapter,
            limits,
            kernels: Mutex::default(),
            tiles,
            limited_to: (most < WANTED_BINDING).then_some(most),
            gone,
            portion: AtomicU64::new(FIRST_PORTION),
            submissions: AtomicU64::new(0),
            params,
            turn: Mutex::default(),
        })
    }

    /// Bytes of one kernel's parameters.
    pub(super) const SLOT: u64 = 256;
    /// How many kernels one submission has at most.
    pub(super) const SLOTS: u64 = 256;

    /// What it runs on.
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// Bytes that can be bound at once.
    pub fn binding_limit(&self) -> u64 {
        self.limits.max_storage_buffer_binding_size.min(self.limits.max_buffer_size)
    }

    /// Bytes that one buffer can have.
    pub fn buffer_limit(&self) -> u64 {
        self.limits.max_buffer_size
    }

    /// How products are cut into tiles.
    pub fn tiles(&self) -> Tiles {
        self.tiles
    }

    /// The binding limit that was asked for, if one was.
    pub(super) fn limited_to(&self) -> Option<u64> {
        self.limited_to
    }

    /// The same device with other tiles, to measure them.
    pub fn with_tiles(self, tiles: Tiles) -> Self {
        Self { tiles, ..self }
    }

    /// How often something was submitted.
    pub fn submissions(&self) -> u64 {
        self.submissions.load(Ordering::Relaxed)
    }

    /// An error once the device is gone; nothing that was computed since can be trusted.
    pub fn check(&self) -> Result<(), Error> {
        let adapter = || self.adapter.name.clone();
        match self.gone.get() {
            Some(Gone::Lost(why)) => Err(Error::Lost { adapter: adapter(), why: why.clone() }),
            Some(Gone::Full(why)) => Err(Error::Full { adapter: adapter(), why: why.clone() }),
            None => Ok(()),
        }
    }

    /// How many operations of matrix products are submitted at once.
    pub(super) fn portion(&self) -> f64 {
        self.portion.load(Ordering::Relaxed) as f64
    }

    /// So many operations took so long: portions are cut accordingly, so that no one else waits long for the device, and
    /// no system takes it for hung.
    pub fn took(&self, flops: f64, seconds: f64) {
        let fits = flops / seconds.max(1e-9) * PORTION;
        // A time measured too short must not make the next portion too long.
        let most = (2.0 * self.portion()).min(1e12);
        self.portion.store(fits.min(most).max(1e8) as u64, Ordering::Relaxed);
    }

    /// Gives the device up, as a driver that resets itself does.
    pub fn lose(&self) {
        self.device.destroy();
        let _ = self.gone.set(Gone::Lost("given up".into()));
    }

    /// Says what wgpu says of a device that has no memory left.
    #[cfg(test)]
    pub(crate) fn exhaust(&self) {
        let error = wgpu::Error::OutOfMemory { source: "all of it is taken".into() };
        let _ = self.gone.set(Gone::after(&error));
    }

    /// A buffer of zeros of so many f32 or u32.
    pub fn zeros(&self, numbers: usize) -> wgpu::Buffer {
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 4 * numbers.max(4) as u64,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    }

    /// Writes `numbers` into `buffer` from its number `at` on, before what is submitted next.
    pub fn write<T: bytemuck::NoUninit>(&self, buffer: &wgpu::Buffer, at: usize, numbers: &[T]) {
        self.queue.write_buffer(buffer, 4 * at as u64, bytemuck::cast_slice(numbers));
    }

    /// The pipeline of a kernel with values for its overridable constants, made when it is first asked for.
    pub fn kernel(&self, source: Source, constants: &[(&'static str, f64)]) -> Arc<Kernel> {
        let mut kernels = self.kernels.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (source, constants.iter().map(|(name, value)| (*name, value.to_bits())).collect());
        kernels.entry(key).or_insert_with(|| Arc::new(Kernel::new(&self.device, &source, constants))).clone()
    }

    /// The error of a device that did not do what it was told.
    pub(crate) fn lost_because(&self, why: &str) -> Error {
        Error::Lost { adapter: self.adapter.name.clone(), why: why.to_owned() }
    }
}

/// Why there is no adapter, in short.
#[cfg(not(target_arch = "wasm32"))]
fn none_because(error: &wgpu::RequestAdapterError) -> String {
    error.to_string()
}

/// Why there is no adapter, in short: what wgpu says of a browser is about interfaces that no browser has.
#[cfg(target_arch = "wasm32")]
fn none_because(_: &wgpu::RequestAdapterError) -> &'static str {
    crate::tasks::why_no_gpu().unwrap_or("this browser's WebGPU offers none")
}

/// Only browsers have other names for them.
#[cfg(not(target_arch = "wasm32"))]
fn name_in_browser(_: &wgpu::Device) -> Option<String> {
    None
}

/// What a browser tells of an adapter: its maker and family, like `google swiftshader`; sometimes more.
#[cfg(target_arch = "wasm32")]
fn name_in_browser(device: &wgpu::Device) -> Option<String> {
    let get = |object: &wasm_bindgen::JsValue, key: &str| js_sys::Reflect::get(object, &key.into()).ok();
    let info = get(device.as_webgpu()?, "adapterInfo")?;
    let text = |key: &str| get(&info, key)?.as_string().filter(|text| !text.is_empty());
    let family: Vec<String> = ["vendor", "architecture"].into_iter().filter_map(text).collect();
    let name = text("description").unwrap_or(family.join(" "));
    Some(if name.is_empty() { "unnamed".into() } else { name })
}
