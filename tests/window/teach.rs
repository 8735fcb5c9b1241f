//! The tour, the lesson, the 'why?', links, and the window as a program sees it.

use super::driver::{click, finished, press, ready, until, window};
use dsf_explorer::app::{LaunchOptions, Link};
use egui::{Key, Modifiers, accesskit::Role};
use egui_kittest::kittest::{NodeT, Queryable};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn card(state: &Value) -> Option<u64> {
    state["tour"]["card"].as_u64()
}

#[test]
fn the_tour_walks_through_to_its_end() {
    let mut harness = ready();
    click(&mut harness, "Tour");
    for number in 1..=10 {
        assert_eq!(card(&harness.state().state()), Some(number));
        // Its scene is set: runs of its own.
        until(&mut harness, "a scene", |harness| harness.query_all_by_label(&format!("{number} of 10")).count() > 0);
        let key = if number % 2 == 0 { Key::ArrowRight } else { Key::Space };
        press(&mut harness, Modifiers::NONE, key);
    }
    assert_eq!(card(&harness.state().state()), None);
    let names = harness.state().runs().iter().map(|run| run.name.clone()).collect::<Vec<_>>();
    assert!(names.iter().any(|name| name == "cubic ρ₀"), "{names:?}");
}

#[test]
fn the_tours_keys_go_back_and_away() {
    let mut harness = ready();
    click(&mut harness, "Tour");
    press(&mut harness, Modifiers::NONE, Key::Space);
    press(&mut harness, Modifiers::NONE, Key::ArrowLeft);
    assert_eq!(card(&harness.state().state()), Some(1));
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert_eq!(card(&harness.state().state()), None);
}

/// The controls that the words file has a reason for.
fn reasons() -> BTreeSet<String> {
    let words = include_str!("../../assets/teaching/en.md");
    words.lines().filter_map(|line| line.strip_prefix("## why: ")).map(str::to_owned).collect()
}

#[test]
fn every_setting_says_why_it_is_there() {
    let mut harness = ready();
    let ctx = harness.ctx.clone();
    let mut seen = BTreeSet::new();
    for order in [
        json!({ "preset": "fast" }),
        json!({ "settings": { "start": "random", "factor_density": 0.1 } }),
        json!({ "settings": { "ridge_start": 0.2, "ramp_from": 0.1 } }),
        json!({ "preset": "published" }),
        json!({ "show": "Model" }),
    ] {
        harness.state_mut().order(&ctx, &order).unwrap();
        harness.run_steps(3);
        let buttons = harness.query_all_by_label_contains("Why ").filter_map(|node| node.accesskit_node().label());
        let label = |text: String| Some(text.strip_prefix("Why ")?.strip_suffix('?')?.to_owned());
        seen.extend(buttons.filter_map(label));
    }
    // Only with the layer's inputs.
    let layerwise =
        ["Finalize", "Both factors", "Rounds", "Shrinkage", "Objective", "Power at the end", "Power grows with t^"];
    let layerwise = layerwise.map(str::to_owned);
    let expected: BTreeSet<String> = reasons().into_iter().filter(|label| !layerwise.contains(label)).collect();
    assert_eq!(seen, expected, "a reason nobody can ask for, or a control that was renamed");

    // Nothing moves under the pointer any more.
    until(&mut harness, "the last run", finished);
    harness.run_steps(3);
    harness.get_by_label("Why Density?").click();
    until(&mut harness, "the reason", |harness| {
        harness.query_by_label_contains("nonzeros, of A and B together").is_some()
    });
}

#[test]
fn the_lesson_shows_numbers_and_moves_them() {
    let mut harness = ready();
    click(&mut harness, "8×8 lesson");
    let numbers = |harness: &egui_kittest::Harness<'_, _>| {
        harness.get_by_label_contains("Numbers of A:").accesskit_node().label()
    };
    let before = numbers(&harness);
    click(&mut harness, "Next half-step");
    assert_ne!(before, numbers(&harness));
    assert!(harness.query_by_label_contains("half-step 1 of 80").is_some());
    assert!(harness.query_by_label_contains("Y = B, F = A").is_some());
}

