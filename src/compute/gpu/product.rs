//! Matrix products on the GPU, with a kernel's own code at the end of each tile.

use super::commands::Commands;
use super::kernel::KernelSource;
use super::tiles::Tiles;
use bytemuck::NoUninit;

/// The first half of the kernel: the product of a tile.
const CORE: &str = include_str!("gemm.wgsl");

/// One operand of a product: a row-major matrix in a buffer.
#[derive(Clone, Copy)]
pub struct Operand<'a> {
    /// Buffer that holds the entries.
    pub buffer: &'a wgpu::Buffer,
    /// Its first element, a multiple of four.
    pub at: usize,
    /// Elements from one row to the next, a multiple of four.
    pub stride: usize,
    /// Whether its transpose is multiplied.
    pub transposed: bool,
}

impl<'a> Operand<'a> {
    /// The operand that begins a buffer with rows of `stride` elements.
    pub fn new(buffer: &'a wgpu::Buffer, stride: usize) -> Self {
        Self { buffer, at: 0, stride, transposed: false }
    }

    /// The same operand, transposed.
    pub fn transposed(self) -> Self {
        Self { transposed: !self.transposed, ..self }
    }

    /// The operand that begins at element `at`.
    pub fn from(self, at: usize) -> Self {
        Self { at, ..self }
    }
}

/// Sizes of a product, multiples of 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Rows of A and C.
    pub rows: usize,
    /// Columns of B and C.
    pub cols: usize,
    /// Columns of A and rows of B: the length of each sum.
    pub depth: usize,
}

impl Shape {
    /// Number of additions and multiplications.
    pub fn flops(self) -> f64 {
        2.0 * self.rows as f64 * self.cols as f64 * self.depth as f64
    }

    /// Threads along a tile's side: 16 or 8.
    fn side(self, tiles: Tiles) -> usize {
        let whole = [self.rows, self.cols, self.depth].iter().all(|side| side.is_multiple_of(128));
        if whole && self.rows * self.cols >= tiles.large_from { 16 } else { 8 }
    }

    /// Number of tiles across and down.
    pub fn tiles(self, tiles: Tiles) -> (usize, usize) {
        let tile = 8 * self.side(tiles);
        (self.cols / tile, self.rows / tile)
    }
}

/// Second half of a kernel's code: what it does with the entries of a product.
pub struct Finish<'a> {
    /// WGSL with the functions `finish` and `conclude`.
    pub text: &'static str,
    /// Values of its overridable constants.
    pub constants: &'static [(&'static str, f64)],
    /// Buffers it reads and writes, with their bindings, from 3 on.
    pub buffers: &'a [(u32, &'a wgpu::Buffer)],
    /// Parameters of the kernel's `finish`.
    pub params: FinishParams,
}

/// The fields of the kernel's `Params` that `finish` reads; positions count elements.
#[derive(Clone, Copy, Default)]
pub struct FinishParams {
    /// First element of C.
    pub at: usize,
    /// Elements from one row of C to the next.
    pub stride: usize,
    /// First element of the sums by tiles.
    pub sums_at: usize,
    /// Index into the buffer of scalars.
    pub slot: usize,
    /// Factor of the product.
    pub alpha: f32,
    /// Relaxation λ of ADMM.
    pub relaxation: f32,
}

#[repr(C)]
#[derive(Clone, Copy, NoUninit)]
struct Params {
    depth: u32,
    first_across: u32,
    first_down: u32,
    across: u32,
    a_at: u32,
    a_stride: u32,
    b_at: u32,
    b_stride: u32,
    c_at: u32,
    c_stride: u32,
    mask_stride: u32,
    sums_at: u32,
    slot: u32,
    alpha: f32,
    relaxation: f32,
}

/// A product C = op(A)·op(B).
pub struct Product<'a> {
    /// Left operand A, `[rows, depth]`.
    pub a: Operand<'a>,
    /// Right operand B, `[depth, cols]`.
    pub b: Operand<'a>,
    /// Sizes of the product.
    pub shape: Shape,
    /// Whether only tiles on and below the diagonal are computed.
    pub lower: bool,
}

