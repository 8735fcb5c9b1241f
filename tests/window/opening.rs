//! What is seen of a file once it is open.

use super::driver::{click, finished, npy, ready, scratch, type_into, until, window};
use super::runs::{said, says};
use dsf_explorer::app::{Explorer, LaunchOptions};
use dsf_explorer::model::Source;
use egui::accesskit::Role;
use egui_kittest::{Harness, kittest::NodeT, kittest::Queryable};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use std::path::PathBuf;

/// A file of zeros with tensors of these names, types and shapes.
fn checkpoint(name: &str, tensors: &[(&str, Dtype, &[usize])]) -> PathBuf {
    let path = scratch(name);
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, dtype, shape)| vec![0; shape.iter().product::<usize>() * dtype.bitsize() / 8])
        .collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|((name, dtype, shape), bytes)| (*name, TensorView::new(*dtype, shape.to_vec(), bytes).unwrap()));
    std::fs::write(&path, safetensors::serialize(views, None).unwrap()).unwrap();
    path
}

fn open(harness: &mut Harness<'_, Explorer>, path: &std::path::Path) {
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    click(harness, "Open…");
    type_into(harness, "Path", path.to_str().unwrap());
    click(harness, "Open");
    until(harness, "the file", |harness| harness.state().state()["checkpoint"] == name.as_str());
    harness.run_steps(3);
}

#[test]
fn what_cannot_be_factorized_is_listed_with_its_type_and_counted() {
    let path = checkpoint(
        "kinds.safetensors",
        &[
            ("layer.weight", Dtype::F32, &[8, 8]),
            ("bias", Dtype::F32, &[8]),
            ("eight", Dtype::F8_E8M0, &[4, 4]),
            ("flags", Dtype::BOOL, &[4, 4]),
            ("ids", Dtype::I8, &[4, 4]),
            ("none", Dtype::F32, &[0, 4]),
        ],
    );
    let mut harness = window(LaunchOptions { source: Some(Source::from(path)), ..LaunchOptions::default() });
    until(&mut harness, "the run", finished);
    harness.get_by_label("5 other tensors").click();
    harness.run_steps(30);
    for (text, why) in [
        ("eight  4 × 4 F8_E8M0", "values of its type are not read as weights"),
        ("bias  8 F32", "a layer has 2 dimensions, or 4 as a convolution, and it has 1"),
        ("none  0 × 4 F32", "it has no entries"),
        ("flags  4 × 4 BOOL", "values of its type"),
        ("ids  4 × 4 I8", "values of its type"),
    ] {
        let row = harness.get_by_label(text);
        assert!(row.accesskit_node().is_disabled(), "{text}");
        let at = row.rect().center();
        harness.hover_at(at);
        until(&mut harness, why, |harness| says(harness, why));
    }
}

