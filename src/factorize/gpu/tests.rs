use crate::compute::Device;
use crate::compute::gpu::Tiles;
use crate::compute::gpu::tests::limited;
use crate::factorize::{Finalize, Finalizer, Inputs, Objective, Preset, Settings, Solver, Split};
use crate::job::{End, Pipeline};
use crate::matrix::{Calibration, Matrix, Problem};
use std::sync::Arc;

fn matrix(rows: usize, cols: usize) -> Matrix {
    let mut state = 88_172_645_463_325_252u64;
    Matrix::from_fn(rows, cols, |_, _| {
        let mut sum = 0.0;
        for _ in 0..4 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            sum += (state >> 40) as f32 / (1 << 24) as f32 - 0.5;
        }
        sum
    })
}

/// The first half-steps from the same start differ by rounding only. With one buffer a matrix, and with several.
#[test]
fn half_steps_agree_with_the_processors() {
    let nasty = [(8, 8), (33, 31), (64, 64), (127, 129), (40, 200), (150, 70)];
    let long = [(60, 1500), (180, 190)];
    // In tiles of either size.
    let large = [(768, 768)];
    for (limit, tiles, shapes, steps) in [
        (u64::MAX, Tiles::SMALL, &nasty[..], 4),
        (150 * 1024, Tiles::SMALL, &long[..], 4),
        (u64::MAX, Tiles::SMALL, &large[..], 2),
        (u64::MAX, Tiles::LARGE, &large[..], 2),
    ] {
        let Some(gpu) = limited(limit).map(|gpu| Arc::new(gpu.with_tiles(tiles))) else { return };
        let best = Preset::Best.settings();
        let fixed = Settings { fixed_mask: true, ..Settings::default() };
        let cold = Settings { warm_start: false, expansion: 0.7, ..Settings::default() };
        for &(rows, cols) in shapes {
            let all = [Settings::default(), best.clone(), fixed.clone(), cold.clone()];
            for settings in &all[..if steps == 4 { 4 } else { 2 }] {
                let w = Arc::new(matrix(rows, cols));
                let mut here = Solver::new(&w, settings).unwrap();
                let mut there = Solver::on_device(&w, settings, &Device::Gpu(gpu.clone())).unwrap();
                for step in 1..=steps {
                    let (expected, found) = (here.step().unwrap().unwrap(), there.step().unwrap().unwrap());
                    let what = format!("{rows}×{cols}, half-step {step}, limit {limit}: {expected:?} {found:?}");
                    assert_eq!(found.note, None, "{what}");
                    assert_eq!(found.nnz, expected.nnz, "{what}");
                    let near = |a: f64, b: f64, tolerance: f64| (a - b).abs() <= tolerance * b.abs().max(1e-6);
                    assert!(near(found.error, expected.error, if step == 1 { 1e-4 } else { 2e-3 }), "{what}");
                    assert!(near(found.primal, expected.primal, 0.05), "{what}");
                    assert!(near(found.dual, expected.dual, 0.05), "{what}");
                    assert!((found.churn - expected.churn).abs() < 0.02, "{what}");
                }
                let (a, b) = (here.factors(), there.factors());
                assert_eq!((a.a.nnz(), a.b.nnz()), (b.a.nnz(), b.b.nnz()));
            }
        }
    }
}

/// The same in a metric of the inputs, whose first half-steps are still without it; and the layer-wise errors.
#[test]
fn half_steps_in_a_metric_agree_with_the_processors() {
    let nasty = [(8, 8), (33, 31), (64, 64), (40, 200), (150, 70)];
    // Statistics in several buffers.
    for (limit, shapes) in [(u64::MAX, &nasty[..]), (250 * 1024, &[(60, 300), (300, 60)][..])] {
        let Some(gpu) = limited(limit).map(Arc::new) else { return };
        for &(rows, cols) in shapes {
            let inputs = |objective| {
                let [calibration, held_out] =
                    [2, 3].map(|times| Arc::new(Calibration::from_samples(&matrix(times * cols, cols)).unwrap()));
                Inputs::new(calibration, Some(held_out), objective)
            };
            for (expansion, objective) in [
                (0.7, Objective::Outputs),
                (1.0, Objective::Outputs),
                (2.0, Objective::Outputs),
                (1.0, Objective::Norms),
            ] {
                let settings =
                    Settings { objective, expansion, outer: 8, power_growth: Some(0.5), ..Preset::Best.settings() };
                let (w, inputs) = (Arc::new(matrix(rows, cols)), inputs(objective));
                let solver = |device: Device| Solver::with_inputs(&w, Some(&inputs), &settings, &device).unwrap();
                let (mut here, mut there) = (solver(Device::Cpu), solver(Device::Gpu(gpu.clone())));
                for step in 1..=6 {
                    let (expected, found) = (here.step().unwrap().unwrap(), there.step().unwrap().unwrap());
                    let what = format!(
                        "{rows}×{cols}, k {expansion}, half-step {step}, limit {limit}: {expected:?} {found:?}"
                    );
                    assert_eq!(found.note, None, "{what}");
                    assert_eq!((found.nnz, there.device().name()), (expected.nnz, "gpu"), "{what}");
                    let near = |a: f64, b: f64, tolerance: f64| (a - b).abs() <= tolerance * b.abs().max(1e-6);
                    assert!(near(found.error, expected.error, if step <= 3 { 5e-4 } else { 5e-3 }), "{what}");
                    assert!(near(found.primal, expected.primal, 0.05), "{what}");
                    assert!(near(found.dual, expected.dual, 0.05), "{what}");
                    for (found, expected) in
                        [(found.layer_error, expected.layer_error), (found.held_out_error, expected.held_out_error)]
                    {
                        assert_eq!((found.is_some(), expected.is_some()), (step % 2 == 0, step % 2 == 0), "{what}");
                        let (found, expected) = (found.unwrap_or(1.0), expected.unwrap_or(1.0));
                        assert!(near(found, expected, if step <= 3 { 1e-3 } else { 1e-2 }), "{what}");
                    }
                }
            }
        }
    }
}

