//! How long frames take while someone zooms and pans, with the mouse moved by the program itself.

use crate::app::explorer::{Explorer, LaunchOptions};
use crate::app::state::action::Action;
use crate::app::state::closing::Closing;
use crate::app::state::frame_times::FrameTimes;
use crate::app::state::loaded_layer::LoadedLayer;
use crate::app::state::pane::Pane;
use crate::app::state::run::{Run, RunState};
use crate::app::state::run_spec::RunSpec;
use crate::job::{Backend, Outcome};
use crate::matrix::{Factors, Matrix};
use crate::model::Checkpoint;
use eframe::egui::{
    self, Context, Event, Modifiers, MouseWheelUnit, PointerButton, RawInput, Ui, ViewportCommand, vec2,
};
use serde::Serialize;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// Frames that are not counted: the window settles, and every tile is made for the first time.
const SETTLING: usize = 60;
/// Frames of one round of zooming in, dragging and zooming out.
const ROUND: usize = 120;

/// A benchmark of frames to run.
#[derive(Clone, Copy, Debug)]
pub struct FramePlan {
    /// Number of rows of W.
    pub rows: usize,
    /// Number of columns of W.
    pub cols: usize,
    /// Tensors of the file that the layer is one of, all of them listed.
    pub tensors: usize,
    /// Frames to be counted.
    pub frames: usize,
    /// Whether a run goes on meanwhile.
    pub running: bool,
    /// Backend of the run.
    pub backend: Backend,
}

/// Result of the benchmark; times in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct FrameReport {
    /// Number of rows of W.
    pub rows: usize,
    /// Number of columns of W.
    pub cols: usize,
    /// Number of tensors that are listed.
    pub tensors: usize,
    /// Whether a run went on.
    pub running: bool,
    /// Number of frames counted.
    pub frames: usize,
    /// CPU time of the window's thread: everything from one frame's input to the next one's.
    pub cpu: Times,
    /// The same by the clock, without waiting for the screen: other threads may have had the processor meanwhile.
    pub clock: Times,
    /// Frames shown in a second.
    pub frames_per_second: f64,
}

/// Statistics of many frames' times, in milliseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Times {
    /// Half of them took less.
    pub median: f32,
    /// All but one of a hundred took less.
    pub percentile_99: f32,
    /// The longest frame, in milliseconds.
    pub longest: f32,
}

impl Times {
    fn of(times: &FrameTimes) -> Self {
        let [median, percentile_99, longest] = [0.5, 0.99, 1.0].map(|share| 1e3 * times.percentile(share));
        Self { median, percentile_99, longest }
    }
}

/// The window with a hand of its own. It closes itself when it has counted enough frames.
pub struct FrameBench {
    explorer: Explorer,
    plan: FramePlan,
    frame: usize,
    cpu: FrameTimes,
    clock: FrameTimes,
    last_cpu: Option<f64>,
    begun: Instant,
    report: Arc<Mutex<Option<FrameReport>>>,
}

impl FrameBench {
    /// With a random W and, unless a run is to go on, random sparse factors; the report is there when it has closed.
    pub fn new(
        cc: &eframe::CreationContext<'_>,
        plan: FramePlan,
        threads: Option<usize>,
        report: Arc<Mutex<Option<FrameReport>>>,
    ) -> Self {
        let FramePlan { rows, cols, .. } = plan;
        let layer = crate::model::Layer {
            name: "random".into(),
            file: "random".into(),
            shape: vec![rows, cols],
            dtype: crate::model::Dtype::F32,
            transposed: false,
            weight: Arc::new(Matrix::from_fn(rows, cols, |i, j| noise(i, j, 0))),
        };
        let subject = LoadedLayer::new(layer, "random");
        let mut explorer =
            Explorer::new(cc, LaunchOptions { layer: Some(subject.clone()), threads, ..LaunchOptions::default() });
        explorer.state.preferences.backend = plan.backend;
        if plan.tensors > 1 {
            explorer.state.document.checkpoint = experts(plan.tensors).map(Arc::new);
        }
        if plan.running {
            explorer.act(&cc.egui_ctx, Action::Start);
        } else {
            let k = rows.min(cols);
            let sparse = |rows, cols, salt| {
                Matrix::from_fn(rows, cols, |i, j| if noise(i, j, salt).abs() > 0.75 { noise(j, i, salt) } else { 0.0 })
            };
            let factors = Factors::from_dense(&sparse(rows, k, 1), &sparse(k, cols, 2));
            let ended = Box::new(Outcome::opened(Arc::new(factors.into()), 1.0));
            explorer.state.runs.add(Run::opened(
                1,
                RunSpec::opened("random".into(), "random".into(), Some(subject)),
                None,
                ended,
            ));
        }
        Self {
            explorer,
            plan,
            frame: 0,
            cpu: FrameTimes::of_at_most(plan.frames),
            clock: FrameTimes::of_at_most(plan.frames),
            last_cpu: None,
            begun: Instant::now(),
            report,
        }
    }

