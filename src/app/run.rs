//! One run as the window knows it.

use super::pyramid::Pyramid;
use crate::factorize::Settings;
use crate::job::{Command, End, Event, Job, Outcome, Problem, Progress, Snapshot};
use crate::matrix::Matrix;
use crate::model::Layer;
use eframe::egui::Context;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

/// A layer and its picture.
#[derive(Clone)]
pub struct Subject {
    /// W and where it is from.
    pub layer: Arc<Layer>,
    /// W's picture.
    pub picture: Arc<Pyramid>,
}

/// The pictures of a run at one moment. W's stays the same, so it is not here.
pub struct Pictures {
    /// A, `[out, k]`.
    pub a: Pyramid,
    /// B, `[k, in]`.
    pub b: Pyramid,
    /// A·B.
    pub product: Pyramid,
    /// W − A·B, where W is known.
    pub error: Option<Pyramid>,
}

impl Pictures {
    /// Heavy for large matrices: not for the window's thread.
    pub fn new(w: Option<&Matrix>, snapshot: Snapshot) -> Self {
        let Snapshot { factors, product, .. } = snapshot;
        let difference = |w: &Matrix| {
            let entries = w.as_slice().iter().zip(product.as_slice()).map(|(w, p)| w - p).collect();
            Pyramid::new(Arc::new(Matrix::from_vec(w.rows(), w.cols(), entries)))
        };
        let error = w.filter(|w| w.shape() == product.shape()).map(difference);
        let [a, b, product] = [factors.a, factors.b, product].map(|m| Pyramid::new(Arc::new(m)));
        Self { a, b, product, error }
    }
}

/// Where a run is.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Half-steps follow each other.
    Running,
    /// It waits to be told.
    Paused,
    /// All iterations are done.
    Finished,
    /// It was ended before, and kept its best factors.
    Cancelled,
    /// It could not go on.
    Failed(String),
    /// Not a run of this program: factors from a file.
    Opened,
}

enum News {
    Stepped(Progress),
    Pictures(Box<Pictures>),
    Ended(Box<Outcome>, Box<Pictures>),
    Failed(String),
}

/// A run: what was asked for, what has come of it, and the thread that works on it.
pub struct Run {
    /// Counts up over the session.
    pub number: usize,
    /// What its row in the list says besides the settings.
    pub title: String,
    /// What it factorizes; for opened factors what they are compared with, if there is something.
    pub subject: Option<Subject>,
    /// What it works on; of opened factors nothing is known.
    pub problem: Option<Problem>,
    /// What was asked for.
    pub settings: Option<Settings>,
    /// Where it is.
    pub state: State,
    /// Of the last half-step.
    pub progress: Option<Progress>,
    /// The error after each half-step.
    pub errors: Vec<f64>,
    /// What it left behind.
    pub outcome: Option<Outcome>,
    /// The latest pictures.
    pub pictures: Option<Box<Pictures>>,
    /// Whether it was started by moving a slider: then it goes when it is overtaken unfinished.
    pub live: bool,
    job: Option<(Job, Receiver<News>)>,
    /// When pictures may be asked for again.
    next_pictures: f64,
}

impl Run {
    /// Starts at once.
    pub fn start(
        number: usize,
        subject: Subject,
        problem: Problem,
        settings: Settings,
        threads: Option<usize>,
        live: bool,
        ctx: &Context,
    ) -> std::io::Result<Self> {
        let (sender, news) = channel();
        let layer = subject.layer.clone();
        let (ctx, seen) = (ctx.clone(), layer.clone());
        let pictures = move |snapshot| Box::new(Pictures::new(Some(&seen.weight), snapshot));
        // This runs on the run's thread, so large pictures are made there and the window only receives them.
        let job = Job::spawn(problem.clone(), settings.clone(), threads, move |event| {
            let item = match event {
                Event::Stepped(progress) => News::Stepped(progress),
                Event::Snapshot(snapshot) => News::Pictures(pictures(snapshot)),
                Event::Ended(outcome) => {
                    let product = outcome.factors.product();
                    let last = Snapshot { step: 2 * outcome.history.len(), factors: outcome.factors.clone(), product };
                    News::Ended(outcome, pictures(last))
                }
                Event::Failed(why) => News::Failed(why),
            };
            // The window may have dropped the run; then nobody needs to know.
            if sender.send(item).is_ok() {
                ctx.request_repaint();
            }
        })?;
        Ok(Self {
            number,
            title: layer.name.clone(),
            subject: Some(subject),
            problem: Some(problem),
            settings: Some(settings),
            state: State::Running,
            progress: None,
            errors: Vec::new(),
            outcome: None,
            pictures: None,
            live,
            job: Some((job, news)),
            next_pictures: 0.0,
        })
    }

    /// Factors that were opened, with their pictures and, where W is known, their error.
    pub fn opened(
        number: usize,
        title: String,
        subject: Option<Subject>,
        outcome: Outcome,
        pictures: Box<Pictures>,
    ) -> Self {
        Self {
            number,
            title,
            subject,
            problem: None,
            settings: None,
            state: State::Opened,
            progress: None,
            errors: Vec::new(),
            outcome: Some(outcome),
            pictures: Some(pictures),
            live: false,
            job: None,
            next_pictures: 0.0,
        }
    }

    /// Takes in what has happened since; `now` in seconds. At most 20 pictures a second are asked for.
    pub fn poll(&mut self, now: f64) {
        let Some((job, news)) = &self.job else { return };
        while let Ok(news) = news.try_recv() {
            match news {
                News::Stepped(progress) => {
                    self.errors.extend(progress.report.as_ref().map(|report| report.error));
                    self.progress = Some(progress);
                }
                News::Pictures(pictures) => {
                    self.pictures = Some(pictures);
                    self.next_pictures = now + 0.05;
                }
                News::Ended(outcome, pictures) => {
                    self.state = match outcome.end {
                        End::Finished => State::Finished,
                        End::Cancelled => State::Cancelled,
                        End::Diverged => {
                            State::Failed("The numbers ran away; the best factors before that are kept".into())
                        }
                    };
                    self.outcome = Some(*outcome);
                    self.pictures = Some(pictures);
                }
                News::Failed(why) => self.state = State::Failed(why),
            }
        }
        let active = matches!(self.state, State::Running | State::Paused);
        if active && self.pictures.is_some() && now >= self.next_pictures {
            self.next_pictures = f64::INFINITY;
            job.want_snapshot();
        }
    }

    /// Whether it still works or waits.
    pub fn is_active(&self) -> bool {
        matches!(self.state, State::Running | State::Paused)
    }

    /// Tells the run; its state follows at once where the command is sure to take effect.
    pub fn send(&mut self, command: Command) {
        if !self.is_active() {
            return;
        }
        let Some((job, _)) = &self.job else { return };
        job.send(command);
        match command {
            Command::Pause | Command::Step => self.state = State::Paused,
            Command::Resume => self.state = State::Running,
            Command::Cancel => {}
        }
    }

    /// The error to show: the outcome's exact one, or the last reported.
    pub fn error(&self) -> Option<f64> {
        match &self.outcome {
            Some(outcome) => self.subject.is_some().then_some(outcome.relative_error),
            None => self.errors.last().copied(),
        }
    }
}
