//! The paper's figures in the window: point by point, paused and gone on with, drawn and saved.

use super::driver::{click, finished, ready, scratch, until};
use super::runs::says;
use dsf_explorer::app::Explorer;
use dsf_explorer::factorize::{Preset, Settings};
use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable};
use serde_json::{Value, json};

fn sweep(harness: &Harness<'_, Explorer>) -> Value {
    harness.state().state()["sweep"].clone()
}

#[test]
fn a_figure_is_swept_paused_and_saved() {
    let mut harness = ready();
    let ctx = harness.ctx.clone();
    // Short runs: the figure is what counts here.
    let settings = Settings { outer: 4, ..Preset::Published.settings() };
    harness.state_mut().order(&ctx, &json!({ "settings": settings })).unwrap();
    until(&mut harness, "the run", finished);
    harness.state_mut().order(&ctx, &json!({ "show": "Sweeps" })).unwrap();
    harness.run_steps(3);
    harness.get_by_role_and_label(Role::ComboBox, "Figure").click();
    harness.run_steps(3);
    harness.get_by_label("Starts (Fig. 6)").click();
    harness.run_steps(3);
    click(&mut harness, "Sweep");
    until(&mut harness, "some points", |harness| sweep(harness)["done"].as_u64() > Some(1));
    if sweep(&harness)["going"] == true {
        click(&mut harness, "Pause sweep");
        let before = sweep(&harness)["done"].clone();
        harness.run_steps(20);
        assert_eq!((&sweep(&harness)["done"], &sweep(&harness)["going"]), (&before, &json!(false)));
        click(&mut harness, "Go on");
    }
    until(&mut harness, "all points", |harness| {
        let sweep = sweep(harness);
        sweep["done"] == sweep["points"]
    });
    harness.run_steps(3);
    // Three starts on squares of 64, 128 and 256.
    assert_eq!(sweep(&harness), json!({ "figure": "starts", "done": 9, "points": 9, "going": false }));
    let again = harness.get_by_role_and_label(Role::Button, "Sweep again");
    assert!(egui_kittest::kittest::NodeT::accesskit_node(&again).is_disabled());
    assert!(says(&harness, "Starts (Fig. 6), 25 %"), "the figure says its density");

    for (what, name) in [("Sweep (CSV)", "starts.csv"), ("Sweep (PNG)", "starts.png"), ("Sweep (JSON)", "starts.json")]
    {
        let path = scratch(name);
        let order = json!({ "export": { "what": what, "name": path.display().to_string() } });
        harness.state_mut().order(&ctx, &order).unwrap();
        until(&mut harness, "the file", |_| path.exists());
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.len() > 500, "{name}");
        if name.ends_with("csv") {
            let text = String::from_utf8(bytes).unwrap();
            assert_eq!(text.lines().count(), 10);
            // The largest square is the whole layer: the same run as by itself.
            let run = harness.state().runs().last().unwrap().error().unwrap();
            let line = text.lines().find(|line| line.contains(",256,identity,")).unwrap();
            let error: f64 = line.split(',').nth(9).unwrap().parse().unwrap();
            assert!((error - run).abs() < 1e-12, "{error} {run}");
        }
    }
    harness.state_mut().order(&ctx, &json!({ "settings": { "seed": 9, "outer": 5 } })).unwrap();
    harness.run_steps(3);
    assert!(says(&harness, "than those set now: outer iterations 5, seed 9"), "and which settings are others now");
}

#[test]
fn the_best_split_is_a_button() {
    let mut harness = ready();
    let ctx = harness.ctx.clone();
    let settings = Settings { outer: 8, density: 0.5, ..Preset::Published.settings() };
    harness.state_mut().order(&ctx, &json!({ "settings": settings })).unwrap();
    until(&mut harness, "the run", finished);
    let rule = harness.state().runs().last().unwrap().error().unwrap();
    harness.run_steps(3);
    click(&mut harness, "Find the best split");
    until(&mut harness, "a split", |harness| {
        harness.query_by_label_contains("than with the paper's split").is_some()
            || harness.query_by_label("The paper's split is the best one").is_some()
    });
    assert!(harness.state().settings().factor_density.is_some());
    // The live run takes it over.
    until(&mut harness, "another run", |harness| {
        let run = harness.state().runs().last().unwrap();
        finished(harness) && run.spec.settings.as_ref().is_some_and(|settings| settings.factor_density.is_some())
    });
    assert!(harness.state().runs().last().unwrap().error().unwrap() <= rule);
}
