//! The vision model in the window: its accuracy, layers compressed, images, kernels.

use super::driver::{click, finished, half, press, saved, scratch, type_into, until, window, write_factors};
use dsf_explorer::app::{Explorer, LaunchOptions};
use dsf_explorer::compress::{Memory, VisionCompression, VisionInputs};
use dsf_explorer::matrix::keep_largest;
use dsf_explorer::model::Source;
use dsf_explorer::vision::{self, ImageSet};
use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable};
use serde_json::json;
use std::path::PathBuf;

fn order(harness: &mut Harness<'_, Explorer>, order: serde_json::Value) {
    let ctx = harness.ctx.clone();
    harness.state_mut().order(&ctx, &order).unwrap();
}

/// The page with the built-in network, measured.
fn example() -> Harness<'static, Explorer> {
    let mut harness = window(LaunchOptions::default());
    until(&mut harness, "the example's run", finished);
    order(&mut harness, json!({ "show": "Network" }));
    harness.run_steps(3);
    assert!(harness.query_all_by_label("No vision model is open").count() == 2, "beside the layers and the images");
    harness.get_all_by_label("Open the built-in network").next().unwrap().click();
    until(&mut harness, "the dense network's accuracy", |harness| harness.state().vision().dense().is_some());
    until(&mut harness, "a layer's run", finished);
    harness
}

fn percent(score: f64) -> String {
    format!("{:.1}\u{a0}%", 100.0 * score)
}

/// A layer's run shows what it does to the network; all layers are compressed, and the answers are those of the library.
#[test]
fn the_built_in_network_is_measured_and_compressed() {
    let mut harness = example();
    let held_out = ImageSet::of(vision::example_held_out(1000));
    let dense = vision::example().network().unwrap().classify(&held_out, &|_, _| true).unwrap().evaluation;
    assert_eq!(harness.state().vision().dense(), Some(&dense));
    let score = dense.accuracy().unwrap();
    assert!((0.9..0.98).contains(&score), "{score}");
    harness.get_by_label(&format!("dense {}", percent(score)));
    until(&mut harness, "the accuracy of the run's factors", |harness| {
        harness.state().vision().alone().is_some_and(|(_, current)| current)
    });
    let alone = harness.state().vision().alone().unwrap().0.accuracy().unwrap();
    harness.step();
    harness.get_by_label(&format!("accuracy {}", percent(alone)));

    // The first images alone stand for all: what is lost on them is taken from the dense network's share of all.
    let cut = |network: &mut vision::Network| {
        let weight = vision::example().layer(3).unwrap().weight;
        network.replace(3, &keep_largest(&weight, weight.len() / 10));
    };
    let on_first = |change: &dyn Fn(&mut vision::Network)| {
        let mut network = vision::example().network().unwrap();
        change(&mut network);
        network.classify(&held_out.clone().first(256), &|_, _| true).unwrap().evaluation
    };
    let (before, after) = (on_first(&|_| {}), on_first(&cut));
    let lost = (before.correct() as f64 - after.correct() as f64) / 256.0;
    assert!(lost > 0.02, "{lost}");
    let expected = harness.state().vision().score(&after).unwrap();
    assert!((expected - (score - lost)).abs() < 1e-12, "{expected} of {score}, {lost} lost");

    // The first convolution and the classifier stay; every other layer has its budget, to the last nonzero.
    order(&mut harness, json!({ "preset": "fast" }));
    click(&mut harness, "Compress all");
    let model = vision::example();
    let inner = model.architecture().inner_layers();
    until(&mut harness, "the inner layers", |harness| !harness.state().vision().is_working());
    let layers: Vec<_> = harness.state().vision().layers().iter().cloned().collect();
    assert_eq!(layers.iter().map(|layer| layer.id).collect::<Vec<_>>(), inner.clone().collect::<Vec<_>>());
    let mut network = model.network().unwrap();
    for layer in &layers {
        let (rows, cols) = model.architecture().layers[layer.id].shape();
        assert_eq!(layer.report.nnz, rows * cols / 4);
        network.replace(layer.id, &layer.weight);
    }
    until(&mut harness, "the norms estimated anew", |harness| {
        let vision = harness.state().vision();
        vision.estimated().is_some() && vision.compressed().is_some_and(|(_, current)| current)
    });
    let now = network.classify(&held_out, &|_, _| true).unwrap().evaluation;
    network.estimate_norms(&vision::example_calibration(512), 128, None).unwrap();
    let estimated = network.classify(&held_out, &|_, _| true).unwrap().evaluation;
    let vision = harness.state().vision();
    assert_eq!((vision.compressed().unwrap().0, vision.estimated().unwrap().unwrap()), (&now, &estimated));
    println!("dense {score}, now {:?}, estimated {:?}", now.accuracy(), estimated.accuracy());
    // Magnitude pruning to 30 % leaves a half.
    assert!(now.accuracy().unwrap() > score - 0.1);
    harness.step();
    harness.get_by_label(&format!("now {}", percent(now.accuracy().unwrap())));
    harness.get_by_label(&format!("with norms re-estimated {}", percent(estimated.accuracy().unwrap())));

    // What is saved has the norms that were seen, in the file's 16 bits.
    let folder = saved(&mut harness, "Save the network", "saved network");
    let saved = vision::open(&folder).unwrap().network().unwrap();
    let saved = saved.classify(&held_out, &|_, _| true).unwrap().evaluation.accuracy().unwrap();
    assert!((saved - estimated.accuracy().unwrap()).abs() < 0.006, "{saved}");
    assert!(folder.join("factors-bitmask.safetensors").exists());
    let changed = dense.answers.iter().zip(&now.answers).filter(|(dense, now)| dense != now).count();
    harness.get_by_label(&format!("Changed ({changed})"));

    // Changed ones come first, with both answers.
    until(&mut harness, "images", |harness| harness.query_all_by_label_contains("Image ").count() > 0);
    click(&mut harness, &format!("Changed ({changed})"));
    until(&mut harness, "only those", |harness| {
        let shown = harness.query_all_by_label_contains("Image ").count();
        shown == changed.min(48) && harness.query_all_by_label_contains(", now ").count() == shown
    });
    order(&mut harness, json!({ "show": "Confusion" }));
    harness.run_steps(3);
    harness.get_by_label("Confusion matrix of 12 classes");
    click(&mut harness, "Norms re-estimated");
    click(&mut harness, "Back to dense");
    assert_eq!(harness.state().vision().replaced(), 0);
}

