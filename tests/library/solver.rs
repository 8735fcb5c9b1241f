//! The solver against its definition and its promises.

use dsf_explorer::Named;
use dsf_explorer::factorize::{Budget, Error, Preset, Schedule, Settings, Solver, Start};
use dsf_explorer::matrix::{Factor, Factors, Mask, Matrix};
use dsf_explorer::measure;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rand_pcg::{
    Pcg64Mcg,
    rand_core::{Rng, SeedableRng},
};

fn random(rows: usize, cols: usize, seed: u64) -> Matrix {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    Matrix::from_fn(rows, cols, |_, _| (rng.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0)
}

fn solve(w: &Matrix, settings: &Settings) -> Factors {
    let mut solver = Solver::new(w, settings).unwrap();
    while solver.step().unwrap().is_some() {}
    solver.finish()
}

fn error(w: &Matrix, factors: &Factors) -> f64 {
    measure::relative_error(w, &factors.a, &factors.b)
}

/// The half-step as the paper writes it, in f64 with Gauss-Jordan inverses and a full sort: slow and plain.
mod plain {
    pub type Rows = Vec<Vec<f64>>;

    pub fn product(a: &Rows, b: &Rows) -> Rows {
        let dot = |row: &Vec<f64>, j: usize| row.iter().zip(b).map(|(x, b)| x * b[j]).sum();
        a.iter().map(|row| (0..b[0].len()).map(|j| dot(row, j)).collect()).collect()
    }

    pub fn transposed(a: &Rows) -> Rows {
        (0..a[0].len()).map(|j| a.iter().map(|row| row[j]).collect()).collect()
    }

    fn zip(a: &Rows, b: &Rows, f: impl Fn(f64, f64) -> f64) -> Rows {
        a.iter().zip(b).map(|(a, b)| a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect()).collect()
    }

    fn inverse(a: &Rows) -> Rows {
        let n = a.len();
        let mut work: Rows =
            (0..n).map(|i| a[i].iter().copied().chain((0..n).map(|j| f64::from(u8::from(i == j)))).collect()).collect();
        for i in 0..n {
            let pivot = (i..n).max_by(|&x, &y| work[x][i].abs().total_cmp(&work[y][i].abs())).unwrap();
            work.swap(i, pivot);
            let scale = work[i][i];
            work[i].iter_mut().for_each(|x| *x /= scale);
            for other in (0..n).filter(|&other| other != i) {
                let (factor, row) = (work[other][i], work[i].clone());
                work[other].iter_mut().zip(&row).for_each(|(x, r)| *x -= factor * r);
            }
        }
        work.into_iter().map(|row| row[n..].to_vec()).collect()
    }

    /// Solves for B with A held: minimize ‖AB − W‖ with `budget` nonzeros. Z and U are carried from call to call.
    pub fn half_step(a: &Rows, w: &Rows, z: &mut Rows, u: &mut Rows, budget: usize, rho0: f64, inner: usize) {
        let k = a[0].len();
        let norms: Vec<f64> = (0..k).map(|l| a.iter().map(|row| row[l] * row[l]).sum::<f64>().sqrt() + 1e-8).collect();
        let an: Rows = a.iter().map(|row| row.iter().zip(&norms).map(|(x, n)| x / n).collect()).collect();
        let mut g = product(&transposed(&an), &an);
        let ridge = 0.01 * (0..k).map(|i| g[i][i]).sum::<f64>() / k as f64;
        (0..k).for_each(|i| g[i][i] += ridge);
        let with = |rho: f64| {
            let mut shifted = g.clone();
            (0..k).for_each(|i| shifted[i][i] += rho);
            inverse(&shifted)
        };
        let h = product(&transposed(&an), w);
        for (i, norm) in norms.iter().enumerate() {
            z[i].iter_mut().for_each(|x| *x *= norm);
            u[i].iter_mut().for_each(|x| *x *= norm);
        }
        let mut mask = zip(z, u, |_, _| 0.0);
        for iteration in 0..inner {
            let rho = if iteration == 0 { rho0 } else { 1.0 };
            let rhs = zip(&h, &zip(z, u, |z, u| rho * (z - u)), |h, r| h + r);
            let y = product(&with(rho), &rhs);
            let s = zip(&y, u, |y, u| y + u);
            if iteration < 2 {
                let mut order: Vec<(usize, usize)> =
                    (0..s.len()).flat_map(|i| (0..s[0].len()).map(move |j| (i, j))).collect();
                order.sort_by(|&(a, b), &(c, d)| s[c][d].abs().total_cmp(&s[a][b].abs()));
                mask.iter_mut().for_each(|row| row.fill(0.0));
                order[..budget].iter().for_each(|&(i, j)| mask[i][j] = 1.0);
            }
            *z = zip(&s, &mask, |s, m| s * m);
            *u = zip(&s, z, |s, z| s - z);
        }
        for (i, norm) in norms.iter().enumerate() {
            z[i].iter_mut().for_each(|x| *x /= norm);
            u[i].iter_mut().for_each(|x| *x /= norm);
        }
    }
}

/// Half-steps against the plain ones, as long as the masks agree (later the last digits decide about them).
#[test]
fn half_steps_are_the_papers() {
    let (n, m) = (10, 14);
    let w = random(n, m, 3);
    let settings = Settings { density: 0.5, ..Settings::default() };
    let budget = Budget::new(n, m, &settings).unwrap();
    let rows =
        |x: &Matrix| -> plain::Rows { (0..x.rows()).map(|i| x.row(i).iter().map(|&x| x.into()).collect()).collect() };
    let target = rows(&w);
    let mut a: plain::Rows = (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect();
    let mut b = rows(&dsf_explorer::matrix::keep_largest(&w, budget.second / 2));
    let (mut ua, mut ub) = (vec![vec![0.0; n]; n], vec![vec![0.0; m]; n]);
    let mut solver = Solver::new(&w, &settings).unwrap();
    for outer in 0..6 {
        let rho0 = (f64::from(outer) / 37.0).powi(3);
        for factor in [Factor::A, Factor::B] {
            match factor {
                Factor::A => {
                    // AB = W is BᵀAᵀ = Wᵀ.
                    let mut at = plain::transposed(&a);
                    plain::half_step(
                        &plain::transposed(&b),
                        &plain::transposed(&target),
                        &mut at,
                        &mut ua,
                        budget.first,
                        rho0,
                        5,
                    );
                    a = plain::transposed(&at);
                }
                Factor::B => plain::half_step(&a, &target, &mut b, &mut ub, budget.second, rho0, 5),
            }
            let report = solver.step().unwrap().unwrap();
            assert_eq!(report.factor, factor);
            let (got, want) = match factor {
                Factor::A => (rows(&solver.factors().a.to_dense()), &a),
                Factor::B => (rows(&solver.factors().b.to_dense()), &b),
            };
            let scale = want.iter().flatten().fold(0.0f64, |most, x| most.max(x.abs()));
            for (got, want) in got.iter().flatten().zip(want.iter().flatten()) {
                assert!((got - want).abs() < 1e-3 * scale, "outer {outer}, {factor:?}: {got} instead of {want}");
            }
            let back = plain::product(&a, &b);
            let square = |rows: &plain::Rows| rows.iter().flatten().map(|x| x * x).sum::<f64>();
            let difference: plain::Rows =
                back.iter().zip(&target).map(|(p, w)| p.iter().zip(w).map(|(p, w)| w - p).collect()).collect();
            let want = (square(&difference) / square(&target)).sqrt();
            assert!((report.error - want).abs() < 1e-4, "error {} instead of {want}", report.error);
        }
    }
}

#[test]
fn every_iterate_has_exactly_its_nonzeros() {
    for (rows, cols, density) in
        [(24, 24, 0.25), (24, 24, 0.1), (40, 16, 0.3), (16, 40, 0.5), (5, 3, 0.6), (30, 30, 1.0)]
    {
        let w = random(rows, cols, 7);
        let settings = Settings { density, outer: 8, ..Settings::default() };
        let budget = Budget::new(rows, cols, &settings).unwrap();
        let mut solver = Solver::new(&w, &settings).unwrap();
        while let Some(report) = solver.step().unwrap() {
            let expected = if report.factor == Factor::first(rows, cols) { budget.first } else { budget.second };
            let factors = solver.factors();
            let nnz = if report.factor == Factor::A { factors.a.nnz() } else { factors.b.nnz() };
            assert_eq!((report.nnz, nnz), (expected, expected), "{rows}×{cols} at {density}, {:?}", report.factor);
        }
        let factors = solver.finish();
        assert_eq!((factors.a.shape(), factors.b.shape()), ((rows, rows.min(cols)), (rows.min(cols), cols)));
        assert_eq!(factors.nnz(), budget.total());
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_on_any_number_of_threads() {
    let w = random(260, 300, 11);
    for &start in Start::ALL {
        let settings = Settings { outer: 3, start, seed: 5, ..Settings::default() };
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| solve(&w, &settings))
        };
        let one = on(1);
        assert!(on(2) == one && on(3) == one, "{start:?}");
    }
    let seeded = |seed| solve(&w, &Settings { outer: 2, start: Start::Random, seed, ..Settings::default() });
    assert!(seeded(1) != seeded(2));
}

#[test]
fn iterations_from_one_up_work() {
    let w = random(20, 32, 13);
    for (outer, inner) in [(1, 1), (1, 2), (2, 1), (3, 3), (4, 1)] {
        let factors = solve(&w, &Settings { outer, inner, ..Settings::default() });
        assert_eq!(factors.nnz(), 160);
        assert!(error(&w, &factors) < 1.0);
    }
}

#[test]
fn every_setting_has_an_effect() {
    let w = random(32, 32, 17);
    let base = Settings { density: 0.4, outer: 12, ..Settings::default() };
    let reference = solve(&w, &base);
    let changed = [
        Settings { density: 0.41, ..base.clone() },
        Settings { factor_density: Some(0.25), ..base.clone() },
        Settings { outer: 13, ..base.clone() },
        Settings { inner: 4, ..base.clone() },
        Settings { rho: 0.8, ..base.clone() },
        Settings { schedule: Schedule::Linear, ..base.clone() },
        Settings { schedule: Schedule::Constant, ..base.clone() },
        Settings { schedule: Schedule::None, ..base.clone() },
        Settings { ridge: 0.1, ..base.clone() },
        Settings { start: Start::Svd, ..base.clone() },
        Settings { mask_iterations: 5, ..base.clone() },
        Settings { warm_start: false, ..base.clone() },
    ];
    for settings in changed {
        assert!(solve(&w, &settings) != reference, "{settings:?}");
    }
}

/// The paper's Fig. 4: without annealing or warm start the error is larger.
#[test]
fn annealing_and_warm_start_help() {
    let w = random(64, 64, 19);
    let of = |settings: Settings| error(&w, &solve(&w, &settings));
    let published = of(Settings::default());
    assert!(of(Settings { schedule: Schedule::None, ..Settings::default() }) > 1.05 * published);
    assert!(of(Settings { warm_start: false, ..Settings::default() }) > 1.02 * published);
}

/// Transposing W exchanges the factors; only for a square W does the orientation itself change.
#[test]
fn wide_and_tall_are_each_other_transposed() {
    let w = random(24, 36, 23);
    let wide = solve(&w, &Settings::default());
    let tall = solve(&w.transposed(), &Settings::default());
    assert_eq!((wide.a.transposed(), wide.b.transposed()), (tall.b, tall.a));
}

#[test]
fn the_best_iterate_is_kept() {
    let w = random(48, 48, 29);
    let mut solver = Solver::new(&w, &Settings { density: 0.3, outer: 30, ..Settings::default() }).unwrap();
    let mut least = f64::INFINITY;
    while let Some(report) = solver.step().unwrap() {
        if report.factor != Factor::first(48, 48) {
            least = least.min(report.error);
            assert_eq!(report.best, report.error == least);
        }
    }
    assert!((error(&w, &solver.finish()) - least).abs() < 1e-5);
}

#[test]
fn ended_before_the_first_iteration_the_budget_holds_too() {
    let w = random(30, 30, 41);
    for (start, steps) in [(Start::Identity, 0), (Start::Random, 0), (Start::Random, 1), (Start::Svd, 1)] {
        let settings = Settings { start, ..Settings::default() };
        let mut solver = Solver::new(&w, &settings).unwrap();
        for _ in 0..steps {
            solver.step().unwrap();
        }
        assert!(solver.finish().nnz() <= 225, "{start:?} after {steps}");
    }
}

#[test]
fn scaling_w_scales_the_result() {
    let w = random(24, 30, 31);
    let reference = error(&w, &solve(&w, &Settings::default()));
    for scale in [1e-30f32, 1e-3, 1e30] {
        let scaled = Matrix::from_fn(24, 30, |i, j| w.get(i, j) * scale);
        let factors = solve(&scaled, &Settings::default());
        assert_eq!(factors.nnz(), 180);
        let error = error(&scaled, &factors);
        assert!((error - reference).abs() < 0.02 * reference, "scale {scale}: {error} instead of {reference}");
    }
}

#[test]
fn degenerate_matrices_neither_fail_nor_give_nonsense() {
    let n = 20;
    let cases: Vec<(&str, Matrix)> = vec![
        ("zero", Matrix::zeros(n, n)),
        ("rank one", Matrix::from_fn(n, n, |i, j| (i as f32 - 3.5) * (j as f32 + 1.0))),
        ("one dominating column", Matrix::from_fn(n, n, |i, j| if j == 4 { 1e6 } else { ((i * j) % 5) as f32 })),
        ("a single entry", Matrix::from_fn(n, n, |i, j| f32::from(u8::from(i == 7 && j == 11)))),
        (
            "zero rows and columns",
            Matrix::from_fn(n, n, |i, j| if i % 3 == 0 || j % 4 == 1 { 0.0 } else { (i + 2 * j) as f32 }),
        ),
        ("constant", Matrix::from_fn(n, n, |_, _| 1.0)),
    ];
    for (name, w) in cases {
        for ridge in [0.01, 0.0] {
            let settings = Settings { ridge, outer: 10, ..Settings::default() };
            let factors = solve(&w, &settings);
            assert!(factors.nnz() <= 100, "{name}");
            assert!(factors.a.first_not_finite().is_none() && factors.b.first_not_finite().is_none(), "{name}");
            let error = error(&w, &factors);
            assert!(error <= 1.0, "{name}, ridge {ridge}: {error}");
        }
    }
}

#[test]
fn what_cannot_be_factorized_is_refused_with_the_reason() {
    let settings = Settings::default();
    let refused = |w: &Matrix| Solver::new(w, &settings).err().unwrap();
    let mut w = random(8, 8, 37);
    w.as_mut_slice()[19] = f32::NAN;
    assert!(matches!(refused(&w), Error::NotFinite { row: 2, col: 3, .. }));
    assert_eq!(refused(&Matrix::zeros(0, 8)), Error::EmptyMatrix { rows: 0, cols: 8 });
    assert!(matches!(refused(&random(1, 1, 1)), Error::NoRoom { .. }));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, rng_seed: RngSeed::Fixed(3), ..ProptestConfig::default() })]

    /// Any shape and density: the budget holds, the error is below 1, nothing panics.
    #[test]
    fn any_shape_and_density(rows in 1usize..24, cols in 1usize..24, density in 0.05f64..1.0, seed in 0u64..1000) {
        let w = random(rows, cols, seed);
        let settings = Settings { density, outer: 5, inner: 1 + (seed % 4) as usize, ..Settings::default() };
        match Solver::new(&w, &settings) {
            Err(error) => prop_assert!(matches!(error, Error::NoRoom { .. }), "{error}"),
            Ok(mut solver) => {
                while solver.step().unwrap().is_some() {}
                let factors = solver.finish();
                prop_assert!(factors.nnz() <= Budget::new(rows, cols, &settings).unwrap().total());
                prop_assert!(error(&w, &factors) <= 1.0 + 1e-6);
            }
        }
    }
}

