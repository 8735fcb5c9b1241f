//! The language model in the window: its perplexity, layers compressed, texts.

use super::driver::{click, finished, half, npy, saved, scratch, type_into, until, window, write_factors};
use dsf_explorer::app::{Explorer, LaunchOptions};
use dsf_explorer::compress::{Compression, Inputs, Memory};
use dsf_explorer::language;
use dsf_explorer::model::Source;
use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable};
use serde_json::json;
use std::path::PathBuf;

fn example() -> Harness<'static, Explorer> {
    let mut harness = window(LaunchOptions::default());
    until(&mut harness, "the example's run", finished);
    until(&mut harness, "the dense model's perplexity", |harness| harness.state().language().dense().is_some());
    harness
}

/// The first minute: what a run does to the example model is there without asking.
#[test]
fn a_run_shows_what_it_does_to_the_model() {
    let mut harness = example();
    until(&mut harness, "the perplexity of the run's factors", |harness| {
        harness.state().language().alone().is_some_and(|(_, current)| current)
    });
    let (dense, floor) = (harness.state().language().dense().unwrap(), harness.state().language().floor().unwrap());
    let (alone, _) = harness.state().language().alone().unwrap();
    assert!(floor < dense && alone > 0.99 * dense && alone < 2.0 * dense, "{floor}, {dense}, {alone}");
    harness.step();
    harness.get_by_label(&format!("perplexity {alone:.3}"));
    harness.get_by_label(&format!("(dense {dense:.3}, floor {floor:.3})"));

    // Another density, another perplexity.
    harness.get_by_role_and_label(Role::Slider, "Density").focus();
    harness.step();
    (0..6).for_each(|_| {
        harness.key_press(egui::Key::ArrowLeft);
        harness.step();
    });
    until(&mut harness, "the run at a lower density", |harness| harness.state().runs().len() > 1 && finished(harness));
    until(&mut harness, "its perplexity", |harness| {
        harness.state().language().alone().is_some_and(|(perplexity, current)| current && perplexity != alone)
    });
}

#[test]
fn ticked_layers_are_compressed_saved_and_put_back() {
    let mut harness = example();
    let ctx = harness.ctx.clone();
    harness.state_mut().order(&ctx, &json!({ "settings": { "outer": 8 } })).unwrap();
    click(&mut harness, "Language model");
    for layer in ["0.q_proj", "0.o_proj"] {
        harness.get_by_role_and_label(Role::CheckBox, &format!("Tick {layer}")).click();
        harness.run_steps(2);
    }
    click(&mut harness, "Compress ticked");
    until(&mut harness, "two layers", |harness| harness.state().language().replaced() == 2);
    until(&mut harness, "the model's perplexity", |harness| {
        !harness.state().language().is_working()
            && harness.state().language().compressed().is_some_and(|(_, current)| current)
    });
    let language = harness.state().language();
    let (dense, compressed) = (language.dense().unwrap(), language.compressed().unwrap().0);
    assert!(compressed > 0.99 * dense && compressed < 1.5 * dense, "{dense}, {compressed}");
    harness.step();
    harness.get_by_label(&format!("now {compressed:.3}"));

    // What is saved is what was seen, on the same text.
    let folder = saved(&mut harness, "Save the model", "saved model");
    let saved = language::open(&folder).unwrap();
    let excerpt = language::example_held_out(24, 256);
    let windows = language::Windows::from_text(&saved, &excerpt.text, 256, None).unwrap();
    let loss = saved.loss(&windows, &language::ignore_progress).unwrap();
    assert!((loss.perplexity() - compressed).abs() < 1e-9 * compressed, "{} and {compressed}", loss.perplexity());

    until(&mut harness, "two texts", |harness| {
        harness.query_by_label(&format!("With 2 compressed layers, perplexity {compressed:.3}")).is_some()
    });
    // How fast it wrote, with which weights; a point among those that were tried.
    let tried = |harness: &Harness<'_, Explorer>| harness.state().language().tried().to_vec();
    until(&mut harness, "what it came to", |harness| tried(harness).len() == 1);
    let (one, dense) = (&tried(&harness)[0], harness.state().language().tried_dense().unwrap());
    assert!(one.label.starts_with("2 layers, dsf") && one.perplexity == compressed && one.tokens_per_second.is_some());
    assert!(one.bytes < dense.1 && dense.2.is_some(), "{one:?}, {dense:?}");
    harness.get_by_label("Perplexity against bytes and speed").click();
    harness.run_steps(30);
    click(&mut harness, "Tokens a second");
    assert_eq!(harness.query_all_by_label_contains("tokens/s, ").count(), 2);
    click(&mut harness, "Back to dense");
    assert_eq!(harness.state().language().replaced(), 0);
}

