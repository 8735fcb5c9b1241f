//! Which classes the network takes for which.

use super::changed::{changed, changed_ui};
use super::info::info_ui;
use crate::app::panels::state::State;
use crate::app::state::command::Command;
use crate::app::tasks::vision::network_set::NetworkInfo;
use crate::app::widgets::colors;
use crate::app::widgets::regions::scroll_ui;
use crate::app::widgets::theme::ink_on;
use crate::vision::Evaluation;
use eframe::egui::epaint::TextShape;
use eframe::egui::text::{LayoutJob, TextFormat, TextWrapping};
use eframe::egui::{
    Align2, Color32, FontId, Galley, Rect, Role, ScrollArea, Sense, StrokeKind, TextStyle, Ui, WidgetInfo, pos2, vec2,
};
use std::f32::consts::FRAC_PI_2;
use std::sync::Arc;

/// More classes than this are listed only: the cells would be too small.
const MOST_CLASSES: usize = 32;

/// Room for a class's name beside the matrix, in points.
const NAME: f32 = 74.0;

/// Lines of the list.
const LINES: usize = 12;

/// Whose answers are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Counted {
    Dense,
    #[default]
    Now,
    Change,
}

/// The panel's own state.
#[derive(Default)]
pub struct ConfusionPanel {
    counted: Counted,
}

impl ConfusionPanel {
    /// Draws the matrix of classes and answers, and lists what is confused most.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Option<Command> {
        let info = match info_ui(ui, state) {
            Ok(info) => info,
            Err(command) => return command,
        };
        let Some(dense) = state.vision.dense() else {
            let words = if info.images.is_some() { "Not measured yet" } else { "Give images to see what is confused" };
            ui.centered_and_justified(|ui| ui.weak(words));
            return None;
        };
        let now = changed(state).filter(|now| now.images() == dense.images());
        let asked = changed_ui(ui, state, info);
        if dense.is_labelled() {
            ui.horizontal_wrapped(|ui| {
                for (counted, title, why) in [
                    (Counted::Dense, "Dense", "Answers of the dense network"),
                    (Counted::Now, "Now", "Answers of the network as it is now"),
                    (Counted::Change, "Change", "Answers now less those of the dense network"),
                ] {
                    ui.selectable_value(&mut self.counted, counted, title).on_hover_text(why);
                }
            });
        } else {
            ui.weak("The images' classes are not known: rows are the dense network's answers");
        }
        let table = Table::of(info, dense, now.unwrap_or(dense), self.counted);
        scroll_ui(ui, ScrollArea::both().auto_shrink(false), |ui| {
            if table.classes <= MOST_CLASSES {
                table.matrix_ui(ui, info);
            }
            table.list_ui(ui, info);
        });
        asked.map(Command::Vision)
    }
}

/// Numbers of images by class (row) and answer (column).
struct Table {
    classes: usize,
    counts: Vec<i64>,
    /// Images of each class.
    rows: Vec<i64>,
    is_change: bool,
}

impl Table {
    fn of(info: &NetworkInfo, dense: &Evaluation, now: &Evaluation, counted: Counted) -> Self {
        let classes = info.architecture.classes();
        let labels = if dense.is_labelled() { &dense.labels } else { &dense.answers };
        let count = |of: &Evaluation| {
            let mut counts = vec![0; classes * classes];
            for (&label, &answer) in labels.iter().zip(&of.answers) {
                counts[label * classes + answer] += 1;
            }
            counts
        };
        let counted = if dense.is_labelled() { counted } else { Counted::Now };
        let mut counts: Vec<i64> = count(if counted == Counted::Dense { dense } else { now });
        let rows = counts.chunks(classes.max(1)).map(|row| row.iter().sum()).collect();
        if counted == Counted::Change {
            counts.iter_mut().zip(count(dense)).for_each(|(now, dense)| *now -= dense);
        }
        Self { classes, counts, rows, is_change: counted == Counted::Change }
    }

    fn get(&self, class: usize, answer: usize) -> i64 {
        self.counts[class * self.classes + answer]
    }

    /// What a cell says.
    fn cell(&self, info: &NetworkInfo, class: usize, answer: usize) -> String {
        let (count, of) = (self.get(class, answer), self.rows[class]);
        let sign = if self.is_change && count > 0 { "+" } else { "" };
        let taken = match class == answer {
            true => "recognized".to_owned(),
            false => format!("taken for {}", info.class(answer)),
        };
        format!("{sign}{count} of {of} images of {} {taken}", info.class(class))
    }