#[test]
fn a_link_leads_to_the_same_result() {
    let mut harness = ready();
    harness.state_mut().order(&egui::Context::default(), &json!({ "run": 99 })).unwrap_err();
    let ctx = harness.ctx.clone();
    harness.state_mut().order(&ctx, &json!({ "settings": { "density": 0.31, "outer": 12 } })).unwrap();
    let done = |state: &Value| state["runs"].as_array().unwrap().last().unwrap()["state"] == "finished";
    until(&mut harness, "the run", |harness| {
        let state = harness.state().state();
        done(&state) && state["settings"]["density"] == 0.31
    });
    harness.state_mut().order(&ctx, &json!({ "go_to": 6 })).unwrap();
    harness.step();
    let before = harness.state().state();
    let link = Link::read(before["link"].as_str().unwrap()).unwrap().unwrap();
    assert_eq!((link.step, link.settings.as_ref().map(|settings| settings.outer)), (Some(6), Some(12)));

    let (tensor, link) = (link.tensor.clone(), Some(link));
    let mut other = window(LaunchOptions { tensor, link, ..LaunchOptions::default() });
    until(&mut other, "the same moment", |other| {
        let state = other.state().state();
        state["step"] == 6 && done(&state)
    });
    let after = other.state().state();
    let error = |state: &Value| state["runs"].as_array().unwrap().last().unwrap()["error"].clone();
    assert_eq!(error(&after), error(&before));
}

#[test]
fn a_link_for_a_class_leaves_panels_out() {
    let link: Link = serde_json::from_value(json!({ "hide": ["Runs", "Layers"] })).unwrap();
    let mut harness = window(LaunchOptions { link: Some(link), ..LaunchOptions::default() });
    until(&mut harness, "the run", finished);
    harness.run_steps(5);
    assert!(harness.query_by_label_contains("find by name").is_none());
    assert!(harness.query_by_label("Curves").is_some());
}

#[test]
fn beginning_again_gives_the_same_run() {
    let mut harness = ready();
    let error = harness.state().runs().last().unwrap().error();
    let ctx = harness.ctx.clone();
    harness.state_mut().order(&ctx, &json!({ "settings": { "density": 0.4 } })).unwrap();
    until(&mut harness, "another run", |harness| harness.state().runs().last().unwrap().error() < error);
    harness.state_mut().order(&ctx, &json!({ "act": "Begin again" })).unwrap();
    until(&mut harness, "the first run again", |harness| {
        finished(harness) && harness.state().runs().last().unwrap().error() == error
    });
    assert_eq!(harness.state().settings().density, 0.1);
}

#[test]
fn wrong_orders_say_what_is_wrong() {
    let mut harness = ready();
    let ctx = harness.ctx.clone();
    for (order, part) in [
        (json!({ "act": "Fly" }), "no action called Fly"),
        (json!({ "act": "Pause or resume" }), "No run is going on"),
        (json!({ "settings": { "density": 7 } }), "density"),
        (json!({ "settings": { "nonsense": 7 } }), "no setting nonsense"),
        (json!({ "preset": "worst" }), "no preset worst"),
        (json!({ "export": { "what": "Cake" } }), "there is no export Cake"),
        (json!({ "language": "fly" }), "cancel"),
        (json!({ "x": 1 }), "no order called x"),
        (json!(3), "one key"),
    ] {
        let why = harness.state_mut().order(&ctx, &order).unwrap_err().sentence();
        assert!(why.contains(part), "{order}: {why}");
    }
    assert_eq!(harness.state().settings().density, 0.1);
}

#[test]
fn a_narrow_window_has_room_for_what_matters() {
    let mut harness = egui_kittest::Harness::builder()
        .with_size([390.0, 760.0])
        .with_max_steps(10_000)
        .build_eframe(|cc| dsf_explorer::app::Explorer::new(cc, LaunchOptions::default()));
    until(&mut harness, "the run", finished);
    harness.run_steps(5);
    let start = harness.get_by_role_and_label(Role::Button, "▶ Start").rect();
    assert!(start.width() > 50.0 && start.max.x < 390.0, "{start:?}");
    let picture = harness.get_by_label_contains("Picture of W").rect();
    assert!(picture.width() > 300.0 && picture.height() > 200.0, "{picture:?}");
}
