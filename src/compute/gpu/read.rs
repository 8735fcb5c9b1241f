//! Reading results back from the device.

use super::{Commands, Error, Gpu};
use crate::tasks::wake;
use bytemuck::{AnyBitPattern, NoUninit};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

const REQUESTED: u8 = 0;
const ARRIVED: u8 = 1;
const FAILED: u8 = 2;

/// A buffer that the device writes and the host reads.
pub struct Staging {
    buffer: wgpu::Buffer,
    used: usize,
    state: Arc<AtomicU8>,
    /// Whether the host had to wait for the data.
    blocked: AtomicBool,
    /// The submission that contains the copies.
    submission: Option<wgpu::SubmissionIndex>,
}

impl Staging {
    /// Allocates room for `numbers` elements of four bytes.
    pub fn new(gpu: &Gpu, numbers: usize) -> Result<Self, Error> {
        let needed = 4 * numbers.next_multiple_of(4).max(4) as u64;
        if needed > gpu.buffer_limit() {
            return Err(Error::TooLarge { adapter: gpu.adapter().name.clone(), limit: gpu.buffer_limit(), needed });
        }
        let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("staging"),
            size: needed,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Ok(Self { buffer, used: 0, state: Arc::default(), blocked: AtomicBool::default(), submission: None })
    }

    /// Records a copy of the first `count` elements of `from`; returns their range here.
    pub fn copy_from(&mut self, commands: &mut Commands<'_>, from: &wgpu::Buffer, count: usize) -> Range<usize> {
        let at = self.used..self.used + count;
        commands.copy((from, 0), (&self.buffer, at.start), count);
        // Ranges begin at multiples of eight bytes, as mapping requires.
        self.used = at.end.next_multiple_of(4);
        at
    }

    /// Submits everything recorded, copies included, and requests the data.
    pub fn request(&mut self, commands: &mut Commands<'_>) {
        self.submission = Some(commands.submit());
        self.state.store(REQUESTED, Ordering::Relaxed);
        self.blocked.store(false, Ordering::Relaxed);
        let state = self.state.clone();
        self.buffer.map_async(wgpu::MapMode::Read, ..4 * self.used as u64, move |mapped| {
            state.store(if mapped.is_ok() { ARRIVED } else { FAILED }, Ordering::Release);
            wake();
        });
    }

    /// Whether the data has arrived. Blocks where threads can wait; in a browser, call it again after a turn of the
    /// event loop.
    pub fn is_ready(&self, gpu: &Gpu) -> Result<bool, Error> {
        let waits = cfg!(not(target_arch = "wasm32"));
        loop {
            let state = self.state.load(Ordering::Acquire);
            self.blocked.fetch_or(state == REQUESTED, Ordering::Relaxed);
            if waits && state == REQUESTED {
                let submission = wgpu::PollType::Wait { submission_index: self.submission.clone(), timeout: None };
                let polled = gpu.device.poll(submission);
                gpu.check()?;
                polled.map_err(|error| gpu.lost_because(&error.to_string()))?;
                // Another thread that polls may be the one whose callback runs: a moment later the state is set here.
                std::thread::yield_now();
                continue;
            }
            gpu.check()?;
            return match state {
                FAILED => Err(gpu.lost_because("its memory could not be read")),
                state => Ok(state == ARRIVED),
            };
        }
    }

    /// Whether the host had to wait for the data: then the device was the bottleneck.
    pub fn blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }

    /// The elements of a range that has arrived.
    pub fn read<T: AnyBitPattern + NoUninit>(&self, gpu: &Gpu, at: Range<usize>) -> Result<Vec<T>, Error> {
        let mapped = self.buffer.get_mapped_range(4 * at.start as u64..4 * at.end as u64);
        let bytes = mapped.map_err(|error| gpu.lost_because(&error.to_string()))?;
        Ok(bytemuck::pod_collect_to_vec(&bytes))
    }

    /// Unmaps the buffer, for the next copies.
    pub fn unmap(&mut self) {
        self.buffer.unmap();
        self.used = 0;
    }
}
