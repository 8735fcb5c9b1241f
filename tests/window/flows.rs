//! One job after the other, as people do them.

use super::driver::{
    choose, click, close, finished, large, npy, paused, press, ready, scratch, settled, stepped, type_into, until,
};
use dsf_explorer::Named;
use dsf_explorer::app::{Explorer, LaunchOptions, Pane, RunState};
use dsf_explorer::factorize::Solver;
use dsf_explorer::matrix::{Arrangement, Mask};
use egui::accesskit::Role;
use egui::{Key, Modifiers, pos2};
use egui_kittest::{Harness, kittest::NodeT, kittest::Queryable};
use std::collections::HashMap;
use std::path::PathBuf;

fn move_density(harness: &mut Harness<'_, Explorer>, key: Key) {
    let runs = harness.state().runs().len();
    harness.get_by_role_and_label(Role::Slider, "Density").focus();
    harness.step();
    harness.key_press(key);
    until(harness, "a run with another density", |harness| harness.state().runs().len() > runs && finished(harness));
    harness.get_by_role_and_label(Role::Slider, "Density").focus();
    // Away from the slider, whose arrows would change it again.
    press(harness, Modifiers::NONE, Key::Escape);
    settled(harness);
}

#[test]
fn settings_are_undone_and_done_again() {
    let mut harness = ready();
    let density = |harness: &Harness<'_, Explorer>| harness.state().settings().density;
    let before = density(&harness);
    harness.run_steps(10); // what stands still for a while is what one goes back to
    move_density(&mut harness, Key::ArrowRight);
    let changed = density(&harness);
    assert!(changed > before);
    harness.run_steps(10);
    click(&mut harness, "Undo");
    assert_eq!(density(&harness), before);
    until(&mut harness, "its run", |harness| harness.state().runs().len() == 3 && finished(harness));
    let runs = harness.state().runs();
    assert_eq!(runs[2].error(), runs[0].error(), "same settings and seed, same run");
    click(&mut harness, "Redo");
    assert_eq!(density(&harness), changed);
}

/// A picture of an earlier iteration is of the factors as they were then: those of a solver stopped there.
#[test]
fn going_back_to_an_iteration_takes_every_picture_with_it() {
    let mut harness = ready();
    press(&mut harness, Modifiers::NONE, Key::ArrowLeft);
    for _ in 0..12 {
        press(&mut harness, Modifiers::NONE, Key::ArrowLeft);
    }
    settled(&mut harness);
    let state = harness.state();
    let pictures = state.pictures().unwrap();
    let step = pictures.step.expect("an earlier iteration");
    assert!(step > 0 && step < 39, "{step}");
    let run = state.shown().unwrap();
    let mut solver =
        Solver::new(&run.spec.problem.as_ref().unwrap().weight, run.spec.settings.as_ref().unwrap()).unwrap();
    (0..step).for_each(|_| assert!(solver.step().unwrap().is_some()));
    let then = solver.factors();
    let near = |shown: &dsf_explorer::matrix::Matrix, then: &dsf_explorer::matrix::Matrix| {
        shown.as_slice().iter().zip(then.as_slice()).all(|(x, y)| (x - y).abs() <= y.abs() / 2000.0)
    };
    let (a, b) = (pictures.a.as_ref().unwrap().matrix(), pictures.b.as_ref().unwrap().matrix());
    assert_eq!((Mask::of(a), Mask::of(b)), (Mask::of_csr(&then.a), Mask::of_csr(&then.b)));
    assert!(near(a, &then.a.to_dense()) && near(b, &then.b.to_dense()));
    let error = pictures.error.as_ref().unwrap().matrix().norm_squared().sqrt();
    let w = pictures.w.as_ref().unwrap().matrix().norm_squared().sqrt();
    assert!((error / w - run.reports[step - 1].error).abs() < 1e-3, "the error's picture is of that iteration too");
    press(&mut harness, Modifiers::NONE, Key::End);
    settled(&mut harness);
    assert_eq!(harness.state().pictures().unwrap().step, None);
}

