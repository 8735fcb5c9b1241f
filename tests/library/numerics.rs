//! Where numbers get difficult: every preset on degenerate weights, shapes and inputs, and the same bits on any number
//! of threads.

use crate::common::{random, run};
use dsf_explorer::Named;
use dsf_explorer::factorize::{Budget, Error, Objective, Orientation, Preset, Schedule, Settings, Split, Start};
use dsf_explorer::job::{End, Outcome};
use dsf_explorer::matrix::{Calibration, Matrix, Problem};
use dsf_explorer::measure::{self, Note};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::sync::Arc;

/// A preset with fewer iterations: what is checked here does not need them all.
fn short(preset: Preset) -> Settings {
    Settings { outer: 12, ..preset.settings() }
}

/// What holds for every W: finite factors of the right shapes within the budget, and an error that is measured and no
/// larger than that of zero factors.
fn solved(w: &Matrix, settings: &Settings, what: &str) -> Outcome {
    let (rows, cols) = w.shape();
    let budget = Budget::new(rows, cols, settings).unwrap().total();
    let outcome =
        run(Problem::plain(Arc::new(w.clone())), settings, Some(2)).unwrap_or_else(|why| panic!("{what}: {why}"));
    assert_eq!(outcome.end, End::Finished, "{what}");
    let (a, b) = (&outcome.replacement.factors().unwrap().a, &outcome.replacement.factors().unwrap().b);
    assert_eq!((a.rows(), b.cols(), a.cols()), (rows, cols, b.rows()), "{what}");
    assert!(a.first_not_finite().is_none() && b.first_not_finite().is_none(), "{what}: not finite");
    assert!(
        outcome.replacement.factors().unwrap().nnz() <= budget,
        "{what}: {} of {budget} nonzeros",
        outcome.replacement.factors().unwrap().nnz()
    );
    let error = measure::relative_error(w, a, b);
    assert_eq!(outcome.relative_error, error, "{what}");
    assert!(error <= 1.0, "{what}: error {error}");
    assert!(outcome.history.iter().all(|error| error.is_finite()), "{what}: {:?}", outcome.history);
    outcome
}

/// Each preset on W, with the ridge and without any.
fn each_preset(w: &Matrix, density: f64, what: &str, check: impl Fn(&Outcome, &str)) {
    for &preset in Preset::ALL {
        for ridge in [None, Some(0.0)] {
            let given = short(preset);
            let settings = Settings { density, ridge: ridge.unwrap_or(given.ridge), ..given };
            let what = format!("{what}, {}, ridge {ridge:?}", preset.name());
            check(&solved(w, &settings, &what), &what);
        }
    }
}

#[test]
fn zero_weights_give_zero_factors() {
    for (rows, cols) in [(20, 20), (12, 30), (30, 12)] {
        each_preset(&Matrix::zeros(rows, cols), 0.25, "zero", |outcome, what| {
            assert_eq!(
                (outcome.relative_error, outcome.replacement.factors().unwrap().dense_product()),
                (0.0, Matrix::zeros(rows, cols)),
                "{what}"
            );
        });
    }
}

/// W = uvᵀ needs rows + cols nonzeros, fewer than there are.
#[test]
fn rank_one_is_nearly_found() {
    for (rows, cols) in [(24, 24), (16, 40), (40, 16)] {
        let (u, v) = (random(rows, 1, 1), random(1, cols, 2));
        let w = Matrix::from_fn(rows, cols, |i, j| u.get(i, 0) * v.get(0, j));
        let magnitude = {
            let kept = dsf_explorer::matrix::keep_largest(&w, rows * cols / 2);
            measure::relative_difference(&w, &kept)
        };
        each_preset(&w, 0.5, &format!("rank one {rows}×{cols}"), |outcome, what| {
            assert!(outcome.relative_error < magnitude, "{what}: {} against {magnitude}", outcome.relative_error);
        });
    }
}