/// The accuracy with the compressed layers, once nothing changes it any more.
fn settled(harness: &mut Harness<'_, Explorer>) -> f64 {
    until(harness, "the accuracy", |harness| {
        let vision = harness.state().vision();
        !vision.is_working() && vision.compressed().is_some_and(|(_, current)| current)
    });
    harness.state().vision().compressed().unwrap().0.accuracy().unwrap()
}

/// Steps make the loss lower, the page shows the values where it is lowest, a folder has them, and they are undone.
#[test]
fn values_are_tuned_saved_and_undone() {
    let mut harness = example();
    let refused =
        harness.state_mut().order(&egui::Context::default(), &json!({ "vision": { "tune": {} } })).unwrap_err();
    assert_eq!(refused.to_string(), "Compress layers first: what replaces them is tuned");
    order(&mut harness, json!({ "preset": "fast" }));
    order(&mut harness, json!({ "settings": { "outer": 4 } }));
    order(&mut harness, json!({ "vision": { "compress": 0.1 } }));
    until(&mut harness, "the layers", |harness| !harness.state().vision().is_working());
    let untuned = settled(&mut harness);
    let trail = harness.state().vision().layers().trail().to_vec();
    order(&mut harness, json!({ "vision": { "tune": { "steps": 8, "batch": 32, "every": 4 } } }));
    assert_eq!(harness.state().vision().why_busy(), Some("Values are being tuned"));
    let refused =
        harness.state_mut().order(&egui::Context::default(), &json!({ "vision": { "compress": 0.2 } })).unwrap_err();
    assert_eq!(refused.to_string(), "Values are being tuned");
    until(&mut harness, "the end", |harness| harness.state().vision().tuning().work().is_none());
    let tuned = settled(&mut harness);
    let vision = harness.state().vision();
    let curve = vision.tuning().curve();
    assert_eq!((curve.step(), curve.held_out().len()), (8, 3));
    let best = *curve.best().unwrap();
    assert!(best.held_out < curve.untuned.unwrap().held_out, "{curve:?}");
    // What the chart says is what the page measures, which rounds what the file has in 16 bits.
    assert!((best.accuracy.unwrap() - tuned).abs() < 0.006, "{best:?} and {tuned}");
    assert!((curve.untuned.unwrap().accuracy.unwrap() - untuned).abs() < 0.006, "{curve:?} and {untuned}");
    assert!(vision.layers().are_all_tuned() && vision.estimated().is_none(), "its norms have followed");
    let running = vision.layers().tensors().iter().filter(|tensor| tensor.name.ends_with("running_mean")).count();
    assert_eq!(running, vision::example().architecture().classifier(), "of every convolution");
    harness.run_steps(3);
    harness.get_by_label_contains("of the gap closed");
    assert_eq!(harness.query_all_by_label("A·B, tuned").count(), harness.state().vision().replaced());

    // Another tuning begins with what the first has left, norms as well, and leaves those that it does not train.
    let more = json!({ "vision": { "tune": { "steps": 4, "batch": 32, "every": 4, "train": "values", "learning_rate": 1e-6 } } });
    order(&mut harness, more);
    until(&mut harness, "the end", |harness| harness.state().vision().tuning().work().is_none());
    let tuned = settled(&mut harness);
    let vision = harness.state().vision();
    let best = *vision.tuning().curve().best().unwrap();
    assert!((best.accuracy.unwrap() - tuned).abs() < 0.006, "{best:?} and {tuned}");
    assert!(vision.layers().tensors().iter().any(|tensor| tensor.name == "bn1.weight"), "a scale of the first tuning");

    let folder = saved(&mut harness, "Save the network", "tuned network");
    let held_out = ImageSet::of(vision::example_held_out(1000));
    let saved = vision::open(&folder).unwrap().network().unwrap();
    let saved = saved.classify(&held_out, &|_, _| true).unwrap().evaluation.accuracy().unwrap();
    assert!((saved - tuned).abs() < 0.006, "{saved} and {tuned}");

    click(&mut harness, "Undo tuning");
    assert_eq!(settled(&mut harness), untuned, "the same answers");
    let layers = harness.state().vision().layers();
    assert!(!layers.is_tuned() && layers.tensors().is_empty());
    assert_eq!(layers.trail(), trail, "layers were neither replaced nor put back");
}

