//! Recording kernels and submitting them.

use super::{Gpu, Kernel};
use bytemuck::NoUninit;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

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

    /// Zeroes the first `count` numbers of a buffer.
    pub fn clear(&mut self, buffer: &wgpu::Buffer, count: usize) {
        self.pass = None;
        self.encoder.clear_buffer(buffer, 0, Some(4 * count as u64));
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