#[test]
fn pointing_shows_the_paths_in_any_order_of_rows_and_columns() {
    let mut harness = ready();
    for &arrangement in Arrangement::ALL {
        let middle = harness.get_by_label("Picture of W, 256 by 256").rect().center();
        harness.hover_at(middle + egui::vec2(-8.0, -20.0));
        harness.run_steps(3);
        let text = |harness: &Harness<'_, Explorer>, prefix: &str| {
            let found: Vec<String> = harness
                .query_all_by_role(Role::Label)
                .filter_map(|node| node.value().or(node.accesskit_node().label()))
                .filter(|text| text.starts_with(prefix))
                .collect();
            found.first().cloned().unwrap_or_default()
        };
        let place = text(&harness, "Row ");
        let numbers: Vec<usize> = place.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
        let &[row, col] = &numbers[..] else { panic!("{arrangement:?}: {place:?}") };
        let sum = text(&harness, "Σ over");
        let sum: f64 = sum.rsplit(' ').next().unwrap().parse().unwrap();
        let ended = harness.state().runs()[0].outcome.as_ref().unwrap();
        let factors = ended.replacement.factors().unwrap();
        let exact: f64 =
            (0..factors.a.cols()).map(|l| f64::from(factors.a.get(row, l)) * f64::from(factors.b.get(l, col))).sum();
        assert!((sum - exact).abs() < 1e-5, "{arrangement:?}: {sum} is not {exact}");
        press(&mut harness, Modifiers::NONE, Key::O);
        settled(&mut harness);
    }
}

#[test]
fn runs_are_starred_renamed_compared_and_deleted() {
    let mut harness = ready();
    move_density(&mut harness, Key::ArrowRight);
    click(&mut harness, "Star run 1");
    assert!(harness.state().runs()[0].starred && !harness.state().runs()[1].starred);
    let count = |harness: &Harness<'_, Explorer>, label: &str| harness.query_all_by_label(label).count();
    let before = ["Density", "Inner iterations"].map(|label| count(&harness, label));
    press(&mut harness, Modifiers::NONE, Key::D);
    harness.run_steps(3);
    let after = ["Density", "Inner iterations"].map(|label| count(&harness, label));
    assert!(after[0] > before[0]);
    assert_eq!(after[1], before[1], "what is the same is not shown");
    press(&mut harness, Modifiers::NONE, Key::D);
    press(&mut harness, Modifiers::NONE, Key::F2);
    harness.run_steps(3);
    type_into(&mut harness, "Name of the run", "a bit more");
    harness.key_press(Key::Enter);
    harness.run_steps(3);
    assert_eq!(harness.state().runs()[1].name, "a bit more");
    click(&mut harness, "Delete a bit more");
    assert_eq!(harness.state().runs().len(), 1);
    assert_eq!(harness.state().shown().unwrap().number, 1);
    press(&mut harness, Modifiers::SHIFT, Key::Delete);
    assert_eq!(harness.state().shown().unwrap().name, "a bit more", "deleting can be undone");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let mut harness = ready();
    click(&mut harness, "▶ Start");
    until(&mut harness, "the second run", |harness| harness.state().runs().len() == 2 && finished(harness));
    press(&mut harness, Modifiers::NONE, Key::D);
    harness.run_steps(3);
    assert!(harness.query_by_label_contains("Nothing differs").is_some());
}

#[test]
fn iterations_one_by_one() {
    let mut harness = large("iterations.npy");
    let before = paused(&mut harness);
    click(&mut harness, "⏭ Iteration");
    // To the end of the iteration that has begun, or of the next.
    let end = (before / 2 + 1) * 2;
    until(&mut harness, "its end", |harness| stepped(harness) == end);
    std::thread::sleep(std::time::Duration::from_millis(300));
    harness.run_steps(2);
    assert_eq!(stepped(&harness), end, "it waits there");
    click(&mut harness, "⏵ Resume");
    until(&mut harness, "the end", finished);
}

#[test]
fn everything_can_be_exported() {
    let mut harness = ready();
    let head = |bytes: &[u8]| bytes.starts_with(b"\x89PNG");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    for (what, name) in [
        ("All pictures (PNG)", "sheet.png"),
        ("Picture of A as shown (PNG)", "a.png"),
        ("Picture of W − A·B as shown (PNG)", "error.png"),
        ("Curves (SVG)", "curves.svg"),
        ("Curves (CSV)", "curves.csv"),
        ("Run (JSON)", "run.json"),
        ("Report (HTML)", "report.html"),
    ] {
        let path = scratch(name);
        click(&mut harness, "Export…");
        choose(&mut harness, "What", what);
        type_into(&mut harness, "File", path.to_str().unwrap());
        click(&mut harness, "Save");
        until(&mut harness, what, |_| path.exists());
        until(&mut harness, "the word of it", |harness| harness.query_by_label_contains(name).is_some());
        let bytes = std::fs::read(&path).unwrap();
        match name.rsplit('.').next().unwrap() {
            "png" => assert!(head(&bytes), "{name}"),
            "svg" => assert!(text(&bytes).contains("<svg") && text(&bytes).contains("magnitude pruning")),
            "csv" => {
                let rows = text(&bytes);
                let mut rows = rows.lines();
                let columns = rows.next().unwrap().split(',').count();
                assert!(columns >= 2);
                assert_eq!(rows.filter(|row| row.split(',').count() == columns).count(), 40, "one for each half-step");
            }
            "json" => {
                let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
                let error = json["report"]["relative_error"].as_f64().unwrap();
                assert!((error - harness.state().runs()[0].error().unwrap()).abs() < 1e-6);
                assert_eq!(json["settings"]["outer"], 20);
            }
            _ => assert_eq!(text(&bytes).matches("data:image/png;base64,").count(), 5),
        }
    }
}

