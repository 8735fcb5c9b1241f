//! The methods DSF is compared with: cases by hand, properties, and errors measured with published or independent
//! implementations on real weights.

use crate::common;
use dsf_explorer::Named;
use dsf_explorer::compare::Candidate;
use dsf_explorer::export::RunReport;
use dsf_explorer::factorize::Settings;
use dsf_explorer::matrix::{Calibration, Csr, Matrix, Problem, Replacement};
use dsf_explorer::measure::{Spectrum, Stored};
use dsf_explorer::methods::{Admm, Baseline, Error, Method, SparseGpt, ThresholdScope, trace};
use dsf_explorer::model::{Dtype, Layer, Orientation, open, open_calibration};
use std::sync::Arc;

fn replaced(method: Method, problem: &Problem, density: f64) -> Replacement {
    method.replace(problem, density, ThresholdScope::Matrix, &|_| true).unwrap()
}

/// One output of two inputs: w = (1, 1.2), XᵀX = [[2, 1], [1, 1]], whose inverse is [[1, −1], [−1, 2]].
fn two_inputs() -> Problem {
    let xtx = Matrix::from_vec(2, 2, vec![2.0, 1.0, 1.0, 1.0]);
    Problem {
        calibration: Some(Arc::new(Calibration::from_xtx(xtx).unwrap())),
        ..Problem::plain(Arc::new(Matrix::from_vec(1, 2, vec![1.0, 1.2])))
    }
}

fn values(kept: &Replacement) -> Vec<f32> {
    kept.to_dense().as_slice().to_vec()
}

fn close(found: &[f32], expected: &[f32], tolerance: f32) {
    let near = |(x, y): (&f32, &f32)| (x - y).abs() <= tolerance;
    assert!(found.len() == expected.len() && found.iter().zip(expected).all(near), "{found:?}, expected {expected:?}");
}

#[test]
fn two_weights_by_hand() {
    let problem = two_inputs();
    // The larger weight.
    close(&values(&replaced(Method::Magnitude, &problem, 0.5)), &[0.0, 1.2], 0.0);
    // 1·√2 against 1.2·1.
    close(&values(&replaced(Method::Wanda, &problem, 0.5)), &[1.0, 0.0], 0.0);
    // ½·1²/1 against ½·1.2²/2: the second goes, and the first becomes 1 + 1.2/2.
    close(&values(&replaced(Method::Obc, &problem, 0.5)), &[1.6, 0.0], 1e-4);
    // U = [[1, −1], [0, 1]]: the scores are 1 and 1.2², the first goes, and the second becomes 1.2 + 1.
    let undamped = SparseGpt { damping: 0.0, ..SparseGpt::default() };
    close(&values(&undamped.replace(&problem, 1, &|_| true).unwrap()), &[0.0, 2.2], 1e-5);
}