/// Where the second factor has an empty row, what the mask allows the first there is of no use; the second has it.
#[test]
fn a_fixed_mask_leaves_the_whole_budget_exact() {
    let mut unused = 0;
    for (rows, cols) in [(48, 48), (32, 60), (60, 32)] {
        // Rows and columns of all sizes, so that some of the second factor's rows end up empty.
        let w = random(rows, cols, 43);
        let size = |at: usize| 10f32.powi(-(at as i32 % 7));
        let w = Matrix::from_fn(rows, cols, |i, j| w.get(i, j) * size(i) * size(j));
        for density in [0.25, 0.3, 0.5] {
            let settings = Settings { density, fixed_mask: true, outer: 20, ..Settings::default() };
            let budget = Budget::new(rows, cols, &settings).unwrap();
            let factors = solve(&w, &settings);
            assert_eq!(factors.nnz(), budget.total(), "{rows}×{cols} at {density}");
            let first = if Factor::first(rows, cols) == Factor::A { &factors.a } else { &factors.b };
            assert!(first.nnz() <= budget.first);
            unused += budget.first - first.nnz();
        }
    }
    assert!(unused > 0, "no row was empty, so nothing was tried");
}

/// Of random numbers no value becomes 0 by itself, so every nonzero there is a place for is used.
#[test]
fn the_budget_is_exact_on_long_matrices_and_in_a_single_iteration() {
    for (rows, cols, density, expansion, outer) in [
        (16, 1024, 0.5, 2.0, 6),
        (1024, 16, 0.5, 1.5, 6),
        (70, 70, 0.9, 0.5, 6),
        (40, 30, 0.25, 2.0, 1),
        (64, 200, 0.3, 1.0, 1),
    ] {
        let w = random(rows, cols, 11);
        for preset in [Preset::Best, Preset::Fast, Preset::Published] {
            let settings = Settings { density, expansion, outer, fallback: false, ..preset.settings() };
            let wanted = (density * (rows * cols) as f64) as usize;
            assert_eq!(solve(&w, &settings).nnz(), wanted, "{rows}×{cols} {}", preset.name());
        }
    }
}

