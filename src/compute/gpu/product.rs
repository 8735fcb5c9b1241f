//! Matrix products.

use super::commands::{Commands, Source};
use bytemuck::NoUninit;

const CORE: &str = include_str!("gemm.wgsl");

/// One side of a product, where it is stored.
#[derive(Clone, Copy)]
pub struct Operand<'a> {
    /// The numbers.
    pub buffer: &'a wgpu::Buffer,
    /// The first one, a multiple of four.
    pub at: usize,
    /// From one row to the next, a multiple of four.
    pub stride: usize,
    /// Whether the transpose is meant.
    pub turned: bool,
}

impl<'a> Operand<'a> {
    /// A whole buffer with rows of `stride` numbers.
    pub fn new(buffer: &'a wgpu::Buffer, stride: usize) -> Self {
        Self { buffer, at: 0, stride, turned: false }
    }

    /// Its transpose.
    pub fn turned(self) -> Self {
        Self { turned: !self.turned, ..self }
    }

    /// From another number on.
    pub fn from(self, at: usize) -> Self {
        Self { at, ..self }
    }
}

/// How products are cut into tiles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiles {
    /// Results of at least so many numbers are done in tiles of 128×128 by 256 threads, where whole ones fit; the others in
    /// tiles of 64×64 by 64 threads.
    pub large_from: usize,
}

impl Tiles {
    /// Only large ones, where they fit.
    pub const LARGE: Self = Self { large_from: 0 };
    /// Only small ones.
    pub const SMALL: Self = Self { large_from: usize::MAX };

    /// For a kind of adapter. A table and no measurement at the start: what tiles' sums are made of would then hang on the
    /// moment, and with it a run's last digits. `bench solver --backend gpu` shows what it should say.
    pub(super) fn of(class: wgpu::DeviceType) -> Self {
        match class {
            // Threads are not what it is short of.
            wgpu::DeviceType::Cpu => Self::LARGE,
            // A hundred processors and more: as many tiles.
            wgpu::DeviceType::DiscreteGpu => Self { large_from: 1 << 21 },
            _ => Self { large_from: 1 << 19 },
        }
    }
}

/// A product's sides, multiples of 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Of A and C.
    pub rows: usize,
    /// Of B and C.
    pub cols: usize,
    /// What is summed over.
    pub depth: usize,
}

impl Shape {
    /// Additions and multiplications.
    pub fn flops(self) -> f64 {
        2.0 * self.rows as f64 * self.cols as f64 * self.depth as f64
    }

    /// Threads along a tile's side.
    fn side(self, tiles: Tiles) -> usize {
        let whole = [self.rows, self.cols, self.depth].iter().all(|side| side.is_multiple_of(128));
        if whole && self.rows * self.cols >= tiles.large_from { 16 } else { 8 }
    }

    /// How many tiles there are across and down.
    pub fn tiles(self, tiles: Tiles) -> (usize, usize) {
        let tile = 8 * self.side(tiles);
        (self.cols / tile, self.rows / tile)
    }
}

/// What a product is for: the second half of its kernel.
pub struct Finish<'a> {
    /// WGSL with `finish` and `conclude`.
    pub text: &'static str,
    /// Its own overridable constants.
    pub constants: &'static [(&'static str, f64)],
    /// What it reads and writes, from binding 3 on.
    pub buffers: &'a [(u32, &'a wgpu::Buffer)],
    /// Numbers for it.
    pub params: FinishParams,
}

/// Of those in the kernel's `Params` the ones that `finish` reads. Places count numbers.
#[derive(Clone, Copy, Default)]
pub struct FinishParams {
    /// The first number of C.
    pub at: usize,
    /// From one row of C to the next.
    pub stride: usize,
    /// Where the tiles' sums begin.
    pub sums_at: usize,
    /// Which of the scalars.
    pub slot: usize,
    /// What the product is multiplied by.
    pub alpha: f32,
    /// λ.
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

/// op(A)·op(B).
pub struct Product<'a> {
    /// A.
    pub a: Operand<'a>,
    /// B.
    pub b: Operand<'a>,
    /// The sides.
    pub shape: Shape,
    /// Whether only tiles on the diagonal and below are wanted.
    pub lower: bool,
}

impl Product<'_> {
    /// Records it.
    pub fn run(&self, commands: &mut Commands<'_>, finish: &Finish<'_>) {
        let Self { a, b, shape, lower } = *self;
        let tiles = commands.gpu().tiles();
        let side = shape.side(tiles);
        let source = Source { text: [CORE, finish.text], entry: "main", proven: true };
        let flag = |flag: bool| f64::from(u8::from(flag));
        let mut constants =
            vec![("SIDE", side as f64), ("TURN_A", flag(a.turned)), ("TURN_B", flag(b.turned)), ("LOWER", flag(lower))];
        constants.extend_from_slice(finish.constants);
        let kernel = commands.gpu().kernel(source, &constants);
        let (across, down) = shape.tiles(tiles);
        // Of a symmetric result half of the tiles are passed over.
        let share = if lower { 0.5 } else { 1.0 };
        let tile_flops = share * shape.flops() / (across * down) as f64;
        let mut buffers = vec![(1, a.buffer), (2, b.buffer)];
        buffers.extend_from_slice(finish.buffers);
        let four = |number: usize| (number / 4) as u32;
        let FinishParams { at, stride, sums_at, slot, alpha, relaxation } = finish.params;
        let (mut first_across, mut first_down) = (0, 0);
        while first_down < down {
            // Whole rows of tiles, as many as there is room for; parts of one where it alone is more than a portion.
            let fits = across as f64 * tile_flops <= commands.gpu().portion();
            let room = (commands.room() / tile_flops) as usize;
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
            commands.worked(tile_flops * (groups.0 * groups.1) as f64);
            first_across += groups.0;
            if first_across == across {
                (first_across, first_down) = (0, first_down + groups.1);
            }
        }
    }

    /// C ← alpha·AB, or C ← C + alpha·AB. C begins at number `at` and has rows of `stride`.
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

    /// ‖T − AB‖² by tiles, into `sums` from number `sums_at` on. T begins at number `at` and has rows of `stride`.
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