/// A layer's filters, and what an output takes of B's.
#[test]
fn a_convolution_is_looked_at_as_pictures() {
    let mut harness = example();
    order(&mut harness, json!({ "layer": "conv1.weight" }));
    until(&mut harness, "the first convolution's run", |harness| {
        finished(harness) && harness.state().runs().last().is_some_and(|run| run.spec.layer_name == "conv1.weight")
    });
    order(&mut harness, json!({ "show": "Kernels" }));
    until(&mut harness, "its filters", |harness| harness.query_by_label("Row 15 of W").is_some());
    harness.get_by_label("conv1: 16 filters of 3 channels, 3×3");
    until(&mut harness, "what output 0 takes", |harness| harness.query_by_label("A·B, output 0").is_some());
    harness.get_by_label("Row 3 of W").click();
    harness.run_steps(3);
    harness.get_by_label("A·B, output 3");
    // With what it is calibrated with in the network.
    order(&mut harness, json!({ "calibrate": true }));
    until(&mut harness, "a layer-wise run", |harness| {
        finished(harness) && harness.state().runs().last().is_some_and(|run| run.spec.is_layerwise())
    });
}

/// What `compress --layout bitmask` wrote is read as it is: it says so, and is not compressed again.
#[test]
fn a_network_that_keeps_its_factors_is_measured_on_them() {
    let (dense, out) = (vision::example(), scratch("kept convolutions"));
    let mut plan = half();
    // As `compress` leaves them.
    plan.densities.by_layer.extend([(0, 1.0), (dense.architecture().classifier(), 1.0)]);
    let work = VisionCompression::new(&dense, plan.clone(), None, Box::new(Memory::default()), Box::new(|| 0.0));
    write_factors((&dense, &VisionInputs::Unknown), &plan, work.unwrap(), vision::example_companions(), &out);
    let path = noise("kept convolutions.npy", 40);
    let mut harness = window(LaunchOptions { source: Some(Source::from(out.clone())), ..LaunchOptions::default() });
    until(&mut harness, "the network", |harness| harness.state().vision().info().is_some());
    order(&mut harness, json!({ "show": "Network" }));
    order(&mut harness, json!({ "vision": { "images": path.to_str().unwrap() } }));
    until(&mut harness, "its answers", |harness| harness.state().vision().dense().is_some());
    let images = ImageSet::open(&path, dense.preprocess()).unwrap();
    let every_second: Vec<usize> = (0..20).map(|at| 2 * at).collect();
    let pictures = ImageSet::of(images.read(0..40).unwrap().pictures.some(&every_second));
    let kept = vision::open(&out).unwrap().network().unwrap().classify(&pictures, &|_, _| true).unwrap().evaluation;
    assert_eq!(harness.state().vision().dense().unwrap().answers, kept.answers);
    harness.run_steps(3);
    assert_eq!(harness.query_all_by_label("as stored").count(), dense.architecture().layers.len());
    let compress = harness.get_by_role_and_label(Role::Button, "Compress all");
    assert!(egui_kittest::kittest::NodeT::accesskit_node(&compress).is_disabled());
    assert!(harness.state().vision().no_tuning().unwrap().starts_with("This model keeps its factors"));
}