#[test]
fn values_are_finalized_as_by_the_processor() {
    // In one buffer; and so that nothing fits, which is the processor's then.
    for (limit, shapes) in [(u64::MAX, &[(40, 70), (130, 70), (65, 129)][..]), (20 * 1024, &[(40, 70)][..])] {
        let Some(gpu) = limited(limit).map(Arc::new) else { return };
        for &(rows, cols) in shapes {
            let w = Arc::new(matrix(rows, cols));
            let mut solver = Solver::new(&w, &Settings { density: 0.4, outer: 10, ..Settings::default() }).unwrap();
            while solver.step().unwrap().is_some() {}
            let factors = solver.finish();
            let inputs = Arc::new(Calibration::from_samples(&matrix(2 * cols, cols)).unwrap());
            let error = |device: Device| {
                let mut finalizer =
                    Finalizer::on_device(&w, factors.clone(), &inputs, None, &Finalize::default(), &device).unwrap();
                let report = finalizer.step().unwrap().unwrap();
                assert_eq!(report.note, None);
                assert_eq!(finalizer.factors().nnz(), factors.nnz());
                (finalizer.layer_error(), report.layer_error)
            };
            let (before, here) = error(Device::Cpu);
            let submissions = gpu.submissions();
            let (_, there) = error(Device::Gpu(gpu.clone()));
            assert_eq!(gpu.submissions() > submissions, limit == u64::MAX, "where it was done");
            assert!(before <= here, "{before} {here}");
            assert!((there / here - 1.0).abs() < 1e-4, "{rows}×{cols}: {here} {there}");
        }
    }
}

/// As if another program, or another run, took all the memory.
#[test]
fn a_device_without_memory_says_so() {
    let Some(gpu) = limited(u64::MAX).map(Arc::new) else { return };
    let mut solver =
        Solver::on_device(&Arc::new(matrix(40, 60)), &Settings::default(), &Device::Gpu(gpu.clone())).unwrap();
    (0..3).for_each(|_| assert_eq!(solver.step().unwrap().unwrap().note, None));
    gpu.simulate_out_of_memory();
    let report = solver.step().unwrap().unwrap();
    let note = report.note.expect("a sentence");
    assert!(note.contains("has not enough memory"), "{note}");
    // It is opened anew, and what the run itself needs is there.
    assert!(note.ends_with(&format!("the run goes on on '{}'", gpu.adapter().name)), "{note}");
    assert_eq!((report.step, solver.device().name()), (4, "gpu"));
}

/// A search that loses the device, in a trial or between two, passes the reopened one on to its run.
#[test]
fn a_search_outlives_its_device() {
    let w = matrix(40, 60);
    for half_steps in [5, 20] {
        let Some(gpu) = limited(u64::MAX).map(Arc::new) else { return };
        let settings = Settings { split: Split::Auto, outer: 10, ..Settings::default() };
        let problem = Problem::plain(Arc::new(w.clone()));
        let mut drive = Pipeline::on_device(problem, &settings, &Device::Gpu(gpu.clone())).unwrap();
        let mut notes = Vec::new();
        for step in 0.. {
            if step == half_steps {
                gpu.destroy();
            }
            let Some(progress) = drive.step().unwrap() else { break };
            notes.extend(progress.note);
        }
        let outcome = drive.finish(End::Finished, 0.0).unwrap();
        assert_eq!(outcome.place.backend, "gpu", "{notes:?}");
    }
}
