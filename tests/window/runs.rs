//! Runs in the list, on screen and in the curves: what they are of, what gave them, what is exported of them.

use super::driver::{
    calibrate, choose, click, finished, inputs, large, npy, press, ready, scratch, settled, type_into, until, window,
};
use dsf_explorer::app::{Explorer, LaunchOptions, RunState};
use dsf_explorer::factorize::Settings;
use dsf_explorer::model::{Source, open};
use egui::accesskit::Role;
use egui::{Key, Modifiers, PointerButton, Pos2, pos2};
use egui_kittest::{Harness, kittest::NodeT, kittest::Queryable};

/// All that is said by labels, buttons and the like.
pub fn said(harness: &Harness<'_, Explorer>) -> Vec<String> {
    let nodes = harness.query_all_by(|node| node.label().is_some() || node.value().is_some());
    nodes.filter_map(|node| node.value().or(node.accesskit_node().label())).collect()
}

pub fn says(harness: &Harness<'_, Explorer>, part: &str) -> bool {
    said(harness).iter().any(|text| text.contains(part))
}

fn pointer(harness: &mut Harness<'_, Explorer>, at: Pos2, pressed: Option<bool>) {
    harness.event(egui::Event::PointerMoved(at));
    if let Some(pressed) = pressed {
        let (button, modifiers) = (PointerButton::Primary, Modifiers::NONE);
        harness.event(egui::Event::PointerButton { pos: at, button, pressed, modifiers });
    }
    harness.step();
}

/// Ten places of a drag give ten runs, of which the last one stays.
#[test]
fn one_drag_of_a_slider_is_one_run() {
    let mut harness = ready();
    let slider = harness.get_by_role_and_label(Role::Slider, "Density").rect();
    let at = |share: f32| pos2(slider.left() + share * slider.width(), slider.center().y);
    pointer(&mut harness, at(0.3), Some(true));
    for step in 1..5 {
        let density = harness.state().settings().density;
        pointer(&mut harness, at(0.3 + 0.08 * step as f32), None);
        until(&mut harness, "a run", |harness| harness.state().settings().density != density && finished(harness));
        let numbers: Vec<usize> = harness.state().runs().iter().map(|run| run.number).collect();
        assert_eq!(numbers, [1, 2], "after {step} places");
    }
    pointer(&mut harness, at(0.62), Some(false));
    let density = harness.state().settings().density;
    let run = harness.state().runs().last().unwrap();
    assert_eq!(run.spec.settings.as_ref().unwrap().density, density, "the run is of the slider's last place");
    // The next drag leaves another one; what is said of the run above the slider may have moved it.
    harness.run_steps(3);
    let slider = harness.get_by_role_and_label(Role::Slider, "Density").rect();
    let at = |share: f32| pos2(slider.left() + share * slider.width(), slider.center().y);
    pointer(&mut harness, at(0.62), Some(true));
    pointer(&mut harness, at(0.3), None);
    until(&mut harness, "the next run", |harness| harness.state().settings().density != density && finished(harness));
    pointer(&mut harness, at(0.3), Some(false));
    assert_eq!(harness.state().runs().len(), 3);
}

#[test]
fn what_differs_stands_beside_the_list_in_words() {
    let mut harness = ready();
    harness.get_by_role_and_label(Role::Slider, "Density").focus();
    harness.step();
    harness.key_press(Key::ArrowRight);
    until(&mut harness, "another run", |harness| harness.state().runs().len() == 2 && finished(harness));
    press(&mut harness, Modifiers::NONE, Key::Escape);
    harness.get_by_label("What differs").click();
    harness.run_steps(4);
    let said = said(&harness);
    for name in ["Density", "Relative error", "Nonzeros"] {
        assert!(said.iter().any(|text| text == name), "{name} of {said:?}");
    }
    assert!(!said.iter().any(|text| text == "null" || text.contains("factor_density")), "{said:?}");
    // In the panel, and not in a window over it: the list's headings are there too.
    assert!(said.iter().any(|text| text == "Held-out error"));
}

#[test]
fn the_list_says_model_and_layer_first_and_has_both_layer_errors() {
    let path = inputs("errors.safetensors", 256);
    let mut harness = ready();
    calibrate(&mut harness, &path);
    type_into(&mut harness, "Path of a layer's inputs", path.to_str().unwrap());
    click(&mut harness, "Read");
    until(&mut harness, "held-out inputs", |harness| harness.state().runs().len() == 3 && finished(harness));
    harness.run_steps(3);
    let run = harness.state().runs().last().unwrap();
    let errors = run.outcome.as_ref().unwrap().layer.unwrap();
    assert!(errors.held_out.is_some_and(|held_out| (held_out / errors.calibration - 1.0).abs() < 1e-9), "{errors:?}");
    let cells = harness.query_all_by_label(&format!("{:.5}", errors.calibration)).count();
    assert_eq!(cells, 3, "once in the run before, and in two columns of the run with held-out inputs");
    assert!(harness.query_all_by_label("stories").count() >= 3, "the model in each line of the list");
    let left = |label: &str| harness.get_by_label(label).rect().left();
    assert!(left("Model") < left("Run") && left("Run") < left("Held-out error"));
    // The curve is of another error than that of the run before, and says so by its baselines.
    let state = harness.state().state();
    assert!(state["baselines"]["wanda"].is_number(), "{}", state["baselines"]);
    assert!(says(&harness, "relative error"));
}

