//! The 8×8 lesson: every number of a factorization that is small enough to read, and what the next half-step does.

use super::words::{paragraphs, words};
use crate::app::colors;
use crate::factorize::{Factor, Factors, Orientation, Report, Schedule, Settings, Solver};
use crate::matrix::Matrix;
use eframe::egui::{Align2, Color32, FontId, ScrollArea, Sense, Slider, Stroke, StrokeKind, Ui, pos2, vec2};

/// Rows and columns of everything in it.
const N: usize = 8;

/// The lesson as far as it has come.
pub struct Lesson {
    density: f64,
    w: Matrix,
    solver: Solver,
    reports: Vec<Report>,
    /// The factors before the last half-step.
    before: Factors,
}

/// The numbers of the next half-step, in the order in which they come about.
#[derive(Debug)]
struct Next {
    factor: Factor,
    /// FᵀF + ridge.
    gram: [[f64; N]; N],
    /// FᵀW.
    target: [[f64; N]; N],
    /// Ŷ.
    solved: [[f64; N]; N],
    /// Z, and where it is not 0.
    kept: [[f64; N]; N],
}

impl Default for Lesson {
    fn default() -> Self {
        Self::new(0.5)
    }
}

/// Whole numbers with something to find: two patterns laid over each other.
fn example() -> Matrix {
    let entry = |i: usize, j: usize| {
        let stripes = [3.0, -2.0, 0.0, 1.0][(i + 2 * j) % 4];
        let blocks = if (i / 4) == (j / 4) { 4.0 } else { -1.0 };
        stripes + blocks * [1.0, 0.0, 1.0, 1.0, 0.0, 2.0, 1.0, 0.0][(3 * i + j) % N]
    };
    Matrix::from_fn(N, N, |i, j| entry(i, j) as f32)
}

impl Lesson {
    fn new(density: f64) -> Self {
        let w = example();
        let solver = Solver::new(&w, &Self::settings(density)).expect("the lesson's settings are valid ones");
        let before = solver.factors();
        Self { density, w, solver, reports: Vec::new(), before }
    }

    /// Each half-step is one least-squares problem and one choice of the largest: what can be followed on paper.
    fn settings(density: f64) -> Settings {
        Settings {
            density,
            outer: 40,
            inner: 1,
            mask_iterations: 1,
            warm_start: false,
            schedule: Schedule::None,
            rho: 0.05,
            orientation: Orientation::AsIs,
            ..Settings::default()
        }
    }

    fn is_over(&self) -> bool {
        self.reports.len() == self.solver.steps()
    }

    fn step(&mut self) {
        self.before = self.solver.factors();
        // These numbers cannot run away; if they did, the lesson would stand still.
        if let Ok(Some(report)) = self.solver.step() {
            self.reports.push(report);
        }
    }

    /// Of both factors together.
    fn budget(&self) -> [usize; 2] {
        let budget = crate::factorize::Budget::new(N, N, &Self::settings(self.density));
        budget.map_or([0, 0], |budget| [budget.first, budget.second])
    }

    /// As the solver will compute it, here in f64 and by the book.
    fn next(&self) -> Next {
        let Factors { a, b } = self.solver.factors();
        // The solver begins with the first factor, and takes turns.
        let factor = if self.reports.len().is_multiple_of(2) { Factor::A } else { Factor::B };
        let entry = |m: &Matrix, i: usize, j: usize| f64::from(m.get(i, j));
        // For B: F = A and T = W. For A the same with everything transposed.
        let f = |i: usize, j: usize| if factor == Factor::B { entry(&a, i, j) } else { entry(&b, j, i) };
        let t = |i: usize, j: usize| if factor == Factor::B { entry(&self.w, i, j) } else { entry(&self.w, j, i) };
        let norms: [f64; N] = std::array::from_fn(|j| (0..N).map(|i| f(i, j) * f(i, j)).sum::<f64>().sqrt().max(1e-8));
        let f = |i: usize, j: usize| f(i, j) / norms[j];
        let dot = |x: &dyn Fn(usize) -> f64, y: &dyn Fn(usize) -> f64| (0..N).map(|i| x(i) * y(i)).sum::<f64>();
        let settings = Self::settings(self.density);
        let mut gram: [[f64; N]; N] = std::array::from_fn(|i| std::array::from_fn(|j| dot(&|r| f(r, i), &|r| f(r, j))));
        let mean = (0..N).map(|i| gram[i][i]).sum::<f64>() / N as f64;
        (0..N).for_each(|i| gram[i][i] += settings.ridge * mean);
        let target: [[f64; N]; N] = std::array::from_fn(|i| std::array::from_fn(|j| dot(&|r| f(r, i), &|r| t(r, j))));
        let mut system = gram;
        (0..N).for_each(|i| system[i][i] += settings.rho);
        let solved = solve(system, target);
        let budget = self.budget()[usize::from(factor == Factor::B)];
        let mut order: Vec<(usize, usize)> = (0..N * N).map(|at| (at / N, at % N)).collect();
        order.sort_by(|&x, &y| solved[y.0][y.1].abs().total_cmp(&solved[x.0][x.1].abs()));
        let mut kept = [[0.0; N]; N];
        order.into_iter().take(budget).for_each(|(i, j)| kept[i][j] = solved[i][j]);
        Next { factor, gram, target, solved, kept }
    }

