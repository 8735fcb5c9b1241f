//! `finetune`: every kind of folder, layouts, resuming, refusals.

use super::*;
use dsf_explorer::language::{self, LayerId};
use dsf_explorer::model::Checkpoint;
use std::collections::BTreeMap;

/// A small model of two blocks.
fn small() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/llama/llama3").display().to_string()
}

fn text_of(folder: &Path, words: usize) {
    let words: Vec<String> = (0..words).map(|at| format!("w{}", (at * at + 5 * at) % 38)).collect();
    std::fs::write(folder.join("text.txt"), words.join(" ")).unwrap();
}

fn words(line: &str) -> Vec<&str> {
    line.split(' ').filter(|word| !word.is_empty()).collect()
}

fn compressed(folder: &Path, out: &str, how: &str) {
    let model = small();
    let line = format!(
        "compress {model} --density 0.4 --calibration-text text.txt --calibration-context 20 --out {out} {how} --json"
    );
    json(&run(folder, &words(&line)));
}

const QUICK: &str = "--text text.txt --context 20 --batch 4 --steps 6 --every 2 --learning-rate 0.003 --json";

fn tuned(folder: &Path, from: &str, out: &str, how: &str) -> Value {
    json(&run(folder, &words(&format!("finetune {from} --out {out} {QUICK} {how}"))))
}

/// Masks of all layers that a checkpoint keeps as factors or as one sparse matrix.
fn masks(checkpoint: &Checkpoint) -> BTreeMap<LayerId, Vec<Mask>> {
    let model = language::open(Path::new(&small())).unwrap();
    let of = |id: LayerId| {
        let stem = model.config().stem(id);
        checkpoint.stored_sparse(&stem).unwrap()?;
        Some((
            id,
            match checkpoint.replacement(&stem).unwrap() {
                Replacement::Factors(Factors { a, b }) => vec![Mask::of_csr(&a), Mask::of_csr(&b)],
                Replacement::Sparse(one) => vec![Mask::of_csr(&one)],
                other => panic!("{:?}", other.kind()),
            },
        ))
    };
    model.layers().filter_map(of).collect()
}

