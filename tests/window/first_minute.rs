//! What a person sees who has just started the window, and what happens to what is not as it should be.

use super::driver::{
    calibrate, click, finished, inputs, large, npy, paused, pictures, scratch, stepped, type_into, until, window,
};
use dsf_explorer::app::{Explorer, LaunchOptions, RunState};
use dsf_explorer::factorize::Preset;
use dsf_explorer::model::Source;
use dsf_explorer::model::{EXAMPLE_LAYER, Orientation, open};
use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable};
use std::time::Duration;

#[test]
fn it_starts_running_on_the_example() {
    let mut harness = window(LaunchOptions::default());
    until(&mut harness, "the example's run", finished);
    until(&mut harness, "its pictures", |harness| pictures(harness) == 5);
    let run = &harness.state().runs()[0];
    assert_eq!(run.spec.layer_name, EXAMPLE_LAYER);
    let error = run.error().unwrap();
    assert!((0.3..0.7).contains(&error), "{error}");
    harness.get_by_label(&format!("relative error {error:.4}"));
    let steps = 2 * Preset::Fast.settings().outer;
    assert!(harness.query_by_label_contains(&format!("finished: {steps} steps")).is_some());
}

#[test]
fn a_slider_moved_starts_a_new_run_and_the_old_one_stays() {
    let mut harness = window(LaunchOptions::default());
    until(&mut harness, "the first run", finished);
    harness.get_by_role_and_label(Role::Slider, "Density").focus();
    harness.step();
    harness.key_press(egui::Key::ArrowRight);
    until(&mut harness, "the second run", |harness| harness.state().runs().len() == 2 && finished(harness));
    let runs = harness.state().runs();
    let density = |at: usize| runs[at].spec.settings.as_ref().unwrap().density;
    assert!(density(1) > density(0));
    assert!(runs[1].error().unwrap() < runs[0].error().unwrap());
    assert!(runs[1].nnz() > runs[0].nnz());
}

#[test]
fn pause_step_resume_and_cancel() {
    let mut harness = large("paused.npy");
    let before = paused(&mut harness);
    std::thread::sleep(Duration::from_millis(200));
    harness.step();
    assert_eq!(stepped(&harness), before);
    click(&mut harness, "⏭ Step");
    until(&mut harness, "one half-step", |harness| stepped(harness) == before + 1);
    click(&mut harness, "⏹ Cancel");
    until(&mut harness, "the end", |harness| harness.state().runs().last().unwrap().state == RunState::Cancelled);
    assert!(harness.state().runs().last().unwrap().outcome.is_some(), "the factors so far are kept");
}

#[test]
fn factors_are_exported_and_open_again_beside_w() {
    let path = scratch("exported.safetensors");
    let mut harness = window(LaunchOptions::default());
    until(&mut harness, "the run", finished);
    click(&mut harness, "Export…");
    type_into(&mut harness, "File", path.to_str().unwrap());
    click(&mut harness, "Save");
    until(&mut harness, "the file", |_| path.exists());
    let error = harness.state().runs()[0].error().unwrap();
    let checkpoint = open(&path).unwrap();
    let stem = EXAMPLE_LAYER.strip_suffix(".weight").unwrap();
    assert_eq!(checkpoint.factorizations(), [stem]);

    click(&mut harness, "Open…");
    type_into(&mut harness, "Path", path.to_str().unwrap());
    click(&mut harness, "Open");
    until(&mut harness, "the factors", |harness| harness.state().runs().len() == 2);
    let opened = &harness.state().runs()[1];
    assert_eq!(opened.state, RunState::Opened);
    assert!((opened.error().unwrap() - error).abs() < 1e-9, "compared with W, which is still open");

    // The other way round: first the factors, then W.
    let mut harness = window(LaunchOptions { source: Some(Source::from(path)), ..LaunchOptions::default() });
    until(&mut harness, "the factors", |harness| harness.state().runs().len() == 1);
    assert!((harness.state().runs()[0].error().unwrap() - error).abs() < 1e-9, "as the file says");
    assert!(harness.state().runs()[0].spec.layer.is_none(), "with nothing to compare them with");
    click(&mut harness, "Example");
    until(&mut harness, "the comparison", |harness| harness.state().runs()[0].spec.layer.is_some());
    assert!((harness.state().runs()[0].error().unwrap() - error).abs() < 1e-9);
}

