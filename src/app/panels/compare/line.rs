//! One line of the table: a method's name, its bar, its numbers, what can be done with it.

use super::columns::{BarQuantity, Heading};
use crate::app::state::command::CompareCommand;
use crate::app::tasks::comparison::{MethodState, Row};
use crate::app::widgets::colors;
use crate::app::widgets::text::duration;
use crate::export::{RunReport, error_text};
use crate::methods::Method;
use eframe::egui::{
    Align, Button, Id, Label, Layout, ProgressBar, Rangef, Rect, RichText, Role, Sense, Stroke, Ui, UiBuilder,
    WidgetInfo, pos2, vec2,
};

/// Height of a line, in points.
const LINE: f32 = 36.0;

/// Data that all lines share.
pub struct Lines<'a> {
    /// Columns with their places, in points from the left.
    pub columns: Vec<(Heading, Rangef)>,
    /// Quantity that the bars show.
    pub measure: BarQuantity,
    /// The number that fills a bar.
    pub most: f64,
    /// The least relative error, and the least layer-wise one.
    pub least: [Option<f64>; 2],
    /// Magnitude pruning's relative error.
    pub magnitude: Option<f64>,
    /// Its number as the bars show it.
    pub level: Option<f64>,
    /// Number of entries of W.
    pub entries: usize,
    /// The number of the run on screen.
    pub selected: Option<usize>,
    /// Why the masks of a method cannot be compared.
    pub no_masks: &'a dyn Fn(Method) -> Option<&'static str>,
}

/// A part of a line, which keeps its identity whatever the lines above consist of: a click that begins while one of them
/// ends would be lost.
pub fn cell(ui: &mut Ui, of: impl std::hash::Hash + std::fmt::Debug, line: Rect, range: Rangef, layout: Layout) -> Ui {
    let rect = Rect::from_x_y_ranges(
        line.left() + range.min..=line.left() + range.max,
        line.top() + 3.0..=line.bottom() - 3.0,
    );
    let mut cell = ui.new_child(UiBuilder::new().scope_id(Id::unique(("compared", of))).max_rect(rect).layout(layout));
    cell.spacing_mut().item_spacing = vec2(4.0, 0.0);
    cell
}

