//! The values of compressed layers tuned in the window.

use super::driver::{click, finished, saved, until, window};
use dsf_explorer::app::{Explorer, LaunchOptions};
use dsf_explorer::language;
use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable};
use serde_json::json;

/// The built-in model with all layers compressed to a tenth, and its perplexity then.
fn compressed() -> (Harness<'static, Explorer>, f64) {
    let mut harness = window(LaunchOptions::default());
    until(&mut harness, "the example's run", finished);
    until(&mut harness, "the dense model's perplexity", |harness| harness.state().language().dense().is_some());
    let ctx = harness.ctx.clone();
    let quick = json!({ "settings": { "outer": 4, "objective": "norms", "output_power": 0.0 } });
    for order in [json!({ "show": "Model" }), quick, json!({ "language": { "compress": 0.1 } })] {
        harness.state_mut().order(&ctx, &order).unwrap();
        harness.run_steps(3);
    }
    until(&mut harness, "the layers", |harness| !harness.state().language().is_working());
    let perplexity = settled(&mut harness);
    (harness, perplexity)
}

/// The perplexity once nothing changes it any more.
fn settled(harness: &mut Harness<'_, Explorer>) -> f64 {
    until(harness, "the perplexity", |harness| {
        let language = harness.state().language();
        !language.is_working() && language.compressed().is_some_and(|(_, current)| current)
    });
    harness.state().language().compressed().unwrap().0
}

fn number(harness: &Harness<'_, Explorer>, key: &str) -> u64 {
    harness.state().state()["language"][key].as_u64().unwrap()
}

fn steps(harness: &mut Harness<'_, Explorer>, steps: usize) {
    let ctx = harness.ctx.clone();
    // As a person would set them, in fewer windows.
    let settings =
        json!({ "tune": { "steps": steps, "batch": 2, "context": 64, "every": 2, "train": "values+norms" } });
    harness.state_mut().order(&ctx, &json!({ "language": settings })).unwrap();
}

#[test]
fn tuning_lowers_the_loss_and_is_undone_and_saved() {
    let (mut harness, untuned) = compressed();
    assert!(harness.query_by_label_contains("of the gap closed").is_none());
    steps(&mut harness, 8);
    until(&mut harness, "the end", |harness| harness.state().language().tuning().work().is_none());
    let tuned = settled(&mut harness);
    assert!(tuned < untuned, "{tuned} against {untuned}");
    // What the chart says is what the page measures, which rounds values and norms to the model's 16 bits.
    let (curve, language) = (harness.state().language().tuning().curve(), harness.state().language());
    assert_eq!((curve.step(), curve.held_out().len()), (8, 5));
    for (loss, perplexity) in [(curve.untuned, untuned), (curve.best().copied(), tuned)] {
        let loss = loss.unwrap().held_out.unwrap();
        assert!((loss.exp() / perplexity - 1.0).abs() < 1e-3, "{} and {perplexity}", loss.exp());
    }
    assert!(language.layers().is_tuned() && !language.layers().tensors().is_empty());
    let layers = language.replaced();
    let nnz: Vec<usize> = language.compressed_layers().map(|layer| layer.replacement.entries()).collect();
    harness.run_steps(3);
    harness.get_by_label_contains("of the gap closed");
    assert_eq!(harness.query_all_by_label("A·B, tuned").count(), layers);
    until(&mut harness, "its story", |harness| {
        harness.query_by_label(&format!("With {layers} tuned layers, perplexity {tuned:.3}")).is_some()
    });

    // What is written has the tuned values and norms.
    let folder = saved(&mut harness, "Save the model", "tuned model");
    let saved = language::open(&folder).unwrap();
    let windows = language::Windows::from_text(&saved, &language::example_held_out(24, 256).text, 256, None).unwrap();
    let loss = saved.loss(&windows, &language::ignore_progress).unwrap();
    assert!((loss.perplexity() - tuned).abs() < 1e-9 * tuned, "{} and {tuned}", loss.perplexity());

    let trail = harness.state().language().layers().trail().to_vec();
    click(&mut harness, "Undo tuning");
    assert_eq!(settled(&mut harness), untuned, "the same number");
    let language = harness.state().language();
    assert_eq!(language.layers().trail(), trail, "layers were neither replaced nor put back");
    assert!(!language.layers().is_tuned() && language.layers().tensors().is_empty());
    assert!(language.compressed_layers().map(|layer| layer.replacement.entries()).eq(nnz), "as many nonzeros");
    harness.run_steps(3);
    assert!(harness.query_by_label_contains("of the gap closed").is_none());
}