#[test]
fn a_dominating_column_or_row_is_kept() {
    let w = random(24, 32, 3);
    for (name, turned) in [("column", false), ("row", true)] {
        let huge = |i: usize, j: usize| if turned { i == 5 } else { j == 5 };
        let w = Matrix::from_fn(24, 32, |i, j| w.get(i, j) * if huge(i, j) { 1e6 } else { 1.0 });
        each_preset(&w, 0.25, name, |outcome, what| {
            // There is room for all of it. In the published half-step every row of the fixed factor looks the same, and
            // it keeps a few rows of the other: only a fallback helps, which it has not.
            let most = if outcome.settings.fallback { 1e-4 } else { 1.0 };
            assert!(outcome.relative_error < most, "{what}: {}", outcome.relative_error);
        });
    }
}

/// From factors of zeros no half-step leads away, and half of this budget is none.
#[test]
fn the_smallest_budget_finds_something() {
    let outcome =
        solved(&Matrix::from_vec(1, 2, vec![3.0, 4.0]), &Settings { density: 1.0, ..Settings::default() }, "1×2");
    // Of (3, 4) one value is kept, the larger, but for what the ridge takes.
    assert!((outcome.relative_error - 0.6).abs() < 1e-3, "{}", outcome.relative_error);
}

/// A power of two is taken out first, so that nothing but rounding differs.
#[test]
fn the_scale_of_the_weights_does_not_matter() {
    let w = random(24, 32, 4);
    for &preset in Preset::ALL {
        let reference = solved(&w, &short(preset), preset.name());
        for scale in [1e-30f32, 2f32.powi(-100), 2f32.powi(100), 1e30] {
            let scaled = Matrix::from_fn(24, 32, |i, j| w.get(i, j) * scale);
            let what = format!("{} scaled by {scale}", preset.name());
            let outcome = solved(&scaled, &short(preset), &what);
            assert_eq!(
                outcome.replacement.factors().unwrap().nnz(),
                reference.replacement.factors().unwrap().nnz(),
                "{what}"
            );
            let ratio = outcome.relative_error / reference.relative_error;
            assert!((ratio - 1.0).abs() < 0.03, "{what}: {ratio} of the error");
        }
    }
}

#[test]
fn zero_rows_and_columns_stay_zero_in_the_product() {
    let w = random(30, 24, 5);
    let zero = |i: usize, j: usize| i.is_multiple_of(3) || j % 4 == 1;
    let w = Matrix::from_fn(30, 24, |i, j| if zero(i, j) { 0.0 } else { w.get(i, j) });
    each_preset(&w, 0.25, "zero rows and columns", |outcome, what| {
        let product = outcome.replacement.factors().unwrap().dense_product();
        let wrong = (0..30).any(|i| (0..24).any(|j| zero(i, j) && product.get(i, j) != 0.0));
        assert!(!wrong, "{what}");
    });
}

/// W has no zeros here, so there is always something to keep: the budget is exact, except where a factor is full, or
/// where the first has fewer nonzeros than rows.
#[test]
fn tiny_shapes() {
    for (rows, cols) in [(1, 2), (2, 1), (2, 2), (3, 5), (5, 3), (65, 64), (64, 65), (1, 200), (200, 1)] {
        let w = random(rows, cols, 6);
        for density in [0.1, 0.25, 0.5, 1.0] {
            for &preset in Preset::ALL {
                let settings = Settings { density, ..short(preset) };
                let what = format!("{rows}×{cols} at {density}, {}", preset.name());
                match Budget::new(rows, cols, &settings) {
                    Ok(budget) => {
                        let outcome = solved(&w, &settings, &what);
                        let k = settings.inner_dim(rows, cols);
                        // A first factor with empty rows leaves the other nothing to keep there.
                        // (The split for convolutions gives it more than its diagonal where there is hardly a second one.)
                        let spare = if preset == Preset::Vision { 2 } else { 1 };
                        let regular = budget.first >= spare * rows.min(cols);
                        if regular && budget.second <= k * rows.max(cols) {
                            assert_eq!(outcome.replacement.factors().unwrap().nnz(), budget.total(), "{what}");
                        }
                    }
                    Err(error) => {
                        assert!((density * (rows * cols) as f64) < 2.0, "{what}: {error}");
                        let why = run(Problem::plain(Arc::new(w.clone())), &settings, Some(1)).unwrap_err();
                        assert!(why.message.contains("two factors need at least one each"), "{what}: {why}");
                    }
                }
            }
        }
    }
}

