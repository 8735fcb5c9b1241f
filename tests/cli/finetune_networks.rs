//! `finetune` of residual networks: folders, images, resuming, refusals.

use super::*;
use dsf_explorer::vision;

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// `count` images in CIFAR-10's binary format, of ten classes: stripes of a width of the class's own, from `from` on.
pub fn images(folder: &Path, name: &str, from: usize, count: usize) {
    let mut bytes = Vec::new();
    for at in from..from + count {
        let class = at % 10;
        bytes.push(class as u8);
        for value in 0..3 * 32 * 32 {
            let (x, noise) = (value % 32, (value * 31 + at * 17) % 64);
            bytes.push((if (x + at / 10) / (class + 1) % 2 == 0 { 150 } else { 30 } + noise) as u8);
        }
    }
    std::fs::write(folder.join(name), bytes).unwrap();
}

fn compressed(folder: &Path, out: &str, how: &str) {
    let line = format!("compress glyphs --density 0.2 --limit 20 --keep-batch-norm --out {out} {how} --json");
    json(&run(folder, &words(&line)));
}

/// Masks of all layers that a folder keeps as factors or as one sparse matrix, by name.
fn masks(folder: &Path, file: &str) -> Vec<(String, Vec<Mask>)> {
    let checkpoint = open(&folder.join(file)).unwrap();
    let model = vision::example();
    let stems = model.architecture().layers.iter().map(|layer| layer.stem.clone());
    let of = |stem: String| {
        checkpoint.stored_sparse(&stem).unwrap()?;
        let masks = match checkpoint.replacement(&stem).unwrap() {
            Replacement::Factors(Factors { a, b }) => vec![Mask::of_csr(&a), Mask::of_csr(&b)],
            Replacement::Sparse(one) => vec![Mask::of_csr(&one)],
            other => panic!("{:?}", other.kind()),
        };
        Some((stem, masks))
    };
    stems.filter_map(of).collect()
}

#[test]
fn a_compressed_network_is_tuned_on_its_masks() {
    let folder = folder("finetune-networks");
    for (method, layout, file) in [
        ("--preset fast --outer 4 --calibration-samples 16", "merged,bitmask", "factors-bitmask.safetensors"),
        ("--method magnitude", "bitmask", "factors-bitmask.safetensors"),
    ] {
        compressed(&folder, "before", &format!("{method} --layout {layout} --force"));
        let how = "--steps 6 --batch 32 --every 3 --learning-rate 0.02 --force --json";
        let report = json(&run(&folder, &words(&format!("finetune before --out after {how}"))));
        let number = |key: &str| report[key].as_f64().unwrap();
        assert!(number("loss_after") < number("loss_before"), "{report}");
        assert!(number("held_out_after") < number("held_out_before"), "{report}");
        assert!(number("accuracy_after") > number("accuracy_before") + 0.03, "{report}");
        assert_eq!((&report["nnz_before"], &report["steps"]), (&report["nnz_after"], &Value::from(6)));
        assert!(report["history"][3]["accuracy"].is_number(), "{report}");
        let [before, after] = ["before", "after"].map(|name| masks(&folder.join(name), file));
        assert!(before == after && before.len() == 12, "{method} {layout}");
        // What is written is what was measured, but for the rounding of the network's own tensors to 16 bits.
        let written = json(&run(&folder, &words("accuracy after --json")));
        let difference = written["accuracy"].as_f64().unwrap() - number("accuracy_after");
        assert!(difference.abs() <= 0.005, "{written}");
        // The first convolution and the classifier's weight stay, norms do not.
        let [dense, tuned] = [vision::example(), vision::open(&folder.join("after")).unwrap()];
        let same = |name: &str| dense.checkpoint().bytes(name).unwrap() == tuned.checkpoint().bytes(name).unwrap();
        assert!(same("conv1.weight") && same("linear.weight"));
        assert!(!same("linear.bias") && !same("bn1.weight") && !same("bn1.running_var"));
        assert_eq!(tuned.is_sparse(), !layout.contains("merged"));
        let told: Value = serde_json::from_slice(&std::fs::read(folder.join("after/report.json")).unwrap()).unwrap();
        assert_eq!(told["finetune"]["accuracy_after"], report["accuracy_after"]);
    }
    // A second time, with other settings.
    let how = "--steps 2 --batch 8 --optimizer adamw --train all --out again --json";
    let again = json(&run(&folder, &words(&format!("finetune after {how}"))));
    assert_eq!(again["nnz_before"], again["nnz_after"]);
}

