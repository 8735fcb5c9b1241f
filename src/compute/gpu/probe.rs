//! Speed of a device, measured.

use super::{Commands, Error, Gpu, Operand, Product, Shape, Staging, padded};
use std::sync::Arc;
use std::task::Poll;
use web_time::Instant;

/// Result of a [`Probe`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// Speed of f32 matrix products, in 10⁹ operations a second.
    pub gflops: f64,
    /// Time from one small kernel to the next, in seconds.
    pub dispatch_seconds: f64,
}

/// Bandwidth of copies within the device's memory, in bytes a second, reads and writes both counted. Blocks until it is
/// measured.
pub fn copy_speed(gpu: &Gpu) -> Result<f64, Error> {
    const REPEATS: usize = 8;
    let numbers = (gpu.binding_limit().min(256 << 20) / 4) as usize;
    let buffers = [gpu.zeros(numbers), gpu.zeros(numbers)];
    let seconds = |repeats: usize| -> Result<f64, Error> {
        let mut staging = Staging::new(gpu, 4)?;
        let mut commands = Commands::new(gpu);
        let begun = Instant::now();
        (0..repeats).for_each(|at| commands.copy((&buffers[at % 2], 0), (&buffers[1 - at % 2], 0), numbers));
        staging.copy_from(&mut commands, &buffers[0], 4);
        staging.request(&mut commands);
        while !staging.is_ready(gpu)? {}
        Ok(begun.elapsed().as_secs_f64())
    };
    seconds(1)?;
    let (one, more) = (seconds(1)?, seconds(1 + REPEATS)?);
    Ok((REPEATS * 8 * numbers) as f64 / (more - one).max(1e-9))
}

/// A measurement: products of one size, and many small ones. Takes some milliseconds, and on first use the time to
/// compile the kernel.
pub struct Probe {
    gpu: Arc<Gpu>,
    side: usize,
    buffers: [wgpu::Buffer; 3],
    /// Seconds of the finished [`TRIALS`].
    seconds: Vec<f64>,
    running: Option<(Instant, Staging)>,
}

/// Side of the small products.
const SMALL: usize = 64;

/// The trials: whether the products are small, and their number.
const TRIALS: [(bool, usize); 8] =
    [(false, 1), (true, 1), (false, 1), (false, 3), (false, 1), (false, 3), (true, 100), (true, 100)];

impl Probe {
    /// Prepares trials with products of `side`×`side` matrices.
    pub fn new(gpu: Arc<Gpu>, side: usize) -> Self {
        let side = padded(side);
        let buffers = [(); 3].map(|()| gpu.zeros(side * side));
        Self { gpu, side, buffers, seconds: Vec::new(), running: None }
    }

    /// Advances the measurement; pending while the device works and cannot be waited for.
    pub fn poll(&mut self) -> Result<Poll<Speed>, Error> {
        while let Some(&(small, repeats)) = TRIALS.get(self.seconds.len()) {
            if self.running.is_none() {
                let side = if small { SMALL } else { self.side };
                let mut staging = Staging::new(&self.gpu, 4)?;
                let mut commands = Commands::new(&self.gpu);
                let [a, b, c] = &self.buffers;
                let shape = Shape { rows: side, cols: side, depth: side };
                let product = Product { a: Operand::new(a, side), b: Operand::new(b, side), shape, lower: false };
                let begun = Instant::now();
                (0..repeats).for_each(|_| product.store(&mut commands, (c, 0, side), 1.0, false));
                staging.copy_from(&mut commands, c, 4);
                staging.request(&mut commands);
                self.running = Some((begun, staging));
            }
            let Some((begun, staging)) = &self.running else { return Ok(Poll::Pending) };
            if !staging.is_ready(&self.gpu)? {
                return Ok(Poll::Pending);
            }
            self.seconds.push(begun.elapsed().as_secs_f64());
            self.running = None;
        }
        // What else the machine does only makes them longer.
        let least = |trial: (bool, usize), from: usize| {
            let times = TRIALS.iter().zip(&self.seconds).skip(from).filter(|(other, _)| **other == trial);
            times.fold(f64::INFINITY, |least, (_, &seconds)| least.min(seconds))
        };
        let (one, three, small) = (least((false, 1), 2), least((false, 3), 2), least((true, 100), 2));
        let flops = 2.0 * (self.side as f64).powi(3);
        // Where two more take no time that could be measured, three took at least that of two.
        let gflops = 2.0 * flops / (three - one).max(three / 3.0) * 1e-9;
        Ok(Poll::Ready(Speed { gflops, dispatch_seconds: small / 100.0 }))
    }
}