/// A handful of nonzeros in each factor, fewer than it has rows.
#[test]
fn few_nonzeros() {
    for (rows, cols, density) in [(40, 40, 0.002), (40, 40, 0.01), (64, 20, 0.01), (20, 64, 0.01), (65, 65, 0.005)] {
        let w = random(rows, cols, 7);
        let total = (density * (rows * cols) as f64).floor() as usize;
        each_preset(&w, density, &format!("{rows}×{cols} at {density}"), |outcome, what| {
            assert_eq!(outcome.replacement.factors().unwrap().nnz(), total, "{what}");
        });
    }
}

#[test]
fn every_expansion_orientation_and_split() {
    for (rows, cols) in [(18, 40), (40, 18), (26, 26)] {
        let w = random(rows, cols, 8);
        for preset in [Preset::Published, Preset::Best] {
            for expansion in [0.5, 0.8, 1.0, 1.5, 2.0, 3.0, 4.0] {
                for &orientation in Orientation::ALL {
                    for (split, density) in
                        [(Split::Paper, 0.3), (Split::Balanced, 0.3), (Split::Auto, 0.3), (Split::Paper, 1.0)]
                    {
                        let settings = Settings {
                            expansion,
                            orientation,
                            split,
                            density,
                            outer: 6,
                            fallback: false,
                            ..preset.settings()
                        };
                        let what = format!(
                            "{rows}×{cols}, {}, expansion {expansion}, {}, {} at {density}",
                            preset.name(),
                            orientation.name(),
                            split.name()
                        );
                        let k = settings.inner_dim(rows, cols);
                        let wanted = (density * (rows * cols) as f64).floor() as usize;
                        if wanted > k * (rows + cols) {
                            let refused = Budget::new(rows, cols, &settings);
                            assert!(matches!(refused, Err(Error::NoPlaces { .. })), "{what}: {refused:?}");
                            continue;
                        }
                        let outcome = solved(&w, &settings, &what);
                        assert_eq!(outcome.replacement.factors().unwrap().a.cols(), k, "{what}");
                        if density < 1.0 {
                            let total = (density * (rows * cols) as f64).floor() as usize;
                            assert_eq!(outcome.replacement.factors().unwrap().nnz(), total, "{what}");
                        }
                        assert_ne!(outcome.settings.split, Split::Auto, "{what}");
                        if rows == cols {
                            assert_ne!(outcome.settings.orientation, Orientation::Auto, "{what}");
                        }
                    }
                }
            }
        }
    }
}

/// Whatever the start, on weights for which it is a bad one.
#[test]
fn every_start_on_degenerate_weights() {
    let rank_one = Matrix::from_fn(20, 28, |i, j| (i as f32 - 3.5) * (j as f32 + 1.0));
    let single = Matrix::from_fn(20, 28, |i, j| f32::from(u8::from(i == 7 && j == 11)));
    for (name, w) in [("rank one", rank_one), ("a single entry", single), ("zero", Matrix::zeros(20, 28))] {
        for &preset in Preset::ALL {
            for &start in Start::ALL {
                for fixed_mask in [false, true] {
                    let settings = Settings { start, fixed_mask, ridge: 0.0, ..short(preset) };
                    solved(&w, &settings, &format!("{name}, {}, {start:?}, fixed mask {fixed_mask}", preset.name()));
                }
            }
        }
    }
}

/// A layer-wise run: nothing is infinite or not a number, and finalisation does not raise the calibration error.
fn layer_wise(w: &Matrix, calibration: Calibration, settings: &Settings, what: &str) -> Outcome {
    let held_out = Calibration::from_samples(&random(50, w.cols(), 99)).unwrap();
    let problem = Problem {
        weight: Arc::new(w.clone()),
        calibration: Some(Arc::new(calibration)),
        held_out: Some(Arc::new(held_out)),
        output_weights: None,
    };
    let outcome = run(problem, settings, Some(2)).unwrap_or_else(|why| panic!("{what}: {why}"));
    assert_eq!(outcome.end, End::Finished, "{what}");
    let (a, b) = (&outcome.replacement.factors().unwrap().a, &outcome.replacement.factors().unwrap().b);
    assert!(a.first_not_finite().is_none() && b.first_not_finite().is_none(), "{what}: not finite");
    let budget = Budget::new(w.rows(), w.cols(), settings).unwrap().total();
    assert!(
        outcome.replacement.factors().unwrap().nnz() <= budget,
        "{what}: {} of {budget} nonzeros",
        outcome.replacement.factors().unwrap().nnz()
    );
    let errors = outcome.layer.unwrap();
    let all = [errors.before_finalize, errors.calibration, errors.held_out.unwrap(), outcome.relative_error];
    assert!(all.iter().all(|error| error.is_finite() && *error >= 0.0), "{what}: {all:?}");
    assert!(errors.calibration <= errors.before_finalize, "{what}: {errors:?}");
    assert!(errors.calibration <= 1.0, "{what}: {errors:?}");
    outcome
}

