//! The 8×8 lesson: every number of a factorization that is small enough to read, and what the next half-step does.

use crate::app::state::lesson::{Lesson, N, Next, Numbers, OUTER, product};
use crate::app::widgets::colors;
use crate::app::widgets::regions::scroll_ui;
use crate::app::widgets::theme;
use crate::app::widgets::words::{paragraphs, words};
use crate::export::error_text;
use crate::matrix::Factor;
use eframe::egui::{Align2, Color32, FontId, ScrollArea, Sense, Slider, Stroke, StrokeKind, Ui, pos2, vec2};

/// Size of a number's cell in points.
const CELL: [f32; 2] = [34.0, 19.0];

/// The panel's own state: the lesson as far as it has come.
#[derive(Default)]
pub struct LessonPanel {
    lesson: Lesson,
}

impl LessonPanel {
    /// Draws the page of the lesson.
    pub fn ui(&mut self, ui: &mut Ui) {
        scroll_ui(ui, ScrollArea::both().auto_shrink(false), |ui| {
            let about = words("lesson");
            ui.heading(about.title);
            paragraphs(ui, about.text);
            self.controls_ui(ui);
            self.matrices_ui(ui);
            ui.separator();
            if self.lesson.is_over() {
                ui.label(words("lesson over").text);
            } else {
                next_ui(ui, &self.lesson.next());
            }
        });
    }

    /// W, A, B and A·B: beside each other where they fit, else two and two, else one below the other.
    fn matrices_ui(&self, ui: &mut Ui) {
        let Lesson { w, a, b, before, .. } = &self.lesson;
        let (product, [old_a, old_b]) = (product(a, b), before);
        let all = [
            ("W", colors::W, w, w),
            ("A", colors::A, a, old_a),
            ("B", colors::B, b, old_b),
            ("A·B", colors::DSF, &product, &product),
        ];
        let each = N as f32 * CELL[0] + ui.spacing().item_spacing.x;
        let columns = match ui.available_width() / each {
            fit if fit >= 4.0 => 4,
            fit if fit >= 2.0 => 2,
            _ => 1,
        };
        for row in all.chunks(columns) {
            ui.horizontal_top(|ui| {
                for &(name, accent, now, then) in row {
                    numbers_ui(ui, name, accent, now, |i, j| now[i][j] != then[i][j]);
                }
            });
        }
    }

    fn controls_ui(&mut self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            let over = self.lesson.is_over();
            if ui.add_enabled(!over, eframe::egui::Button::new("Next half-step")).clicked() {
                self.lesson.step();
            }
            if ui.add_enabled(!over, eframe::egui::Button::new("To the end")).clicked() {
                while !self.lesson.is_over() {
                    self.lesson.step();
                }
            }
            if ui.button("Begin again").clicked() {
                self.lesson = Lesson::new(self.lesson.density);
            }
            ui.separator();
            let label = ui.label("Density of the lesson");
            let mut density = self.lesson.density;
            let slider = Slider::new(&mut density, 0.3..=0.9).custom_formatter(|x, _| format!("{:.0} %", 100.0 * x));
            if ui.add(slider).labelled_by(label.id).changed() {
                self.lesson = Lesson::new(density);
            }
            let [first, second] = self.lesson.budget();
            ui.weak(format!("z = {}: {first} + {second}", first + second));
            ui.separator();
            ui.label(format!(
                "half-step {} of {}, error {}",
                self.lesson.steps,
                2 * OUTER,
                error_text(self.lesson.error(), 4)
            ));
        });
    }
}

fn next_ui(ui: &mut Ui, next: &Next) {
    let (name, other) = if next.factor == Factor::A { ("A", "B") } else { ("B", "A") };
    let about = words("lesson formula");
    ui.strong(format!("{}: Y = {name}, F = {other}", about.title));
    paragraphs(ui, about.text);
    let color = if next.factor == Factor::A { colors::A } else { colors::B };
    for (key, numbers, of) in [
        ("lesson gram", &next.gram, "G"),
        ("lesson target", &next.target, "FᵀW"),
        ("lesson solve", &next.solved, "Ŷ"),
        ("lesson mask", &next.kept, "Z"),
    ] {
        let about = words(key);
        let words = |ui: &mut Ui| {
            ui.set_max_width(300.0);
            ui.strong(about.title);
            paragraphs(ui, about.text);
        };
        if ui.available_width() < N as f32 * CELL[0] + 220.0 {
            ui.vertical(words);
            numbers_ui(ui, of, color, numbers, |_, _| false);
            continue;
        }
        ui.horizontal_top(|ui| {
            numbers_ui(ui, of, color, numbers, |_, _| false);
            ui.vertical(|ui| {
                ui.add_space(20.0);
                words(ui);
            });
        });
    }
}

/// Numbers in coloured cells: zeros are left out, `marked` ones framed.
fn numbers_ui(ui: &mut Ui, name: &str, accent: Color32, of: &Numbers, marked: impl Fn(usize, usize) -> bool) {
    let largest = of.iter().flatten().fold(1e-9f64, |largest, x| largest.max(x.abs()));
    ui.vertical(|ui| {
        ui.colored_label(theme::readable(ui.visuals(), accent), name);
        let (area, response) = ui.allocate_exact_size(N as f32 * vec2(CELL[0], CELL[1]), Sense::hover());
        let said = || of.iter().map(|row| row.map(|x| format!("{x:.2}")).join(" ")).collect::<Vec<_>>().join("; ");
        response.widget_info(|| {
            eframe::egui::WidgetInfo::labeled(eframe::egui::Role::Image, true, format!("Numbers of {name}: {}", said()))
        });
        let painter = ui.painter_at(area.expand(1.0));
        let text = ui.visuals().text_color();
        for (i, row) in of.iter().enumerate() {
            for (j, &x) in row.iter().enumerate() {
                let at = pos2(area.min.x + j as f32 * CELL[0], area.min.y + i as f32 * CELL[1]);
                let cell = eframe::egui::Rect::from_min_size(at, CELL.into());
                let share = (x.abs() / largest) as f32;
                let ground = if x < 0.0 { Color32::from_rgb(60, 110, 220) } else { Color32::from_rgb(220, 80, 50) };
                painter.rect_filled(cell, 0.0, ground.gamma_multiply(0.55 * share));
                let stroke =
                    if marked(i, j) { Stroke::new(1.5, accent) } else { Stroke::new(0.5, text.gamma_multiply(0.2)) };
                painter.rect_stroke(cell, 0.0, stroke, StrokeKind::Inside);
                if x != 0.0 {
                    let whole = x == x.round();
                    let shown = if whole { format!("{x:.0}") } else { format!("{x:.2}") };
                    painter.text(cell.center(), Align2::CENTER_CENTER, shown, FontId::monospace(10.5), text);
                }
            }
        }
    });
}