    /// Whether all that is to be looked at is there.
    fn is_ready(&self) -> bool {
        let pictures = self.explorer.pictures();
        pictures.is_some_and(|pictures| pictures.error.is_some() || self.plan.running && pictures.w.is_some())
    }

    fn finish(&mut self, ctx: &Context) {
        let FramePlan { rows, cols, tensors, running, .. } = self.plan;
        let report = FrameReport {
            tensors,
            rows,
            cols,
            running: running && self.explorer.shown().is_some_and(|run| run.state == RunState::Running),
            frames: self.cpu.len(),
            cpu: Times::of(&self.cpu),
            clock: Times::of(&self.clock),
            frames_per_second: self.cpu.len() as f64 / self.begun.elapsed().as_secs_f64(),
        };
        *self.report.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(report);
        // What there is to lose is nobody's work.
        self.explorer.shell.closing = Closing::Agreed;
        ctx.send_viewport_cmd(ViewportCommand::Close);
    }
}

impl eframe::App for FrameBench {
    fn logic(&mut self, ctx: &Context, frame: &mut eframe::Frame) {
        self.explorer.logic(ctx, frame);
    }

    fn ui(&mut self, ui: &mut Ui, frame: &mut eframe::Frame) {
        self.explorer.ui(ui, frame);
        ui.ctx().request_repaint();
        if !self.is_ready() {
            return;
        }
        self.frame += 1;
        let counted = self.frame.checked_sub(SETTLING);
        let now = thread_seconds();
        match counted {
            Some(0) => self.begun = Instant::now(),
            Some(_) => {
                self.cpu.extend(now.zip(self.last_cpu).map(|(now, last)| (now - last) as f32));
                self.clock.extend(frame.info().cpu_usage);
            }
            None => {}
        }
        self.last_cpu = now;
        if counted == Some(self.plan.frames) {
            self.finish(ui.ctx());
        }
    }

    fn raw_input_hook(&mut self, _: &Context, input: &mut RawInput) {
        let area = self.explorer.view_area(Pane::W);
        let at = self.frame % ROUND;
        let turn = at as f32 * 0.15;
        let pointer = area.center() + vec2(turn.sin() * area.width() * 0.2, turn.cos() * area.height() * 0.2);
        input.events.push(Event::PointerMoved(pointer));
        let third = ROUND / 3;
        let button = |pressed| Event::PointerButton {
            pos: pointer,
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        };
        let wheel = |points: f32| Event::MouseWheel {
            unit: MouseWheelUnit::Point,
            delta: vec2(0.0, points),
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Wheel,
            modifiers: Modifiers::NONE,
        };
        match at {
            at if at < third => input.events.push(wheel(24.0)),
            at if at == third => input.events.push(button(true)),
            at if at == 2 * third - 1 => input.events.push(button(false)),
            at if at >= 2 * third => input.events.push(wheel(-24.0)),
            _ => {}
        }
    }
}

/// CPU time of this thread, in seconds.
#[cfg(unix)]
fn thread_seconds() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9)
}

#[cfg(not(unix))]
fn thread_seconds() -> Option<f64> {
    None
}

/// A file of so many small matrices, named as a mixture of experts names them.
fn experts(count: usize) -> Option<Checkpoint> {
    let values = [0u8; 8];
    let names = (0..count).map(|at| format!("model.layers.{}.mlp.experts.{}.up_proj.weight", at / 480, at % 480));
    let tensor = safetensors::tensor::TensorView::new(safetensors::Dtype::F16, vec![2, 2], &values).ok()?;
    let file = safetensors::serialize(names.map(|name| (name, tensor.clone())), None).ok()?;
    Checkpoint::from_safetensors("experts", file).ok()
}

/// From −1 to 1, without pattern.
fn noise(i: usize, j: usize, salt: usize) -> f32 {
    let mut bits = (i * 0x1_0001 + j * 0x101_0101 + salt * 77_777) as u32;
    bits = (bits ^ bits >> 16).wrapping_mul(0x7feb_352d);
    bits = (bits ^ bits >> 15).wrapping_mul(0x846c_a68b);
    ((bits ^ bits >> 16) >> 8) as f32 / (1 << 23) as f32 - 1.0
}