impl Lines<'_> {
    /// Room for a line.
    pub fn allocate(&self, ui: &mut Ui) -> Rect {
        let width = self.columns.last().map_or(0.0, |(_, range)| range.max);
        ui.allocate_exact_size(vec2(width, LINE), Sense::hover()).0
    }

    fn range(&self, heading: Heading) -> Rangef {
        self.columns.iter().find(|(other, _)| *other == heading).map_or(Rangef::NOTHING, |(_, range)| *range)
    }

    /// One method, the `at`-th line.
    pub fn line_ui(&self, ui: &mut Ui, at: usize, row: &Row) -> Option<CompareCommand> {
        let rect = self.allocate(ui);
        let shown = row.run.is_some() && row.run == self.selected;
        if shown {
            ui.painter().rect_filled(rect, 3.0, ui.visuals().selection.bg_fill.gamma_multiply(0.35));
        } else if at % 2 == 1 {
            ui.painter().rect_filled(rect, 0.0, ui.visuals().faint_bg_color);
        }
        self.name_ui(ui, rect, row.method());
        match &row.state {
            MethodState::Done(made) => {
                self.bar_ui(ui, rect, row.method(), &made.report);
                self.numbers_ui(ui, rect, row.method(), &made.report);
            }
            _ => self.state_ui(ui, rect, row),
        }
        self.buttons_ui(ui, rect, row, shown)
    }

    fn name_ui(&self, ui: &mut Ui, rect: Rect, method: Method) {
        let mut cell = cell(
            ui,
            (method, Heading::Method),
            rect,
            self.range(Heading::Method),
            Layout::left_to_right(Align::Center),
        );
        let (swatch, _) = cell.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
        cell.painter().rect_filled(swatch, 2.0, colors::of(method));
        cell.label(method.title()).on_hover_text(method.about());
    }

    /// Shows the progress of a method, or why there is no result.
    fn state_ui(&self, ui: &mut Ui, rect: Rect, row: &Row) {
        let range = Rangef::new(self.range(Heading::Bar).min, self.range(Heading::Seconds).max);
        let of = (row.method(), Heading::Bar);
        let mut cell = cell(ui, of, rect, range, Layout::left_to_right(Align::Center));
        let title = row.method().title();
        match &row.state {
            MethodState::Waiting => _ = cell.weak("waits for its turn"),
            MethodState::Cancelled => _ = cell.weak("cancelled"),
            MethodState::Failed(why) => {
                let text = RichText::new(why).color(cell.visuals().error_fg_color);
                cell.add(Label::new(text).truncate());
            }
            MethodState::Working(work) => {
                let (so_far, left) = work.seconds();
                let text = match left {
                    Some(left) => format!("{:.0} %, about {} left", 100.0 * work.share, duration(left)),
                    None => format!("{} so far", duration(so_far)),
                };
                let bar = ProgressBar::new(work.share as f32).fill(colors::of(row.method()).gamma_multiply(0.7));
                let bar = cell.add(bar.text(&text).desired_width(range.span().min(420.0)));
                let says = format!("{title}: {text}");
                bar.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, &says));
            }
            MethodState::Done(_) => {}
        }
    }

    /// As long as its number is large; a thin line marks magnitude pruning's.
    fn bar_ui(&self, ui: &mut Ui, rect: Rect, method: Method, report: &RunReport) {
        let Some(value) = self.measure.of(report, self.magnitude) else { return };
        let range = self.range(Heading::Bar);
        let share = |value: f64| if self.most > 0.0 { (value / self.most).clamp(0.0, 1.0) as f32 } else { 0.0 };
        let x = |value: f64| rect.left() + range.min + share(value) * range.span();
        let (top, bottom) = (rect.center().y - 9.0, rect.center().y + 9.0);
        let whole = Rect::from_min_max(pos2(x(0.0), top), pos2(rect.left() + range.max, bottom));
        ui.painter().rect_filled(whole, 2.0, ui.visuals().weak_text_color().gamma_multiply(0.12));
        ui.painter().rect_filled(whole.with_max_x(x(value).max(whole.left() + 1.0)), 2.0, colors::of(method));
        let is_error = !matches!(self.measure, BarQuantity::Bytes);
        if let Some(level) = self.level.filter(|_| is_error && method != Method::Magnitude) {
            let stroke = Stroke::new(2.0, colors::MAGNITUDE);
            ui.painter().vline(x(level), top - 5.0..=bottom + 5.0, stroke);
        }
        let name = self.measure.title();
        let says = match self.measure {
            BarQuantity::Bytes => format!("{name} of {}: {}", method.title(), report.bytes),
            _ => format!("{name} of {}: {value:.5}", method.title()),
        };
        let bar = ui.interact(whole, Id::unique(("bar", method)), Sense::hover());
        bar.widget_info(|| WidgetInfo::labeled(Role::ProgressIndicator, true, &says));
        let line = if is_error && self.level.is_some() { "\nThe line is magnitude pruning's" } else { "" };
        bar.on_hover_text(format!("{says}{line}"));
    }

    fn numbers_ui(&self, ui: &mut Ui, rect: Rect, method: Method, report: &RunReport) {
        let ratio = self.magnitude.map(|magnitude| format!("× {:.3}", report.relative_error / magnitude));
        let share = |part: f64, whole: f64| format!("{:.1} %", 100.0 * part / whole.max(1.0));
        for (heading, number, below) in [
            (Heading::Error, Some(error_text(report.relative_error, 4)), ratio),
            (
                Heading::Layer,
                report.layer_error.map(|error| error_text(error, 5)),
                report.layer_error_held_out.map(|error| error_text(error, 5)),
            ),
            (Heading::Nonzeros, Some(report.nnz.to_string()), Some(share(report.nnz as f64, self.entries as f64))),
            (Heading::Bytes, Some(bytes(report.bytes)), Some(share(report.bytes as f64, report.bytes_dense as f64))),
            (Heading::Seconds, Some(format!("{:.2}", report.seconds)), None),
        ] {
            let Some((_, range)) = self.columns.iter().find(|(other, _)| *other == heading) else { continue };
            let mut cell = cell(ui, (method, heading), rect, *range, Layout::top_down(Align::Max));
            let text = RichText::new(number.unwrap_or_else(|| "–".into()));
            let best = match heading {
                Heading::Error => self.least[0] == Some(report.relative_error),
                Heading::Layer => report.layer_error.is_some() && self.least[1] == report.layer_error,
                _ => false,
            };
            let number = cell.label(if best { text.strong() } else { text });
            if heading == Heading::Bytes {
                number.on_hover_text(format!("{} bytes of {}", report.bytes, report.bytes_dense));
            }
            below.into_iter().for_each(|below| _ = cell.label(fine(below)));
        }
    }

    fn buttons_ui(&self, ui: &mut Ui, rect: Rect, row: &Row, shown: bool) -> Option<CompareCommand> {
        // What is pressed as Cancel is not let go as Show.
        let of = (row.method(), Heading::Buttons, row.state.is_open(), row.made().is_some());
        let mut cell = cell(ui, of, rect, self.range(Heading::Buttons), Layout::left_to_right(Align::Center));
        let (method, title) = (row.method(), row.method().title());
        let mut button = |text: &str, name: String, hint: &str, why_not: Option<&str>, on: bool| {
            let button = cell.add_enabled(why_not.is_none(), Button::new(text).small().selected(on));
            button.widget_info(|| WidgetInfo::labeled(Role::Button, why_not.is_none(), &name));
            button.on_hover_text(hint).on_disabled_hover_text(why_not.unwrap_or_default()).clicked()
        };
        match &row.state {
            MethodState::Waiting | MethodState::Working(_) => {
                button("Cancel", format!("Cancel {title}"), "The others go on", None, false)
                    .then_some(CompareCommand::Cancel(method))
            }
            MethodState::Cancelled | MethodState::Failed(_) => {
                button("Again", format!("{title} again"), "Do it once more", None, false)
                    .then_some(CompareCommand::Again(method))
            }
            MethodState::Done(_) => {
                let hint = "Its pictures, mask and error in the linked views; it joins the list of runs";
                let show = button("Show", format!("Show {title}"), hint, None, shown);
                let hint = "Its mask over that of what is on screen, or of another method";
                let masks = button("Masks", format!("Masks of {title}"), hint, (self.no_masks)(method), false);
                show.then_some(CompareCommand::Show(method)).or(masks.then_some(CompareCommand::Masks(method)))
            }
        }
    }
}

/// Of the second line in a cell.
pub fn fine(text: impl Into<String>) -> RichText {
    RichText::new(text).size(10.5).weak()
}

/// In the unit that leaves few digits.
fn bytes(count: u64) -> String {
    match count as f64 {
        n if n < 1e3 => format!("{n} B"),
        n if n < 1e6 => format!("{:.1} kB", n / 1e3),
        n if n < 1e9 => format!("{:.1} MB", n / 1e6),
        n => format!("{:.1} GB", n / 1e9),
    }
}
