//! Products that end in the ADMM update of V.

use crate::compute::gpu::{Commands, Finish, FinishParams, Product};

/// What an iteration computes for the next one; see `NEXT` in `gemm_admm.wgsl`.
#[derive(Clone, Copy, PartialEq)]
pub enum Next {
    /// Nothing yet: the mask is chosen first.
    Nothing,
    /// The right-hand sides of the next iteration.
    Right,
    /// Z: it is the last iteration.
    Sparse,
}

/// Parameters of an iteration's end.
#[derive(Clone, Copy)]
pub struct How {
    /// Whether the smaller system is solved.
    pub small: bool,
    pub next: Next,
    /// Relaxation λ of the update.
    pub relaxation: f32,
    /// First element of the sums by tiles.
    pub sums_at: usize,
}

/// Records the product and the update, with the buffers of `gemm_admm.wgsl`.
pub fn finish(commands: &mut Commands<'_>, product: &Product<'_>, buffers: &[(u32, &wgpu::Buffer)], how: How) {
    let constants: &[(&'static str, f64)] = match (how.small, how.next) {
        (false, Next::Nothing) => &[("SMALL", 0.0), ("NEXT", 0.0)],
        (false, Next::Right) => &[("SMALL", 0.0), ("NEXT", 1.0)],
        (false, Next::Sparse) => &[("SMALL", 0.0), ("NEXT", 2.0)],
        (true, Next::Nothing) => &[("SMALL", 1.0), ("NEXT", 0.0)],
        (true, Next::Right) => &[("SMALL", 1.0), ("NEXT", 1.0)],
        (true, Next::Sparse) => &[("SMALL", 1.0), ("NEXT", 2.0)],
    };
    let (sums_at, relaxation) = (how.sums_at, how.relaxation);
    let params = FinishParams { stride: product.shape.cols, sums_at, slot: 3, relaxation, ..FinishParams::default() };
    product.run(commands, &Finish { text: include_str!("gemm_admm.wgsl"), constants, buffers, params });
}
