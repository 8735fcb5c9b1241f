//! Products that end in the ADMM update of V.

use crate::compute::gpu::{Commands, Finish, FinishParams, Product};

/// Input of the next iteration that an iteration computes; see `NEXT` in `gemm_admm.wgsl`.
#[derive(Clone, Copy, PartialEq)]
pub enum NextInput {
    /// Nothing yet: the mask is chosen first.
    Nothing,
    /// The right-hand sides of the next iteration.
    Right,
    /// Z: it is the last iteration.
    Sparse,
}

/// Parameters of an iteration's end.
#[derive(Clone, Copy)]
pub struct AdmmFinish {
    /// Whether the smaller system is solved.
    pub small: bool,
    pub next: NextInput,
    /// Relaxation λ of the update.
    pub relaxation: f32,
    /// First element of the sums by tiles.
    pub sums_at: usize,
}

/// Records the product and the update, with the buffers of `gemm_admm.wgsl`.
pub fn finish(commands: &mut Commands<'_>, product: &Product<'_>, buffers: &[(u32, &wgpu::Buffer)], how: AdmmFinish) {
    let constants: &[(&'static str, f64)] = match (how.small, how.next) {
        (false, NextInput::Nothing) => &[("SMALL", 0.0), ("NEXT", 0.0)],
        (false, NextInput::Right) => &[("SMALL", 0.0), ("NEXT", 1.0)],
        (false, NextInput::Sparse) => &[("SMALL", 0.0), ("NEXT", 2.0)],
        (true, NextInput::Nothing) => &[("SMALL", 1.0), ("NEXT", 0.0)],
        (true, NextInput::Right) => &[("SMALL", 1.0), ("NEXT", 1.0)],
        (true, NextInput::Sparse) => &[("SMALL", 1.0), ("NEXT", 2.0)],
    };
    let (sums_at, relaxation) = (how.sums_at, how.relaxation);
    let params = FinishParams { stride: product.shape.cols, sums_at, slot: 3, relaxation, ..FinishParams::default() };
    product.run(commands, &Finish { text: include_str!("gemm_admm.wgsl"), constants, buffers, params });
}
