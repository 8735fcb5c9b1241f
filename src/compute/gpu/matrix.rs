//! Matrices on the GPU, in slabs of columns.

use super::{Error, Gpu};
use crate::matrix::Matrix;

/// A side padded to whole tiles: a multiple of 64, or of 128 where that adds little.
pub fn padded(side: usize) -> usize {
    side.next_multiple_of(if side > 512 { 128 } else { 64 })
}

/// Numbers uploaded at a time.
const AT_ONCE: usize = 1 << 22;

/// Division of a matrix's columns into slabs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// Columns of the matrix.
    pub count: usize,
    /// First column and padded width of each slab.
    pub slabs: Vec<(usize, usize)>,
}

impl Columns {
    /// One slab; fails when it exceeds the binding limit.
    pub fn whole(gpu: &Gpu, rows: usize, count: usize) -> Result<Self, Error> {
        let (limit, needed) = (gpu.binding_limit(), 4 * (padded(rows) * padded(count)) as u64);
        if needed > limit {
            return Err(Error::TooLarge { adapter: gpu.adapter().name.clone(), limit, needed });
        }
        Ok(Self { count, slabs: vec![(0, padded(count))] })
    }

    /// As few slabs as the binding limit allows for matrices of up to `rows` rows.
    pub fn new(gpu: &Gpu, rows: usize, count: usize) -> Result<Self, Error> {
        let (limit, all) = (gpu.binding_limit(), padded(count));
        let widest = (limit / (4 * padded(rows) as u64)) as usize / 64 * 64;
        if widest == 0 {
            let needed = 4 * 64 * padded(rows) as u64;
            return Err(Error::TooLarge { adapter: gpu.adapter().name.clone(), limit, needed });
        }
        // As many as needed, of equal widths.
        let width =
            all.div_ceil(all.div_ceil(widest)).next_multiple_of(if widest >= 128 { 128 } else { 64 }).min(widest);
        let slabs = (0..all).step_by(width).map(|first| (first, width.min(all - first))).collect();
        Ok(Self { count, slabs })
    }
}

/// A slab: consecutive columns of a matrix, row-major.
pub struct Slab {
    /// Its entries, row-major, padding included.
    pub buffer: wgpu::Buffer,
    /// Its first column in the matrix.
    pub first: usize,
    /// Its width, padding included.
    pub cols: usize,
}

/// A matrix on the device, in slabs of columns.
pub struct GpuMatrix {
    /// Number of rows, padding included.
    pub rows: usize,
    /// The slabs, from left to right.
    pub slabs: Vec<Slab>,
}

impl GpuMatrix {
    /// Zeros, with `per_row` numbers for 32 columns: 32, or 1 for a mask.
    fn new(gpu: &Gpu, rows: usize, columns: &Columns, per_row: usize) -> Self {
        let rows = padded(rows);
        let slab =
            |&(first, cols): &(usize, usize)| Slab { buffer: gpu.zeros(rows * cols / 32 * per_row), first, cols };
        Self { rows, slabs: columns.slabs.iter().map(slab).collect() }
    }

    /// Allocates a matrix of zeros.
    pub fn zeros(gpu: &Gpu, rows: usize, columns: &Columns) -> Self {
        Self::new(gpu, rows, columns, 32)
    }

    /// A matrix in buffers that others use at other times: unspecified until all entries are written.
    pub fn within(rows: usize, columns: &Columns, buffers: &[wgpu::Buffer]) -> Self {
        let slab =
            |(&(first, cols), buffer): (&(usize, usize), &wgpu::Buffer)| Slab { buffer: buffer.clone(), first, cols };
        Self { rows: padded(rows), slabs: columns.slabs.iter().zip(buffers).map(slab).collect() }
    }

    /// Allocates an empty mask: one bit an entry, 32 entries of a row in a word, the first the least significant.
    pub fn mask(gpu: &Gpu, rows: usize, columns: &Columns) -> Self {
        Self::new(gpu, rows, columns, 1)
    }

    /// Writes a mask of `rows`×`cols`, true where `keep(row, column)` is.
    pub fn upload_mask(&self, gpu: &Gpu, rows: usize, cols: usize, keep: impl Fn(usize, usize) -> bool) {
        for slab in &self.slabs {
            let past = (slab.first + slab.cols).min(cols);
            let mut words = vec![0u32; self.rows * slab.cols / 32];
            for i in 0..rows {
                for j in (slab.first..past).filter(|&j| keep(i, j)) {
                    let at = i * slab.cols + j - slab.first;
                    words[at / 32] |= 1 << (at % 32);
                }
            }
            gpu.write(&slab.buffer, 0, &words);
        }
    }

    /// Uploads a matrix, padded with zeros.
    pub fn upload(gpu: &Gpu, matrix: &Matrix, columns: &Columns) -> Self {
        let slabs = Self::zeros(gpu, matrix.rows(), columns);
        for slab in &slabs.slabs {
            let past = (slab.first + slab.cols).min(matrix.cols());
            // Some rows at a time, submitted at once: a copy of all of it would be as large again.
            let some = (AT_ONCE / slab.cols).max(1);
            let mut rows = vec![0.0f32; some.min(matrix.rows()) * slab.cols];
            for first in (0..matrix.rows()).step_by(some) {
                let count = some.min(matrix.rows() - first);
                for (row, i) in rows.chunks_mut(slab.cols).zip(first..first + count) {
                    row[..past - slab.first].copy_from_slice(&matrix.row(i)[slab.first..past]);
                }
                gpu.write(&slab.buffer, first * slab.cols, &rows[..count * slab.cols]);
                if count == some {
                    gpu.queue.submit([]);
                }
            }
        }
        slabs
    }
}