/// Blocks that are tuned on the way: layers with other values, norms too, and what is saved is what was seen.
#[test]
fn blocks_are_tuned_while_they_are_compressed() {
    let (mut harness, text) = tiny(llama(), "blocks.txt");
    let compressed = |harness: &mut Harness<'_, Explorer>| {
        click(harness, "Compress all");
        until(harness, "the layers", |harness| {
            let language = harness.state().language();
            !language.is_working() && language.compressed().is_some_and(|(_, current)| current)
        });
        harness.state().language().compressed().unwrap().0
    };
    let alone = compressed(&mut harness);
    assert!(!harness.state().language().layers().are_of_tuned_blocks());
    harness.get_by_role_and_label(Role::CheckBox, "Tune blocks").click();
    harness.run_steps(3);
    let tuned = compressed(&mut harness);
    assert!((tuned / alone - 1.0).abs() > 1e-6, "{tuned} and {alone}");
    let layers = harness.state().language().layers();
    let dense = language::open(&llama()).unwrap();
    assert!(layers.are_of_tuned_blocks() && !layers.is_tuned() && layers.len() == dense.layers().count());
    // Two norms of each of two blocks.
    let names: Vec<String> = layers.tensors().into_iter().map(|tensor| tensor.name).collect();
    assert_eq!(names.iter().filter(|name| name.ends_with("layernorm.weight")).count(), 4, "{names:?}");

    let folder = saved(&mut harness, "Save the model", "tuned blocks");
    let saved = language::open(&folder).unwrap();
    let text = std::fs::read_to_string(text).unwrap();
    let [_, count, context] = harness.state().language().info().unwrap().text.unwrap();
    let tokens = saved.tokenizer().encode(&text).unwrap()[..count * context].to_vec();
    let windows = language::Windows::from_tokens(&saved, tokens, context, None).unwrap();
    let loss = saved.loss(&windows, &language::ignore_progress).unwrap().perplexity();
    assert!((loss - tuned).abs() < 1e-9 * tuned, "{loss} and {tuned}");
    let settings = &saved.checkpoint().metadata()["dsf.settings"];
    assert!(settings.contains(r#""blockwise":{"#), "{settings}");

    // Without a layer of its block there is nothing that a norm makes up for.
    let tick_first_block = |harness: &mut Harness<'_, Explorer>| {
        for layer in ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"] {
            harness.get_by_role_and_label(Role::CheckBox, &format!("Tick 0.{layer}")).click();
            harness.run_steps(2);
        }
    };
    tick_first_block(&mut harness);
    click(&mut harness, "Back to dense");
    let tensors = harness.state().language().layers().tensors();
    let norms = tensors.iter().filter(|tensor| tensor.name.ends_with("layernorm.weight"));
    assert!(norms.clone().count() == 2 && norms.clone().all(|tensor| tensor.name.contains("layers.1.")), "{tensors:?}");
    tick_first_block(&mut harness);
    click(&mut harness, "Back to dense");
    let layers = harness.state().language().layers();
    assert!(layers.is_empty() && layers.tensors().is_empty() && !layers.are_of_tuned_blocks());
    // Only a model of blocks has any.
    let ctx = harness.ctx.clone();
    let network = serde_json::json!({ "vision": { "compress": 0.5, "blockwise": true } });
    assert!(harness.state_mut().order(&ctx, &network).is_err());
}

/// Folder of a model of a few thousand weights.
fn llama() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/llama/llama3")
}

/// A model of a few thousand weights, with a text of this name.
fn tiny(folder: PathBuf, name: &str) -> (Harness<'static, Explorer>, PathBuf) {
    let text = scratch(name);
    let words: Vec<String> = (0..4000).map(|at| format!("w{}", (at * at + 5 * at) % 38)).collect();
    std::fs::write(&text, words.join(" ")).unwrap();
    let mut harness = window(LaunchOptions { source: Some(Source::from(folder)), ..LaunchOptions::default() });
    until(&mut harness, "the first layer", finished);
    click(&mut harness, "Language model");
    until(&mut harness, "the wish for a text", |harness| {
        harness.query_by_label("Perplexity: give a text to measure the model on").is_some()
    });
    type_into(&mut harness, "Text file", text.to_str().unwrap());
    click(&mut harness, "Use this text");
    until(&mut harness, "the perplexity", |harness| harness.state().language().dense().is_some());
    (harness, text)
}

