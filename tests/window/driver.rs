//! Hands and eyes for the window: everything is found by its label.

use dsf_explorer::app::{Explorer, LaunchOptions, RunState};
use dsf_explorer::compress::{Folder, LayerByLayer, LayerKey, Layered, Output, Plan, Step, Totals};
use dsf_explorer::export::Layout;
use dsf_explorer::factorize::Preset;
use dsf_explorer::methods::Method;
use dsf_explorer::model::Source;
use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub fn window(opening: LaunchOptions) -> Harness<'static, Explorer> {
    Harness::builder()
        .with_size([1280.0, 800.0])
        .with_max_steps(10_000)
        .build_eframe(move |cc| Explorer::new(cc, opening))
}

/// Frames until `done`, at most a few minutes: a machine that does other things too is slow.
pub fn until(harness: &mut Harness<'_, Explorer>, what: &str, done: impl Fn(&Harness<'_, Explorer>) -> bool) {
    const PATIENCE: Duration = Duration::from_secs(240);
    let start = Instant::now();
    loop {
        harness.step();
        if done(harness) {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        // Not more often: a frame takes half of a processor that what is waited for wants.
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn finished(harness: &Harness<'_, Explorer>) -> bool {
    harness.state().runs().last().is_some_and(|run| run.state == RunState::Finished)
}

pub fn click(harness: &mut Harness<'_, Explorer>, label: &str) {
    harness.get_by_role_and_label(Role::Button, label).click();
    harness.step();
    harness.step();
}

/// What the person's click on the window's cross is.
pub fn close(harness: &mut Harness<'_, Explorer>) {
    harness.input_mut().viewports.entry(egui::ViewportId::ROOT).or_default().events.push(egui::ViewportEvent::Close);
    harness.step();
    harness.input_mut().viewports.entry(egui::ViewportId::ROOT).or_default().events.clear();
    harness.run_steps(2);
}

/// What the person sees of a matrix: `Picture of A, 256 by 256`.
pub fn pictures(harness: &Harness<'_, Explorer>) -> usize {
    harness.query_all_by_label_contains("Picture of").count()
}

pub fn type_into(harness: &mut Harness<'_, Explorer>, label: &str, text: &str) {
    let field = harness.get_by_role_and_label(Role::TextInput, label);
    field.click();
    harness.step();
    harness.key_press_modifiers(egui::Modifiers::COMMAND, egui::Key::A);
    harness.step();
    harness.get_by_role_and_label(Role::TextInput, label).type_text(text);
    harness.step();
    harness.step();
}

pub fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("window");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    let _ = std::fs::remove_file(&path);
    path
}

/// The window on the example, its first run over and its pictures there.
pub fn ready() -> Harness<'static, Explorer> {
    let mut harness = window(LaunchOptions::default());
    until(&mut harness, "the example's run", finished);
    settled(&mut harness);
    harness
}

/// Waits until all five pictures show what is wanted.
pub fn settled(harness: &mut Harness<'_, Explorer>) {
    until(harness, "five pictures", |harness| pictures(harness) == 5);
    until(harness, "the right ones", |harness| harness.state().is_up_to_date());
}

/// Writes what the page has compressed into a new folder, by the panel of this name.
pub fn saved(harness: &mut Harness<'_, Explorer>, panel: &str, name: &str) -> PathBuf {
    let folder = scratch(name);
    let _ = std::fs::remove_dir_all(&folder);
    harness.get_by_label(panel).click();
    harness.run_steps(30);
    type_into(harness, "New folder", folder.to_str().unwrap());
    harness.get_by_role_and_label(egui::accesskit::Role::Button, "Write").click();
    until(harness, "the folder", |_| folder.join("report.json").exists());
    folder
}

pub fn press(harness: &mut Harness<'_, Explorer>, modifiers: egui::Modifiers, key: egui::Key) {
    harness.key_press_modifiers(modifiers, key);
    harness.step();
    harness.step();
}

/// Chooses an item of a combo box.
pub fn choose(harness: &mut Harness<'_, Explorer>, label: &str, item: &str) {
    harness.get_by_role_and_label(Role::ComboBox, label).click();
    harness.run_steps(3);
    harness.get_by_role_and_label(Role::Button, item).click();
    harness.run_steps(3);
}

/// A NumPy file of numbers without pattern.
pub fn npy(name: &str, rows: usize, cols: usize) -> PathBuf {
    let path = scratch(name);
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {cols}), }}");
    bytes.extend(format!("{header:<117}\n").into_bytes());
    let value = |at: usize| ((at * 7919 % 10_007) as f32 - 5003.0) / 5003.0;
    bytes.extend((0..rows * cols).flat_map(|at| value(at).to_le_bytes()));
    std::fs::write(&path, bytes).unwrap();
    path
}