#[test]
fn an_export_that_fails_keeps_what_was_typed() {
    let path = scratch("already there.svg");
    std::fs::write(&path, "mine").unwrap();
    let mut harness = ready();
    click(&mut harness, "Export…");
    choose(&mut harness, "What", "Curves (SVG)");
    type_into(&mut harness, "File", path.to_str().unwrap());
    click(&mut harness, "Save");
    until(&mut harness, "why not", |harness| {
        harness.query_by_label_contains("exists: tick Replace an existing file").is_some()
    });
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    harness.get_by_label("Replace an existing file").click();
    harness.run_steps(2);
    click(&mut harness, "Save");
    until(&mut harness, "the file", |_| std::fs::read_to_string(&path).unwrap().contains("<svg"));
    until(&mut harness, "the dialog to close", |harness| harness.query_by_label("Replace an existing file").is_none());
}

#[test]
fn every_panel_has_something_to_show() {
    let mut harness = ready();
    move_density(&mut harness, Key::ArrowRight);
    click(&mut harness, "Histogram");
    harness.run_steps(2);
    assert!(harness.query_by_label("Log counts").is_some());
    click(&mut harness, "Two masks");
    until(&mut harness, "the comparison", |harness| harness.query_by_label_contains("overlap").is_some());
    // Of what one run keeps the other keeps a part, and both agree on what the sizes are.
    let counts: HashMap<String, usize> = ["both", "only the first", "only the second"]
        .into_iter()
        .filter_map(|name| {
            let beginning = format!("{name} ");
            let node = harness.query_all_by_label_contains(&beginning).next()?;
            let text = node.value().or(node.accesskit_node().label())?;
            Some((name.to_owned(), text.rsplit(' ').next()?.parse().ok()?))
        })
        .collect();
    let kept = harness.state().shown().unwrap().outcome.as_ref().unwrap().replacement.nnz_of_factors()[0];
    assert_eq!(counts["both"] + counts["only the first"], kept, "{counts:?}");
    // W, the same pruned, and the factors, with how many bytes they take.
    click(&mut harness, "Speed");
    until(&mut harness, "the speeds", |harness| {
        finished(harness) && ["one pruned matrix", "A·(B·X)"].iter().all(|name| harness.query_by_label(name).is_some())
    });
    assert!(harness.query_by_label("131").is_some(), "256×256 values of two bytes, in KB");
    click(&mut harness, "f32");
    until(&mut harness, "the speeds again", |harness| harness.query_by_label("262").is_some());
    click(&mut harness, "Over density");
    until(&mut harness, "the curve", |harness| harness.query_by_label_contains("dashes: 16").is_some());
    for quantity in ["ρ₀", "Mask churn", "Residuals"] {
        click(&mut harness, "Curves");
        click(&mut harness, quantity);
    }
    harness.run_steps(2);
    assert!(harness.query_by_label("run 2 dual").is_some(), "in the legend");
    click(&mut harness, "Table");
    harness.run_steps(2);
    click(&mut harness, "Measure norms");
    until(&mut harness, "all norms", |harness| harness.query_by_label("Measure norms").is_none());
    until(&mut harness, "no more of them", |harness| harness.query_by_label("Stop").is_none());
    let w = &harness.state().runs()[0].spec.problem.as_ref().unwrap().weight;
    let norm = format!("{:.3}", w.norm_squared().sqrt());
    assert!(harness.query_by_label(&norm).is_some(), "the layer's norm, {norm}, in the table");
    click(&mut harness, "Log");
    harness.run_steps(2);
    assert!(harness.query_by_label("Nothing to report").is_some());
}