#[test]
fn a_fixed_mask_is_not_given_up_for_the_fallback() {
    // Diagonal: magnitude pruning is exact.
    let w = Matrix::from_fn(32, 32, |i, j| if i == j { 1.0 + i as f32 } else { 0.0 });
    let free = Settings { outer: 3, ..Preset::Best.settings() };
    let fixed = Settings { fixed_mask: true, ..free.clone() };
    let falls_back = |settings: &Settings| {
        let mut solver = Solver::new(&w, settings).unwrap();
        while solver.step().unwrap().is_some() {}
        solver.falls_back()
    };
    assert!(falls_back(&free) && !falls_back(&fixed));
    // The first factor of a square W is B: whatever W is, its nonzeros are among the same places.
    let kept = |w: &Matrix| Mask::of_csr(&solve(w, &fixed).b);
    let (diagonal, other) = (kept(&w), kept(&random(32, 32, 3)));
    let outside =
        (0..64).flat_map(|l| (0..32).map(move |j| (l, j))).filter(|&(l, j)| diagonal.get(l, j) && !other.get(l, j));
    assert_eq!(outside.count(), 0);
}

#[test]
fn huge_and_tiny_values_stay_finite() {
    for scale in [2e37f32, 1e-36] {
        let mut w = random(24, 32, 5);
        w.as_mut_slice().iter_mut().for_each(|x| *x *= scale);
        let factors = solve(&w, &Settings { outer: 10, ..Preset::Best.settings() });
        assert!(factors.a.first_not_finite().is_none() && factors.b.first_not_finite().is_none(), "{scale}");
        assert!(error(&w, &factors) < 0.6, "{scale}");
    }
}
