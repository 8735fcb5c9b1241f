//! The sizes of the tiles that products are cut into.

/// Choice of the tile size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiles {
    /// Results of at least this many entries use tiles of 128×128 and 256 threads where whole ones fit; the others use
    /// tiles of 64×64 and 64 threads.
    pub large_from: usize,
}

impl Tiles {
    /// Large tiles wherever they fit.
    pub const LARGE: Self = Self { large_from: 0 };
    /// Small tiles for every product.
    pub const SMALL: Self = Self { large_from: usize::MAX };

    /// Tile sizes for a class of adapter. A table instead of a measurement at run time, because the order of sums
    /// depends on the tiles, and with it the last digits of a run. `bench solver --backend gpu` shows what it should
    /// say.
    pub(super) fn for_device(class: wgpu::DeviceType) -> Self {
        match class {
            // Threads are not what it is short of.
            wgpu::DeviceType::Cpu => Self::LARGE,
            // A hundred processors and more: as many tiles.
            wgpu::DeviceType::DiscreteGpu => Self { large_from: 1 << 21 },
            _ => Self { large_from: 1 << 19 },
        }
    }
}