    /// The page.
    pub fn ui(&mut self, ui: &mut Ui) {
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            let about = words("lesson");
            ui.heading(about.title);
            paragraphs(ui, about.text);
            self.controls_ui(ui);
            let Factors { a, b } = self.solver.factors();
            let product = Factors { a: a.clone(), b: b.clone() }.product();
            let read = |m: &Matrix| -> [[f64; N]; N] {
                std::array::from_fn(|i| std::array::from_fn(|j| f64::from(m.get(i, j))))
            };
            let changed = |now: &Matrix, then: &Matrix| {
                let (now, then) = (read(now), read(then));
                move |i: usize, j: usize| now[i][j] != then[i][j]
            };
            ui.horizontal_wrapped(|ui| {
                numbers_ui(ui, "W", colors::W, &read(&self.w), |_, _| false);
                let (of_a, of_b) = (changed(&a, &self.before.a), changed(&b, &self.before.b));
                let seen = !self.reports.is_empty();
                numbers_ui(ui, "A", colors::A, &read(&a), |i, j| seen && of_a(i, j));
                numbers_ui(ui, "B", colors::B, &read(&b), |i, j| seen && of_b(i, j));
                numbers_ui(ui, "A·B", colors::DSF, &read(&product), |_, _| false);
            });
            ui.separator();
            if self.is_over() {
                ui.label(words("lesson over").text);
            } else {
                next_ui(ui, &self.next());
            }
        });
    }

    fn controls_ui(&mut self, ui: &mut Ui) {
        ui.horizontal_wrapped(|ui| {
            let over = self.is_over();
            if ui.add_enabled(!over, eframe::egui::Button::new("Next half-step")).clicked() {
                self.step();
            }
            if ui.add_enabled(!over, eframe::egui::Button::new("To the end")).clicked() {
                while !self.is_over() {
                    self.step();
                }
            }
            if ui.button("Begin again").clicked() {
                *self = Self::new(self.density);
            }
            ui.separator();
            let label = ui.label("Density of the lesson");
            let mut density = self.density;
            let slider = Slider::new(&mut density, 0.3..=0.9).custom_formatter(|x, _| format!("{:.0} %", 100.0 * x));
            if ui.add(slider).labelled_by(label.id).changed() {
                *self = Self::new(density);
            }
            let [first, second] = self.budget();
            ui.weak(format!("z = {}: {first} + {second}", first + second));
            ui.separator();
            let error = self.reports.last().map(|report| report.error);
            let step = self.reports.len();
            ui.label(match error {
                Some(error) => format!("half-step {step}, error {error:.4}"),
                None => words("lesson first").title.to_owned(),
            });
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
        ui.horizontal_top(|ui| {
            numbers_ui(ui, of, color, numbers, |_, _| false);
            ui.vertical(|ui| {
                ui.set_max_width(300.0);
                ui.add_space(20.0);
                ui.strong(about.title);
                paragraphs(ui, about.text);
            });
        });
    }
}

/// Numbers in coloured cells: zeros are left out, `marked` ones framed.
fn numbers_ui(ui: &mut Ui, name: &str, accent: Color32, of: &[[f64; N]; N], marked: impl Fn(usize, usize) -> bool) {
    const CELL: [f32; 2] = [34.0, 19.0];
    let largest = of.iter().flatten().fold(1e-9f64, |largest, x| largest.max(x.abs()));
    ui.vertical(|ui| {
        ui.colored_label(accent, name);
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

/// Gauss' elimination with the largest pivot; the systems here are symmetric and positive definite.
fn solve(mut system: [[f64; N]; N], mut right: [[f64; N]; N]) -> [[f64; N]; N] {
    for pivot in 0..N {
        let best = (pivot..N).max_by(|&x, &y| system[x][pivot].abs().total_cmp(&system[y][pivot].abs()));
        let best = best.unwrap_or(pivot);
        system.swap(pivot, best);
        right.swap(pivot, best);
        let (system_row, right_row) = (system[pivot], right[pivot]);
        for i in (0..N).filter(|&i| i != pivot) {
            let share = system[i][pivot] / system_row[pivot];
            (0..N).for_each(|j| system[i][j] -= share * system_row[j]);
            (0..N).for_each(|j| right[i][j] -= share * right_row[j]);
        }
    }
    std::array::from_fn(|i| std::array::from_fn(|j| right[i][j] / system[i][i]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_shown_are_what_the_solver_then_does() {
        let mut lesson = Lesson::default();
        for _ in 0..12 {
            let next = lesson.next();
            lesson.step();
            assert_eq!(lesson.reports.last().map(|report| report.factor), Some(next.factor));
            let factors = lesson.solver.factors();
            let of = |i: usize, j: usize| match next.factor {
                Factor::B => factors.b.get(i, j),
                Factor::A => factors.a.get(j, i),
            };
            // Up to each row's scale, which goes over to the other factor.
            for i in 0..N {
                let scale = (0..N).find(|&j| next.kept[i][j] != 0.0).map(|j| f64::from(of(i, j)) / next.kept[i][j]);
                for j in 0..N {
                    let shown = next.kept[i][j] * scale.unwrap_or(1.0);
                    let done = f64::from(of(i, j));
                    assert!(
                        (shown - done).abs() < 1e-3 * (1.0 + done.abs()),
                        "{:?} {i} {j}: {shown} {done}",
                        next.factor
                    );
                }
            }
        }
    }

    #[test]
    fn a_system_by_hand() {
        let mut system = [[0.0; N]; N];
        (0..N).for_each(|i| system[i][i] = 2.0);
        system[0][1] = 1.0;
        let mut right = [[0.0; N]; N];
        (right[0][0], right[1][0]) = (4.0, 2.0);
        let x = solve(system, right);
        // 2x + y = 4, 2y = 2.
        assert_eq!((x[0][0], x[1][0], x[2][0]), (1.5, 1.0, 0.0));
    }
}