#[test]
fn a_killed_tuning_of_a_network_goes_on_to_the_same_bytes() {
    let folder = folder("finetune-networks-killed");
    images(&folder, "train.bin", 0, 60);
    images(&folder, "test.bin", 1000, 20);
    compressed(&folder, "before", "--method magnitude --layout bitmask");
    let how = "--images train.bin --held-out test.bin --batch 6 --every 20 --steps 400";
    let line = |out: &str| format!("finetune before --out {out} {how}");
    let line_cut = line("cut");
    kill_when(&folder, &words(&line_cut), || folder.join("cut.partial/state.bin").exists());
    assert!(!folder.join("cut").exists(), "nothing half-written");
    assert_refused(&folder, &words(&line_cut.replace("train.bin", "test.bin")), "another images");
    let again = run(&folder, &words(&format!("{line_cut} --json")));
    assert!(text(&again.stderr).contains("were done already"), "{}", text(&again.stderr));
    let cut = json(&again);
    let whole = json(&run(&folder, &words(&format!("{} --threads 1 --json", line("whole")))));
    assert_eq!((&cut["history"], &cut["accuracy_after"]), (&whole["history"], &whole["accuracy_after"]));
    for file in ["model.safetensors", "factors-bitmask.safetensors"] {
        let [cut, whole] = ["cut", "whole"].map(|name| std::fs::read(folder.join(name).join(file)).unwrap());
        assert!(cut == whole, "{file}");
    }
    assert!(!folder.join("cut.partial").exists());
    assert!(whole["held_out_after"].as_f64() < whole["held_out_before"].as_f64(), "{whole}");
}

#[test]
fn epochs_are_of_what_is_not_held_out() {
    let folder = folder("finetune-networks-epochs");
    images(&folder, "train.bin", 0, 40);
    compressed(&folder, "before", "--method magnitude");
    let said = run(&folder, &words("finetune before --images train.bin --epochs 1.5 --batch 9"));
    // 36 of 40 are trained on: 1.5 · 36 / 9.
    assert!(text(&said.stdout).contains("6 steps") && text(&said.stdout).contains("held-out accuracy"), "{said:?}");
}

#[test]
fn what_cannot_be_tuned_of_a_network_is_said() {
    let folder = folder("finetune-networks-refused");
    compressed(&folder, "before", "--method magnitude");
    images(&folder, "train.bin", 0, 20);
    images(&folder, "few.bin", 0, 9);
    // Another name of the same length: the tensor is missing.
    let weights = std::fs::read(folder.join("before/model.safetensors")).unwrap();
    let (name, other) = (b"layer1.0.bn1.running_var", b"layer1.0.bn1.running_cat");
    let at = weights.windows(name.len()).position(|bytes| bytes == name).unwrap();
    std::fs::write(folder.join("damaged.safetensors"), [&weights[..at], other, &weights[at + name.len()..]].concat())
        .unwrap();
    std::fs::write(folder.join("text.txt"), "some words").unwrap();
    let llama = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/llama/llama3").display().to_string();
    for (line, says) in [
        ("finetune before --text text.txt".to_owned(), "--text is for language models"),
        ("finetune before --estimate".to_owned(), "--estimate is for language models"),
        ("finetune before --distill before".to_owned(), "--distill is for language models"),
        (format!("finetune {llama} --images train.bin"), "--images is for residual networks"),
        ("finetune before --images text.txt".to_owned(), "text.txt"),
        ("finetune before --images few.bin".to_owned(), "of 9 images none can be held out: it takes 10"),
        ("finetune damaged.safetensors --images train.bin".to_owned(), "layer1.0.bn1.running_var"),
        ("finetune before --epochs 1".to_owned(), "no end"),
        ("finetune before --batch 0".to_owned(), "batch is 0"),
        ("finetune before --out before --force".to_owned(), "the folder that is tuned"),
    ] {
        let output = run(&folder, &words(&line));
        assert!(matches!(output.status.code(), Some(1 | 2)), "{line}: {output:?}");
        assert!(text(&output.stderr).contains(says) && output.stdout.is_empty(), "{line}: {}", text(&output.stderr));
    }
    let Some(data) = common::test_data() else { return };
    let dense = data.join("resnet20").display().to_string();
    assert_refused(&folder, &words(&format!("finetune {dense} --images train.bin")), "is sparse");
}