#[test]
fn a_bad_file_gets_a_message_and_the_work_stays() {
    let path = scratch("bad.safetensors");
    std::fs::write(&path, [0xff; 64]).unwrap();
    let mut harness = window(LaunchOptions::default());
    until(&mut harness, "the run", finished);
    click(&mut harness, "Open…");
    type_into(&mut harness, "Path", path.to_str().unwrap());
    click(&mut harness, "Open");
    until(&mut harness, "the message", |harness| harness.query_by_label_contains("bad.safetensors").is_some());
    assert_eq!(pictures(&harness), 5);
    harness.get_by_label("stories.safetensors");
}

#[test]
fn a_file_and_a_tensor_can_be_named_at_the_start() {
    let path = npy("matrix.npy", 24, 40);
    let mut harness = window(LaunchOptions {
        source: Some(Source::from(path.clone())),
        tensor: Some("matrix".into()),
        threads: Some(1),
        ..LaunchOptions::default()
    });
    until(&mut harness, "the run", finished);
    let w = open(&path).unwrap().layer("matrix", Orientation::AsStored).unwrap().weight;
    assert_eq!(harness.state().runs()[0].spec.layer.as_ref().unwrap().layer.weight, w);
    until(&mut harness, "its pictures", |harness| pictures(harness) == 5);
    let k = Preset::Fast.settings().inner_dim(24, 40);
    harness.get_by_label(&format!("Picture of A, 24 by {k}"));
    harness.get_by_label(&format!("Picture of B, {k} by 40"));
}

/// Drawn by a real graphics adapter (a software one will do), the window is not blank.
#[test]
fn it_is_drawn() {
    let mut harness = Harness::builder()
        .with_size([1280.0, 800.0])
        .with_max_steps(10_000)
        .wgpu()
        .build_eframe(move |cc| Explorer::new(cc, LaunchOptions::default()));
    until(&mut harness, "the run", finished);
    until(&mut harness, "its pictures", |harness| pictures(harness) == 5);
    harness.run_steps(3);
    let image = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| harness.render())) {
        Ok(Ok(image)) => image,
        _ if std::env::var_os("DSF_TEST_GPU").is_none() => return println!("skipped: no graphics adapter"),
        failed => panic!("no graphics adapter, and DSF_TEST_GPU is set: {:?}", failed.map(|result| result.map(|_| ()))),
    };
    let colors: std::collections::HashSet<[u8; 4]> = image.pixels().map(|pixel| pixel.0).collect();
    assert!(colors.len() > 200, "only {} colours", colors.len());
}

#[test]
fn a_layers_inputs_make_the_run_layer_wise() {
    let path = inputs("inputs.safetensors", 256);
    let mut harness = window(LaunchOptions::default());
    until(&mut harness, "the first run", finished);
    calibrate(&mut harness, &path);
    let layer = harness.state().runs().last().unwrap().outcome.as_ref().unwrap().layer;
    let layer = layer.expect("layer-wise errors");
    assert!(layer.calibration > 0.0 && layer.calibration < layer.before_finalize, "{layer:?}");
    harness.step();
    assert!(harness.query_by_label_contains("layer error 0.").is_some());
    assert!(harness.query_by_label("inputs.safetensors").is_some());

    // What does not fit is said, and the calibration stays.
    type_into(&mut harness, "Path of a layer's inputs", "/nowhere/x.npy");
    click(&mut harness, "Read");
    until(&mut harness, "a message", |harness| harness.query_by_label_contains("/nowhere/x.npy").is_some());
    assert!(harness.query_by_label("inputs.safetensors").is_some());
}
