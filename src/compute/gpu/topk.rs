//! Exact top-k on the GPU: selects the largest entries, and packs them.

use super::commands::Commands;
use super::kernel::KernelSource;
use super::{Columns, Gpu, GpuMatrix, Kernel, padded};
use std::sync::Arc;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    rows: u32,
    fours: u32,
    words: u32,
    slab: u32,
    slabs: u32,
    budget: u32,
    shift: u32,
    bits: u32,
}

/// Exact top-k of matrices of one shape.
///
/// As on the CPU: exactly `budget` entries, or all nonzeros if there are fewer; among equal magnitudes the first in
/// row-major order.
pub struct TopK {
    rows: usize,
    slabs: usize,
    kernels: [Arc<Kernel>; 7],
    cut: wgpu::Buffer,
    bins: wgpu::Buffer,
    /// Selected entries of each row in each slab, and their total.
    counts: wgpu::Buffer,
}

impl TopK {
    /// Prepares selections from matrices with these rows and columns.
    pub fn new(gpu: &Gpu, rows: usize, columns: &Columns) -> Self {
        let entries = ["histogram", "pick", "mark", "scan", "settle", "tally", "pack"];
        let kernel =
            |entry| gpu.kernel(KernelSource { text: [include_str!("topk.wgsl"), ""], entry, proven: false }, &[]);
        let (rows, slabs) = (padded(rows), columns.slabs.len());
        Self {
            rows,
            slabs,
            kernels: entries.map(kernel),
            cut: gpu.zeros(4),
            bins: gpu.zeros(2048),
            counts: gpu.zeros(rows * slabs + 1),
        }
    }

    fn params(&self, slab: usize, cols: usize) -> Params {
        Params {
            rows: self.rows as u32,
            fours: (cols / 4) as u32,
            words: (cols / 32) as u32,
            slab: slab as u32,
            slabs: self.slabs as u32,
            budget: 0,
            shift: 0,
            bits: 0,
        }
    }

    /// Records: set `mask` to the `budget` largest entries of `v`.
    pub fn select(&self, commands: &mut Commands<'_>, v: &GpuMatrix, mask: &GpuMatrix, budget: usize) {
        /// Workgroups of the histogram; each adds its own to the common one.
        const COUNTING: usize = 256;
        let [histogram, pick, mark, scan, settle, ..] = &self.kernels;
        let (cut, bins, counts) = (&self.cut, &self.bins, &self.counts);
        for (shift, bits) in [(20, 11), (10, 10), (0, 10)] {
            for (at, slab) in v.slabs.iter().enumerate() {
                let params = Params { shift, bits, ..self.params(at, slab.cols) };
                let groups = (self.rows * slab.cols).div_ceil(4 * 256).min(COUNTING);
                commands.run(histogram, &params, &[(1, &slab.buffer), (2, cut), (3, bins)], (groups, 1));
            }
            let params = Params { shift, bits, budget: budget as u32, ..self.params(0, 0) };
            commands.run(pick, &params, &[(2, cut), (3, bins)], (1, 1));
        }
        let parts = || v.slabs.iter().zip(&mask.slabs).enumerate();
        for (at, (v, mask)) in parts() {
            let buffers = [(1, &v.buffer), (2, cut), (4, &mask.buffer), (5, counts)];
            commands.run(mark, &self.params(at, v.cols), &buffers, (self.rows, 1));
        }
        let params = Params { budget: (self.rows * self.slabs) as u32, ..self.params(0, 0) };
        commands.run(scan, &params, &[(5, counts)], (1, 1));
        for (at, (v, mask)) in parts() {
            let buffers = [(1, &v.buffer), (2, cut), (4, &mask.buffer), (5, counts)];
            commands.run(settle, &self.params(at, v.cols), &buffers, (self.rows, 1));
        }
    }

    /// Records: write the selected values of one slab of `v` to the start of `packed`, row by row.
    pub fn pack(
        &self,
        commands: &mut Commands<'_>,
        slab: usize,
        v: &GpuMatrix,
        mask: &GpuMatrix,
        packed: &wgpu::Buffer,
    ) {
        let [.., scan, _, tally, pack] = &self.kernels;
        let (v, mask) = (&v.slabs[slab], &mask.slabs[slab]);
        let params = self.params(slab, v.cols);
        commands.run(tally, &params, &[(4, &mask.buffer), (5, &self.counts)], (self.rows, 1));
        let all = Params { budget: self.rows as u32, ..params };
        commands.run(scan, &all, &[(5, &self.counts)], (1, 1));
        let buffers = [(1, &v.buffer), (4, &mask.buffer), (5, &self.counts), (6, packed)];
        commands.run(pack, &params, &buffers, (self.rows, 1));
    }
}
