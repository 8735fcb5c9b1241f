use super::*;
use crate::compute::{Par, add_matmul, matmul};
use crate::matrix::{Matrix, keep_largest};

fn gpu() -> Option<Gpu> {
    limited(u64::MAX)
}

/// A device that binds at most `bytes`. `None` where there is no adapter and the tests need none.
pub fn limited(bytes: u64) -> Option<Gpu> {
    match pollster::block_on(Gpu::with_binding_limit(bytes)) {
        Ok(gpu) => Some(gpu),
        Err(why) if std::env::var_os("DSF_TEST_GPU").is_some() => panic!("{why}"),
        Err(why) => {
            println!("skipped: {why}");
            None
        }
    }
}

/// Pseudorandom numbers between −1 and 1.
fn numbers(rows: usize, cols: usize, seed: u32) -> Matrix {
    let mut state = seed.wrapping_mul(2_654_435_769).wrapping_add(12345);
    Matrix::from_fn(rows, cols, |_, _| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    })
}

fn whole(gpu: &Gpu, rows: usize, cols: usize) -> Columns {
    Columns::new(gpu, rows, cols).unwrap()
}

/// Reads a matrix back, without its padding.
fn download(gpu: &Gpu, slabs: &GpuMatrix, rows: usize, cols: usize) -> Matrix {
    let mut matrix = Matrix::zeros(rows, cols);
    for slab in &slabs.slabs {
        let values: Vec<f32> = read(gpu, &slab.buffer, slabs.rows * slab.cols);
        for i in 0..rows {
            for j in slab.first..cols.min(slab.first + slab.cols) {
                matrix.as_mut_slice()[i * cols + j] = values[i * slab.cols + j - slab.first];
            }
        }
    }
    matrix
}

fn read<T: bytemuck::AnyBitPattern + bytemuck::NoUninit>(gpu: &Gpu, buffer: &wgpu::Buffer, count: usize) -> Vec<T> {
    let mut staging = Staging::new(gpu, count).unwrap();
    let mut commands = Commands::new(gpu);
    let at = staging.copy_from(&mut commands, buffer, count);
    staging.request(&mut commands);
    assert!(staging.is_ready(gpu).unwrap());
    staging.read(gpu, at).unwrap()
}