/// A file with 512 samples of what a layer reads, each input at its own scale.
pub fn inputs(name: &str, inputs: usize) -> PathBuf {
    let value = |at: usize| ((at * 7919 % 1009) as f32 - 504.0) * (1 + at % inputs) as f32;
    let x: Vec<f32> = (0..512 * inputs).map(value).collect();
    let shape = vec![512, inputs];
    let tensor = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape, bytemuck::cast_slice(&x));
    let bytes = safetensors::serialize([("X", tensor.unwrap())], None).unwrap();
    let path = scratch(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Gives the layer that is open its inputs, and waits for the run that follows.
pub fn calibrate(harness: &mut Harness<'_, Explorer>, path: &std::path::Path) {
    let runs = harness.state().runs().len();
    harness.get_by_label("Layer's inputs").click();
    harness.run_steps(30);
    type_into(harness, "Path of a layer's inputs", path.to_str().unwrap());
    click(harness, "Read");
    until(harness, "a run with calibration", |harness| harness.state().runs().len() > runs && finished(harness));
}

/// A window on a layer that takes seconds, so that its run can be caught in the middle; it starts only when told.
pub fn large(name: &str) -> Harness<'static, Explorer> {
    let mut harness =
        window(LaunchOptions { source: Some(Source::from(npy(name, 768, 640))), ..LaunchOptions::default() });
    until(&mut harness, "W", |harness| harness.query_by_label("Picture of W, 768 by 640").is_some());
    harness
}

/// Starts a run and pauses it; gives the step it stands at.
pub fn paused(harness: &mut Harness<'_, Explorer>) -> usize {
    click(harness, "▶ Start");
    until(harness, "a half-step", |harness| stepped(harness) >= 1);
    click(harness, "⏸ Pause");
    // The half-step in work may still end.
    let mut before = 0;
    while before != stepped(harness) {
        before = stepped(harness);
        std::thread::sleep(Duration::from_millis(300));
        harness.step();
    }
    before
}

/// The last step of the run on screen.
pub fn stepped(harness: &Harness<'_, Explorer>) -> usize {
    harness.state().shown().and_then(|run| run.progress.as_ref()).map_or(0, |progress| progress.step)
}

/// Half of every layer's weights, the largest.
pub fn half<K: LayerKey>() -> Plan<K> {
    Plan { method: Method::Magnitude, ..Plan::new(Preset::Published, 0.5) }
}

/// Writes what `work` makes of a model into `out`, as a model that keeps its factors.
pub fn write_factors<M: Layered>(
    (model, inputs): (&M, &M::Inputs),
    plan: &Plan<M::Key>,
    mut work: impl LayerByLayer<M::Key>,
    companions: Vec<(String, Vec<u8>)>,
    out: &Path,
) {
    let _ = std::fs::remove_dir_all(out);
    let folder = Folder::open(model, plan, inputs, out, false, false).unwrap();
    let (mut store, mut reports) = (folder.store(), Vec::new());
    while let Some(step) = work.step_with_progress(&|_, _| true).unwrap() {
        if let Step::Finished(layer) = step {
            store.keep(&layer).unwrap();
            reports.push(layer.report.clone());
        }
    }
    let output = Output { layouts: vec![Layout::Bitmask], companions, ..Output::default() };
    folder.finish(plan, &Totals::new(reports, 0, 0.5, 0.0), &output, false).unwrap();
}