/// A folder of one's own needs a text; what is no language model says so and does no harm.
#[test]
fn other_models_are_measured_on_a_text_that_is_given() {
    let (mut harness, text) = tiny(llama(), "text.txt");
    assert_eq!(harness.state().language().floor(), None);
    let dense = harness.state().language().dense();
    // A text that is not there changes nothing.
    type_into(&mut harness, "Text file", "no such text.txt");
    click(&mut harness, "Use this text");
    until(&mut harness, "what is wrong", |harness| {
        harness.query_by_label_contains("no such text.txt does not exist").is_some()
    });
    type_into(&mut harness, "Text file", text.to_str().unwrap());
    click(&mut harness, "Use this text");
    until(&mut harness, "the perplexity again", |harness| harness.state().language().dense() == dense);

    let matrix = super::driver::npy("no model.npy", 24, 24);
    let mut harness = window(LaunchOptions { source: Some(Source::from(matrix)), ..LaunchOptions::default() });
    until(&mut harness, "its run", finished);
    click(&mut harness, "Language model");
    until(&mut harness, "why", |harness| harness.query_all_by_label("No language model is open").count() == 2);
}

/// A layer's own inputs in the model make its run a layer-wise one.
#[test]
fn runs_are_calibrated_with_the_models_own_text() {
    let mut harness = example();
    click(&mut harness, "Language model");
    // Another layer's inputs are not for the one that is open.
    harness.get_by_role_and_label(Role::Button, "0.k_proj").click_secondary();
    harness.run_steps(4);
    click(&mut harness, "Calibrate runs with its inputs in the model");
    harness.run_steps(10);
    assert_eq!(harness.state().runs().len(), 1);
    super::driver::press(&mut harness, egui::Modifiers::NONE, egui::Key::Escape);
    harness.get_by_role_and_label(Role::Button, "0.q_proj").click_secondary();
    harness.run_steps(4);
    click(&mut harness, "Calibrate runs with its inputs in the model");
    until(&mut harness, "a layer-wise run", |harness| {
        finished(harness) && harness.state().runs().last().is_some_and(|run| run.spec.is_layerwise())
    });
    let run = harness.state().runs().last().unwrap();
    let errors = run.outcome.as_ref().unwrap().layer.unwrap();
    assert!(errors.calibration < errors.before_finalize);
}

/// A matrix dropped beside a model with compressed layers leaves them alone; another model waits for an answer.
#[test]
fn opening_something_else_loses_no_compressed_layer() {
    let mut harness = example();
    click(&mut harness, "Language model");
    harness.get_by_role_and_label(Role::CheckBox, "Tick 0.q_proj").click();
    harness.run_steps(2);
    click(&mut harness, "Compress ticked");
    until(&mut harness, "a layer", |harness| {
        harness.state().language().replaced() == 1 && !harness.state().language().is_working()
    });
    let open = |harness: &mut Harness<'_, Explorer>, path: &std::path::Path| {
        click(harness, "Open…");
        type_into(harness, "Path", path.to_str().unwrap());
        click(harness, "Open");
    };
    let runs = harness.state().runs().len();
    open(&mut harness, &super::driver::npy("beside.npy", 24, 24));
    until(&mut harness, "the matrix's run", |harness| harness.state().runs().len() > runs && finished(harness));
    assert_eq!(harness.state().language().replaced(), 1);
    open(&mut harness, &llama());
    until(&mut harness, "the question", |harness| harness.query_by_label("Discard and open").is_some());
    assert_eq!(harness.state().language().replaced(), 1);
    click(&mut harness, "Discard and open");
    until(&mut harness, "the other model", |harness| harness.state().language().info().is_some());
    assert_eq!(harness.state().language().replaced(), 0);
}

