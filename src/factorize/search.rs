//! Search of the orientation and the split, by a few short runs.

use super::{Budget, Error, Inputs, Orientation, Settings, Solver, Split};
use crate::compute::{Device, solve_positive};
use crate::matrix::Matrix;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Poll;

/// A search in progress, one half-step of one short run at a time.
///
/// Short runs rank orientations as long ones do. They rank splits too, but the shorter a run, the smaller the first
/// factor it prefers. So the split is found by successive halving: runs of a quarter of the iterations find the
/// neighbourhood, runs of half of them try three splits in it and the two rules, and the lowest point of the parabola
/// fitted to the nearest is a candidate. Near the best split single runs scatter by more than a split is worth, so
/// whole runs decide between that candidate, the best split tried, and the paper's rule: of runs of up to 400
/// iterations none ends with more than the rule's error.
pub struct Search {
    w: Arc<Matrix>,
    inputs: Option<Inputs>,
    device: Device,
    /// Settings decided so far.
    settings: Settings,
    stage: SearchStage,
    /// Trials still to run in this stage, the next one first.
    waiting: VecDeque<Trial>,
    /// Finished trials of this stage, with their errors.
    tried: Vec<(Trial, f64)>,
    running: Option<(Trial, Solver)>,
    steps: usize,
    gain: Option<f64>,
    note: Option<String>,
}

/// A short run with one orientation and split.
#[derive(Clone)]
struct Trial {
    settings: Settings,
    /// First factor's share of all nonzeros.
    share: f64,
}

/// Stages of a search.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SearchStage {
    /// Orientation: W or its transpose.
    Orientation,
    /// Neighbourhood of the best split.
    Coarse,
    /// Best split in the neighbourhood.
    Fine,
    /// Comparison with the paper's rule, by whole runs.
    Final,
    /// The search is done.
    Over,
}

/// First factor's shares in the coarse stage.
const SHARES: [f64; 7] = [0.06, 0.12, 0.2, 0.3, 0.4, 0.5, 0.6];

/// Shares of the fine stage, as factors of the coarse stage's best; more above it than below, since shorter runs prefer
/// smaller first factors.
const AROUND: [f64; 3] = [0.9, 1.2, 1.6];

/// Number of splits that whole runs compare.
const FINALISTS: usize = 3;

impl Search {
    /// A search on the CPU; `None` when the settings leave nothing to search for.
    pub fn new(w: &Matrix, settings: &Settings) -> Result<Option<Self>, Error> {
        Self::with_inputs(&Arc::new(w.clone()), None, settings, &Device::Cpu)
    }

    /// The same on any device, sharing W, which is scaled where there are inputs: see [`Solver::with_inputs`]. Where half-steps
    /// see these, short runs are judged by the layer-wise error.
    pub fn with_inputs(
        w: &Arc<Matrix>,
        inputs: Option<&Inputs>,
        settings: &Settings,
        device: &Device,
    ) -> Result<Option<Self>, Error> {
        settings.check()?;
        let (rows, cols) = w.shape();
        Budget::new(rows, cols, settings)?;
        let orientation = settings.orientation == Orientation::Auto && rows == cols;
        let split = settings.split == Split::Auto && settings.factor_density.is_none() && !settings.fixed_mask;
        if !orientation && !split {
            return Ok(None);
        }
        let first = Self {
            w: w.clone(),
            inputs: inputs.cloned(),
            device: device.clone(),
            settings: settings.clone(),
            stage: if orientation { SearchStage::Orientation } else { SearchStage::Coarse },
            waiting: VecDeque::new(),
            tried: Vec::new(),
            running: None,
            steps: 0,
            gain: None,
            note: None,
        };
        let mut search = first;
        if !orientation && search.settings.orientation == Orientation::Auto {
            search.settings.orientation = Orientation::Paper;
        }
        search.waiting = search.trials()?;
        let of_stage = |stage: SearchStage, trials: usize| 2 * trials * stage.outer(settings);
        search.steps = of_stage(search.stage, search.waiting.len());
        if split && orientation {
            search.steps += of_stage(SearchStage::Coarse, search.coarse()?.len());
        }
        if split {
            search.steps += of_stage(SearchStage::Fine, AROUND.len() + 2) + of_stage(SearchStage::Final, FINALISTS);
        }
        Ok(Some(search))
    }

    /// Half-steps of the whole search.
    pub fn steps(&self) -> usize {
        self.steps
    }

