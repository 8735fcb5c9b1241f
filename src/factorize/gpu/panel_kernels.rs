//! The rows of a sparse factor on its mask, as in [`crate::factorize::Finalizer`], on a GPU.

use super::{ROWS, admm};
use crate::compute::gpu::{
    Columns, Commands, Error, Gpu, GpuMatrix, Inverse, KernelSource, Operand, Product, Shape, Slab, Staging, padded,
};
use crate::matrix::Matrix;
use std::ops::Range;
use std::task::Poll;

/// Matrices that are being computed and copied back.
pub struct PendingMatrices {
    staging: Staging,
    matrices: Vec<PendingMatrix>,
}

/// A pending matrix: first column, width and staging range of each slab.
struct PendingMatrix {
    shape: (usize, usize),
    slabs: Vec<(usize, usize, Range<usize>)>,
}

impl PendingMatrices {
    /// Submits what was recorded, and requests these matrices, each with its shape `(rows, cols)`.
    fn ask(gpu: &Gpu, mut commands: Commands<'_>, matrices: &[(&GpuMatrix, (usize, usize))]) -> Result<Self, Error> {
        let numbers = |slabs: &GpuMatrix| slabs.slabs.iter().map(|slab| slabs.rows * slab.cols).sum::<usize>();
        let mut staging = Staging::new(gpu, matrices.iter().map(|(slabs, _)| numbers(slabs)).sum())?;
        let mut coming = |&(slabs, shape): &(&GpuMatrix, (usize, usize))| {
            let mut take = |slab: &Slab| staging.copy_from(&mut commands, &slab.buffer, slabs.rows * slab.cols);
            PendingMatrix { shape, slabs: slabs.slabs.iter().map(|slab| (slab.first, slab.cols, take(slab))).collect() }
        };
        let matrices = matrices.iter().map(&mut coming).collect();
        staging.request(&mut commands);
        Ok(Self { staging, matrices })
    }

    /// The matrices, once they are there; pending while [`Staging::is_ready`] is false.
    pub fn poll(&self, gpu: &Gpu) -> Result<Poll<Vec<Matrix>>, Error> {
        if !self.staging.is_ready(gpu)? {
            return Ok(Poll::Pending);
        }
        let fetch = |coming: &PendingMatrix| -> Result<Matrix, Error> {
            let (rows, cols) = coming.shape;
            let mut matrix = Matrix::zeros(rows, cols);
            for (first, stride, at) in &coming.slabs {
                let values: Vec<f32> = self.staging.read(gpu, at.clone())?;
                let span = *stride.min(&(cols - first));
                for (row, values) in matrix.as_mut_slice().chunks_mut(cols).zip(values.chunks(*stride)) {
                    row[*first..first + span].copy_from_slice(&values[..span]);
                }
            }
            Ok(matrix)
        };
        self.matrices.iter().map(fetch).collect::<Result<_, _>>().map(Poll::Ready)
    }
}

/// G = B·E·Bᵀ and H = W·E·Bᵀ, from B k×n, E n×n and WE r×n, which must each fit into one buffer.
pub fn systems(gpu: &Gpu, b: &Matrix, e: &Matrix, we: &Matrix) -> Result<PendingMatrices, Error> {
    let ((k, n), r) = (b.shape(), we.rows());
    // Nothing is uploaded before all of it is known to fit.
    let whole = |rows: usize, cols: usize| Columns::whole(gpu, rows, cols);
    let (kn, nn, rn, kk, rk) = (whole(k, n)?, whole(n, n)?, whole(r, n)?, whole(k, k)?, whole(r, k)?);
    let (be, g, h) = (GpuMatrix::zeros(gpu, k, &kn), GpuMatrix::zeros(gpu, k, &kk), GpuMatrix::zeros(gpu, r, &rk));
    let (b, e, we) = (GpuMatrix::upload(gpu, b, &kn), GpuMatrix::upload(gpu, e, &nn), GpuMatrix::upload(gpu, we, &rn));
    let mut commands = Commands::new(gpu);
    let mut multiply = |a: &GpuMatrix, b: &GpuMatrix, transposed: bool, c: &GpuMatrix| {
        let (rows, [a, b, c]) = (c.rows, [a, b, c].map(|slabs| &slabs.slabs[0]));
        let shape = Shape { rows, cols: c.cols, depth: a.cols };
        let b = Operand { transposed, ..Operand::new(&b.buffer, b.cols) };
        let product = Product { a: Operand::new(&a.buffer, a.cols), b, shape, lower: false };
        product.store(&mut commands, (&c.buffer, 0, c.cols), 1.0, false);
    };
    multiply(&b, &e, false, &be);
    multiply(&be, &b, true, &g);
    multiply(&we, &b, true, &h);
    PendingMatrices::ask(gpu, commands, &[(&g, (k, k)), (&h, (r, k))])
}