    /// Colour of a cell: what is right and wrong, by the share of the class's images.
    fn color(&self, ground: Color32, class: usize, answer: usize) -> Color32 {
        let count = self.get(class, answer);
        let better = (class == answer) == (count > 0);
        let color = if better { colors::RIGHT } else { colors::WRONG };
        let share = count.unsigned_abs() as f32 / self.rows[class].max(1) as f32;
        // Few of many can be seen too.
        ground.lerp_to_gamma(color, share.min(1.0).sqrt())
    }

    fn matrix_ui(&self, ui: &mut Ui, info: &NetworkInfo) {
        let names: Vec<Arc<Galley>> = (0..self.classes).map(|class| name(ui, &info.class(class))).collect();
        let width = names.iter().map(|name| name.size().x).fold(0.0, f32::max) + 6.0;
        let room = (ui.available_width() - width - 8.0) / self.classes as f32;
        let side = room.clamp(12.0, 30.0);
        let size = vec2(width, width) + vec2(side, side) * self.classes as f32 + vec2(1.0, 18.0);
        let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
        let text = format!("Confusion matrix of {} classes", self.classes);
        response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &text));
        let font = FontId::proportional((0.42 * side).clamp(7.0, 12.0));
        let corner = rect.min + vec2(width, width + 16.0);
        let visuals = ui.visuals();
        let (painter, ground, ink) = (ui.painter(), visuals.extreme_bg_color, visuals.text_color());
        let small = TextStyle::Small.resolve(ui.style());
        painter.text(
            pos2(corner.x, rect.top()),
            Align2::LEFT_TOP,
            "answer →",
            small.clone(),
            visuals.weak_text_color(),
        );
        painter.text(
            pos2(rect.left(), corner.y - 3.0),
            Align2::LEFT_BOTTOM,
            "class ↓",
            small,
            visuals.weak_text_color(),
        );
        let pointed = response.hover_pos().map(|at| (at - corner) / side);
        for (class, galley) in names.iter().enumerate() {
            let middle = (class as f32 + 0.5) * side;
            let at = corner + vec2(-4.0 - galley.size().x, middle - 0.5 * galley.size().y);
            painter.galley(at, galley.clone(), ink);
            let at = corner + vec2(middle - 0.5 * galley.size().y, -4.0);
            painter.add(TextShape::new(at, galley.clone(), ink).with_angle(-FRAC_PI_2));
            for answer in 0..self.classes {
                let cell = Rect::from_min_size(corner + vec2(answer as f32, class as f32) * side, vec2(side, side));
                let fill = self.color(ground, class, answer);
                painter.rect_filled(cell.shrink(0.5), 0.0, fill);
                let count = self.get(class, answer);
                if count != 0 {
                    painter.text(cell.center(), Align2::CENTER_CENTER, count, font.clone(), ink_on(fill));
                }
                let is_pointed = pointed.is_some_and(|at| at.floor() == vec2(answer as f32, class as f32));
                if is_pointed {
                    painter.rect_stroke(cell, 0.0, (1.5, ink), StrokeKind::Inside);
                }
            }
        }
        let inside = |at: f32| (at >= 0.0 && at < self.classes as f32).then_some(at as usize);
        if let Some((class, answer)) = pointed.and_then(|at| inside(at.y).zip(inside(at.x))) {
            response.on_hover_text_at_pointer(self.cell(info, class, answer));
        }
    }

    /// What is confused most, or has become more frequent.
    fn list_ui(&self, ui: &mut Ui, info: &NetworkInfo) {
        let off = |at: &usize| at / self.classes != at % self.classes && self.counts[*at] != 0;
        let mut cells: Vec<usize> = (0..self.counts.len()).filter(off).collect();
        cells.sort_by_key(|&at| -self.counts[at].abs());
        ui.strong(if self.is_change { "Changed most" } else { "Confused most" });
        if cells.is_empty() {
            ui.weak("Nothing");
        }
        for at in cells.into_iter().take(LINES) {
            ui.label(self.cell(info, at / self.classes, at % self.classes));
        }
    }
}

/// A class's name, as much of it as there is room for.
fn name(ui: &Ui, name: &str) -> Arc<Galley> {
    let format = TextFormat::simple(TextStyle::Small.resolve(ui.style()), ui.visuals().text_color());
    let mut job = LayoutJob::single_section(name.to_owned(), format);
    job.wrap = TextWrapping::truncate_at_width(NAME);
    ui.painter().layout_job(job)
}
