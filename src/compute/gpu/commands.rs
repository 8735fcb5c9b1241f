//! Recording kernels.

use super::Gpu;
use bytemuck::NoUninit;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// A kernel's text.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source {
    /// WGSL, one file or two that belong together.
    pub text: [&'static str; 2],
    /// The entry point.
    pub entry: &'static str,
    /// Whether every index is known to lie in its array, and all workgroup memory is written before it is read: then
    /// nothing is checked or cleared.
    pub proven: bool,
}

/// A compiled kernel.
pub struct Kernel {
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

impl Kernel {
    pub(super) fn new(device: &wgpu::Device, source: &Source, constants: &[(&str, f64)]) -> Self {
        let text = source.text.concat();
        let description =
            wgpu::ShaderModuleDescriptor { label: Some(source.entry), source: wgpu::ShaderSource::Wgsl(text.into()) };
        // A counter in every loop, that ends it after 2⁶⁴ rounds, keeps drivers from unrolling it.
        let checks = wgpu::ShaderRuntimeChecks {
            force_loop_bounding: false,
            bounds_checks: !source.proven,
            int_div_checks: !source.proven,
            ..wgpu::ShaderRuntimeChecks::checked()
        };
        // SAFETY: the kernels are our own. Every loop of theirs counts up to a bound, or halves a number, or takes one bit
        // after another from a word. Of the indices in a proven one its file says why they lie in their arrays; of storage
        // the device itself checks them as well.
        #[allow(unsafe_code)]
        let module = unsafe { device.create_shader_module_trusted(description, checks) };
        let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(source.entry),
            layout: None,
            module: &module,
            entry_point: Some(source.entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants,
                zero_initialize_workgroup_memory: !source.proven,
            },
            cache: None,
        });
        let layout = pipeline.get_bind_group_layout(0);
        Self { pipeline, layout }
    }
}

/// Kernels being recorded. What is not submitted when it is dropped is not done.
pub struct Commands<'a> {
    gpu: &'a Gpu,
    encoder: wgpu::CommandEncoder,
    pass: Option<wgpu::ComputePass<'static>>,
    params: Vec<u8>,
    /// Operations recorded since the last submission.
    work: f64,
    /// All so far.
    counts: Counts,
}

/// What was recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// Kernels begun.
    pub dispatches: usize,
    /// Submissions.
    pub submissions: usize,
    /// Additions and multiplications of matrix products.
    pub flops: f64,
}

impl<'a> Commands<'a> {
    /// For `gpu`.
    pub fn new(gpu: &'a Gpu) -> Self {
        let encoder = gpu.device.create_command_encoder(&Default::default());
        Self { gpu, encoder, pass: None, params: Vec::new(), work: 0.0, counts: Counts::default() }
    }

    /// The device they are for.
    pub fn gpu(&self) -> &'a Gpu {
        self.gpu
    }

    /// What was recorded so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Runs `kernel` on so many workgroups. The parameters are binding 0; `buffers` are bound by their numbers.
    pub fn run(
        &mut self,
        kernel: &Kernel,
        params: &impl NoUninit,
        buffers: &[(u32, &wgpu::Buffer)],
        groups: (usize, usize),
    ) {
        if groups.0 == 0 || groups.1 == 0 {
            return;
        }
        let at = self.params.len() as u64;
        let bytes = bytemuck::bytes_of(params);
        self.params.extend_from_slice(bytes);
        self.params.resize((at + Gpu::SLOT) as usize, 0);
        let uniform =
            wgpu::BufferBinding { buffer: &self.gpu.params, offset: at, size: wgpu::BufferSize::new(Gpu::SLOT) };
        let first = wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::Buffer(uniform) };
        let others = buffers
            .iter()
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding: *binding, resource: buffer.as_entire_binding() });
        let entries: Vec<_> = std::iter::once(first).chain(others).collect();
        let group = self.gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &kernel.layout,
            entries: &entries,
        });
        let encoder = &mut self.encoder;
        let pass = self.pass.get_or_insert_with(|| encoder.begin_compute_pass(&Default::default()).forget_lifetime());
        pass.set_pipeline(&kernel.pipeline);
        pass.set_bind_group(0, &group, &[]);
        pass.dispatch_workgroups(groups.0 as u32, groups.1 as u32, 1);
        self.counts.dispatches += 1;
        if self.params.len() as u64 == Gpu::SLOTS * Gpu::SLOT {
            self.submit();
        }
    }

    /// Says that the kernel just recorded does so many operations.
    pub fn worked(&mut self, flops: f64) {
        self.work += flops;
        self.counts.flops += flops;
        if self.work > self.gpu.portion() {
            self.submit();
        }
    }

    /// How many operations fit into the portion in work.
    pub(super) fn room(&self) -> f64 {
        self.gpu.portion() - self.work
    }

    /// Copies `count` numbers.
    pub fn copy(&mut self, from: (&wgpu::Buffer, usize), to: (&wgpu::Buffer, usize), count: usize) {
        self.pass = None;
        let [from_at, to_at, size] = [from.1, to.1, count].map(|numbers| 4 * numbers as u64);
        self.encoder.copy_buffer_to_buffer(from.0, from_at, to.0, to_at, size);
    }

    /// Sends all that was recorded to the device.
    pub fn submit(&mut self) -> wgpu::SubmissionIndex {
        self.pass = None;
        let next = self.gpu.device.create_command_encoder(&Default::default());
        let encoder = std::mem::replace(&mut self.encoder, next);
        let _turn = self.gpu.turn.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.params.is_empty() {
            self.gpu.queue.write_buffer(&self.gpu.params, 0, &self.params);
        }
        let submission = self.gpu.queue.submit([encoder.finish()]);
        self.params.clear();
        self.work = 0.0;
        self.counts.submissions += 1;
        self.gpu.submissions.fetch_add(1, Ordering::Relaxed);
        submission
    }
}
