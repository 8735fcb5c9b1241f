//! Recording kernels and submitting them.

use super::Gpu;
use bytemuck::NoUninit;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// KernelSource code of a kernel.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KernelSource {
    /// WGSL: one file, or two that are concatenated.
    pub text: [&'static str; 2],
    /// Name of the entry point.
    pub entry: &'static str,
    /// Whether every index is proven to be in bounds and all workgroup memory is written before it is read: then
    /// nothing is checked or cleared.
    pub proven: bool,
}

/// A compiled kernel and the layout of its bindings.
pub struct Kernel {
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

impl Kernel {
    pub(super) fn new(device: &wgpu::Device, source: &KernelSource, constants: &[(&str, f64)]) -> Self {
        let text = source.text.concat();
        let description =
            wgpu::ShaderModuleDescriptor { label: Some(source.entry), source: wgpu::ShaderSource::Wgsl(text.into()) };
        // A loop counter that ends it after 2⁶⁴ rounds would keep drivers from unrolling it.
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

/// A recorder of kernels. What is not submitted when it is dropped does not run.
pub struct Commands<'a> {
    gpu: &'a Gpu,
    encoder: wgpu::CommandEncoder,
    pass: Option<wgpu::ComputePass<'static>>,
    params: Vec<u8>,
    /// Operations recorded since the last submission.
    pending_flops: f64,
    /// Totals since it was created.
    counts: Counts,
}

/// Totals of recorded work.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// Number of kernel launches.
    pub dispatches: usize,
    /// Number of submissions to the queue.
    pub submissions: usize,
    /// Additions and multiplications of matrix products.
    pub flops: f64,
}

impl<'a> Commands<'a> {
    /// Creates an empty recorder for `gpu`.
    pub fn new(gpu: &'a Gpu) -> Self {
        let encoder = gpu.device.create_command_encoder(&Default::default());
        Self { gpu, encoder, pass: None, params: Vec::new(), pending_flops: 0.0, counts: Counts::default() }
    }

    /// The device that will run the kernels.
    pub fn gpu(&self) -> &'a Gpu {
        self.gpu
    }

    /// Totals since it was created.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Records `kernel` on `groups` workgroups. The parameters are binding 0; each buffer comes with its binding.
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
        self.params.resize((at + Gpu::PARAMS_BYTES) as usize, 0);
        let uniform = wgpu::BufferBinding {
            buffer: &self.gpu.params,
            offset: at,
            size: wgpu::BufferSize::new(Gpu::PARAMS_BYTES),
        };
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
        if self.params.len() as u64 == Gpu::MAX_KERNELS * Gpu::PARAMS_BYTES {
            self.submit();
        }
    }

    /// Adds the operations of the kernel just recorded, and submits when there are enough.
    pub fn add_flops(&mut self, flops: f64) {
        self.pending_flops += flops;
        self.counts.flops += flops;
        if self.pending_flops > self.gpu.submission_flops() {
            self.submit();
        }
    }

    /// Operations that still fit into this submission.
    pub(super) fn remaining_flops(&self) -> f64 {
        self.gpu.submission_flops() - self.pending_flops
    }

    /// Copies `count` numbers of four bytes; each side is a buffer and its first element.
    pub fn copy(&mut self, from: (&wgpu::Buffer, usize), to: (&wgpu::Buffer, usize), count: usize) {
        self.pass = None;
        let [from_at, to_at, size] = [from.1, to.1, count].map(|numbers| 4 * numbers as u64);
        self.encoder.copy_buffer_to_buffer(from.0, from_at, to.0, to_at, size);
    }

    /// Submits everything recorded so far.
    pub fn submit(&mut self) -> wgpu::SubmissionIndex {
        self.pass = None;
        let next = self.gpu.device.create_command_encoder(&Default::default());
        let encoder = std::mem::replace(&mut self.encoder, next);
        let _lock = self.gpu.submit_lock.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.params.is_empty() {
            self.gpu.queue.write_buffer(&self.gpu.params, 0, &self.params);
        }
        let submission = self.gpu.queue.submit([encoder.finish()]);
        self.params.clear();
        self.pending_flops = 0.0;
        self.counts.submissions += 1;
        self.gpu.submissions.fetch_add(1, Ordering::Relaxed);
        submission
    }
}