#[test]
fn difficult_inputs() {
    for (rows, cols) in [(20, 20), (33, 14), (14, 33)] {
        let (w, x) = (random(rows, cols, 10), random(200, cols, 11));
        let each = |f: &dyn Fn(usize, f32) -> f32| Matrix::from_fn(200, cols, |i, j| f(j, x.get(i, j)));
        let line = random(200, 1, 12);
        let inputs = [
            ("plain", x.clone()),
            ("fewer samples than inputs", random(5, cols, 13)),
            ("one sample", random(1, cols, 14)),
            ("rank one", Matrix::from_fn(200, cols, |i, j| line.get(i, 0) * (j as f32 - 4.0))),
            ("every input twice", Matrix::from_fn(200, cols, |i, j| x.get(i, j / 2))),
            ("from 1e-15 to 1e15", each(&|j, x| x * 10f32.powi(j as i32 % 31 - 15))),
            ("1e15 in one", each(&|j, x| if j == 3 { x * 1e15 } else { x })),
            ("1e-15 in one", each(&|j, x| if j == 3 { x * 1e-15 } else { x })),
            ("all 1e15", each(&|_, x| x * 1e15)),
            ("all 1e-15", each(&|_, x| x * 1e-15)),
            ("dead inputs", each(&|j, x| if j % 3 == 0 { 0.0 } else { x })),
            ("one living input", each(&|j, x| if j == 3 { x } else { 0.0 })),
        ];
        for (name, x) in inputs {
            let calibration = Calibration::from_samples(&x).unwrap();
            for &preset in Preset::ALL {
                for (finalize, finalize_both, exact) in
                    [(false, false, false), (true, false, false), (true, true, false), (true, true, true)]
                {
                    let settings = Settings {
                        density: 0.5,
                        outer: 6,
                        rounds: 2,
                        finalize,
                        finalize_both,
                        exact,
                        ..preset.settings()
                    };
                    let what = format!(
                        "{rows}×{cols}, {name}, {}, finalize {finalize}, both {finalize_both}, exact {exact}",
                        preset.name()
                    );
                    let outcome = layer_wise(&w, calibration.clone(), &settings, &what);
                    let dead: Vec<usize> = (0..cols).filter(|&j| calibration.norms()[j] == 0.0).collect();
                    let used = dead.iter().any(|&j| {
                        (0..outcome.replacement.factors().unwrap().b.rows())
                            .any(|l| outcome.replacement.factors().unwrap().b.get(l, j) != 0.0)
                    });
                    assert!(!used, "{what}: nonzeros for inputs that never come");
                }
            }
        }
    }
}

/// They say as much as no inputs, and give the same bits.
#[test]
fn inputs_that_are_all_zero_are_none() {
    let w = Arc::new(random(20, 14, 10));
    let zero = Arc::new(Calibration::from_samples(&Matrix::zeros(30, 14)).unwrap());
    for &preset in Preset::ALL {
        let settings = Settings { density: 0.5, outer: 6, ..preset.settings() };
        let plain = Problem::plain(w.clone());
        let with = Problem { calibration: Some(zero.clone()), held_out: Some(zero.clone()), ..plain.clone() };
        let [plain, with] = [plain, with].map(|problem| run(problem, &settings, Some(1)).unwrap());
        assert_eq!((&with.replacement, with.layer), (&plain.replacement, None), "{}", preset.name());
        assert_eq!(with.notes[..2], [Note::ZeroCalibration, Note::ZeroHeldOut], "{}", preset.name());
    }
}

