//! Two masks of the same factor: what both keep, and what only one does.

use super::state::State;
use crate::app::state::command::Command;
use crate::app::state::factors_at::FactorsAt;
use crate::app::state::run::Run;
use crate::app::tasks::masks::MaskComparison;
use crate::app::widgets::colors;
use crate::app::widgets::picture::{Colors, Frame, Marks, MatrixView, Readout, Shade, Viewport};
use crate::matrix::{Factor, Overlap, ReplacementKind};
use eframe::egui::{Color32, ComboBox, Id, Ui};

/// Both, only the first, only the second: as in the pictures' table of colours.
const KINDS: [(&str, Color32); 3] =
    [("both", colors::BOTH), ("only the first", colors::ONLY_FIRST), ("only the second", colors::ONLY_SECOND)];

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
    /// Entry that the mouse or keys are at.
    pointer: Option<(usize, usize)>,
}

impl Default for MasksPanel {
    fn default() -> Self {
        Self { factor: Factor::A, other: Other::Start, viewport: Viewport::default(), pointer: None }
    }
}

impl MasksPanel {
    /// Compares with the end of the run of this number.
    pub fn set_beside(&mut self, number: usize) {
        self.other = Other::Run(number);
        self.viewport = Viewport::default();
    }

    /// Compares the run on screen with another one, or with an earlier iteration.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Option<Command> {
        let (runs, factors) = (state.runs.all(), state.runs.factors_at());
        let Some(run) = state.runs.shown() else {
            ui.weak("No run yet");
            return None;
        };
        let alike = |other: &Run| {
            let kinds = [other, run].map(Run::kind);
            kinds[0] == kinds[1] || kinds.iter().all(|kind| kind.is_two_factors())
        };
        let comparable = |other: &&Run| other.number != run.number && other.outcome.is_some() && alike(other);
        let others: Vec<&Run> = runs.iter().filter(comparable).collect();
        let alone = run.kind() == ReplacementKind::Sparse;
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
            Other::Start => run.snapshots.all().first().map(|snapshot| FactorsAt::Snapshot(snapshot.clone())),
            Other::Run(number) => {
                let other = others.iter().find(|run| run.number == number).and_then(|run| run.outcome.as_ref());
                other.map(|ended| FactorsAt::End(ended.replacement.clone()))
            }
        };
        let Some(second) = second.filter(|_| factors != FactorsAt::Nothing) else {
            ui.weak(if run.report.is_some() {
                "No other run has a mask of this kind: show another method of the comparison"
            } else if run.outcome.is_some() {
                "No iteration of this run is kept: choose another run"
            } else {
                "No factors yet"
            });
            return None;
        };
        match state.computed.masks.latest().map(AsRef::as_ref) {
            None => _ = ui.weak("Comparing…"),
            Some(None) => {
                _ = ui.weak("These masks are of different sizes: choose runs of the same layer and expansion")
            }
            Some(Some(comparison)) => self.comparison_ui(ui, comparison),
        }
        Some(Command::CompareMasks(factors, second, factor))
    }

    fn comparison_ui(&mut self, ui: &mut Ui, comparison: &MaskComparison) {
        let Overlap { both, only_first, only_second } = comparison.overlap;
        ui.horizontal_wrapped(|ui| {
            for ((name, color), count) in KINDS.into_iter().zip([both, only_first, only_second]) {
                ui.colored_label(color, "■");
                ui.label(format!("{name} {count}"));
            }
            ui.label(format!("overlap {:.1} %", 100.0 * comparison.overlap.jaccard()))
                .on_hover_text("Jaccard's index: of the positions that either keeps, the share that both keep");
        });
        let (rows, cols) = comparison.picture.matrix().shape();
        let pointer = self.pointer.filter(|&(row, col)| row < rows && col < cols);
        let frame = Frame {
            title: "two masks",
            accent: colors::DSF,
            pyramid: &comparison.picture,
            colors: Colors { shade: Shade::Value, range: 1.0, dark: ui.visuals().dark_mode },
            marks: &Marks { row: pointer.map(|at| at.0), col: pointer.map(|at| at.1), entries: Vec::new() },
            readout: pointer.map(|(row, col)| Readout {
                row,
                col,
                value: set_name(comparison.picture.matrix().get(row, col)).to_owned(),
                is_held: false,
            }),
            marginals: false,
        };
        let seen = MatrixView(Id::unique("two masks")).ui(ui, &frame, &mut self.viewport);
        if seen.moved.is_some() {
            ui.ctx().request_repaint();
        }
        let is_kept = seen.response.has_focus() && seen.hovered.is_none();
        self.pointer = seen.moved.or(seen.hovered).or(pointer.filter(|_| is_kept));
    }
}

/// Which of the masks keep an entry.
fn set_name(set: f32) -> &'static str {
    match set as u32 {
        0 => "kept by neither",
        1 => KINDS[0].0,
        2 => KINDS[1].0,
        _ => KINDS[2].0,
    }
}