#[test]
fn layers_are_found_by_name_shape_and_letters() {
    let mut harness = ready();
    type_into(&mut harness, "Filter layers", "2 down");
    harness.run_steps(2);
    let first = harness.query_all_by_label_contains("mlp.down_proj").next().unwrap();
    assert_eq!(first.accesskit_node().label().unwrap(), "model.layers.2.mlp.down_proj.weight");
    type_into(&mut harness, "Filter layers", "688x256");
    harness.run_steps(2);
    assert!(harness.query_all_by_label_contains("gate_proj").count() > 0);
    let square = harness.query_all_by_label_contains("q_proj.weight");
    assert_eq!(square.filter(|node| node.accesskit_node().role() == Role::Button).count(), 0);
    type_into(&mut harness, "Filter layers", "nothing like it");
    harness.run_steps(2);
    assert!(harness.query_by_label("No layer fits the filter").is_some());
}

#[test]
fn the_palette_finds_commands_panels_and_layers() {
    let mut harness = ready();
    let mut ask = |text: &str| {
        press(&mut harness, Modifiers::COMMAND, Key::K);
        harness.run_steps(2);
        harness.get_by_role_and_label(Role::TextInput, "Find a command").type_text(text);
        harness.run_steps(2);
        harness.key_press(Key::Enter);
        harness.run_steps(3);
    };
    ask("panel log");
    ask("next shad");
    ask("1 up_proj");
    until(&mut harness, "another layer", |harness| {
        harness.state().runs().last().unwrap().spec.layer_name.contains("layers.1.mlp.up_proj") && finished(harness)
    });
    assert!(harness.query_by_label("Nothing to report").is_some(), "the log is in front");
    press(&mut harness, Modifiers::SHIFT, Key::Questionmark);
    harness.run_steps(2);
    assert!(harness.query_by_label("Ctrl+Shift+Z").is_some(), "all shortcuts");
    press(&mut harness, Modifiers::NONE, Key::Escape);
    harness.run_steps(2);
    assert!(harness.query_by_label("Ctrl+Shift+Z").is_none());
}

#[test]
fn dropping_says_what_it_will_do_and_does_it() {
    let path = npy("dropped.npy", 16, 20);
    let mut harness = ready();
    let hovered = egui::HoveredFile { path: Some(path.clone()), ..Default::default() };
    harness.input_mut().hovered_files.push(hovered);
    harness.run_steps(3);
    assert!(harness.query_by_label_contains("Drop to open the matrix in dropped.npy instead of").is_some());
    harness.input_mut().hovered_files.clear();
    harness.input_mut().dropped_files.push(std::sync::Arc::new(Dropped(path)));
    harness.step();
    harness.input_mut().dropped_files.clear();
    until(&mut harness, "its run", |harness| {
        harness.state().runs().last().unwrap().spec.layer_name == "dropped" && finished(harness)
    });
}

#[test]
fn factors_that_were_not_saved_are_asked_about() {
    let mut harness = ready();
    close(&mut harness);
    assert!(harness.query_by_label("Close anyway").is_none(), "a slider's run is no work to lose");
    click(&mut harness, "▶ Start");
    until(&mut harness, "the run", |harness| harness.state().runs().len() == 2 && finished(harness));
    close(&mut harness);
    assert!(harness.query_by_label_contains("The factors of run 2 were not exported").is_some());
    click(&mut harness, "Stay");
    harness.run_steps(2);
    assert!(harness.query_by_label("Close anyway").is_none());
}

/// Escape is first for what is in front or has the keyboard; only then does it cancel a run.
#[test]
fn escape_does_not_cancel_what_it_is_not_meant_for() {
    let mut harness = large("escape.npy");
    paused(&mut harness);
    let waits = |harness: &Harness<'_, Explorer>| {
        let run = harness.state().shown().unwrap();
        run.state == RunState::Paused && !run.is_cancelling()
    };
    assert!(waits(&harness));
    type_into(&mut harness, "Filter layers", "mlp");
    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(waits(&harness), "the field had the keyboard");
    press(&mut harness, Modifiers::COMMAND, Key::K);
    harness.run_steps(2);
    assert!(harness.query_by_label("Find a command").is_some());
    press(&mut harness, Modifiers::NONE, Key::Escape);
    harness.run_steps(2);
    assert!(harness.query_by_label("Find a command").is_none() && waits(&harness), "the palette was open");
    press(&mut harness, Modifiers::NONE, Key::F2);
    harness.run_steps(2);
    type_into(&mut harness, "Name of the run", "not this");
    press(&mut harness, Modifiers::NONE, Key::Escape);
    harness.run_steps(2);
    assert!(waits(&harness) && harness.state().shown().unwrap().name == "run 1", "the name was being typed");
    press(&mut harness, Modifiers::COMMAND, Key::E);
    harness.run_steps(2);
    press(&mut harness, Modifiers::NONE, Key::Escape);
    harness.run_steps(2);
    press(&mut harness, Modifiers::NONE, Key::Escape);
    harness.run_steps(2);
    assert!(harness.query_by_label("Replace an existing file").is_none());
    press(&mut harness, Modifiers::NONE, Key::Escape);
    until(&mut harness, "the end at last", |harness| harness.state().shown().unwrap().state == RunState::Cancelled);
}