    /// Computes the next half-step; false when the search is done.
    pub fn step(&mut self) -> Result<bool, Error> {
        loop {
            if let Poll::Ready(going) = self.poll()? {
                return Ok(going);
            }
        }
    }

    /// As [`Search::step`], but pending instead of blocking where a device cannot be waited for; see [`Solver::poll`].
    pub fn poll(&mut self) -> Result<Poll<bool>, Error> {
        if self.running.is_none() {
            let Some(trial) = self.waiting.pop_front() else { return Ok(Poll::Ready(false)) };
            let outer = self.stage.outer(&trial.settings);
            let short = Settings { outer, fallback: false, split: Split::Balanced, ..trial.settings.clone() };
            let solver = Solver::with_inputs(&self.w, self.inputs.as_ref(), &short, &self.device)?;
            self.running = Some((trial, solver));
        }
        let Some((_, solver)) = &mut self.running else { return Ok(Poll::Ready(false)) };
        let Poll::Ready(report) = solver.poll()? else { return Ok(Poll::Pending) };
        if let Some(note) = report.as_ref().and_then(|report| report.note.clone()) {
            (self.note, self.device) = (Some(note), solver.device().clone());
        }
        if let Some(report) = report
            && report.step == solver.steps()
            && let Some((trial, _)) = self.running.take()
        {
            self.tried.push((trial, report.score));
            if self.waiting.is_empty() {
                self.decide()?;
            }
        }
        Ok(Poll::Ready(self.stage != SearchStage::Over))
    }

    /// A message about the device since the last call, such as its loss.
    pub fn note(&mut self) -> Option<String> {
        self.note.take()
    }

    /// After a search for the split: relative reduction of the error against the paper's split.
    pub fn gain(&self) -> Option<f64> {
        self.gain
    }

    /// The settings with the orientation and factor density that were found.
    pub fn finish(self) -> Settings {
        let split = if self.settings.split == Split::Auto { Split::Balanced } else { self.settings.split };
        Settings { split, ..self.settings }
    }

    /// Trials of the current stage.
    fn trials(&self) -> Result<VecDeque<Trial>, Error> {
        match self.stage {
            SearchStage::Orientation => {
                let turned =
                    |orientation| Trial { settings: Settings { orientation, ..self.settings.clone() }, share: 0.0 };
                // The first one stays when the other is no better.
                Ok([Orientation::Transposed, Orientation::AsIs].map(turned).into())
            }
            SearchStage::Coarse => self.coarse(),
            SearchStage::Fine | SearchStage::Final | SearchStage::Over => Ok(VecDeque::new()),
        }
    }

    /// Trials of those first shares that both factors have room for.
    fn coarse(&self) -> Result<VecDeque<Trial>, Error> {
        let trials: VecDeque<Trial> = SHARES.into_iter().filter_map(|share| self.with_share(share)).collect();
        match trials.is_empty() {
            true => Ok(VecDeque::from([self.ruled(Split::Balanced)?])),
            false => Ok(trials),
        }
    }

    /// Evaluates the stage that has ended, and sets up the next.
    fn decide(&mut self) -> Result<(), Error> {
        let tried = std::mem::take(&mut self.tried);
        let Some(at) = (0..tried.len()).min_by(|&x, &y| tried[x].1.total_cmp(&tried[y].1)) else {
            self.stage = SearchStage::Over;
            return Ok(());
        };
        match self.stage {
            SearchStage::Orientation => {
                // Short runs scatter by some tenths of a percent: what is tried first gives way only to more than that.
                let better = tried[at].1 < 0.995 * tried[0].1;
                self.settings.orientation = tried[if better { at } else { 0 }].0.settings.orientation;
                let split = self.settings.split == Split::Auto
                    && self.settings.factor_density.is_none()
                    && !self.settings.fixed_mask;
                self.stage = if split { SearchStage::Coarse } else { SearchStage::Over };
                self.waiting = self.trials()?;
            }
            SearchStage::Coarse => {
                self.stage = SearchStage::Fine;
                let best = tried[at].0.clone();
                let near = AROUND.into_iter().map(|factor| self.with_share(factor * best.share));
                // What has no room is as the best one: the number of steps was said before.
                let mut trials: VecDeque<Trial> = near.map(|trial| trial.unwrap_or(best.clone())).collect();
                trials.push_back(self.ruled(Split::Paper)?);
                trials.push_back(self.ruled(Split::Balanced)?);
                self.waiting = trials;
            }
            SearchStage::Fine => {
                let (rule, best) = (tried[AROUND.len()].0.clone(), tried[at].0.clone());
                let lowest = lowest(&tried).and_then(|share| self.with_share(share));
                self.waiting = [rule, lowest.unwrap_or(best.clone()), best].into();
                self.stage = SearchStage::Final;
            }
            SearchStage::Final | SearchStage::Over => {
                // The paper's rule is the first of them.
                self.gain = (tried[0].1 > 0.0).then(|| 1.0 - tried[at].1 / tried[0].1);
                self.settings = tried[at].0.settings.clone();
                self.stage = SearchStage::Over;
            }
        }
        Ok(())
    }

