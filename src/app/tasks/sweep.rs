//! One figure of one layer: what waits, what goes on, what was measured.

use super::pending_task::{PACE, PendingTask};
use crate::app::state::error::Error;
use crate::app::state::hints::sentence;
use crate::app::state::loaded_layer::LoadedLayer;
use crate::app::state::setting_words::differing;
use crate::compare::{self, Candidate, Figure, Point, Record, Results};
use crate::compute::ThreadPool;
use crate::hint::Failure;
use crate::matrix::Problem;
use crate::measure::cost::{TELLING_SHARE, remaining_secs};
use crate::model::{Layer, one_line};
use crate::tasks::{Queue, Task, shared};
use eframe::egui::Context;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;
use web_time::Instant;

/// Task that measures a point of a sweep.
#[derive(Serialize, Deserialize)]
pub struct MeasurePoint {
    #[serde(with = "shared")]
    layer: Arc<Layer>,
    problem: Problem,
    point: Point,
}

impl Task for MeasurePoint {
    const NAME: &'static str = "measure point";
    const QUEUE: Queue = Queue::Comparing;
    /// The share that is done.
    type Progress = f64;
    type Output = Result<Box<Record>, Failure>;

    fn run(self, progress: &(dyn Fn(f64) -> bool + Sync)) -> Self::Output {
        let subject = compare::Subject { layer: self.layer, problem: self.problem };
        let record = ThreadPool::new(Some(1))?.run(|| self.point.measure(&subject, 1, progress))?;
        Ok(Box::new(record))
    }
}

/// A point that is being measured.
struct Going {
    at: usize,
    share: f64,
    task: PendingTask<MeasurePoint>,
}

/// A figure of a layer. Dropping it cancels what goes on.
pub struct SweepWork {
    /// Figure that is measured.
    pub figure: Figure,
    /// Layer that is measured.
    pub subject: LoadedLayer,
    /// With what is known of its inputs.
    pub problem: Problem,
    /// Candidate with the settings that are not varied.
    pub base: Candidate,
    /// Records of the points that are measured, in the order of the points.
    pub results: Results,
    /// Why some points have no number.
    pub failed: Vec<String>,
    /// Nothing new is begun.
    pub paused: bool,
    points: Vec<Point>,
    waiting: VecDeque<usize>,
    going: Vec<Going>,
    /// Of every point, and what of it is done since when.
    costs: Vec<f64>,
    done: f64,
    begun: Instant,
}

impl SweepWork {
    /// Nothing begins before it is polled.
    pub fn new(figure: Figure, subject: LoadedLayer, problem: Problem, base: Candidate) -> Result<Self, Failure> {
        let subjects = [compare::Subject { layer: subject.layer.clone(), problem: problem.clone() }];
        let sweep = figure.sweep(&subjects, &base);
        let (points, not) = sweep.points(&subjects)?;
        if points.is_empty() {
            return Err(not.into_iter().next().map_or_else(|| Error::NoPoints.into(), |(_, why)| why.into()));
        }
        let costs: Vec<f64> = points.iter().map(|point| point.cost(&subjects[0])).collect();
        Ok(Self {
            figure,
            subject,
            problem,
            base,
            results: Results::new(sweep),
            failed: Vec::new(),
            paused: false,
            waiting: (0..points.len()).collect(),
            points,
            going: Vec::new(),
            costs,
            done: 0.0,
            begun: Instant::now(),
        })
    }

    /// Points that are measured, and all.
    pub fn count(&self) -> (usize, usize) {
        (self.results.records.len(), self.points.len())
    }

    /// Whether points are measured or will be.
    pub fn is_going(&self) -> bool {
        !self.going.is_empty() || (!self.paused && !self.waiting.is_empty())
    }

    /// Whether points are left.
    pub fn is_open(&self) -> bool {
        !self.going.is_empty() || !self.waiting.is_empty()
    }

    /// Begins nothing new, and ends what goes on: it will be measured again.
    pub fn pause(&mut self) {
        self.paused = true;
        self.going.drain(..).rev().for_each(|going| self.waiting.push_front(going.at));
    }

    /// Resumes a paused sweep.
    pub fn resume(&mut self) {
        (self.paused, self.begun, self.done) = (false, Instant::now(), 0.0);
    }

    /// The share that is done, and the seconds that are left where that can be said.
    pub fn progress(&self) -> (f64, Option<f64>) {
        let all: f64 = self.costs.iter().sum();
        let going: f64 = self.going.iter().map(|going| going.share * self.costs[going.at]).sum();
        let left: f64 = self.waiting.iter().map(|&at| self.costs[at]).sum::<f64>()
            + self.going.iter().map(|going| (1.0 - going.share) * self.costs[going.at]).sum::<f64>();
        let since = self.done + going;
        let seconds = self.begun.elapsed().as_secs_f64();
        (
            1.0 - left / all.max(f64::MIN_POSITIVE),
            (since > TELLING_SHARE * all).then(|| remaining_secs(seconds, since, left)),
        )
    }

    /// Takes in what has happened, and begins what waits where fewer than `at_once` go on.
    pub fn poll(&mut self, ctx: &Context, at_once: usize) {
        for at in (0..self.going.len()).rev() {
            let Going { share, task, .. } = &mut self.going[at];
            if let Some(made) = task.poll(|news| *share = news) {
                let point = self.going.remove(at).at;
                self.done += self.costs[point];
                self.take(point, made);
            }
        }
        while !self.paused && self.going.len() < at_once {
            let Some(at) = self.waiting.pop_front() else { break };
            let going = self.begin(ctx, at);
            self.going.push(going);
        }
        if !self.going.is_empty() {
            ctx.request_repaint_after(PACE);
        }
    }

    fn take(&mut self, at: usize, made: Result<Box<Record>, Failure>) {
        match made {
            Ok(record) => {
                let points = &self.points;
                let place = |record: &Record| points.iter().position(|point| record.is_of(point));
                let before = self.results.records.partition_point(|other| place(other) < Some(at));
                self.results.records.insert(before, *record);
            }
            Err(why) => {
                let Point { x, series, .. } = &self.points[at];
                self.failed.push(format!("{series} at {x}: {}", sentence(&why)));
            }
        }
    }

    fn begin(&self, ctx: &Context, at: usize) -> Going {
        let (layer, problem) = (self.subject.layer.clone(), self.problem.clone());
        let task = MeasurePoint { layer, problem, point: self.points[at].clone() };
        Going { at, share: 0.0, task: PendingTask::new(ctx, task, PACE) }
    }

    /// In what it is not what would be measured now, in a sentence.
    pub fn is_of_another(&self, subject: &LoadedLayer, problem: &Problem, base: &Candidate) -> Option<String> {
        let name = one_line(&self.subject.layer.name);
        let inputs = |problem: &Problem| {
            [&problem.calibration, &problem.held_out].map(|inputs| inputs.as_ref().map(Arc::as_ptr))
        };
        match () {
            () if !subject.is(&self.subject) => {
                Some(format!("This sweep is of {name}, which is no longer the open layer"))
            }
            () if inputs(problem) != inputs(&self.problem) => {
                Some("This sweep was made with other inputs of the layer than those given now".into())
            }
            () if *base != self.base => {
                let differs = differing(&self.base.settings, &base.settings);
                Some(format!("This sweep was made with other settings than those set now: {differs}"))
            }
            () => None,
        }
    }
}
