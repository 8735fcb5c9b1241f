//! The inverse of a positive definite matrix, by blocks.

use super::commands::{Commands, Source};
use super::product::{Operand, Product, Shape};
use super::{Gpu, Kernel};
use std::sync::Arc;

/// Side of a block.
const BLOCK: usize = 64;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::NoUninit)]
struct Params {
    stride: u32,
    block: u32,
}

/// Inverts matrices of one size in their place.
///
/// A symmetric sweep: each step takes a block of 64 columns out, n³ multiplications in all, nearly all of them in products
/// with a depth of 64. Its pivots are the squares of a Cholesky factorization's; one that is not positive is raised to 1,
/// which solves for as much of the system as there is.
pub struct Inverse {
    n: usize,
    kernels: [Arc<Kernel>; 3],
    work: [Work; 2],
}

/// What the inversion of one matrix needs besides it.
struct Work {
    d: wgpu::Buffer,
    panel: wgpu::Buffer,
    panel_d: wgpu::Buffer,
}

impl Inverse {
    /// For n×n, n a multiple of 64.
    pub fn new(gpu: &Gpu, n: usize) -> Self {
        let kernel = |entry| gpu.kernel(Source { text: [include_str!("sweep.wgsl"), ""], entry, proven: false }, &[]);
        let work = || Work { d: gpu.zeros(BLOCK * BLOCK), panel: gpu.zeros(BLOCK * n), panel_d: gpu.zeros(BLOCK * n) };
        Self { n, kernels: [kernel("pivot"), kernel("panels"), kernel("mirror")], work: [work(), work()] }
    }

    /// A ← −A⁻¹ of matrices, at most two, whose lower triangles are given, with the blocks on the diagonal whole. Step by
    /// step side by side: most of one's pivot is waiting.
    pub fn run(&self, commands: &mut Commands<'_>, matrices: &[wgpu::Buffer]) {
        let [pivot, panels, mirror] = &self.kernels;
        let (n, blocks) = (self.n, self.n / BLOCK);
        let both = || matrices.iter().zip(&self.work);
        for block in 0..blocks {
            let params = Params { stride: n as u32, block: block as u32 };
            for (a, work) in both() {
                commands.run(pivot, &params, &[(1, a), (2, &work.d)], (1, 1));
            }
            for (a, Work { d, panel, panel_d }) in both() {
                commands.run(panels, &params, &[(1, a), (2, d), (3, panel), (4, panel_d)], (blocks, 1));
            }
            for (a, work) in both() {
                let update = Product {
                    a: Operand::new(&work.panel_d, n).turned(),
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