/// A search's steps are no iterations of the run.
#[test]
fn going_back_after_a_search_counts_the_run_alone() {
    let mut harness = ready();
    choose(&mut harness, "Split", "auto");
    until(&mut harness, "a run with a search", |harness| harness.state().runs().len() == 2 && finished(harness));
    harness.hover_at(pos2(2.0, 2.0));
    press(&mut harness, Modifiers::NONE, Key::ArrowLeft);
    settled(&mut harness);
    assert_eq!(harness.state().pictures().unwrap().step, Some(38), "the last iteration before the end that was kept");
}

/// As the window system hands it over.
#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &std::path::Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|error| error.to_string())
    }
}

/// A memory that outlives the window.
#[derive(Default)]
struct Memory(HashMap<String, String>);

impl eframe::Storage for Memory {
    fn get_string(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }

    fn set_string(&mut self, key: &str, value: String) {
        self.0.insert(key.to_owned(), value);
    }

    fn remove_string(&mut self, key: &str) {
        self.0.remove(key);
    }

    fn flush(&mut self) {}
}

fn window_with(memory: Memory) -> Harness<'static, Explorer> {
    let memory: &'static Memory = Box::leak(Box::new(memory));
    Harness::builder().with_size([1280.0, 800.0]).with_max_steps(10_000).build_eframe(move |cc| {
        cc.storage = Some(memory);
        Explorer::new(cc, LaunchOptions::default())
    })
}

#[test]
fn settings_and_layout_are_there_at_the_next_start() {
    let mut harness = ready();
    move_density(&mut harness, Key::ArrowRight);
    click(&mut harness, "Mask");
    harness.run_steps(10);
    let density = harness.state().settings().density;
    let mut memory = Memory::default();
    eframe::App::save(harness.state_mut(), &mut memory);
    let key = memory.0.keys().next().unwrap().clone();
    let mut again = window_with(memory);
    until(&mut again, "the run", finished);
    assert_eq!(again.state().settings().density, density);
    assert_eq!(again.state().runs()[0].spec.settings.as_ref().unwrap().density, density);

    for broken in ["", "{\"settings\": 7}", "\u{0}\u{1}", "{\"layout\": \"{}\"}"] {
        let mut harness = window_with(Memory([(key.clone(), broken.to_owned())].into()));
        until(&mut harness, "a run in spite of it", finished);
        settled(&mut harness);
    }
}

#[test]
fn every_control_has_a_name() {
    let mut harness = ready();
    harness.check_accessibility();
    let images = |harness: &Harness<'_, Explorer>| {
        harness.query_all_by_role(Role::Image).filter(|node| node.accesskit_node().label().is_none()).count()
    };
    assert_eq!(images(&harness), 0);
    for panel in [Pane::Histogram, Pane::Masks, Pane::Speed, Pane::Log, Pane::Curves] {
        click(&mut harness, panel.title());
        harness.run_steps(2);
        harness.check_accessibility();
    }
    for (key, modifiers) in [(Key::E, Modifiers::COMMAND), (Key::O, Modifiers::COMMAND), (Key::K, Modifiers::COMMAND)] {
        press(&mut harness, modifiers, key);
        harness.run_steps(3);
        harness.check_accessibility();
        press(&mut harness, Modifiers::NONE, Key::Escape);
    }
}

#[test]
fn a_run_that_goes_on_can_be_watched_and_left() {
    let mut harness = large("watched.npy");
    assert!(harness.state().runs().is_empty());
    assert!(harness.query_by_label_contains("would take about").is_some());
    click(&mut harness, "▶ Start");
    until(&mut harness, "pictures of it", |harness| {
        harness.state().pictures().is_some_and(|pictures| pictures.step.is_some())
    });
    assert_eq!(harness.state().shown().unwrap().state, RunState::Running);
    let corner = pos2(2.0, 2.0);
    harness.hover_at(corner);
    press(&mut harness, Modifiers::NONE, Key::Escape);
    until(&mut harness, "the end", |harness| harness.state().shown().unwrap().state == RunState::Cancelled);
    assert!(harness.state().shown().unwrap().nnz().is_some_and(|nnz| nnz <= 768 * 640 / 4));
}