#[test]
fn the_run_on_screen_and_the_next_run_are_told_apart() {
    let mut harness = ready();
    assert!(says(&harness, "On screen: run 1"));
    let first = harness.state().settings().density;
    harness.get_by_role_and_label(Role::Slider, "Density").focus();
    harness.step();
    harness.key_press(Key::ArrowRight);
    until(&mut harness, "another run", |harness| harness.state().runs().len() == 2 && finished(harness));
    press(&mut harness, Modifiers::NONE, Key::Escape);
    click(&mut harness, "run 1");
    harness.run_steps(3);
    assert!(says(&harness, "On screen: run 1"));
    assert!(says(&harness, "unlike run 1: density"), "{:?}", said(&harness));
    assert!(!said(&harness).iter().any(|text| text.starts_with("factorizing,")), "the run is over");
    assert!(says(&harness, "finished: 40 steps"));
    // Taking its settings over is one press.
    click(&mut harness, "Use again");
    assert_eq!(harness.state().settings().density, first);
    until(&mut harness, "the run", |harness| harness.state().runs().len() == 3 && finished(harness));
}

/// Two files with a layer of the same name, and a run of each.
#[test]
fn a_run_of_another_layer_says_so() {
    let folders = ["one", "two"].map(|folder| {
        let folder = scratch(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let (from, to) = (npy("same.npy", 24, 24), folder.join("same.npy"));
        std::fs::copy(&from, &to).unwrap();
        to
    });
    let source = |at: usize| Some(Source::from(folders[at].clone()));
    let mut harness = window(LaunchOptions { source: source(0), ..LaunchOptions::default() });
    until(&mut harness, "the run", finished);
    click(&mut harness, "Example");
    until(&mut harness, "the example's run", |harness| harness.state().runs().len() == 2 && finished(harness));
    harness.run_steps(2);
    assert!(!says(&harness, "not the open layer"));
    click(&mut harness, "run 1");
    harness.run_steps(3);
    assert!(says(&harness, "same.npy, same, not the open layer"), "{:?}", said(&harness));
    assert!(says(&harness, "run 1: same.npy · same · 24 × 24"), "in the bar above too: {:?}", said(&harness));
}

#[test]
fn an_earlier_iteration_has_its_error_and_is_exported_as_what_it_is() {
    let path = scratch("iteration.safetensors");
    let mut harness = ready();
    for _ in 0..12 {
        press(&mut harness, Modifiers::NONE, Key::ArrowLeft);
    }
    settled(&mut harness);
    let step = harness.state().pictures().unwrap().step.unwrap();
    let run = harness.state().shown().unwrap();
    let (then, now) = (run.error_at(step).unwrap(), run.error().unwrap());
    assert!(then > now);
    assert!(says(&harness, &format!("relative error {then:.4} at iteration {}", step / 2)), "{:?}", said(&harness));
    click(&mut harness, "Export…");
    assert!(says(&harness, &format!("run 1, iteration {} (error {then:.4})", step / 2)), "{:?}", said(&harness));
    type_into(&mut harness, "File", path.to_str().unwrap());
    click(&mut harness, "Save");
    until(&mut harness, "the file", |_| path.exists());
    let checkpoint = open(&path).unwrap();
    let report: serde_json::Value = serde_json::from_str(&checkpoint.metadata()["dsf.report"]).unwrap();
    assert!((report["relative_error"].as_f64().unwrap() - then).abs() < 1e-3, "{report}");
    assert_eq!(
        (report["outer"].as_u64().unwrap(), report["history"].as_array().unwrap().len()),
        (step as u64 / 2, step / 2)
    );
    assert!(!harness.state().shown().unwrap().exported, "the result is still to be saved");
    // The result is the other choice.
    let path = scratch("result.safetensors");
    click(&mut harness, "Export…");
    choose(&mut harness, "Of", &format!("run 1, result (error {now:.4})"));
    type_into(&mut harness, "File", path.to_str().unwrap());
    click(&mut harness, "Save");
    until(&mut harness, "the file", |_| path.exists());
    let report: serde_json::Value = serde_json::from_str(&open(&path).unwrap().metadata()["dsf.report"]).unwrap();
    assert!((report["relative_error"].as_f64().unwrap() - now).abs() < 1e-6);
}

/// Their file holds what the run came to, and with which settings.
#[test]
fn factors_that_are_opened_alone_bring_their_run() {
    let path = scratch("alone.safetensors");
    let mut harness = ready();
    click(&mut harness, "Export…");
    type_into(&mut harness, "File", path.to_str().unwrap());
    click(&mut harness, "Save");
    until(&mut harness, "the file", |_| path.exists());
    let run = &harness.state().runs()[0];
    let (error, settings) = (run.error().unwrap(), run.spec.settings.clone().unwrap());
    drop(harness);
    let mut harness = window(LaunchOptions { source: Some(Source::from(path)), ..LaunchOptions::default() });
    until(&mut harness, "the factors", |harness| harness.state().runs().len() == 1);
    harness.run_steps(3);
    assert!(says(&harness, &format!("relative error {error:.4}, as the file says")), "{:?}", said(&harness));
    let opened = &harness.state().runs()[0];
    assert_eq!(opened.spec.settings.as_ref().map(|opened: &Settings| opened.density), Some(settings.density));
    assert_eq!(opened.outcome.as_ref().unwrap().history.len(), settings.outer);
    assert!(!says(&harness, "z = "), "no layer is open whose budget could be said: {:?}", said(&harness));
}

/// However long the step in work takes, the press is answered in the next frame.
#[test]
fn cancelling_is_said_at_once() {
    let mut harness = large("cancelled.npy");
    click(&mut harness, "▶ Start");
    click(&mut harness, "⏹ Cancel");
    let run = harness.state().shown().unwrap();
    assert!(run.state == RunState::Cancelled || says(&harness, "cancelling"), "{:?}", said(&harness));
    until(&mut harness, "the end", |harness| harness.state().shown().unwrap().state == RunState::Cancelled);
    harness.step();
    assert!(!says(&harness, "cancelling") && says(&harness, "cancelled "));
}