/// One model for both: to compress it takes longest.
#[test]
fn tunings_that_do_not_come_to_their_end() {
    let (mut harness, untuned) = compressed();
    let tuned = is_paused_resumed_and_cancelled(&mut harness, untuned);
    ends_where_the_loss_is_no_number(&mut harness, tuned);
    // Dense weights take what was tuned with them.
    click(&mut harness, "Back to dense");
    let layers = harness.state().language().layers();
    assert!(layers.is_empty() && !layers.is_tuned() && layers.tensors().is_empty());
}

/// A rate at which the numbers overflow: the best values stay, and the window says so.
fn ends_where_the_loss_is_no_number(harness: &mut Harness<'_, Explorer>, best: f64) {
    let ctx = harness.ctx.clone();
    let wild = json!({ "tune": { "steps": 50, "batch": 1, "context": 32, "optimizer": "sgd", "clip": 0.0, "learning_rate": 100.0, "weight_decay": 1000.0, "every": 50 } });
    harness.state_mut().order(&ctx, &json!({ "language": wild })).unwrap();
    until(harness, "the end", |harness| harness.state().language().tuning().work().is_none());
    assert_eq!(settled(harness), best);
    let problem = harness.state().language().problem().unwrap().to_owned();
    assert!(problem.contains("no longer a number") && problem.contains("smaller learning rate"), "{problem}");
    harness.step();
    harness.get_by_label(&problem);
}

/// Returns the perplexity of what it came to.
fn is_paused_resumed_and_cancelled(harness: &mut Harness<'_, Explorer>, untuned: f64) -> f64 {
    steps(harness, 1000);
    until(harness, "a step", |harness| number(harness, "tuning_step") >= 1);
    // Layers do not change under it.
    assert_eq!(harness.state().language().why_busy(), Some("Values are being tuned"));
    let ctx = harness.ctx.clone();
    let refused = harness.state_mut().order(&ctx, &json!({ "language": { "compress": 0.1 } })).unwrap_err();
    assert_eq!(refused.to_string(), "Values are being tuned");
    click(harness, "Pause tuning");
    harness.run_steps(3);
    let paused = harness.get_by_role(Role::ProgressIndicator);
    assert!(egui_kittest::kittest::NodeT::accesskit_node(&paused).label().unwrap().starts_with("Tuning is paused"));
    // The step in work may still end, and no other begins.
    let mut before = u64::MAX;
    while before != number(harness, "tuning_step") {
        before = number(harness, "tuning_step");
        std::thread::sleep(std::time::Duration::from_millis(500));
        harness.step();
    }
    click(harness, "Resume tuning");
    until(harness, "two more steps", |harness| number(harness, "tuning_step") >= before + 2);
    until(harness, "better values", |harness| harness.state().language().layers().is_tuned());
    click(harness, "Cancel tuning");
    assert!(harness.state().language().tuning().work().is_none());
    let tuned = settled(harness);
    assert!(tuned < untuned, "the best values stay: {tuned} against {untuned}");
    tuned
}

#[test]
fn why_nothing_can_be_tuned() {
    let mut harness = window(LaunchOptions::default());
    until(&mut harness, "the model", |harness| harness.state().language().info().is_some());
    let ctx = harness.ctx.clone();
    harness.state_mut().order(&ctx, &json!({ "show": "Model" })).unwrap();
    harness.run_steps(3);
    let tune = harness.get_by_role_and_label(Role::Button, "Tune");
    assert!(egui_kittest::kittest::NodeT::accesskit_node(&tune).is_disabled());
    assert_eq!(harness.state().language().no_tuning(), Some("Compress layers first: what replaces them is tuned"));
    harness.get_by_role_and_label(Role::Button, "Tune").hover();
    until(&mut harness, "why", |harness| {
        harness.query_by_label("Compress layers first: what replaces them is tuned").is_some()
    });
    let refused = harness.state_mut().order(&ctx, &json!({ "language": { "tune": { "steps": 0 } } })).unwrap_err();
    assert_eq!(refused.to_string(), "steps is 0: it must be from 1 to 100000000");
}