/// ADMM for XE ≈ H with X r×k on its mask and E k×k of unit diagonal: each iteration is Y = (H + ρ(Z − U))(E + ρI)⁻¹, Z
/// = mask ⊙ (Y + U), U = Y + U − Z, from Z = X and U = 0. It works on Xᵀ, which is what comes back.
pub fn admm_rows(
    gpu: &Gpu,
    x: &Matrix,
    keep: &[bool],
    h: &Matrix,
    e: &Matrix,
    rho: f32,
    iterations: usize,
) -> Result<PendingMatrices, Error> {
    let (r, k) = x.shape();
    let columns = Columns::new(gpu, k, r)?;
    let n = padded(k);
    let system = GpuMatrix::upload(gpu, e, &Columns::whole(gpu, k, k)?);
    let system = &system.slabs[0].buffer;
    (0..n).for_each(|l| gpu.write(system, l * n + l, &[rho + if l < k { e.get(l, l) } else { 0.0 }]));
    let v = GpuMatrix::upload(gpu, &x.transposed(), &columns);
    let h = GpuMatrix::upload(gpu, &h.transposed(), &columns);
    let mask = GpuMatrix::mask(gpu, k, &columns);
    mask.upload_mask(gpu, k, r, |l, i| keep[i * k + l]);
    let right = [GpuMatrix::zeros(gpu, k, &columns), GpuMatrix::zeros(gpu, k, &columns)];
    let scalars = gpu.zeros(4);
    gpu.write(&scalars, 0, &[0.0, 0.0, rho, rho]);
    let sums = gpu.zeros(n / 64 * padded(r) / 64);
    let norms = gpu.zeros(n);
    let mut commands = Commands::new(gpu);
    Inverse::new(gpu, n).run(&mut commands, std::slice::from_ref(system));
    let row_pass = gpu.kernel(
        KernelSource { text: [ROWS, ""], entry: "row_pass", proven: false },
        &[("SCALE", 0.0), ("OUTPUT", 1.0)],
    );
    let slabs = columns.slabs.len();
    for at in 0..slabs {
        let params = super::Params { slot: 3, ..super::Params::of_slab(&columns, at, k) };
        let [v, h, out] = [&v, &h, &right[0]].map(|slabs| &slabs.slabs[at].buffer);
        let buffers = [(1, v), (2, &mask.slabs[at].buffer), (4, &norms), (5, &scalars), (6, out), (7, h)];
        commands.run(&row_pass, &params, &buffers, (n, 1));
    }
    for i in 0..iterations {
        let next = if i + 1 == iterations { admm::NextInput::Sparse } else { admm::NextInput::Right };
        for at in 0..slabs {
            let cols = v.slabs[at].cols;
            let [v, h, from, to] = [&v, &h, &right[i % 2], &right[1 - i % 2]].map(|slabs| &slabs.slabs[at].buffer);
            let shape = Shape { rows: n, cols, depth: n };
            let product = Product { a: Operand::new(system, n), b: Operand::new(from, cols), shape, lower: false };
            let buffers = [(3, v), (4, &mask.slabs[at].buffer), (5, h), (6, to), (7, &sums), (8, &scalars)];
            admm::finish(
                &mut commands,
                &product,
                &buffers,
                admm::AdmmFinish { small: false, next, relaxation: 1.0, sums_at: 0 },
            );
        }
    }
    PendingMatrices::ask(gpu, commands, &[(&right[iterations % 2], (k, r))])
}