#[test]
fn every_folder_is_tuned_and_written_with_the_same_masks() {
    let folder = folder("finetune");
    text_of(&folder, 900);
    for (method, layout) in [
        ("--outer 4", "merged,bitmask"),
        ("--outer 4", "bitmask"),
        ("--outer 4", "csr"),
        ("--outer 4 --dtype f16", "dense"),
        ("--method wanda", "merged"),
        ("--method wanda", "bitmask"),
        ("--method svd", "bitmask"),
        ("--method monarch", "dense"),
    ] {
        let (what, how) = (format!("{method} {layout}"), format!("{method} --layout {layout} --force"));
        compressed(&folder, "before", &how);
        let report = tuned(&folder, "before", "after", "--force");
        assert!(report["held_out_after"].as_f64() <= report["held_out_before"].as_f64(), "{what}");
        assert!(report["loss_after"].as_f64() < report["loss_before"].as_f64(), "{what}: {report}");
        assert_eq!((&report["nnz_before"], &report["steps"]), (&report["nnz_after"], &Value::from(6)), "{what}");
        assert_eq!(report["history"].as_array().unwrap().len(), 7);
        let [before, after] = ["before", "after"].map(|name| folder.join(name));
        let listing = |folder: &Path| {
            let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
            let mut names: Vec<_> = names.collect();
            names.sort();
            names
        };
        assert_eq!(listing(&before), listing(&after), "{what}");
        assert!(!folder.join("after.partial").exists());
        for name in ["tokenizer.json", "config.json"] {
            let [before, after] = [&before, &after].map(|folder| std::fs::read(folder.join(name)).unwrap());
            assert_eq!(before, after, "{what}: {name}");
        }
        let models = [&before, &after].map(|folder| language::open(folder).unwrap());
        for tensor in models[0].checkpoint().tensors() {
            let now = models[1].checkpoint().tensor(&tensor.name).unwrap();
            assert_eq!((&tensor.shape, &tensor.dtype), (&now.shape, &now.dtype), "{what}: {}", tensor.name);
            if models[0].config().layers_in(&tensor.name).is_empty() {
                let is_value = [".compressed", ".values", ".A.weight", ".B.weight"]
                    .iter()
                    .any(|ending| tensor.name.ends_with(ending));
                let bytes = models.each_ref().map(|model| model.checkpoint().bytes(&tensor.name).unwrap().into_owned());
                assert_eq!(bytes[0] == bytes[1], !is_value, "{what}: {}", tensor.name);
            }
        }
        let factors = |folder: &Path| {
            let beside = folder.join("factors-bitmask.safetensors");
            if layout == "merged,bitmask" { masks(&open(&beside).unwrap()) } else { masks(&open(folder).unwrap()) }
        };
        assert_eq!(factors(&before), factors(&after), "{what}");
        if what == "--method wanda merged" {
            for id in models[0].layers() {
                let of = |model: &language::LanguageModel| Mask::of(&model.layer(id).unwrap().weight);
                assert_eq!(of(&models[0]), of(&models[1]), "{id:?}");
            }
        }
        // The loss of the folder is what was reported, but for the rounding of products to the model's own format.
        let written: Value = serde_json::from_slice(&std::fs::read(folder.join("after/report.json")).unwrap()).unwrap();
        assert_eq!(written["finetune"]["held_out_after"], report["held_out_after"]);
        assert_eq!(written["nnz"], report["nnz_after"], "{what}");
        assert!(written["layers"][0]["relative_error"].is_null());
    }
    // The result can be tuned again, in another layout.
    compressed(&folder, "before", "--outer 4 --layout bitmask --force");
    tuned(&folder, "before", "merged", "--layout merged");
    tuned(&folder, "before", "both", "--layout merged,csr --train all");
    let merged = language::open(&folder.join("merged")).unwrap();
    assert!(!merged.is_sparse());
    let dense = language::open(Path::new(&small())).unwrap();
    for tensor in dense.checkpoint().tensors() {
        assert_eq!(merged.checkpoint().tensor(&tensor.name).unwrap().shape, tensor.shape, "{}", tensor.name);
    }
    let config: Value = serde_json::from_slice(&std::fs::read(folder.join("merged/config.json")).unwrap()).unwrap();
    assert!(config.get("dsf").is_none() && config.get("auto_map").is_none());
    let again = tuned(&folder, "both", "again", "--optimizer sgd --train values+norms");
    assert_eq!(again["nnz_before"], again["nnz_after"]);
}

#[test]
fn a_killed_tuning_goes_on_to_the_same_bytes() {
    let folder = folder("finetune-killed");
    text_of(&folder, 900);
    compressed(&folder, "before", "--method wanda");
    let how = "--text text.txt --context 20 --batch 4 --every 40 --learning-rate 0.001 --train values+norms";
    let steps = "--steps 4000";
    let line = |out: &str| format!("finetune before --out {out} {how} {steps}");
    let line_cut = line("cut");
    kill_when(&folder, &words(&line_cut), || folder.join("cut.partial/state.bin").exists());
    assert!(!folder.join("cut").exists(), "nothing half-written");
    // Other settings do not take it up, nor drop it unasked.
    assert_refused(&folder, &words(&format!("{line_cut} --seed 1")), "another settings");
    let again = run(&folder, &words(&format!("{line_cut} --json")));
    assert!(text(&again.stderr).contains("were done already"), "{}", text(&again.stderr));
    let cut = json(&again);
    let whole = json(&run(&folder, &words(&format!("{} --json", line("whole")))));
    assert_eq!((&cut["history"], &cut["loss_after"]), (&whole["history"], &whole["loss_after"]));
    let [cut, whole] = ["cut", "whole"].map(|name| std::fs::read(folder.join(name).join("model.safetensors")).unwrap());
    assert!(cut == whole && !folder.join("cut.partial").exists());
}

