//! Inverse of a positive definite matrix on the GPU, by blocks.

use super::commands::Commands;
use super::kernel::KernelSource;
use super::product::{Operand, Product, Shape};
use super::{Gpu, Kernel};
use std::sync::Arc;

/// Columns eliminated at a time.
const BLOCK: usize = 64;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    stride: u32,
    block: u32,
}

/// Inverts one or two n×n matrices in place.
///
/// A symmetric sweep: each step eliminates a block of 64 columns, n³ multiplications in all, nearly all of them in
/// products of depth 64. The pivots are the squares of a Cholesky factorization's; one that is not positive is replaced
/// by 1, which solves for as much of the system as can be solved.
pub struct Inverse {
    n: usize,
    kernels: [Arc<Kernel>; 3],
    work: [Scratch; 2],
}

/// Scratch memory for the inversion of one matrix.
struct Scratch {
    d: wgpu::Buffer,
    panel: wgpu::Buffer,
    panel_d: wgpu::Buffer,
}

impl Inverse {
    /// Prepares the inversion of n×n matrices, n a multiple of 64.
    pub fn new(gpu: &Gpu, n: usize) -> Self {
        let kernel =
            |entry| gpu.kernel(KernelSource { text: [include_str!("sweep.wgsl"), ""], entry, proven: false }, &[]);
        let work =
            || Scratch { d: gpu.zeros(BLOCK * BLOCK), panel: gpu.zeros(BLOCK * n), panel_d: gpu.zeros(BLOCK * n) };
        Self { n, kernels: [kernel("pivot"), kernel("panels"), kernel("mirror")], work: [work(), work()] }
    }

    /// A ← −A⁻¹ for one or two matrices whose lower triangles and diagonal blocks are given. Both step side by side,
    /// because one alone leaves the device waiting for its pivots.
    pub fn run(&self, commands: &mut Commands<'_>, matrices: &[wgpu::Buffer]) {
        let [pivot, panels, mirror] = &self.kernels;
        let (n, blocks) = (self.n, self.n / BLOCK);
        let both = || matrices.iter().zip(&self.work);
        for block in 0..blocks {
            let params = Params { stride: n as u32, block: block as u32 };
            for (a, work) in both() {
                commands.run(pivot, &params, &[(1, a), (2, &work.d)], (1, 1));
            }
            for (a, Scratch { d, panel, panel_d }) in both() {
                commands.run(panels, &params, &[(1, a), (2, d), (3, panel), (4, panel_d)], (blocks, 1));
            }
            for (a, work) in both() {
                let update = Product {
                    a: Operand::new(&work.panel_d, n).transposed(),
                    b: Operand::new(&work.panel, n),
                    shape: Shape { rows: n, cols: n, depth: BLOCK },
                    lower: true,
                };
                update.store(commands, (a, 0, n), -1.0, true);
            }
        }
        for a in matrices {
            commands.run(mirror, &Params { stride: n as u32, block: 0 }, &[(1, a)], (n / 16, n / 16));
        }
    }
}
