//! Which moment of a run is on screen.

use crate::app::state::factors_at::FactorsAt;
use crate::app::state::run::{Run, RunState};
use crate::methods::Method;
use eframe::egui::{Slider, Ui};

/// Shots a second while they are played.
const PACE: f64 = 12.0;

/// Which moment is wanted.
#[derive(Default)]
pub struct Timeline {
    /// The step of a shot that was gone back to; the latest without.
    step: Option<usize>,
    /// When the next shot is due, while they are played.
    playing: Option<f64>,
}

impl Timeline {
    /// What is to be shown of a run.
    pub fn moment(&self, run: &Run) -> FactorsAt {
        let shots = run.snapshots.all();
        // The last shot not after the wanted step.
        let at = self.step.and_then(|step| shots.iter().rev().find(|shot| shot.step <= step).or(shots.first()));
        match (at, &run.ended, &run.latest) {
            (Some(shot), ..) => FactorsAt::PackedSnapshot(shot.clone()),
            (_, Some(ended), _) => FactorsAt::End(ended.kept.clone()),
            (_, _, Some(latest)) => FactorsAt::PackedSnapshot(latest.clone()),
            _ => FactorsAt::Nothing,
        }
    }

    /// The half-step that is looked at, when it is not the latest.
    pub fn step(&self, run: &Run) -> Option<usize> {
        self.step.and(self.moment(run).step())
    }

    /// Follows the run again.
    pub fn latest(&mut self) {
        (self.step, self.playing) = (None, None);
    }

    /// Goes to the shot at or before a half-step; beyond the last one to the latest.
    pub fn go_to(&mut self, step: usize, run: &Run) {
        let last = run.snapshots.all().last().map_or(0, |shot| shot.step);
        self.step = (step <= last).then_some(step);
        self.playing = None;
    }

    /// One shot on or back.
    pub fn shift(&mut self, run: &Run, on: bool) {
        let shots = run.snapshots.all();
        let at = self.at(run);
        let to = if on { at + 1 } else { at.saturating_sub(1) };
        self.step = shots.get(to).map(|shot| shot.step);
        self.playing = None;
    }

    /// Runs through all shots, from the start when it is at the end.
    pub fn play(&mut self, run: &Run, now: f64) {
        if self.playing.take().is_some() {
            return;
        }
        if self.step.is_none() {
            self.step = run.snapshots.all().first().map(|shot| shot.step);
        }
        self.playing = self.step.map(|_| now);
    }

    /// Goes on playing.
    pub fn advance(&mut self, ui: &Ui, run: &Run) {
        let Some(due) = self.playing else { return };
        let now = ui.input(|input| input.time);
        if now >= due {
            self.shift(run, true);
            self.playing = self.step.map(|_| now + 1.0 / PACE);
        }
        if self.playing.is_some() {
            ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64(1.0 / PACE));
        }
    }

    /// Which shot is looked at: one more than the last when it is the latest.
    fn at(&self, run: &Run) -> usize {
        let shots = run.snapshots.all();
        match self.step {
            Some(step) => shots.iter().rposition(|shot| shot.step <= step).unwrap_or(0),
            None => shots.len(),
        }
    }

    /// The slider over the kept iterations.
    pub fn ui(&mut self, ui: &mut Ui, run: &Run) {
        self.advance(ui, run);
        let shots = run.snapshots.all();
        if shots.is_empty() {
            ui.weak(match (&run.state, &run.ended) {
                (RunState::Opened, _) => "factors from a file",
                _ if run.method != Method::Dsf => "this method has no iterations to go back to",
                _ if run.report.is_some() => "a comparison keeps no iterations",
                (_, Some(_)) => "its iterations were given up for those of later runs",
                _ => "no iteration yet",
            });
            return;
        }
        let playing = if self.playing.is_some() { "⏸" } else { "▶" };
        let play = ui.button(playing);
        play.widget_info(|| eframe::egui::WidgetInfo::labeled(eframe::egui::Role::Button, true, "Play the iterations"));
        if play.on_hover_text("Run through the iterations that were kept (P)").clicked() {
            let now = ui.input(|input| input.time);
            self.play(run, now);
        }
        let label = ui.label("Iteration");
        let mut at = self.at(run);
        let name = |at: f64| match shots.get(at as usize) {
            Some(shot) => format!("{}", shot.step / 2),
            None if run.ended.is_some() => "result".into(),
            None => "now".into(),
        };
        ui.spacing_mut().slider_width = (ui.available_width() - 190.0).clamp(60.0, 260.0);
        let slider = Slider::new(&mut at, 0..=shots.len())
            .custom_formatter(|at, _| name(at))
            .handle_shape(eframe::egui::style::HandleShape::Rect { aspect_ratio: 0.5 });
        let response = ui.add(slider).labelled_by(label.id);
        if response.on_hover_text("Every picture goes back with it (← and →)").changed() {
            self.step = shots.get(at).map(|shot| shot.step);
            self.playing = None;
        }
        let every = match run.snapshots.every() {
            1 => String::new(),
            every => format!(", every {every}th kept"),
        };
        ui.weak(format!("{:.1} MB{every}", run.snapshots.bytes() as f64 / 1e6))
            .on_hover_text("What the iterations take: a bit for each position, 16 bits for each value");
    }
}