#[test]
fn the_built_in_models_language_needs_no_text() {
    let folder = folder("finetune-stories");
    json(&run(&folder, &words("compress --density 0.2 --method magnitude --out before --json")));
    let report = json(&run(
        &folder,
        &words("finetune before --out after --steps 2 --batch 2 --context 64 --distill --learning-rate 0.001 --json"),
    ));
    assert!(report["loss_after"].as_f64() < report["loss_before"].as_f64(), "{report}");
    assert!(report["held_out_after"].as_f64() < report["held_out_before"].as_f64(), "{report}");
    let estimate = json(&run(&folder, &words("finetune before --estimate --json")));
    assert_eq!(estimate["values"], report["nnz_before"]);
    let parts = ["parameters", "gradients", "optimizer", "block", "outer", "streams", "activations", "logits"];
    let sum: u64 = parts.iter().map(|part| estimate[format!("{part}_bytes")].as_u64().unwrap()).sum();
    assert!(estimate["total_bytes"].as_u64().unwrap().abs_diff(sum) < 9, "{estimate}");
    // Six streams of 16·256 tokens, 256 wide.
    assert_eq!(estimate["streams_bytes"], 4 * 6 * 16 * 256 * 256);
}

#[test]
fn what_cannot_be_tuned_is_said() {
    let folder = folder("finetune-refused");
    text_of(&folder, 60);
    compressed(&folder, "products", "--outer 4");
    compressed(&folder, "one", "--method magnitude");
    let says = |arguments: &str, what: &str| assert_refused(&folder, &words(arguments), what);
    says("finetune nowhere --text text.txt", "nowhere");
    says("finetune products --text text.txt --out x", "--layout merged,bitmask");
    says(&format!("finetune {} --text text.txt --out x", small()), "no layer of llama3 is sparse");
    says("finetune one --out x", "--text FILE");
    says("finetune one --text text.txt --context 40 --out x", "the text has 61 tokens, and a window takes 80");
    says("finetune one --text none.txt --out x", "none.txt cannot be read");
    says("finetune one --text text.txt --learning-rate -1 --out x", "learning rate is -1");
    says("finetune one --text text.txt --context 20 --distill one --out one", "exists");
    says("finetune one --text text.txt --context 20 --out one --force", "is the folder that is tuned");
    let refused = run(&folder, &words("finetune one --text text.txt --layout dense --out x"));
    assert_eq!(refused.status.code(), Some(2));
    assert_eq!(run(&folder, &words("finetune one --steps 3 --epochs 1")).status.code(), Some(2));
}

/// A block whose last layers stay dense is finished with the last one that is compressed: what is written is what was tuned.
#[test]
fn blocks_are_written_whose_last_layers_stay_dense() {
    let folder = folder("blocks of few layers");
    text_of(&folder, 900);
    compressed(
        &folder,
        "out",
        "--blockwise --density-of down_proj=1 --density-of model.layers.0.mlp.up_proj=1 --force",
    );
    let report: Value = serde_json::from_slice(&std::fs::read(folder.join("out/report.json")).unwrap()).unwrap();
    let layers = report["layers"].as_array().unwrap();
    let written = language::open(&folder.join("out")).unwrap();
    let dense = language::open(Path::new(&small())).unwrap();
    assert_eq!(layers.len(), 2 * 6 - 1);
    for id in dense.layers() {
        let (was, is) = (dense.layer(id).unwrap().weight, written.layer(id).unwrap().weight);
        let entry = layers.iter().find(|layer| layer["tensor"] == dense.config().tensor(id).as_str());
        assert_eq!(was == is, entry.is_none(), "{}", dense.config().tensor(id));
    }
    let norms = |block: usize| format!("model.layers.{block}.post_attention_layernorm.weight");
    for block in [0, 1] {
        let [was, is] = [&dense, &written].map(|model| model.tensor_values(&norms(block)).unwrap());
        assert_ne!(was, is, "the norms were tuned as well");
    }
}

/// Nothing is dropped for a command that cannot begin.
#[test]
fn what_is_refused_leaves_other_work() {
    let folder = folder("refused leaves work");
    text_of(&folder, 900);
    let model = small();
    let begin = format!("compress {model} --preset fast --density 0.4 --parallel --layers *.0.* --out out");
    assert!(run(&folder, &words(&begin)).status.success());
    let layers = || std::fs::read_dir(folder.join("out.partial/layers")).unwrap().count();
    let before = layers();
    assert!(before > 0);
    assert_refused(&folder, &words(&format!("compress {model} --method wanda --out out --force")), "needs");
    assert_eq!(layers(), before);
    compressed(&folder, "whole", "--preset fast --layout bitmask");
    // The built-in model knows other words.
    assert_refused(
        &folder,
        &words(&format!("finetune whole {QUICK} --distill --out out --force")),
        "words, the one that",
    );
    assert_eq!(layers(), before);
}