/// Largest absolute difference of two entries.
fn distance(a: &Matrix, b: &Matrix) -> f32 {
    a.as_slice().iter().zip(b.as_slice()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn products_are_the_processors() {
    for tiles in [Tiles::SMALL, Tiles::LARGE] {
        let Some(gpu) = gpu() else { return };
        products_in(&gpu.with_tiles(tiles));
    }
}

fn products_in(gpu: &Gpu) {
    let all =
        [(1, 1, 1), (31, 33, 129), (127, 1, 33), (64, 1000, 31), (129, 127, 1000), (800, 900, 200), (300, 900, 800)];
    for (m, n, depth) in all {
        // So slow a device that a row of tiles is more than a submission.
        let slow = depth == 800;
        if slow {
            gpu.record_speed(1.0, 1e6);
        }
        for (turn_a, turn_b) in [(false, false), (true, false), (false, true), (true, true)] {
            let (a, b) = (numbers(m, depth, 1), numbers(depth, n, 2));
            let mut expected = Matrix::zeros(m, n);
            matmul(&mut expected, a.view(), b.view());
            let put = |x: &Matrix, turn: bool| {
                let x = if turn { x.transposed() } else { x.clone() };
                GpuMatrix::upload(gpu, &x, &whole(gpu, x.rows(), x.cols()))
            };
            let (a, b) = (put(&a, turn_a), put(&b, turn_b));
            let c = GpuMatrix::zeros(gpu, m, &whole(gpu, m, n));
            fn operand(slabs: &GpuMatrix, transposed: bool) -> Operand<'_> {
                Operand { transposed, ..Operand::new(&slabs.slabs[0].buffer, slabs.slabs[0].cols) }
            }
            let shape = Shape { rows: padded(m), cols: padded(n), depth: padded(depth) };
            let product = Product { a: operand(&a, turn_a), b: operand(&b, turn_b), shape, lower: false };
            let mut commands = Commands::new(gpu);
            product.store(&mut commands, (&c.slabs[0].buffer, 0, padded(n)), 1.0, false);
            product.store(&mut commands, (&c.slabs[0].buffer, 0, padded(n)), 2.0, true);
            let (across, down) = shape.tiles(gpu.tiles());
            let parts = commands.counts().dispatches / 2;
            assert!(if slow { parts > down } else { parts <= down }, "{parts} parts of {across}×{down} tiles");
            let sums = gpu.zeros(across * down);
            product.residual(&mut commands, (&c.slabs[0].buffer, 0, padded(n)), (&sums, 0));
            commands.submit();
            let mut found = download(gpu, &c, m, n);
            found.as_mut_slice().iter_mut().for_each(|x| *x /= 3.0);
            let apart = distance(&found, &expected);
            // Sums of `depth` products below 1 whose order differs.
            assert!(apart < 3e-7 * (depth as f32).sqrt() * 8.0, "{m}×{n}×{depth} {turn_a} {turn_b}: {apart}");
            let residual: f64 = read::<f32>(gpu, &sums, across * down).iter().map(|&x| f64::from(x)).sum();
            let wanted = 4.0 * expected.norm_squared();
            assert!((residual - wanted).abs() < 1e-5 * wanted, "{residual} {wanted}");
        }
    }
}

#[test]
fn an_inverse_times_its_matrix_is_the_identity() {
    let Some(gpu) = gpu() else { return };
    for n in [1, 31, 64, 65, 127, 200, 700] {
        let mut half = numbers(n, n + 10, 3);
        half.as_mut_slice().iter_mut().for_each(|x| *x *= (3.0 / (n + 10) as f32).sqrt());
        let mut system = Matrix::from_fn(n, n, |i, j| f32::from(u8::from(i == j)));
        add_matmul(&mut system, half.view(), half.view().transpose(), Par::Seq);
        let columns = whole(&gpu, n, n);
        let slabs = GpuMatrix::upload(&gpu, &system, &columns);
        // The padding needs a diagonal as well.
        (n..padded(n)).for_each(|i| gpu.write(&slabs.slabs[0].buffer, i * padded(n) + i, &[1.0f32]));
        let mut commands = Commands::new(&gpu);
        Inverse::new(&gpu, padded(n)).run(&mut commands, std::slice::from_ref(&slabs.slabs[0].buffer));
        commands.submit();
        let inverse = download(&gpu, &slabs, n, n);
        let mut identity = Matrix::zeros(n, n);
        matmul(&mut identity, system.view(), inverse.view());
        let minus = Matrix::from_fn(n, n, |i, j| -f32::from(u8::from(i == j)));
        let apart = distance(&identity, &minus);
        assert!(apart < 2e-5, "{n}: {apart}");
    }
}

/// Columns that depend on earlier ones have no pivot: they are solved for as if they were alone.
#[test]
fn a_singular_matrix_gives_finite_numbers() {
    let Some(gpu) = gpu() else { return };
    let system = Matrix::from_fn(64, 64, |i, j| f32::from(u8::from(i / 2 == j / 2 && i < 60)));
    let slabs = GpuMatrix::upload(&gpu, &system, &whole(&gpu, 64, 64));
    let mut commands = Commands::new(&gpu);
    Inverse::new(&gpu, 64).run(&mut commands, std::slice::from_ref(&slabs.slabs[0].buffer));
    commands.submit();
    assert_eq!(download(&gpu, &slabs, 64, 64).first_not_finite(), None);
}

#[test]
fn the_largest_entries_are_chosen_as_on_the_processor() {
    for limit in [u64::MAX, 64 * 1024] {
        let Some(gpu) = limited(limit) else { return };
        for (rows, cols) in [(1, 1), (1, 33), (31, 127), (127, 129), (200, 1000)] {
            let plain = numbers(rows, cols, 5);
            // Few different magnitudes, many zeros: ties everywhere.
            let coarse = Matrix::from_fn(rows, cols, |i, j| (plain.get(i, j) * 3.0).trunc());
            for w in [plain, coarse] {
                let columns = Columns::new(&gpu, rows, cols).unwrap();
                let (v, mask) = (GpuMatrix::upload(&gpu, &w, &columns), GpuMatrix::mask(&gpu, rows, &columns));
                let topk = TopK::new(&gpu, rows, &columns);
                for budget in [1, rows * cols / 7 + 1, rows * cols / 2 + 1, rows * cols] {
                    let mut commands = Commands::new(&gpu);
                    topk.select(&mut commands, &v, &mask, budget);
                    let packed: Vec<_> = v.slabs.iter().map(|slab| gpu.zeros(v.rows * slab.cols)).collect();
                    for (at, packed) in packed.iter().enumerate() {
                        topk.pack(&mut commands, at, &v, &mask, packed);
                    }
                    commands.submit();
                    let expected = keep_largest(&w, budget);
                    let mut found = Matrix::zeros(rows, cols);
                    for ((v, mask), packed) in v.slabs.iter().zip(&mask.slabs).zip(&packed) {
                        let words: Vec<u32> = read(&gpu, &mask.buffer, padded(rows) * v.cols / 32);
                        let values: Vec<f32> = read(&gpu, packed, padded(rows) * v.cols);
                        let mut values = values.into_iter();
                        for (at, word) in words.iter().enumerate() {
                            let (i, first) = (at * 32 / v.cols, v.first + at * 32 % v.cols);
                            for bit in (0..32).filter(|bit| word >> bit & 1 == 1) {
                                found.as_mut_slice()[i * cols + first + bit] = values.next().unwrap();
                            }
                        }
                    }
                    assert_eq!(found.as_slice(), expected.as_slice(), "{rows}×{cols}, {budget}");
                }
            }
        }
    }
}
