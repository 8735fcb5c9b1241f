//! How fast a device is, by trying.

use super::{Commands, Error, Gpu, Operand, Product, Shape, Staging, padded};
use std::sync::Arc;
use std::task::Poll;
use web_time::Instant;

/// What a short measurement found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// f32 products, in 10⁹ operations a second.
    pub gflops: f64,
    /// From one small kernel to the next.
    pub dispatch_seconds: f64,
}

/// Bytes a second from one part of the device's memory to another: read and written, both counted. The device is waited
/// for.
pub fn copy_speed(gpu: &Gpu) -> Result<f64, Error> {
    const REPEATS: usize = 8;
    let numbers = (gpu.binding_limit().min(256 << 20) / 4) as usize;
    let buffers = [gpu.zeros(numbers), gpu.zeros(numbers)];
    let seconds = |repeats: usize| -> Result<f64, Error> {
        let mut staging = Staging::new(gpu, 4);
        let mut commands = Commands::new(gpu);
        let begun = Instant::now();
        (0..repeats).for_each(|at| commands.copy((&buffers[at % 2], 0), (&buffers[1 - at % 2], 0), numbers));
        staging.take(&mut commands, &buffers[0], 4);
        staging.ask(&mut commands);
        while !staging.ready(gpu)? {}
        Ok(begun.elapsed().as_secs_f64())
    };
    seconds(1)?;
    let (one, more) = (seconds(1)?, seconds(1 + REPEATS)?);
    Ok((REPEATS * 8 * numbers) as f64 / (more - one).max(1e-9))
}

/// A measurement: products of one size, and many small ones. Takes some milliseconds, and the first time those that compiling
/// takes.
pub struct Probe {
    gpu: Arc<Gpu>,
    side: usize,
    buffers: [wgpu::Buffer; 3],
    /// Of those in [`TRIALS`] that are over.
    seconds: Vec<f64>,
    running: Option<(Instant, Staging)>,
}

const SMALL: usize = 64;

/// Whether the products are small ones, and how many there are.
const TRIALS: [(bool, usize); 5] = [(false, 1), (true, 1), (false, 1), (false, 3), (true, 100)];

impl Probe {
    /// With products of `side`×`side` matrices.
    pub fn new(gpu: Arc<Gpu>, side: usize) -> Self {
        let side = padded(side);
        let buffers = [(); 3].map(|()| gpu.zeros(side * side));
        Self { gpu, side, buffers, seconds: Vec::new(), running: None }
    }

    /// Goes on; pending while the device works and cannot be waited for.
    pub fn poll(&mut self) -> Result<Poll<Speed>, Error> {
        while let Some(&(small, repeats)) = TRIALS.get(self.seconds.len()) {
            let (begun, staging) = self.running.get_or_insert_with(|| {
                let side = if small { SMALL } else { self.side };
                let mut staging = Staging::new(&self.gpu, 4);
                let mut commands = Commands::new(&self.gpu);
                let [a, b, c] = &self.buffers;
                let shape = Shape { rows: side, cols: side, depth: side };
                let product = Product { a: Operand::new(a, side), b: Operand::new(b, side), shape, lower: false };
                let begun = Instant::now();
                (0..repeats).for_each(|_| product.store(&mut commands, (c, 0, side), 1.0, false));
                staging.take(&mut commands, c, 4);
                staging.ask(&mut commands);
                (begun, staging)
            });
            if !staging.ready(&self.gpu)? {
                return Ok(Poll::Pending);
            }
            self.seconds.push(begun.elapsed().as_secs_f64());
            self.running = None;
        }
        let [_, _, one, three, small] = self.seconds[..] else { return Ok(Poll::Pending) };
        let flops = 2.0 * (self.side as f64).powi(3);
        let gflops = 2.0 * flops / (three - one).max(1e-7) * 1e-9;
        Ok(Poll::Ready(Speed { gflops, dispatch_seconds: small / TRIALS[4].1 as f64 }))
    }
}