#[test]
fn with_independent_inputs_admm_keeps_what_weighs_most() {
    // XᵀX = diag(4, 1, 1): 1·2, 1.5·1 and 0.1·1 compete, and nothing can make up for anything else.
    let xtx = Matrix::from_vec(3, 3, vec![4.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    let problem = Problem {
        calibration: Some(Arc::new(Calibration::from_xtx(xtx).unwrap())),
        ..Problem::plain(Arc::new(Matrix::from_vec(1, 3, vec![1.0, 1.5, 0.1])))
    };
    let undamped = Admm { damping: 0.0, ..Admm::default() };
    close(&values(&undamped.replace(&problem, 1, &|_| true).unwrap()), &[1.0, 0.0, 0.0], 2e-3);
    close(&values(&undamped.replace(&problem, 2, &|_| true).unwrap()), &[1.0, 1.5, 0.0], 2e-3);
}

#[test]
fn by_rows_each_row_keeps_as_many() {
    let w = Matrix::from_fn(6, 40, |i, j| ((i * 31 + j * 17 + i * j) % 23) as f32 - 11.3 + 40.0 * i as f32);
    let x = Matrix::from_fn(200, 40, |i, j| ((i * 7 + j * 13 + i * j) % 31) as f32 - 15.0);
    let inputs = Arc::new(Calibration::from_samples(&x).unwrap());
    let problem = Problem { calibration: Some(inputs), ..Problem::plain(Arc::new(w)) };
    for method in [Method::Admm, Method::Sparsegpt] {
        for (threshold, even) in [(ThresholdScope::Row, true), (ThresholdScope::Matrix, false)] {
            let kept = method.replace(&problem, 0.3, threshold, &|_| true).unwrap();
            let matrix = kept.to_dense();
            let counts: Vec<usize> = (0..6).map(|i| matrix.row(i).iter().filter(|x| **x != 0.0).count()).collect();
            assert_eq!(counts.iter().sum::<usize>(), 72, "{method:?}");
            assert_eq!(counts.iter().all(|&count| count == 12), even, "{method:?} {counts:?}");
        }
    }
}

/// W and the layer's inputs may be of any size: entries of W up to 2¹²⁰, and down to 2⁻¹⁴⁰ where f32 has few digits left.
#[test]
fn the_scale_of_weights_and_inputs_does_not_matter() {
    let (rows, cols) = (24, 32);
    let w = common::random(rows, cols, 4);
    let x = Matrix::from_fn(100, cols, |i, j| ((i * 7 + j * 13 + i * i * j) % 31) as f32 - 15.0);
    let settings = Settings { density: 0.4, outer: 12, ..Settings::default() };
    let scaled = |w: &Matrix, scale: f32| Matrix::from_fn(rows, cols, |i, j| w.get(i, j) * scale);
    let replace = |method: Method, w: &Matrix, calibration: &Calibration| {
        let weight = Arc::new(w.clone());
        let problem = Problem { calibration: Some(Arc::new(calibration.clone())), ..Problem::plain(weight.clone()) };
        let layer = Layer {
            name: "w".into(),
            file: "w".into(),
            shape: vec![rows, cols],
            dtype: Dtype::F32,
            transposed: false,
            weight,
        };
        Candidate::new(method, settings.clone()).replace(&layer, &problem, 1, &|_| true).unwrap().report
    };
    let inputs = Calibration::from_samples(&x).unwrap();
    let gram = |scale: f32| {
        let dot = |i, j| (0..x.rows()).map(|row| x.get(row, i) * x.get(row, j)).sum::<f32>() * scale;
        Calibration::from_xtx(Matrix::from_fn(cols, cols, dot)).unwrap()
    };
    let scaled_inputs =
        |scale: f32| Calibration::from_samples(&Matrix::from_fn(x.rows(), cols, |i, j| x.get(i, j) * scale)).unwrap();
    for &method in Method::ALL {
        let near = |found: &RunReport, expected: &RunReport, tolerance: f64, what: &str| {
            let errors = |report: &RunReport| [report.relative_error, report.layer_error.unwrap()];
            for (found, expected) in errors(found).into_iter().zip(errors(expected)) {
                let ratio = found / expected;
                assert!((ratio - 1.0).abs() < tolerance, "{}, {what}: {found}, {expected} unscaled", method.name());
            }
        };
        let reference = replace(method, &w, &inputs);
        // Powers of two take nothing from the values.
        for exponent in [-120, -83, -40, 40, 83, 120] {
            let found = replace(method, &scaled(&w, 2f32.powi(exponent)), &inputs);
            near(&found, &reference, 1e-4, &format!("W times 2^{exponent}"));
            assert_eq!(found.nnz, reference.nnz, "{}, 2^{exponent}", method.name());
        }
        for scale in [1e-25, 1e25] {
            near(&replace(method, &scaled(&w, scale), &inputs), &reference, 0.03, &format!("W times {scale}"));
            near(
                &replace(method, &scaled(&w, scale), &gram(scale)),
                &reference,
                0.03,
                &format!("W and XtX times {scale}"),
            );
            near(&replace(method, &w, &scaled_inputs(scale)), &reference, 0.03, &format!("X times {scale}"));
        }
        // Numbers with 9 binary digits and less: those of a W that has no others lose none, and what one sparse matrix is
        // solved for is rounded to 2⁻¹⁴⁹, 0.1 % of W.
        let tiny = scaled(&w, 2f32.powi(-140));
        let same = Matrix::from_fn(rows, cols, |i, j| (f64::from(tiny.get(i, j)) * 2f64.powi(140)) as f32);
        let reference = replace(method, &same, &inputs);
        near(&replace(method, &tiny, &inputs), &reference, 1e-3, "W times 2^-140");
    }
}

#[test]
fn every_method_keeps_to_the_budget() {
    for (rows, cols) in [(24, 24), (16, 40), (40, 16)] {
        let w = Matrix::from_fn(rows, cols, |i, j| ((i * 31 + j * 17 + i * j * j) % 29) as f32 - 14.0);
        let x = Matrix::from_fn(3 * cols, cols, |i, j| ((i * 7 + j * 13 + i * i * j) % 31) as f32 - 15.0);
        let inputs = Arc::new(Calibration::from_samples(&x).unwrap());
        let problem = Problem { calibration: Some(inputs), ..Problem::plain(Arc::new(w)) };
        for method in Method::ALL.iter().copied().filter(|method| *method != Method::Dsf) {
            for density in [0.3, 0.5, 0.7] {
                let budget = (density * (rows * cols) as f64) as usize;
                let kept = replaced(method, &problem, density);
                let nnz = kept.nnz();
                assert!(nnz <= budget, "{method:?} {rows}×{cols}: {nnz} of {budget}");
                // Low rank and blocks come in steps; W has a few zeros of its own.
                if !matches!(method, Method::Svd | Method::Monarch) {
                    assert!(nnz + budget / 20 > budget, "{method:?} {rows}×{cols}: {nnz} of {budget}");
                }
                assert!(kept.relative_error(&problem.weight) < 1.2, "{method:?}");
                assert_eq!(kept.to_dense().shape(), (rows, cols));
            }
        }
    }
}

/// An input that is always 0 gets none of the budget from a method that knows the inputs.
#[test]
fn dead_inputs_cost_nothing() {
    let w = Matrix::from_fn(16, 16, |i, j| ((i * 31 + j * 17 + i * j) % 23) as f32 - 11.5);
    let x =
        Matrix::from_fn(80, 16, |i, j| if j == 3 { 0.0 } else { ((i * 7 + j * 13 + i * i * j) % 31) as f32 - 15.0 });
    let inputs = Arc::new(Calibration::from_samples(&x).unwrap());
    let problem = Problem { calibration: Some(inputs), ..Problem::plain(Arc::new(w)) };
    for method in Method::ALL.iter().copied().filter(|method| method.needs_inputs()) {
        let kept = replaced(method, &problem, 0.5);
        assert!((0..16).all(|i| kept.to_dense().get(i, 3) == 0.0), "{method:?}");
        assert_eq!(kept.nnz(), 128, "{method:?}");
    }
}

/// SparseGPT takes columns in blocks; over all of them no row keeps more than one more than another.
#[test]
fn rows_stay_even_over_blocks() {
    let w = Matrix::from_fn(7, 300, |i, j| ((i * 31 + j * 17 + i * j) % 23) as f32 - 11.3);
    let x = Matrix::from_fn(700, 300, |i, j| ((i * 7 + j * 13 + i * i * j + i * j * j) % 101) as f32 - 50.0);
    let inputs = Arc::new(Calibration::from_samples(&x).unwrap());
    let problem = Problem { calibration: Some(inputs), ..Problem::plain(Arc::new(w)) };
    let kept = Method::Sparsegpt.replace(&problem, 0.337, ThresholdScope::Row, &|_| true).unwrap();
    let counts: Vec<usize> = (0..7).map(|i| kept.to_dense().row(i).iter().filter(|x| **x != 0.0).count()).collect();
    let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
    assert!(most - least <= 1 && counts.iter().sum::<usize>() == 707, "{counts:?}");
}

/// Tiny and huge weights come out as others do, and dense factors count their zeros.
#[test]
fn scales_and_zeros_do_not_matter() {
    let with = |scale: f32| {
        let w = Matrix::from_fn(16, 20, |i, j| scale * (((i * 31 + j * 17 + i * j * j) % 29) as f32 - 14.0));
        let problem = Problem::plain(Arc::new(w));
        let made = [Method::Palm4msa, Method::Hierarchical].map(|method| replaced(method, &problem, 0.4));
        made.map(|kept| kept.relative_error(&problem.weight))
    };
    let usual = with(1.0);
    for scale in [1e-12, 1e12, 1e35] {
        let errors = with(scale);
        assert!(errors.iter().zip(usual).all(|(x, y)| (x / y - 1.0).abs() < 0.02), "{scale}: {errors:?} {usual:?}");
    }
    let identity = Problem::plain(Arc::new(Matrix::from_fn(16, 16, |i, j| f32::from(u8::from(i == j)))));
    let kept = replaced(Method::Svd, &identity, 0.5);
    assert_eq!((kept.entries(), Stored::of(&kept).bytes), (4 * 32, 2 * 4 * 32));
}

#[test]
fn what_is_missing_is_named() {
    let plain = Problem::plain(Arc::new(Matrix::from_fn(8, 8, |i, j| (i * j) as f32)));
    for &method in Method::ALL {
        let needs = matches!(method.check(&plain, 0.9), Err(Error::NeedsInputs { .. }));
        assert_eq!(needs, method.needs_inputs(), "{method:?}");
    }
    let stopped = Method::Palm4msa.replace(&plain, 0.5, ThresholdScope::Matrix, &|_| false);
    assert_eq!(stopped, Err(Error::Cancelled));
    let broken = Problem::plain(Arc::new(Matrix::from_vec(1, 2, vec![1.0, f32::NAN])));
    assert!(matches!(Method::Magnitude.check(&broken, 0.9), Err(Error::Problem(_))));
    // One row of 3000 inputs would take the cube of them.
    let x = Calibration::from_xtx(Matrix::from_fn(2100, 2100, |i, j| f32::from(u8::from(i == j)))).unwrap();
    let wide = Problem { calibration: Some(Arc::new(x)), ..Problem::plain(Arc::new(Matrix::zeros(1, 2100))) };
    assert!(matches!(Method::Obc.check(&wide, 0.5), Err(Error::TooManyInputs { .. })));
}

fn weight(name: &str) -> Option<Arc<Matrix>> {
    let data = common::test_data()?;
    let checkpoint = open(&data.join("matrices/weights.safetensors")).unwrap();
    Some(checkpoint.layer(name, Orientation::AsStored).unwrap().weight)
}

/// A layer with its calibration, and its held-out statistics.
fn calibrated(name: &str) -> Option<Problem> {
    let weight = weight(name)?;
    let data = common::test_data()?;
    let inputs = |kind: &str| {
        let file = data.join(format!("matrices/{name}.{kind}.safetensors"));
        Some(Arc::new(open_calibration(&file, "", weight.cols()).unwrap()))
    };
    Some(Problem { calibration: inputs("cal"), held_out: inputs("held"), ..Problem::plain(weight) })
}

/// The errors on the calibration and on held-out statistics, against those of the published implementations (of magnitude
/// pruning, an independent one).
#[test]
fn one_sparse_matrix_against_published_errors() {
    let Some(q) = calibrated("minilm_l2_q") else { return };
    let Some(up) = calibrated("minilm_l2_up") else { return };
    let cases = [
        (&q, Method::Magnitude, 0.5, [0.03774, 0.03894]),
        (&q, Method::Magnitude, 0.25, [0.16205, 0.16695]),
        (&q, Method::Wanda, 0.5, [0.02599, 0.02840]),
        (&q, Method::Wanda, 0.25, [0.11228, 0.12101]),
        (&q, Method::Sparsegpt, 0.5, [0.01503, 0.02182]),
        (&q, Method::Sparsegpt, 0.25, [0.07476, 0.09783]),
        (&up, Method::Wanda, 0.25, [0.08812, 0.09451]),
        (&up, Method::Sparsegpt, 0.3, [0.03531, 0.04667]),
        (&up, Method::Magnitude, 0.3, [0.13869, 0.13074]),
    ];
    for (problem, method, density, expected) in cases {
        let kept = replaced(method, problem, density);
        for (inputs, expected) in [&problem.calibration, &problem.held_out].into_iter().flatten().zip(expected) {
            let error = kept.layer_error(&problem.weight, inputs.xtx());
            assert!((error / expected - 1.0).abs() < 0.005, "{method:?} {density}: {error:.5}, published {expected}");
        }
    }
}

/// With one threshold the published code has the final sparsity from its first iteration on. With the gradual schedule 6 to
/// 8 % less is lost at 50 %, and as much at 25 %.
#[test]
fn admm_against_the_published_errors() {
    let Some(q) = calibrated("minilm_l2_q") else { return };
    let Some(up) = calibrated("minilm_l2_up") else { return };
    for (problem, density, expected) in [
        (&q, 0.5, [0.00922, 0.01599]),
        (&q, 0.25, [0.04415, 0.07070]),
        (&up, 0.5, [0.00590, 0.00978]),
        (&up, 0.25, [0.02939, 0.04665]),
    ] {
        let kept = replaced(Method::Admm, problem, density);
        for (inputs, expected) in [&problem.calibration, &problem.held_out].into_iter().flatten().zip(expected) {
            let ratio = kept.layer_error(&problem.weight, inputs.xtx()) / expected;
            println!("admm {density}: {ratio:.4} of the published error");
            assert!(ratio < if density < 0.5 { 1.015 } else { 0.98 }, "{density}: {ratio}");
        }
    }
}

#[test]
fn one_weight_at_a_time_against_its_reference() {
    let Some(problem) = calibrated("minilm_l2_q") else { return };
    let (w, inputs) = (&problem.weight, problem.calibration.as_ref().unwrap());
    let traced = trace(w, inputs, &|_| true).unwrap();
    let mut last = 0.0;
    for (density, expected) in
        [(0.5, [0.00743, 0.01446]), (0.4, [0.01484, 0.02784]), (0.3, [0.02868, 0.05128]), (0.25, [0.03995, 0.06882])]
    {
        let budget = (density * w.len() as f64) as usize;
        let kept = Replacement::Sparse(Csr::from_dense(&traced.pruned(w, inputs, budget).unwrap()));
        assert_eq!(kept.nnz(), budget);
        let errors = [&problem.calibration, &problem.held_out];
        for (inputs, expected) in errors.into_iter().flatten().zip(expected) {
            let error = kept.layer_error(w, inputs.xtx());
            assert!((error / expected - 1.0).abs() < 0.005, "{density}: {error:.5}, expected {expected}");
        }
        // The same trace, fewer entries: more is lost. And as a rule OBC ≤ SparseGPT ≤ Wanda ≤ magnitude.
        let of = |kept: &Replacement| kept.layer_error(w, inputs.xtx());
        let errors = [&kept]
            .into_iter()
            .map(of)
            .chain([Method::Sparsegpt, Method::Wanda, Method::Magnitude].map(|m| of(&replaced(m, &problem, density))));
        let errors: Vec<f64> = errors.collect();
        assert!(errors.is_sorted() && errors[0] > last, "{density}: {errors:?}");
        last = errors[0];
    }
}

#[test]
fn low_rank_is_the_truncated_spectrum_and_monarch_no_worse_than_its_reference() {
    // The best number of blocks and its error were found by an independent implementation.
    for (name, density, svd, monarch) in [
        ("minilm_l0_q", 0.25, 0.6571, 0.7048),
        ("minilm_l0_q", 0.5, 0.4626, 0.5130),
        ("gauss_256", 0.5, 0.6126, 0.6041),
        ("gauss_256", 0.4, 0.6810, 0.6858),
        ("lrs_512", 0.3, 0.4345, 0.4581),
        ("planted_256", 0.25, 0.6773, 0.7189),
        ("ocr_fc_1024_t256", 0.25, 0.4144, 0.4883),
    ] {
        let Some(w) = weight(name) else { return };
        let problem = Problem::plain(w.clone());
        let error = replaced(Method::Svd, &problem, density).relative_error(&w);
        assert!((error / svd - 1.0).abs() < 5e-4, "{name} SVD {error:.4}, expected {svd}");
        let (rows, cols) = w.shape();
        let rank = Spectrum::rank(rows, cols, (density * w.len() as f64) as usize);
        assert!((error - Spectrum::of(&w).unwrap().error(rank)).abs() < 1e-5, "{name}");
        let ratio = replaced(Method::Monarch, &problem, density).relative_error(&w) / monarch;
        println!("{name} {density} Monarch: {ratio:.4} of its reference");
        assert!(ratio < 1.005, "{name} Monarch {ratio}");
    }
}

#[test]
fn palm4msa_is_as_good_as_faust() {
    // pyfaust 3.41, the best of several starts, orders and splits, 200 iterations; the last two are parts of larger layers.
    let whole = |name| weight(name);
    let part = |name, row: usize, col: usize| {
        weight(name).map(|w| Arc::new(Matrix::from_fn(256, 256, |i, j| w.get(row + i, col + j))))
    };
    for (name, faust, w) in [
        ("minilm_l0_q_t64", 0.5051, whole("minilm_l0_q_t64")),
        ("gauss_256", 0.4747, whole("gauss_256")),
        ("minilm_l0_q_t256", 0.4433, whole("minilm_l0_q_t256")),
        ("ocr_fc_1024_t256", 0.3257, whole("ocr_fc_1024_t256")),
        ("minilm_l2_up, first rows and columns", 0.4395, part("minilm_l2_up", 0, 0)),
        ("minilm_l2_down, first rows and last columns", 0.4283, part("minilm_l2_down", 0, 1280)),
    ] {
        let Some(w) = w else { return };
        let begun = std::time::Instant::now();
        let kept = replaced(Method::Palm4msa, &Problem::plain(w.clone()), 0.25);
        let ratio = kept.relative_error(&w) / faust;
        println!("{name} palm4msa: {ratio:.4} of FAµST's error in {:.1} s", begun.elapsed().as_secs_f64());
        assert!(ratio < 1.02, "{name}: {ratio}");
    }
}
