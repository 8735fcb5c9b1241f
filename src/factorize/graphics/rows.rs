//! The rows of a sparse factor on its mask, as in [`crate::factorize::Finalizer`], on a device.

use super::{ROWS, admm};
use crate::compute::gpu::{
    Columns, Commands, Error, Gpu, Inverse, Operand, Product, Shape, Slabs, Source, Staging, padded,
};
use crate::matrix::Matrix;

/// A·B, or A·Bᵀ when B is `turned`. Each must fit into one buffer. The device is waited for.
pub fn multiply(gpu: &Gpu, a: &Matrix, b: &Matrix, turned: bool) -> Result<Matrix, Error> {
    let (rows, cols) = (a.rows(), if turned { b.rows() } else { b.cols() });
    let whole = |matrix: &Matrix| -> Result<Slabs, Error> {
        Ok(Slabs::upload(gpu, matrix, &Columns::whole(gpu, matrix.rows(), matrix.cols())?))
    };
    let (a, b) = (whole(a)?, whole(b)?);
    let columns = Columns::whole(gpu, rows, cols)?;
    let c = Slabs::zeros(gpu, rows, &columns);
    let [a, b, c_slab] = [&a, &b, &c].map(|slabs| &slabs.slabs[0]);
    let product = Product {
        a: Operand::new(&a.buffer, a.cols),
        b: Operand { turned, ..Operand::new(&b.buffer, b.cols) },
        shape: Shape { rows: c.rows, cols: c_slab.cols, depth: a.cols },
        lower: false,
    };
    let mut commands = Commands::new(gpu);
    product.store(&mut commands, (&c_slab.buffer, 0, c_slab.cols), 1.0, false);
    download(gpu, commands, &c, rows, cols)
}

/// ADMM for XE ≈ H with X r×k on its mask and E k×k of unit diagonal: in each iteration Y = (H + ρ(Z − U))(E + ρI)⁻¹,
/// Z = mask ⊙ (Y + U), U = Y + U − Z, from Z = X and U = 0. It is done on Xᵀ. The device is waited for.
pub fn admm_rows(
    gpu: &Gpu,
    x: &mut Matrix,
    keep: &[bool],
    h: &Matrix,
    e: &Matrix,
    rho: f32,
    iterations: usize,
) -> Result<(), Error> {
    let (r, k) = x.shape();
    let columns = Columns::new(gpu, k, r)?;
    let n = padded(k);
    let system = Slabs::upload(gpu, e, &Columns::whole(gpu, k, k)?);
    let system = &system.slabs[0].buffer;
    (0..n).for_each(|l| gpu.write(system, l * n + l, &[rho + if l < k { e.get(l, l) } else { 0.0 }]));
    let v = Slabs::upload(gpu, &x.transposed(), &columns);
    let h = Slabs::upload(gpu, &h.transposed(), &columns);
    let mask = Slabs::mask(gpu, k, &columns);
    mask.upload_mask(gpu, k, r, |l, i| keep[i * k + l]);
    let right = [Slabs::zeros(gpu, k, &columns), Slabs::zeros(gpu, k, &columns)];
    let scalars = gpu.zeros(4);
    gpu.write(&scalars, 0, &[0.0, 0.0, rho, rho]);
    let sums = gpu.zeros(n / 64 * padded(r) / 64);
    let norms = gpu.zeros(n);
    let mut commands = Commands::new(gpu);
    Inverse::new(gpu, n).run(&mut commands, std::slice::from_ref(system));
    let aim = gpu.kernel(Source { text: [ROWS, ""], entry: "aim" }, &[("SCALE", 0.0), ("AIM", 1.0)]);
    let slabs = columns.slabs.len();
    for at in 0..slabs {
        let params = super::Params { slot: 3, ..super::Params::of_slab(&columns, at, k) };
        let [v, h, out] = [&v, &h, &right[0]].map(|slabs| &slabs.slabs[at].buffer);
        let buffers = [(1, v), (2, &mask.slabs[at].buffer), (4, &norms), (5, &scalars), (6, out), (7, h)];
        commands.run(&aim, &params, &buffers, (n, 1));
    }
    for i in 0..iterations {
        let next = if i + 1 == iterations { admm::Next::Sparse } else { admm::Next::Right };
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
                admm::How { small: false, next, relaxation: 1.0, sums_at: 0 },
            );
        }
    }
    *x = download(gpu, commands, &right[iterations % 2], k, r)?.transposed();
    Ok(())
}

/// Submits what was recorded, and fetches a matrix.
fn download(gpu: &Gpu, mut commands: Commands<'_>, slabs: &Slabs, rows: usize, cols: usize) -> Result<Matrix, Error> {
    let numbers = slabs.slabs.iter().map(|slab| slabs.rows * slab.cols).sum();
    let mut staging = Staging::new(gpu, numbers);
    let taken: Vec<_> =
        slabs.slabs.iter().map(|slab| staging.take(&mut commands, &slab.buffer, slabs.rows * slab.cols)).collect();
    staging.ask(&mut commands);
    while !staging.ready(gpu)? {}
    let mut matrix = Matrix::zeros(rows, cols);
    for (slab, at) in slabs.slabs.iter().zip(taken) {
        let values: Vec<f32> = staging.numbers(gpu, at)?;
        let span = slab.cols.min(cols - slab.first);
        for (i, row) in matrix.as_mut_slice().chunks_mut(cols).enumerate() {
            row[slab.first..slab.first + span].copy_from_slice(&values[i * slab.cols..i * slab.cols + span]);
        }
    }
    Ok(matrix)
}
