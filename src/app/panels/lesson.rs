//! The 8×8 lesson: every number of a factorization that is small enough to read, and what the next half-step does.

use crate::app::widgets::colors;
use crate::app::widgets::words::{paragraphs, words};
use crate::factorize::{Budget, Orientation, Schedule, Settings};
use crate::matrix::Factor;
use eframe::egui::{Align2, Color32, FontId, ScrollArea, Sense, Slider, Stroke, StrokeKind, Ui, pos2, vec2};

/// Rows and columns of everything in it.
const N: usize = 8;

/// Iterations of both factors.
const OUTER: usize = 40;

type Numbers = [[f64; N]; N];

/// The lesson as far as it has come. It computes by the book what the solver computes fast.
pub struct Lesson {
    density: f64,
    w: Numbers,
    a: Numbers,
    b: Numbers,
    /// Half-steps done.
    steps: usize,
    /// The factors before the last of them.
    before: [Numbers; 2],
}

/// The numbers of the next half-step, in the order in which they come about.
#[derive(Debug)]
struct Next {
    factor: Factor,
    /// The lengths of F's columns before they were scaled to 1.
    norms: [f64; N],
    /// FᵀF + ridge.
    gram: Numbers,
    /// FᵀW.
    target: Numbers,
    /// Ŷ.
    solved: Numbers,
    /// Z, and where it is not 0.
    kept: Numbers,
}

impl Default for Lesson {
    fn default() -> Self {
        Self::new(0.5)
    }
}

/// Whole numbers with something to find: two patterns laid over each other.
fn example() -> Numbers {
    let entry = |i: usize, j: usize| {
        let stripes = [3.0, -2.0, 0.0, 1.0][(i + 2 * j) % 4];
        let blocks = if (i / 4) == (j / 4) { 4.0 } else { -1.0 };
        stripes + blocks * [1.0, 0.0, 1.0, 1.0, 0.0, 2.0, 1.0, 0.0][(3 * i + j) % N]
    };
    numbers(entry)
}

fn numbers(of: impl Fn(usize, usize) -> f64) -> Numbers {
    std::array::from_fn(|i| std::array::from_fn(|j| of(i, j)))
}

/// `left · right`.
fn product(left: &Numbers, right: &Numbers) -> Numbers {
    numbers(|i, j| (0..N).map(|r| left[i][r] * right[r][j]).sum())
}

fn transposed(of: &Numbers) -> Numbers {
    numbers(|i, j| of[j][i])
}

/// The largest entries, the first ones where several are as large.
fn largest(of: &Numbers, count: usize) -> Numbers {
    let mut order: Vec<(usize, usize)> = (0..N * N).map(|at| (at / N, at % N)).collect();
    order.sort_by(|&x, &y| of[y.0][y.1].abs().total_cmp(&of[x.0][x.1].abs()));
    let mut kept = [[0.0; N]; N];
    order.into_iter().take(count).for_each(|(i, j)| kept[i][j] = of[i][j]);
    kept
}

impl Lesson {
    fn new(density: f64) -> Self {
        let (w, a) = (example(), numbers(|i, j| f64::from(u8::from(i == j))));
        let mut lesson = Self { density, w, a, b: w, steps: 0, before: [a, w] };
        lesson.b = largest(&w, lesson.budget()[1] / 2);
        lesson.before = [lesson.a, lesson.b];
        lesson
    }