impl Product<'_> {
    /// Records the product with `finish`, in one or more launches.
    pub fn run(&self, commands: &mut Commands<'_>, finish: &Finish<'_>) {
        let Self { a, b, shape, lower } = *self;
        let tiles = commands.gpu().tiles();
        let side = shape.side(tiles);
        let source = KernelSource { text: [CORE, finish.text], entry: "main", proven: true };
        let flag = |flag: bool| f64::from(u8::from(flag));
        let mut constants = vec![
            ("SIDE", side as f64),
            ("TURN_A", flag(a.transposed)),
            ("TURN_B", flag(b.transposed)),
            ("LOWER", flag(lower)),
        ];
        constants.extend_from_slice(finish.constants);
        let kernel = commands.gpu().kernel(source, &constants);
        let (across, down) = shape.tiles(tiles);
        // Half of the tiles of a symmetric result are skipped.
        let share = if lower { 0.5 } else { 1.0 };
        let tile_flops = share * shape.flops() / (across * down) as f64;
        let mut buffers = vec![(1, a.buffer), (2, b.buffer)];
        buffers.extend_from_slice(finish.buffers);
        let four = |number: usize| (number / 4) as u32;
        let FinishParams { at, stride, sums_at, slot, alpha, relaxation } = finish.params;
        let (mut first_across, mut first_down) = (0, 0);
        while first_down < down {
            // Whole rows of tiles, as many as fit; parts of a row where one alone is more than a submission.
            let fits = across as f64 * tile_flops <= commands.gpu().submission_flops();
            let room = (commands.remaining_flops() / tile_flops) as usize;
            let groups = match fits && first_across == 0 {
                true => (across, (room / across).clamp(1, down - first_down)),
                false => (room.clamp(1, across - first_across), 1),
            };
            let params = Params {
                depth: shape.depth as u32,
                first_across: first_across as u32,
                first_down: first_down as u32,
                across: across as u32,
                a_at: four(a.at),
                a_stride: four(a.stride),
                b_at: four(b.at),
                b_stride: four(b.stride),
                c_at: four(at),
                c_stride: four(stride),
                mask_stride: (stride / 32) as u32,
                sums_at: sums_at as u32,
                slot: slot as u32,
                alpha,
                relaxation,
            };
            commands.run(&kernel, &params, &buffers, groups);
            commands.add_flops(tile_flops * (groups.0 * groups.1) as f64);
            first_across += groups.0;
            if first_across == across {
                (first_across, first_down) = (0, first_down + groups.1);
            }
        }
    }

    /// Records C ← alpha·AB, or with `accumulate` C ← C + alpha·AB. `c` is a buffer, its first element and its stride.
    pub fn store(&self, commands: &mut Commands<'_>, c: (&wgpu::Buffer, usize, usize), alpha: f32, accumulate: bool) {
        let (buffer, at, stride) = c;
        let finish = Finish {
            text: include_str!("gemm_store.wgsl"),
            constants: if accumulate { &[("ACCUMULATE", 1.0)] } else { &[] },
            buffers: &[(3, buffer)],
            params: FinishParams { at, stride, alpha, ..FinishParams::default() },
        };
        self.run(commands, &finish);
    }

    /// Records ‖T − AB‖², a sum for each tile, into `sums` (a buffer and its first element). `t` is as `c` in
    /// [`Product::store`].
    pub fn residual(
        &self,
        commands: &mut Commands<'_>,
        t: (&wgpu::Buffer, usize, usize),
        sums: (&wgpu::Buffer, usize),
    ) {
        let (buffer, at, stride) = t;
        let finish = Finish {
            text: include_str!("gemm_residual.wgsl"),
            constants: &[],
            buffers: &[(3, buffer), (4, sums.0)],
            params: FinishParams { at, stride, sums_at: sums.1, alpha: 1.0, ..FinishParams::default() },
        };
        self.run(commands, &finish);
    }
}