    /// A trial with this share of the nonzeros in the first factor; `None` where that does not fit.
    fn with_share(&self, share: f64) -> Option<Trial> {
        let (rows, cols) = self.w.shape();
        let total = Budget::new(rows, cols, &self.settings).ok()?.total();
        let first = (share * total as f64).round().clamp(1.0, total as f64 - 1.0);
        // Half an entry more, so that the share rounds down to it again.
        let factor_density = Some((first + 0.5) / (rows.min(cols) as f64).powi(2));
        let settings = Settings { factor_density, ..self.settings.clone() };
        let budget = settings.check().ok().and_then(|()| Budget::new(rows, cols, &settings).ok())?;
        (budget.first == first as usize).then_some(Trial { settings, share })
    }

    /// A trial with the split of a rule.
    fn ruled(&self, split: Split) -> Result<Trial, Error> {
        let (rows, cols) = self.w.shape();
        let budget = Budget::new(rows, cols, &Settings { split, ..self.settings.clone() })?;
        let share = budget.first as f64 / budget.total() as f64;
        let exactly = self.with_share(share);
        Ok(exactly.unwrap_or(Trial { settings: Settings { split, ..self.settings.clone() }, share }))
    }
}

impl SearchStage {
    /// Outer iterations of the stage's runs.
    fn outer(self, settings: &Settings) -> usize {
        let outer = match self {
            Self::Orientation => (settings.outer / 5).clamp(4, 40),
            Self::Coarse => (settings.outer / 4).clamp(4, 40),
            Self::Fine => (settings.outer / 2).clamp(4, 100),
            Self::Final | Self::Over => settings.outer.min(400),
        };
        outer.min(settings.outer)
    }
}

/// The lowest point of the parabola fitted to some trials, in the logarithms of share and error; `None` where it has
/// none.
fn lowest(tried: &[(Trial, f64)]) -> Option<f64> {
    let points: Vec<(f64, f64)> =
        tried.iter().map(|(trial, error)| (trial.share.ln(), error.max(f64::MIN_POSITIVE).ln())).collect();
    let middle = points.iter().map(|point| point.0).sum::<f64>() / points.len().max(1) as f64;
    // Least squares for c₀ + c₁x + c₂x².
    let (mut system, mut right) = ([0.0; 9], [0.0; 3]);
    for (x, y) in &points {
        let powers = [1.0, x - middle, (x - middle).powi(2)];
        for i in 0..3 {
            right[i] += powers[i] * y;
            (0..3).for_each(|j| system[3 * i + j] += powers[i] * powers[j]);
        }
    }
    solve_positive(&system, &mut right)?;
    let [_, slope, curvature] = right;
    let (low, high) = points
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), point| (low.min(point.0), high.max(point.0)));
    // Not far outside of what was tried.
    let lowest = (middle - slope / (2.0 * curvature)).clamp(low - 0.1, high + 0.1);
    (curvature > 1e-6 && lowest.is_finite()).then(|| lowest.exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_valleys_lowest_point() {
        let trial = |share: f64, error: f64| (Trial { settings: Settings::default(), share }, error);
        // ln e = (ln s − ln 0.3)².
        let error = |share: f64| (share / 0.3).ln().powi(2).exp();
        let tried = [0.2, 0.25, 0.36, 0.5].map(|share| trial(share, error(share)));
        assert!((lowest(&tried).unwrap() - 0.3).abs() < 1e-9);
        assert!(lowest(&tried[..2]).is_none(), "two points make no valley");
        let hill = [trial(0.2, 0.4), trial(0.25, 0.5), trial(0.3, 0.4)];
        assert!(lowest(&hill).is_none());
    }
}