/// A network without any dense layer has none to be factorized, and is measured like every other.
#[test]
fn a_network_whose_every_layer_is_sparse_is_opened() {
    let (dense, out) = (vision::example(), scratch("all sparse"));
    let plan = half();
    let work = VisionCompression::new(&dense, plan.clone(), None, Box::new(Memory::default()), Box::new(|| 0.0));
    write_factors((&dense, &VisionInputs::Unknown), &plan, work.unwrap(), vision::example_companions(), &out);
    let path = noise("all sparse.npy", 40);
    let source = Some(Source::from(out.clone()));
    let mut harness = window(LaunchOptions { source, ..LaunchOptions::default() });
    until(&mut harness, "the network", |harness| harness.state().vision().info().is_some());
    let layers = dense.architecture().layers.len();
    assert_eq!(harness.query_all_by_label("as stored").count(), layers, "its page is in front");
    assert!(harness.query_by_label_contains("holds no layer").is_none());
    order(&mut harness, json!({ "vision": { "images": path.to_str().unwrap() } }));
    until(&mut harness, "its answers", |harness| harness.state().vision().dense().is_some());
    let pictures = ImageSet::open(&path, dense.preprocess()).unwrap().read(0..40).unwrap().pictures;
    let pictures = ImageSet::of(pictures.some(&(0..20).map(|at| 2 * at).collect::<Vec<_>>()));
    let kept = vision::open(&out).unwrap().network().unwrap().classify(&pictures, &|_, _| true).unwrap().evaluation;
    assert_eq!(harness.state().vision().dense().unwrap().answers, kept.answers);

    // Without the norms they are no network: what `compress` writes beside a merged one.
    let file = scratch("sparse matrices.safetensors");
    let bytes = std::fs::read(out.join("model.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let matrices = tensors.iter().filter(|(name, _)| !name.contains("bn") && !name.contains(".running_"));
    std::fs::write(&file, safetensors::serialize(matrices, None).unwrap()).unwrap();
    let mut harness = window(LaunchOptions { source: Some(Source::from(file)), ..LaunchOptions::default() });
    until(&mut harness, "why not", |harness| harness.query_by_label_contains("holds no layer").is_some());
    assert!(harness.state().vision().info().is_none());
}

/// Bytes `[n, 3, 20, 20]` without pattern, as NumPy writes them.
fn noise(name: &str, images: usize) -> PathBuf {
    let path = scratch(name);
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({images}, 3, 20, 20), }}");
    bytes.extend(format!("{header:<117}\n").into_bytes());
    bytes.extend((0..images * 1200).map(|at| (at * at * 31 + at * 7919) as u8));
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Images of one's own, whose classes are not known; what cannot be used says so and does no harm.
#[test]
fn other_images_are_measured_too() {
    let mut harness = example();
    harness.get_by_label("Images to measure on").click();
    harness.run_steps(30);
    type_into(&mut harness, "Image file", "no such images.npy");
    click(&mut harness, "Use these images");
    until(&mut harness, "what is wrong", |harness| {
        harness.query_by_label_contains("no such images.npy").is_some()
            && harness.state().vision().info().is_some_and(|info| !info.own_images)
    });
    let path = noise("noise.npy", 41);
    type_into(&mut harness, "Image file", path.to_str().unwrap());
    press(&mut harness, egui::Modifiers::NONE, egui::Key::Enter);
    until(&mut harness, "their answers", |harness| {
        harness.state().vision().dense().is_some_and(|dense| dense.images() == 21 && !dense.is_labelled())
    });
    harness.step();
    assert_eq!(harness.state().vision().info().unwrap().calibrating, 20);
    harness.get_by_label("Agreement");
    harness.get_by_role_and_label(Role::Button, "Back to the network's own images").click();
    until(&mut harness, "its own again", |harness| {
        harness.state().vision().dense().is_some_and(|dense| dense.images() == 1000)
    });
}

/// A network beside one with compressed layers waits for an answer; a language model takes nothing from either.
#[test]
fn another_network_waits_for_an_answer() {
    let mut harness = example();
    order(&mut harness, json!({ "preset": "fast" }));
    harness.get_by_role_and_label(Role::CheckBox, "Tick layer1.0.conv1").click();
    harness.run_steps(2);
    click(&mut harness, "Compress ticked");
    until(&mut harness, "a layer", |harness| {
        harness.state().vision().replaced() == 1 && !harness.state().vision().is_working()
    });
    order(&mut harness, json!({ "example": true }));
    until(&mut harness, "the language model", |harness| harness.state().language().dense().is_some());
    assert_eq!(harness.state().vision().replaced(), 1);
    order(&mut harness, json!({ "vision": "example" }));
    until(&mut harness, "the question", |harness| harness.query_by_label("Discard and open").is_some());
    assert_eq!(harness.state().vision().replaced(), 1);
    click(&mut harness, "Discard and open");
    until(&mut harness, "the network", |harness| harness.state().vision().info().is_some());
    assert_eq!(harness.state().vision().replaced(), 0);
    let refused = harness.state_mut().order(&egui::Context::default(), &json!({ "vision": { "compress": 2.0 } }));
    assert!(refused.is_err());
}
