//! The selector of what runs are computed on.
#![cfg(feature = "gpu")]

use super::driver::{choose, click, finished, ready, until};
use dsf_explorer::compute::gpu;
use egui::accesskit::Role;
use egui_kittest::kittest::{NodeT, Queryable};
use serde_json::json;
use std::task::Poll;

/// A run, and a layer of the language model, on the adapter whose name the selector tells.
#[test]
fn runs_go_where_the_selector_says() {
    match gpu::shared() {
        Poll::Ready(Ok(_)) => {}
        Poll::Ready(Err(why)) if std::env::var_os("DSF_TEST_GPU").is_none() => return println!("skipped: {why}"),
        Poll::Ready(Err(why)) => panic!("{why}"),
        Poll::Pending => unreachable!("only a browser thinks about it"),
    }
    let mut harness = ready();
    // An adapter in software takes its time.
    let ctx = harness.ctx.clone();
    harness.state_mut().order(&ctx, &json!({ "settings": { "outer": 8 } })).unwrap();
    until(&mut harness, "a short run", |harness| harness.state().runs().len() == 2 && finished(harness));
    let ended = |harness: &egui_kittest::Harness<'_, dsf_explorer::app::Explorer>| {
        harness.state().runs().last().unwrap().outcome.as_ref().unwrap().as_ref().clone()
    };
    let own = ended(&harness);
    assert_eq!(own.place.backend, "cpu");

    let closed = harness.get_by_label_contains("Computed on: CPU, ");
    let label = closed.accesskit_node().label().unwrap();
    closed.click();
    // It is looked for when somebody wants to know.
    until(&mut harness, "the adapter's name", |harness| {
        let item = harness.query_by_label_contains("GPU: ").and_then(|item| item.accesskit_node().label());
        item.is_some_and(|label| !label.contains('…'))
    });
    let item = harness.get_by_label_contains("GPU: ").accesskit_node().label().unwrap();
    // A second click closes it, and `choose` opens it again.
    harness.get_by_role_and_label(Role::ComboBox, &label).click();
    harness.run_steps(3);
    choose(&mut harness, &label, &item);
    until(&mut harness, "a run on the adapter", |harness| {
        harness.state().runs().last().is_some_and(|run| run.number > 2) && finished(harness)
    });
    let there = ended(&harness);
    assert_eq!(there.place.backend, "gpu");
    let name = there.place.adapter.unwrap();
    assert!(item.contains(&name), "{item}, {name}");
    let ratio = there.relative_error / own.relative_error;
    assert!((ratio - 1.0).abs() < 0.015, "{ratio}");
    harness.step();
    harness.get_by_role_and_label(Role::ComboBox, &format!("Computed on: {item}"));

    // With the inputs in its half-steps a run stays on the processor.
    harness.state_mut().order(&ctx, &json!({ "settings": { "objective": "norms" } })).unwrap();
    until(&mut harness, "its run", finished);
    click(&mut harness, "Language model");
    harness.get_by_role_and_label(Role::CheckBox, "Tick 0.k_proj").click();
    harness.run_steps(2);
    click(&mut harness, "Compress ticked");
    until(&mut harness, "the layer", |harness| harness.state().language().replaced() == 1);
    let layer = harness.state().language().compressed_layers().next().unwrap();
    assert_eq!((layer.report.backend.as_str(), layer.report.adapter.as_deref()), ("gpu", Some(&*name)));
}
