//! Numbers on their way back.

use super::{Commands, Error, Gpu};
use crate::tasks::wake;
use bytemuck::{AnyBitPattern, NoUninit};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

const ASKED: u8 = 0;
const THERE: u8 = 1;
const FAILED: u8 = 2;

/// Memory that the device writes and the processor reads.
pub struct Staging {
    buffer: wgpu::Buffer,
    used: usize,
    state: Arc<AtomicU8>,
    /// Whether it was not there yet when it was first looked for.
    waited: AtomicBool,
    /// After which the copies are done.
    submission: Option<wgpu::SubmissionIndex>,
}

impl Staging {
    /// For so many f32 or u32.
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
        Ok(Self { buffer, used: 0, state: Arc::default(), waited: AtomicBool::default(), submission: None })
    }

    /// Has `count` numbers copied here; where they will be.
    pub fn take(&mut self, commands: &mut Commands<'_>, from: &wgpu::Buffer, count: usize) -> Range<usize> {
        let at = self.used..self.used + count;
        commands.copy((from, 0), (&self.buffer, at.start), count);
        // What is read begins at a multiple of eight bytes.
        self.used = at.end.next_multiple_of(4);
        at
    }

    /// Submits the copies with all before them, and asks for what they bring.
    pub fn ask(&mut self, commands: &mut Commands<'_>) {
        self.submission = Some(commands.submit());
        self.state.store(ASKED, Ordering::Relaxed);
        self.waited.store(false, Ordering::Relaxed);
        let state = self.state.clone();
        self.buffer.map_async(wgpu::MapMode::Read, ..4 * self.used as u64, move |mapped| {
            state.store(if mapped.is_ok() { THERE } else { FAILED }, Ordering::Release);
            wake();
        });
    }

    /// Whether what was asked for is there. Where threads can wait, this waits; in a browser it is to be called again when
    /// the event loop has gone round.
    pub fn ready(&self, gpu: &Gpu) -> Result<bool, Error> {
        let waits = cfg!(not(target_arch = "wasm32"));
        loop {
            let state = self.state.load(Ordering::Acquire);
            self.waited.fetch_or(state == ASKED, Ordering::Relaxed);
            if waits && state == ASKED {
                let submission = wgpu::PollType::Wait { submission_index: self.submission.clone(), timeout: None };
                let polled = gpu.device.poll(submission);
                gpu.check()?;
                polled.map_err(|error| gpu.lost_because(&error.to_string()))?;
                // Another thread that polls may be the one that is told: a moment later it is known here.
                std::thread::yield_now();
                continue;
            }
            gpu.check()?;
            return match state {
                FAILED => Err(gpu.lost_because("its memory could not be read")),
                state => Ok(state == THERE),
            };
        }
    }

    /// Whether somebody had to wait for it: then it was the device that took the time.
    pub fn was_waited_for(&self) -> bool {
        self.waited.load(Ordering::Relaxed)
    }

    /// Numbers that are there.
    pub fn numbers<T: AnyBitPattern + NoUninit>(&self, gpu: &Gpu, at: Range<usize>) -> Result<Vec<T>, Error> {
        let mapped = self.buffer.get_mapped_range(4 * at.start as u64..4 * at.end as u64);
        let bytes = mapped.map_err(|error| gpu.lost_because(&error.to_string()))?;
        Ok(bytemuck::pod_collect_to_vec(&bytes))
    }

    /// Ready for the next copies.
    pub fn clear(&mut self) {
        self.buffer.unmap();
        self.used = 0;
    }
}