    /// Each half-step is one least-squares problem and one choice of the largest: what can be followed on paper.
    fn settings(density: f64) -> Settings {
        Settings {
            density,
            outer: OUTER,
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
        self.steps == 2 * OUTER
    }

    fn step(&mut self) {
        let next = self.next();
        self.before = [self.a, self.b];
        // F was scaled; Y takes it back.
        let y = numbers(|i, j| next.kept[i][j] / next.norms[i]);
        match next.factor {
            Factor::A => self.a = transposed(&y),
            Factor::B => self.b = y,
        }
        self.steps += 1;
    }

    /// ‖W − A·B‖_F / ‖W‖_F.
    fn error(&self) -> f64 {
        let square = |of: &Numbers| of.iter().flatten().map(|x| x * x).sum::<f64>();
        let product = product(&self.a, &self.b);
        (square(&numbers(|i, j| self.w[i][j] - product[i][j])) / square(&self.w)).sqrt()
    }

    /// Of the first factor and of the second.
    fn budget(&self) -> [usize; 2] {
        let budget = Budget::new(N, N, &Self::settings(self.density));
        budget.map_or([0, 0], |budget| [budget.first, budget.second])
    }

    fn next(&self) -> Next {
        // A is the first factor here, and the first that is solved for.
        let factor = if self.steps.is_multiple_of(2) { Factor::A } else { Factor::B };
        // For B: F = A and T = W. For A the same with everything transposed.
        let (f, t) = match factor {
            Factor::B => (self.a, self.w),
            Factor::A => (transposed(&self.b), transposed(&self.w)),
        };
        let norms: [f64; N] =
            std::array::from_fn(|j| f.iter().map(|row| row[j] * row[j]).sum::<f64>().sqrt().max(1e-8));
        let f = numbers(|i, j| f[i][j] / norms[j]);
        let settings = Self::settings(self.density);
        let mut gram = product(&transposed(&f), &f);
        let mean = (0..N).map(|i| gram[i][i]).sum::<f64>() / N as f64;
        (0..N).for_each(|i| gram[i][i] += settings.ridge * mean);
        let target = product(&transposed(&f), &t);
        let mut system = gram;
        (0..N).for_each(|i| system[i][i] += settings.rho);
        let solved = solve(system, target);
        let kept = largest(&solved, self.budget()[usize::from(factor == Factor::B)]);
        Next { factor, norms, gram, target, solved, kept }
    }

    /// The page.
    pub fn ui(&mut self, ui: &mut Ui) {
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            let about = words("lesson");
            ui.heading(about.title);
            paragraphs(ui, about.text);
            self.controls_ui(ui);
            ui.horizontal_wrapped(|ui| {
                numbers_ui(ui, "W", colors::W, &self.w, |_, _| false);
                let changed = |now: Numbers, then: Numbers| move |i: usize, j: usize| now[i][j] != then[i][j];
                numbers_ui(ui, "A", colors::A, &self.a, changed(self.a, self.before[0]));
                numbers_ui(ui, "B", colors::B, &self.b, changed(self.b, self.before[1]));
                numbers_ui(ui, "A·B", colors::DSF, &product(&self.a, &self.b), |_, _| false);
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
            ui.label(format!("half-step {} of {}, error {:.4}", self.steps, 2 * OUTER, self.error()));
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
fn numbers_ui(ui: &mut Ui, name: &str, accent: Color32, of: &Numbers, marked: impl Fn(usize, usize) -> bool) {
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
fn solve(mut system: Numbers, mut right: Numbers) -> Numbers {
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
    use crate::factorize::Solver;
    use crate::matrix::{Factors, Matrix};

    #[test]
    fn it_computes_what_the_solver_does() {
        let mut lesson = Lesson::default();
        let w = Matrix::from_fn(N, N, |i, j| lesson.w[i][j] as f32);
        let mut solver = Solver::new(&w, &Lesson::settings(0.5)).unwrap();
        let compare = |lesson: &Lesson, solver: &Solver| {
            let Factors { a, b } = solver.factors();
            // Each inner index's scale may lie on either side: what is compared is the share of each that A·B has of it.
            for r in 0..N {
                for (i, j) in (0..N * N).map(|at| (at / N, at % N)) {
                    let (own, its) = (lesson.a[i][r] * lesson.b[r][j], f64::from(a.get(i, r) * b.get(r, j)));
                    assert!((own - its).abs() < 2e-3, "{}: {i} {r} {j}: {own} {its}", lesson.steps);
                }
            }
        };
        compare(&lesson, &solver);
        for _ in 0..12 {
            let factor = lesson.next().factor;
            lesson.step();
            let report = solver.step().unwrap().unwrap();
            assert_eq!(report.factor, factor);
            compare(&lesson, &solver);
            assert!((report.error - lesson.error()).abs() < 1e-4, "{} {}", report.error, lesson.error());
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