/// The paper's Table 1 in the window: cell after cell, paused, saved.
#[test]
fn the_table_is_measured_cell_by_cell() {
    let mut harness = example();
    let ctx = harness.ctx.clone();
    harness.state_mut().order(&ctx, &serde_json::json!({ "show": "Table" })).unwrap();
    harness.run_steps(3);
    click(&mut harness, "Measure the table");
    until(&mut harness, "a cell", |harness| harness.state().language().table_count() > 0);
    click(&mut harness, "Pause table");
    let count = harness.state().language().table_count();
    let path = scratch("table.csv");
    let export = serde_json::json!({ "what": "Table of the model (CSV)", "name": path.display().to_string() });
    harness.state_mut().order(&ctx, &serde_json::json!({ "export": export })).unwrap();
    until(&mut harness, "the file", |_| path.exists());
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 1 + count);
    // Magnitude pruning to a half comes first, and loses a little.
    let cells: Vec<&str> = text.lines().nth(1).unwrap().split(',').collect();
    let (perplexity, dense): (f64, f64) = (cells[5].parse().unwrap(), cells[6].parse().unwrap());
    assert_eq!((cells[0], cells[1]), ("magnitude", "0.5"));
    assert!(perplexity > dense && perplexity < 1.2 * dense, "{perplexity} against {dense}");
    assert_eq!(dense, harness.state().language().dense().unwrap());
    // What is measured is not measured again.
    click(&mut harness, "Go on");
    until(&mut harness, "the next cell", |harness| harness.state().language().table_count() > count);
    click(&mut harness, "Pause table");
    assert!(!harness.state().language().table_is_going());
    let path = scratch("table.json");
    let export = serde_json::json!({ "what": "Table of the model (JSON)", "name": path.display().to_string() });
    harness.state_mut().order(&ctx, &serde_json::json!({ "export": export })).unwrap();
    until(&mut harness, "the file", |_| path.exists());
    let table: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(table["rows"].as_array().unwrap().len(), harness.state().language().table_count());
}

/// To its end, where the sensitivity of layers is measured for the last row.
#[test]
fn the_whole_table_of_a_tiny_model() {
    let (mut harness, _) = tiny(llama(), "table.txt");
    let ctx = harness.ctx.clone();
    harness.state_mut().order(&ctx, &serde_json::json!({ "language": "table" })).unwrap();
    until(&mut harness, "the table", |harness| !harness.state().language().table_is_going());
    assert_eq!(harness.state().state()["language"]["table"], 10 * 4);
    let refused = harness.state_mut().order(&ctx, &serde_json::json!({ "language": "table" }));
    assert_eq!(refused.unwrap_err().to_string(), "All of it is measured");
}

/// Without a model the panel says so.
#[test]
fn there_is_no_table_without_a_model() {
    let mut harness =
        window(LaunchOptions { source: Some(Source::from(npy("alone.npy", 16, 16))), ..LaunchOptions::default() });
    let ctx = harness.ctx.clone();
    harness.state_mut().order(&ctx, &serde_json::json!({ "show": "Table" })).unwrap();
    until(&mut harness, "words beside those of the model's panel", |harness| {
        harness.query_all_by_label("No language model is open").count() == 2
    });
    let refused = harness.state_mut().order(&ctx, &serde_json::json!({ "language": "table" }));
    assert_eq!(refused.unwrap_err().to_string(), "no language model is open");
}

/// What `compress --layout bitmask` wrote is read as it is: it says so, runs on its factors, and is not compressed again.
#[test]
fn a_model_that_keeps_its_factors_is_measured_on_them() {
    let dense = language::open(&llama()).unwrap();
    let (plan, out) = (half(), scratch("kept factors"));
    let work = Compression::new(&dense, plan.clone(), &Inputs::Unknown, Box::new(Memory::default()), Box::new(|| 0.0));
    let companions = language::companions(&llama()).unwrap();
    write_factors((&dense, &Inputs::Unknown), &plan, work.unwrap(), companions, &out);
    let kept = language::open(&out).unwrap();

    let (harness, text) = tiny(out, "kept factors.txt");
    let layers = dense.layers().count();
    assert_eq!(harness.query_all_by_label("as stored").count(), layers);
    let compress = harness.get_by_role_and_label(Role::Button, "Compress all");
    assert!(egui_kittest::kittest::NodeT::accesskit_node(&compress).is_disabled());
    assert!(harness.state().language().no_tuning().unwrap().starts_with("This model keeps its factors"));
    let text = std::fs::read_to_string(text).unwrap();
    let [_, count, context] = harness.state().language().info().unwrap().text.unwrap();
    let tokens = kept.tokenizer().encode(&text).unwrap()[..count * context].to_vec();
    let windows = language::Windows::from_tokens(&kept, tokens, context, None).unwrap();
    let loss = kept.loss(&windows, &language::ignore_progress).unwrap();
    let seen = harness.state().language().dense().unwrap();
    assert!((seen - loss.perplexity()).abs() < 1e-9 * seen, "{seen} and {}", loss.perplexity());
}
