//! Files with tens of thousands of tensors, and names that their authors chose.

use super::driver::{finished, press, scratch, type_into, until, window};
use super::runs::{said, says};
use dsf_explorer::app::{Explorer, LaunchOptions};
use dsf_explorer::model::Source;
use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::Queryable};
use std::path::{Path, PathBuf};

/// A file of 8×8 matrices in half precision with these names.
fn matrices(file: &str, names: impl Iterator<Item = String>) -> PathBuf {
    const BYTES: usize = 2 * 8 * 8;
    let (path, mut header) = (scratch(file), serde_json::Map::new());
    for (at, name) in names.enumerate() {
        let offsets = [at * BYTES, (at + 1) * BYTES];
        header.insert(name, serde_json::json!({ "dtype": "F16", "shape": [8, 8], "data_offsets": offsets }));
    }
    let tensors = header.len();
    let header = serde_json::to_vec(&header).unwrap();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    // 0.001 to 0.004.
    bytes.extend((0..tensors * BYTES / 2).flat_map(|at| (0x1400 + (at % 0x800) as u16).to_le_bytes()));
    std::fs::write(&path, bytes).unwrap();
    path
}

/// As a mixture of experts has them: three in each of 480 experts of a block.
fn experts(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|at| {
        let (block, expert) = (at / 1440, at % 1440 / 3);
        let part = ["gate_proj", "up_proj", "down_proj"][at % 3];
        format!("model.layers.{block}.mlp.experts.{expert}.{part}.weight")
    })
}

fn open(path: &Path) -> Harness<'static, Explorer> {
    let source = Some(Source::from(path.to_owned()));
    let mut harness = window(LaunchOptions { source, ..LaunchOptions::default() });
    until(&mut harness, "the run", finished);
    harness.run_steps(20);
    harness
}

/// Texts on screen, by what is on screen.
fn shown(path: &Path) -> Vec<(&'static str, usize)> {
    let mut harness = open(path);
    let count = |harness: &Harness<'_, Explorer>| said(harness).len();
    let mut counted = vec![("tree", count(&harness))];
    harness.get_by_role_and_label(Role::Button, "Table").click();
    harness.run_steps(4);
    counted.push(("table", count(&harness)));
    harness.get_by_role_and_label(Role::Button, "norm").click();
    harness.run_steps(4);
    counted.push(("sorted table", count(&harness)));
    type_into(&mut harness, "Filter layers", "experts 3 up");
    harness.run_steps(4);
    counted.push(("filtered table", count(&harness)));
    harness.get_by_role_and_label(Role::Button, "Tree").click();
    harness.run_steps(4);
    counted.push(("filtered list", count(&harness)));
    press(&mut harness, egui::Modifiers::COMMAND, egui::Key::K);
    harness.run_steps(4);
    type_into(&mut harness, "Find a command", "experts 3 up");
    harness.run_steps(4);
    counted.push(("palette", count(&harness)));
    counted
}

/// What is drawn does not depend on how many tensors there are: 90 000 are a mixture of experts.
#[test]
fn of_a_large_file_no_more_is_drawn_than_of_a_small_one() {
    let few = shown(&matrices("few.safetensors", experts(300)));
    let many = shown(&matrices("many.safetensors", experts(90_000)));
    for ((what, few), (_, many)) in few.into_iter().zip(many) {
        assert!(many < few + 100, "{what}: {few} texts of 300 tensors, {many} of 90 000");
    }
}

/// Names as their author chose them: in lists, titles, the palette and messages they act on nothing.
#[test]
fn names_are_shown_on_one_line() {
    let names = ["a\nb.weight", "esc\u{1b}[31mred.weight", "x.y\u{202e}z.weight", "x.plain.weight"];
    let mut harness = open(&matrices("names.safetensors", names.into_iter().map(str::to_owned)));
    let assert_harmless = |harness: &Harness<'_, Explorer>, what: &str| {
        // Lines that we broke ourselves are in no name.
        let acts = |text: &&String| text.contains(['\u{1b}', '\u{202e}']) || text.contains("a\nb");
        let shown = said(harness);
        let bad: Vec<&String> = shown.iter().filter(acts).collect();
        assert!(bad.is_empty(), "{what}: {bad:?}");
    };
    assert!(says(&harness, "a\\nb") && says(&harness, "y\\u{202e}z"), "{:?}", said(&harness));
    assert_harmless(&harness, "tree");
    harness.get_by_role_and_label(Role::Button, "Table").click();
    harness.run_steps(4);
    assert!(says(&harness, "esc\\u{1b}[31mred"), "{:?}", said(&harness));
    assert_harmless(&harness, "table");
    harness.get_by_role_and_label(Role::Button, "Tree").click();
    type_into(&mut harness, "Filter layers", "red");
    harness.run_steps(4);
    assert!(says(&harness, "esc\\u{1b}[31mred.weight"), "{:?}", said(&harness));
    assert_harmless(&harness, "found");
    press(&mut harness, egui::Modifiers::COMMAND, egui::Key::K);
    type_into(&mut harness, "Find a command", "weight");
    harness.run_steps(4);
    assert!(says(&harness, "Layer: a\\nb.weight"), "{:?}", said(&harness));
    assert_harmless(&harness, "palette");
}