#[test]
fn difficult_weights_with_inputs() {
    let (w, x) = (random(24, 18, 15), random(100, 18, 16));
    let each = |f: &dyn Fn(usize, usize, f32) -> f32| Matrix::from_fn(24, 18, |i, j| f(i, j, w.get(i, j)));
    let weights = [
        ("1e30", each(&|_, _, w| w * 1e30)),
        ("1e-30", each(&|_, _, w| w * 1e-30)),
        ("zero", each(&|_, _, _| 0.0)),
        ("rank one", each(&|i, j, _| (i as f32 - 8.0) * (j as f32 - 3.0))),
        ("a dominating column", each(&|_, j, w| if j == 3 { 1e6 * w } else { w })),
        ("zero rows and columns", each(&|i, j, w| if i % 3 == 0 || j % 4 == 0 { 0.0 } else { w })),
    ];
    for (name, w) in weights {
        for &preset in Preset::ALL {
            for ridge in [None, Some(0.0)] {
                let given = short(preset);
                let settings = Settings { density: 0.5, ridge: ridge.unwrap_or(given.ridge), ..given };
                let calibration = Calibration::from_samples(&x).unwrap();
                layer_wise(&w, calibration, &settings, &format!("{name}, {}, ridge {ridge:?}", preset.name()));
            }
        }
    }
}

#[test]
fn the_same_bits_on_any_number_of_threads() {
    for (rows, cols) in [(65, 64), (200, 130), (130, 200), (256, 256)] {
        let w = Arc::new(random(rows, cols, 17));
        let calibration = Arc::new(Calibration::from_samples(&random(400, cols, 18)).unwrap());
        let plain = Problem::plain(w.clone());
        let layer_wise = Problem { calibration: Some(calibration), ..plain.clone() };
        for preset in [Preset::Published, Preset::Best] {
            let given = Settings { outer: 3, rounds: 1, ..preset.settings() };
            let both = |exact| Settings { finalize_both: true, exact, ..given.clone() };
            for (problem, settings) in [(&plain, given.clone()), (&layer_wise, both(true)), (&layer_wise, both(false))]
            {
                let on = |threads| {
                    let outcome = run(problem.clone(), &settings, Some(threads)).unwrap();
                    (outcome.replacement, outcome.relative_error, outcome.layer, outcome.history)
                };
                let one = on(1);
                for threads in [2, 3, 5] {
                    let layer = problem.calibration.is_some();
                    assert!(
                        on(threads) == one,
                        "{rows}×{cols}, {}, layer-wise {layer}, exact {}: {threads} threads differ from one",
                        preset.name(),
                        settings.exact
                    );
                }
            }
        }
    }
}

