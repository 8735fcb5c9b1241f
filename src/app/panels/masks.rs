//! Two masks of the same factor: what both keep, and what only one does.

use crate::app::state::factors_at::FactorsAt;
use crate::app::state::kept::Parts;
use crate::app::state::run::Run;
use crate::app::tasks::async_memo::AsyncMemo;
use crate::app::widgets::colors;
use crate::app::widgets::picture::{Colors, Frame, Marks, MatrixView, Pyramid, Shade, Viewport};
use crate::matrix::{Factor, Matrix, Overlap};
use crate::tasks::{Queue, SilentTask, shared};
use eframe::egui::{Color32, ComboBox, Id, Ui};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Both, only the first, only the second: as in the pictures' table of colours.
const KINDS: [(&str, Color32); 3] =
    [("both", colors::BOTH), ("only the first", colors::ONLY_FIRST), ("only the second", colors::ONLY_SECOND)];

/// What is compared.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Key {
    first: FactorsAt,
    second: FactorsAt,
    factor: Factor,
}

impl SilentTask for Key {
    const NAME: &'static str = "compare masks";
    const QUEUE: Queue = Queue::Views;
    type Output = Option<Comparison>;

    fn make(self) -> Option<Comparison> {
        compare(&self)
    }
}

#[derive(Serialize, Deserialize)]
pub struct Comparison {
    #[serde(with = "shared")]
    picture: Arc<Pyramid>,
    overlap: Overlap,
}

/// The second mask's origin.
#[derive(Clone, Copy, PartialEq)]
enum Other {
    /// The same run's first kept iteration.
    Start,
    /// The end of the run with this number.
    Run(usize),
}

/// The panel's own state.
pub struct MasksPanel {
    factor: Factor,
    other: Other,
    viewport: Viewport,
    made: AsyncMemo<Key, Key>,
}

impl Default for MasksPanel {
    fn default() -> Self {
        Self { factor: Factor::A, other: Other::Start, viewport: Viewport::default(), made: AsyncMemo::default() }
    }
}

impl MasksPanel {
    /// Compares with the end of the run of this number.
    pub fn set_beside(&mut self, number: usize) {
        self.other = Other::Run(number);
        self.viewport = Viewport::default();
    }

    /// Compares what is on screen of `runs[selected]` with another run or an earlier iteration.
    pub fn ui(&mut self, ui: &mut Ui, runs: &[Run], selected: Option<usize>, moment: &FactorsAt) {
        let Some(run) = selected.and_then(|at| runs.get(at)) else {
            ui.weak("No run yet");
            return;
        };
        let comparable =
            |other: &&Run| other.number != run.number && other.ended.is_some() && other.parts() == run.parts();
        let others: Vec<&Run> = runs.iter().filter(comparable).collect();
        let alone = run.parts() == Parts::Alone;
        let factor = if alone { Factor::B } else { self.factor };
        if let Other::Run(number) = self.other
            && !others.iter().any(|other| other.number == number)
        {
            self.other = Other::Start;
        }
        // Where there is no start to compare with, another run will do.
        if let (Other::Start, true, Some(last)) = (self.other, run.report.is_some(), others.last()) {
            self.other = Other::Run(last.number);
        }
        let name = |other: Other| match other {
            Other::Start => format!("{} at its start", run.name),
            Other::Run(number) => {
                others.iter().find(|run| run.number == number).map_or(String::new(), |run| run.name.clone())
            }
        };
        ui.horizontal_wrapped(|ui| {
            if alone {
                _ = ui.selectable_label(true, "Ŵ").on_hover_text("The masks of the one matrix that replaces W");
            } else {
                ui.selectable_value(&mut self.factor, Factor::A, "A").on_hover_text("The masks of A");
                ui.selectable_value(&mut self.factor, Factor::B, "B").on_hover_text("The masks of B");
            }
            let label = ui.label(format!("{} on screen, against", run.name));
            ComboBox::from_id_salt("other mask")
                .selected_text(name(self.other))
                .show_ui(ui, |ui| {
                    if run.report.is_none() {
                        ui.selectable_value(&mut self.other, Other::Start, name(Other::Start));
                    }
                    for other in others.iter().rev() {
                        let other = Other::Run(other.number);
                        ui.selectable_value(&mut self.other, other, name(other));
                    }
                })
                .response
                .labelled_by(label.id);
        });
        let second = match self.other {
            Other::Start => run.snapshots.all().first().map(|shot| FactorsAt::PackedSnapshot(shot.clone())),
            Other::Run(number) => {
                let other = others.iter().find(|run| run.number == number).and_then(|run| run.ended.as_ref());
                other.map(|ended| FactorsAt::End(ended.kept.clone()))
            }
        };
        let Some(second) = second.filter(|_| *moment != FactorsAt::Nothing) else {
            ui.weak(if run.report.is_some() {
                "No other run has a mask of this kind: show another method of the comparison"
            } else if run.ended.is_some() {
                "No iteration of this run is kept: choose another run"
            } else {
                "No factors yet"
            });
            return;
        };
        let key = Key { first: moment.clone(), second, factor };
        self.made.want_slowly(ui.ctx(), key, std::time::Duration::from_millis(100), Clone::clone);
        match self.made.latest().map(|made| made.as_ref()) {
            None => _ = ui.weak("Comparing…"),
            Some(None) => {
                _ = ui.weak("These masks are of different sizes: choose runs of the same layer and expansion")
            }
            Some(Some(comparison)) => comparison_ui(ui, comparison, &mut self.viewport),
        }
    }
}

fn comparison_ui(ui: &mut Ui, comparison: &Comparison, viewport: &mut Viewport) {
    let Overlap { both, only_first, only_second } = comparison.overlap;
    ui.horizontal_wrapped(|ui| {
        for ((name, color), count) in KINDS.into_iter().zip([both, only_first, only_second]) {
            ui.colored_label(color, "■");
            ui.label(format!("{name} {count}"));
        }
        ui.label(format!("overlap {:.1} %", 100.0 * comparison.overlap.jaccard()))
            .on_hover_text("Jaccard's index: of the positions that either keeps, the share that both keep");
    });
    let frame = Frame {
        title: "two masks",
        accent: colors::DSF,
        pyramid: &comparison.picture,
        colors: Colors { shade: Shade::Value, range: 1.0, dark: ui.visuals().dark_mode },
        marks: &Marks::default(),
        readout: None,
        marginals: false,
    };
    MatrixView(Id::unique("two masks")).ui(ui, &frame, viewport);
}

fn compare(key: &Key) -> Option<Comparison> {
    let [first, second] = [&key.first, &key.second].map(|moment| moment.mask(key.factor));
    let (first, second) = (first?, second?);
    if (first.rows(), first.cols()) != (second.rows(), second.cols()) {
        return None;
    }
    let set = |i, j| match (first.get(i, j), second.get(i, j)) {
        (false, false) => 0.0,
        (true, true) => 1.0,
        (true, false) => 2.0,
        (false, true) => 4.0,
    };
    let sets = Matrix::from_fn(first.rows(), first.cols(), set);
    Some(Comparison { picture: Arc::new(Pyramid::of_sets(sets)), overlap: first.overlap(&second) })
}