/// What a person should know of how a file is read is said once it is open.
#[test]
fn a_checkpoint_of_pytorch_opens_with_a_note() {
    let mut harness = ready();
    open(&mut harness, &std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/training.ckpt"));
    assert!(says(&harness, "training.ckpt: the tensors under \"state_dict\" are listed"), "{:?}", said(&harness));
    assert!(says(&harness, "fc.weight"), "{:?}", said(&harness));
}

/// A file with nothing that can be factorized is listed, and what was on screen stays there.
#[test]
fn a_file_without_layers_says_so_and_lists_what_it_has() {
    let path = checkpoint("biases.safetensors", &[("a.bias", Dtype::F16, &[8]), ("b.bias", Dtype::F16, &[8])]);
    let mut harness = ready();
    open(&mut harness, &path);
    assert!(says(&harness, "biases.safetensors holds no layer"));
    assert!(says(&harness, "2 other tensors") && says(&harness, "a.bias  8 F16"), "{:?}", said(&harness));
    assert_eq!(super::driver::pictures(&harness), 5);
}

#[test]
fn a_search_counts_what_it_found_and_ends_with_its_file() {
    let mut harness = ready();
    type_into(&mut harness, "Filter layers", "layers.2 down_proj");
    harness.run_steps(2);
    assert!(says(&harness, "4 of 29 layers fit the filter"), "{:?}", said(&harness));
    let path = npy("searched.npy", 16, 16);
    open(&mut harness, &path);
    let filter = harness.get_by_role_and_label(Role::TextInput, "Filter layers");
    assert_eq!(filter.value().unwrap_or_default(), "");
    assert!(harness.query_all_by_label("searched").count() > 0, "{:?}", said(&harness));
}

/// The perplexity on screen is of the model that the layer on screen is from, or there is none.
#[test]
fn another_matrix_has_no_perplexity() {
    let mut harness = ready();
    until(&mut harness, "the perplexity", |harness| {
        says(harness, "perplexity ") && says(harness, "magnitude pruning ")
    });
    let path = npy("no model.npy", 16, 16);
    open(&mut harness, &path);
    until(&mut harness, "its run", |harness| harness.state().runs().len() == 2 && finished(harness));
    harness.run_steps(3);
    assert!(!said(&harness).iter().any(|text| text.starts_with("perplexity ")), "{:?}", said(&harness));
}

/// People prune the layers of blocks: neither a vocabulary nor a first convolution is what they want to see.
#[test]
fn a_model_is_opened_on_the_first_layer_of_a_block() {
    let (embed, q) = ("model.embed_tokens.weight", "model.layers.0.self_attn.q_proj.weight");
    let norms = ("model.layers.0.input_layernorm.weight", Dtype::F32, &[8][..]);
    let path = checkpoint("block.safetensors", &[(embed, Dtype::F32, &[16, 8]), norms, (q, Dtype::F32, &[8, 8])]);
    let first = |path: PathBuf| {
        let mut harness = window(LaunchOptions { source: Some(Source::from(path)), ..LaunchOptions::default() });
        until(&mut harness, "a layer", |harness| harness.state().state()["layer"].is_object());
        harness.state().state()["layer"]["name"].as_str().unwrap().to_owned()
    };
    assert_eq!(first(path), q);
    let tensors: [(&str, Dtype, &[usize]); 2] =
        [("conv1.weight", Dtype::F32, &[4, 3, 3, 3]), ("layer1.0.conv1.weight", Dtype::F32, &[4, 4, 3, 3])];
    assert_eq!(first(checkpoint("net.safetensors", &tensors)), "layer1.0.conv1.weight");
    assert_eq!(first(checkpoint("plain.safetensors", &[("w", Dtype::F32, &[4, 4])])), "w");
}

/// With the first density, pruning spoils the model and two sparse factors do not.
#[test]
fn the_first_minute_shows_what_pruning_costs() {
    let mut harness = ready();
    until(&mut harness, "the perplexities", |harness| {
        says(harness, "magnitude pruning ") && harness.state().language().alone().is_some_and(|(_, current)| current)
    });
    let language = harness.state().language();
    let (dense, dsf) = (language.dense().unwrap(), language.alone().unwrap().0);
    let pruned = said(&harness).iter().find_map(|text| text.strip_prefix("magnitude pruning ")?.parse::<f64>().ok());
    let pruned = pruned.expect("the perplexity of magnitude pruning");
    assert!(dsf < 1.1 * dense, "DSF {dsf} against {dense}");
    assert!(pruned > 1.3 * dense, "magnitude pruning {pruned} against {dense}");
}

/// A link of the desktop is one that another person can follow.
#[test]
fn a_link_is_pasted_where_files_are_opened() {
    let mut harness = ready();
    let first = harness.state().settings().density;
    click(&mut harness, "Link…");
    let link = harness.get_by_role_and_label(Role::TextInput, "Link").value().unwrap();
    assert!(link.starts_with("#link="), "{link}");
    let ctx = harness.ctx.clone();
    harness.state_mut().order(&ctx, &serde_json::json!({ "settings": { "density": 0.4 } })).unwrap();
    click(&mut harness, "Open…");
    type_into(&mut harness, "Path", &link);
    click(&mut harness, "Open");
    until(&mut harness, "the link's settings", |harness| harness.state().settings().density == first);
    until(&mut harness, "its run", finished);
}