/// Settings anywhere in their ranges, the ends included.
fn any_settings() -> impl Strategy<Value = Settings> {
    let ridge = || prop_oneof![Just(0.0), Just(1e6), 1e-9f64..1.0];
    let solve = (
        prop_oneof![Just(1e-6), Just(1e6), 0.1f64..10.0],
        ridge(),
        proptest::option::of(ridge()),
        prop_oneof![Just(1e-6), Just(1e3), 0.01f64..1.0],
        proptest::option::of(prop_oneof![Just(1e-6), Just(1e3)]),
        prop_oneof![Just(1.0), Just(1e-3), Just(1.999), 0.5f64..1.9],
        proptest::option::of(prop_oneof![Just(1e-6), Just(1e3)]),
    );
    let shape = (
        0.05f64..=1.0,
        prop_oneof![Just(0.1), Just(4.0), 0.5f64..2.0],
        proptest::option::of(prop_oneof![Just(1e-9), 0.01f64..1.0]),
        prop_oneof![Just(1e-9), Just(1.0), 0.1f64..1.0],
        1usize..7,
        1usize..5,
        1usize..5,
    );
    let choices = (
        proptest::sample::select(Schedule::ALL.to_vec()),
        proptest::sample::select(Start::ALL.to_vec()),
        proptest::sample::select(Split::ALL.to_vec()),
        proptest::sample::select(Orientation::ALL.to_vec()),
        any::<[bool; 5]>(),
    );
    let metric = (
        proptest::sample::select(Objective::ALL.to_vec()),
        prop_oneof![Just(0.0), Just(2.0), 0.1f64..1.0],
        proptest::option::of(prop_oneof![Just(0.01), Just(100.0)]),
    );
    (solve, shape, choices, metric, 0u64..100).prop_map(|(solve, shape, choices, metric, seed)| {
        let (rho, ridge, ridge_start, rho0_start, rho0_end, relaxation, rho1) = solve;
        let (objective, power, power_growth) = metric;
        let (density, expansion, ramp_from, ramp_until, outer, inner, mask_iterations) = shape;
        let (schedule, start, split, orientation, [warm_start, fixed_mask, fallback, finalize_both, exact]) = choices;
        Settings {
            objective,
            power,
            power_growth,
            // Without a model there is nothing to weigh by.
            output_power: 0.5,
            rho,
            rho1,
            ridge,
            ridge_start,
            rho0_start,
            rho0_end,
            relaxation,
            density,
            expansion,
            ramp_from,
            ramp_until,
            outer,
            inner,
            mask_iterations,
            schedule,
            start,
            split,
            orientation,
            warm_start,
            fixed_mask,
            fallback,
            finalize_both,
            exact,
            seed,
            factor_density: None,
            finalize: true,
            rounds: 1,
            shrinkage: 0.0,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, rng_seed: RngSeed::Fixed(3), failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the settings: a result of finite numbers within the budget, or a sentence that says why not.
    #[test]
    fn any_settings_end_well(settings in any_settings(), rows in 1usize..20, cols in 1usize..20, size in -30i32..30) {
        let w = random(rows, cols, settings.seed);
        let w = Arc::new(Matrix::from_fn(rows, cols, |i, j| w.get(i, j) * 10f32.powi(size)));
        let calibration = Arc::new(Calibration::from_samples(&random(6, cols, settings.seed + 1)).unwrap());
        let plain = Problem::plain(w.clone());
        for problem in [plain.clone(), Problem { calibration: Some(calibration), ..plain }] {
            match run(problem, &settings, Some(1)) {
                Ok(outcome) => {
                    let (a, b) = (&outcome.replacement.factors().unwrap().a, &outcome.replacement.factors().unwrap().b);
                    prop_assert!(a.first_not_finite().is_none() && b.first_not_finite().is_none());
                    prop_assert!(outcome.replacement.factors().unwrap().nnz() <= Budget::new(rows, cols, &settings).unwrap().total());
                    prop_assert!(outcome.relative_error.is_finite());
                }
                Err(why) => {
                    let known = ["at least one each", "each factor needs one", "left the finite numbers", "with an inner dimension of"];
                    prop_assert!(known.iter().any(|says| why.message.contains(says)), "{}", why);
                }
            }
        }
    }
}

/// Found by the property above: a column of A so small that B's row left the finite numbers to make up for it, and a
/// layer-wise error that is not a number was taken for 0.
#[test]
fn a_tiny_column_does_not_blow_up_its_row() {
    let settings = Settings {
        density: 0.6091576814339761,
        expansion: 4.0,
        orientation: Orientation::AsIs,
        outer: 1,
        inner: 2,
        rho: 1e6,
        rho0_start: 1e-6,
        rho0_end: None,
        ridge: 0.14903594368069034,
        ramp_until: 1e-9,
        relaxation: 1.1497982980857755,
        start: Start::Random,
        mask_iterations: 1,
        warm_start: false,
        fixed_mask: true,
        finalize: true,
        finalize_both: true,
        exact: true,
        seed: 82,
        ..Settings::default()
    };
    let w = random(7, 5, settings.seed);
    let w = Arc::new(Matrix::from_fn(7, 5, |i, j| w.get(i, j) * 10f32.powi(14)));
    let calibration = Arc::new(Calibration::from_samples(&random(6, 5, settings.seed + 1)).unwrap());
    let problem = Problem { calibration: Some(calibration), ..Problem::plain(w.clone()) };
    for problem in [Problem::plain(w), problem] {
        let outcome = run(problem, &settings, Some(1)).unwrap();
        let (a, b) = (&outcome.replacement.factors().unwrap().a, &outcome.replacement.factors().unwrap().b);
        assert!(outcome.relative_error < 1.0 && a.first_not_finite().is_none() && b.first_not_finite().is_none());
    }
}
