//! The factorization of the 8×8 lesson, computed by the book.

use crate::factorize::{Budget, Orientation, Schedule, Settings};
use crate::matrix::Factor;

/// Rows and columns of everything in it.
pub const N: usize = 8;

/// Iterations of both factors.
pub const OUTER: usize = 40;

/// An 8×8 matrix, row by row.
pub type Numbers = [[f64; N]; N];

/// The lesson as far as it has come. It computes by the book what the solver computes fast.
pub struct Lesson {
    /// Kept nonzeros of A and B together, as a share of W's entries.
    pub density: f64,
    /// The matrix that is factorized.
    pub w: Numbers,
    /// The first factor A.
    pub a: Numbers,
    /// The second factor B.
    pub b: Numbers,
    /// Number of half-steps done.
    pub steps: usize,
    /// The factors before the last of them.
    pub before: [Numbers; 2],
}

/// The numbers of the next half-step, in the order in which they come about.
#[derive(Debug)]
pub struct Next {
    /// The factor that is solved for.
    pub factor: Factor,
    /// The lengths of F's columns before they were scaled to 1.
    pub norms: [f64; N],
    /// Gram matrix FᵀF plus ridge.
    pub gram: Numbers,
    /// Right-hand sides FᵀW.
    pub target: Numbers,
    /// Solution Ŷ of the regression.
    pub solved: Numbers,
    /// Z, and where it is not 0.
    pub kept: Numbers,
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

/// Matrix product `left · right`.
pub fn product(left: &Numbers, right: &Numbers) -> Numbers {
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
    /// With its first factors, before the first half-step.
    pub fn new(density: f64) -> Self {
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

    /// Whether all iterations are done.
    pub fn is_over(&self) -> bool {
        self.steps == 2 * OUTER
    }

    /// Computes the next half-step.
    pub fn step(&mut self) {
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
    pub fn error(&self) -> f64 {
        let square = |of: &Numbers| of.iter().flatten().map(|x| x * x).sum::<f64>();
        let product = product(&self.a, &self.b);
        (square(&numbers(|i, j| self.w[i][j] - product[i][j])) / square(&self.w)).sqrt()
    }

    /// Of the first factor and of the second.
    pub fn budget(&self) -> [usize; 2] {
        let budget = Budget::new(N, N, &Self::settings(self.density));
        budget.map_or([0, 0], |budget| [budget.first, budget.second])
    }

    /// The numbers of the next half-step.
    pub fn next(&self) -> Next {
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
