//! `compress` in parts, as machines that share a folder do it: statistics, layers, assembly.

use super::*;
use dsf_explorer::model::SavedStatistics;
use dsf_explorer::{language, vision};
use std::process::Child;

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

fn done(folder: &Path, line: &str) -> Value {
    json(&run(folder, &words(&format!("{line} --json"))))
}

fn start(folder: &Path, line: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dsf-explorer"));
    command.args(words(line)).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Samples and settings with which outputs are weighed.
const SAMPLES: &str = "--preset best --calibration-samples 7 --calibration-context 32";

/// A short compression on statistics that were saved.
const QUICK: &str = "compress --parallel --density 0.4 --outer 3 --load-calibration s.safetensors";

/// The files of a folder and their bytes; of the report all but seconds.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    fn without_seconds(value: &mut Value) {
        match value {
            Value::Object(entries) => {
                entries.remove("seconds");
                entries.values_mut().for_each(without_seconds);
            }
            Value::Array(items) => items.iter_mut().for_each(without_seconds),
            _ => {}
        }
    }
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let mut bytes = std::fs::read(&path).unwrap();
        if name == "report.json" {
            let mut report: Value = serde_json::from_slice(&bytes).unwrap();
            without_seconds(&mut report);
            bytes = report.to_string().into_bytes();
        }
        (name, bytes)
    };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(read).collect();
    files.sort();
    files
}

fn assert_same(one: &Path, other: &Path) {
    let (one, other) = (files(one), files(other));
    let names = |files: &[(String, Vec<u8>)]| files.iter().map(|file| file.0.clone()).collect::<Vec<_>>();
    assert_eq!(names(&one), names(&other));
    assert!(one.len() > 2, "{:?}", names(&one));
    for ((name, one), (_, other)) in one.iter().zip(&other) {
        assert!(one == other, "{name}");
    }
}

/// Two XᵀX of a layer's inputs differ by nothing but f32's rounding, once of each part and once of the sum.
fn assert_same_xtx(one: &SavedStatistics, other: &SavedStatistics, (stem, inputs): (&str, usize)) {
    let [one, other] = [one, other].map(|saved| saved.calibration_of(stem, inputs).unwrap());
    assert_eq!(one.exponent(), other.exponent());
    let at = |i, j| (f64::from(one.xtx().get(i, j)), f64::from(other.xtx().get(i, j)));
    for i in 0..inputs {
        for j in 0..inputs {
            let ((x, y), size) = (at(i, j), (at(i, i).1 * at(j, j).1).sqrt());
            let apart = (x - y).abs() / size.max(f64::MIN_POSITIVE);
            assert!(apart <= 1e-6, "{stem}: {apart}");
        }
    }
}

#[test]
fn parts_of_statistics_add_up() {
    let folder = folder("parts");
    let bytes = |name: &str| std::fs::read(folder.join(name)).unwrap();
    done(
        &folder,
        &format!("compress --parallel --density 0.5 --outer 1 {SAMPLES} --save-calibration plain.safetensors"),
    );
    let whole = done(&folder, &format!("compress --statistics-only {SAMPLES} --save-calibration whole.safetensors"));
    assert_eq!(["samples", "part", "parts"].map(|key| whole[key].as_u64().unwrap()), [7 * 32, 1, 1]);
    done(&folder, &format!("compress --statistics-only --part 1/1 {SAMPLES} --save-calibration one.safetensors"));
    assert!(bytes("plain.safetensors") == bytes("whole.safetensors"), "all of it is the statistics of a plain run");
    assert!(bytes("one.safetensors") == bytes("whole.safetensors"), "one part is all");
    let names: Vec<String> = (1..=3).map(|part| format!("part{part}.safetensors")).collect();
    let mut samples = 0;
    for (at, name) in names.iter().enumerate() {
        let part = format!("compress --statistics-only --part {}/3 {SAMPLES} --save-calibration {name}", at + 1);
        samples += done(&folder, &part)["samples"].as_u64().unwrap();
    }
    assert_eq!(samples, 7 * 32);
    let opened = |names: &[&str]| {
        SavedStatistics::new(names.iter().map(|name| open(&folder.join(name)).unwrap()).collect()).unwrap()
    };
    let sum = opened(&[&names[2], &names[0], &names[1]]);
    let whole = opened(&["whole.safetensors"]);
    let model = language::example();
    let mut most_squares = 0f64;
    for id in model.layers() {
        let ((outputs, inputs), stem) = (model.shape(id), model.config().stem(id));
        assert_same_xtx(&sum, &whole, (&stem, inputs));
        let [one, other] = [&sum, &whole].map(|saved| saved.output_squares_of(&stem).unwrap().unwrap());
        assert_eq!(one.len(), outputs);
        for (x, y) in one.iter().zip(&other) {
            most_squares = most_squares.max(f64::from((x - y).abs() / y.max(f32::MIN_POSITIVE)));
        }
    }
    assert!(most_squares <= 1e-5, "{most_squares}");

    // The parts serve as the whole does.
    let from = |files: &str| {
        let line = "compress --parallel --density 0.4 --method wanda --load-calibration";
        done(&folder, &format!("{line} {files}"))["layers"].clone()
    };
    let [one, other] = [from(&names.join(",")), from("whole.safetensors")];
    for (a, b) in one.as_array().unwrap().iter().zip(other.as_array().unwrap()) {
        let [a, b] = [a, b].map(|layer| layer["layer_error"].as_f64().unwrap());
        assert!((a - b).abs() <= 1e-4 * b, "{a} {b}");
    }
    let refused = |files: &str, says: &str| {
        let output = run(&folder, &words(&format!("compress --parallel --density 0.4 --load-calibration {files}")));
        let said = text(&output.stderr);
        assert!(output.status.code() == Some(1) && said.contains(says), "{said}");
    };
    refused("part1.safetensors,part3.safetensors", "part 2 of 3 of the statistics is missing");
    refused("part1.safetensors", "part 2 of 3 of the statistics is missing");
    refused("part1.safetensors,part1.safetensors,part3.safetensors", "both hold part 1 of 3");
    refused("part1.safetensors,whole.safetensors", "no parts of the same statistics");
}

#[test]
fn layers_that_are_made_apart_are_one_compression() {
    let folder = folder("apart");
    done(&folder, &format!("compress --statistics-only {SAMPLES} --save-calibration s.safetensors"));
    let quick = format!("{QUICK} --preset best --layout merged,bitmask");
    let plain = done(&folder, &format!("{quick} --out whole"));
    let listed = done(&folder, &format!("{quick} --list-layers"));
    let listed = listed["layers"].as_array().unwrap();
    let tensors =
        |layers: &Value| layers.as_array().unwrap().iter().map(|layer| layer["tensor"].clone()).collect::<Vec<_>>();
    assert_eq!(listed.iter().map(|layer| layer["tensor"].clone()).collect::<Vec<_>>(), tensors(&plain["layers"]));
    let positive = |layer: &Value, key: &str| layer[key].as_f64().unwrap() > 0.0;
    assert!(listed.iter().all(|layer| positive(layer, "seconds") && positive(layer, "solver_bytes")));

    // Nothing is there yet.
    let assemble = format!("{quick} --out apart --assemble");
    let all = listed.len();
    assert_refused(
        &folder,
        &words(&assemble),
        &format!("{all} of the {all} layers to be replaced are not finished yet"),
    );

    // Two at the same time, of which each has half of the blocks; some layers are those of both.
    let halves =
        ["model.layers.0.*,model.layers.1.*", "model.layers.1.self_attn.*,model.layers.2.*,model.layers.3.mlp*"];
    let both = halves.map(|layers| start(&folder, &format!("{quick} --out apart --layers {layers}")));
    for child in both {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    assert!(!folder.join("apart").exists() && folder.join("apart.partial").exists());
    let missing = "4 of the 28 layers to be replaced are not finished yet, model.layers.3.self_attn.q_proj for one: replace them first, with --layers";
    assert_refused(&folder, &words(&assemble), missing);

    // Finished ones are taken up, and the report is of the chosen ones alone.
    let again = run(&folder, &words(&format!("{quick} --out apart --layers *.3.* --json")));
    assert!(text(&again.stderr).contains("was there already"), "{}", text(&again.stderr));
    let again = json(&again);
    assert_eq!(tensors(&again["layers"]), tensors(&plain["layers"])[21..]);
    let nnz =
        |layers: &Value| layers.as_array().unwrap().iter().map(|layer| layer["nnz"].as_u64().unwrap()).sum::<u64>();
    assert_eq!(again["nnz"], nnz(&again["layers"]));
    let assembled = done(&folder, &assemble);
    assert_eq!(tensors(&assembled["layers"]), tensors(&plain["layers"]));
    assert_same(&folder.join("apart"), &folder.join("whole"));
    assert!(!folder.join("apart.partial").exists());
}

#[test]
fn a_killed_one_costs_the_others_nothing() {
    let folder = folder("apart-killed");
    done(
        &folder,
        "compress --statistics-only --calibration-samples 4 --calibration-context 32 --save-calibration s.safetensors",
    );
    let slow = QUICK.replace("--outer 3", "--outer 16");
    done(&folder, &format!("{slow} --out whole"));
    let layers = folder.join("cut.partial/layers");
    let count = |block: usize| {
        let names = std::fs::read_dir(&layers).into_iter().flatten().flatten().map(|entry| entry.file_name());
        names.filter(|name| name.to_str().unwrap().starts_with(&format!("model.layers.{block}."))).count()
    };
    let other = start(&folder, &format!("{slow} --out cut --layers *.layers.1.*"));
    let killed = format!("{slow} --out cut --layers *.layers.0.*,*.layers.2.*");
    kill_when(&folder, &words(&killed), || count(0) >= 2);
    let kept = count(0) + count(2);
    assert!((2..14).contains(&kept), "{kept}");
    assert!(other.wait_with_output().unwrap().status.success());
    assert_eq!(count(1), 7, "the other goes on");
    // What is left: the killed one's layers in work and after.
    let rest = run(&folder, &words(&format!("{slow} --out cut --layers * --json")));
    assert!(text(&rest.stderr).contains("was there already"), "{}", text(&rest.stderr));
    assert_eq!(json(&rest)["layers"].as_array().unwrap().len(), 28);
    done(&folder, &format!("{slow} --out cut --assemble"));
    assert_same(&folder.join("cut"), &folder.join("whole"));
}

/// Of a residual network as well, whose batch normalization is estimated anew when it is assembled.
#[test]
fn a_network_is_made_apart() {
    let folder = folder("apart-network");
    finetune_networks::images(&folder, "images.bin", 0, 40);
    let images = "--calibration-images images.bin --limit 20";
    let samples = format!("compress glyphs {images} --preset best --statistics-only --save-calibration");
    let bytes = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let whole = done(&folder, &format!("{samples} whole.safetensors"));
    assert_eq!(whole["samples"], 40);
    done(
        &folder,
        &format!(
            "compress glyphs {images} --parallel --preset best --outer 1 --density 0.5 --save-calibration plain.safetensors"
        ),
    );
    assert!(bytes("plain.safetensors") == bytes("whole.safetensors"), "all of it is the statistics of a plain run");
    for part in 1..=2 {
        done(&folder, &format!("{samples} s{part}.safetensors --part {part}/2"));
    }
    let opened = |names: &[&str]| {
        SavedStatistics::new(names.iter().map(|name| open(&folder.join(name)).unwrap()).collect()).unwrap()
    };
    let (sum, whole) = (opened(&["s1.safetensors", "s2.safetensors"]), opened(&["whole.safetensors"]));
    for layer in &vision::example().architecture().layers {
        let [one, other] = [&sum, &whole].map(|saved| saved.calibration_of(&layer.stem, layer.shape().1).unwrap());
        let [one, other] = [one, other].map(|saved| (saved.xtx().clone(), saved.exponent()));
        assert!(one.1 == other.1 && measure::relative_difference(&one.0, &other.0) <= 1e-6, "{}", layer.stem);
        let [one, other] = [&sum, &whole].map(|saved| saved.output_squares_of(&layer.stem).unwrap());
        // The classifier has none.
        assert_eq!((one.is_some(), other.is_some()), (layer.norm.is_some(), layer.norm.is_some()), "{}", layer.stem);
        let mut pairs = one.iter().flatten().zip(other.iter().flatten());
        assert!(pairs.all(|(x, y)| (x - y).abs() <= 1e-5 * y), "{}", layer.stem);
    }

    let quick = format!(
        "compress glyphs {images} --parallel --preset best --outer 2 --density 0.4 --load-calibration s2.safetensors,s1.safetensors --layout merged,bitmask"
    );
    let plain = done(&folder, &format!("{quick} --out whole"));
    let listed = done(&folder, &format!("{quick} --list-layers"));
    let names = listed["layers"].as_array().unwrap().iter().map(|layer| layer["name"].as_str().unwrap().to_owned());
    let names: Vec<String> = names.collect();
    assert_eq!(names.len(), plain["layers"].as_array().unwrap().len());
    let halves = [names[..2].join(","), names[2..].join(",")];
    let both = halves.map(|layers| start(&folder, &format!("{quick} --out apart --layers {layers}")));
    for child in both {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let assembled = done(&folder, &format!("{quick} --out apart --assemble"));
    assert_eq!(assembled["accuracy"], plain["accuracy"]);
    assert_same(&folder.join("apart"), &folder.join("whole"));
}

#[test]
fn block_after_block_apart_as_in_one_process() {
    let folder = folder("blocks-apart");
    let quick = format!("compress --parallel=block --density 0.4 --outer 2 {SAMPLES}");
    done(&folder, &format!("{quick} --out whole --layout merged,bitmask"));
    let parts = format!("{quick} --out apart --layout merged,bitmask");
    let listed = done(&folder, &format!("{quick} --list-layers"));
    let layers = listed["layers"].as_array().unwrap();
    let blocks = layers.last().unwrap()["block"].as_u64().unwrap() + 1;
    let refused = |line: &str, says: &str| {
        let output = run(&folder, &words(line));
        let said = text(&output.stderr);
        assert!(!output.status.success() && said.contains(says), "{line}: {said}");
    };
    refused(
        &format!("{parts} --layers *layers.0.*"),
        "the statistics of block 0 are not collected yet, or not all parts of them: collect them first, with --statistics-of-block 0",
    );
    refused(&format!("{parts} --statistics-of-block {blocks}"), &format!("there is no block {blocks}"));
    assert!(!folder.join("apart.partial").exists(), "what did not begin leaves nothing");
    for block in 0..blocks {
        let collect = format!("{parts} --statistics-of-block {block}");
        assert_eq!(done(&folder, &collect)["samples"], 7 * 32);
        if block == 1 {
            refused(&format!("{parts} --statistics-of-block 2"), "is not finished yet, and later blocks are to see it");
            refused(&format!("{parts} --layers *layers.2.mlp.up_proj"), "the statistics of block 2 are not collected");
            refused(&format!("{parts} --assemble"), "are not finished yet");
        }
        let halves =
            ["self_attn", "mlp"].map(|half| start(&folder, &format!("{parts} --layers *layers.{block}.{half}.*")));
        // Again, while layers are in work: nothing is done twice, and nothing of theirs is taken away.
        done(&folder, &collect);
        for child in halves {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", text(&output.stderr));
        }
    }
    // Long done, whose files are gone.
    done(&folder, &format!("{parts} --statistics-of-block 0"));
    refused(
        &format!("{parts} --statistics-of-block {} --part 1/2", blocks - 1),
        "apart.partial are collected in 1 part: go on with as many",
    );
    let layer = folder.join("apart.partial/layers/model.layers.0.mlp.up_proj.safetensors");
    let aside = folder.join("aside");
    std::fs::rename(&layer, &aside).unwrap();
    refused(&format!("{parts} --layers *layers.0.mlp.up_proj"), "are gone, for a later block was begun");
    std::fs::rename(&aside, &layer).unwrap();
    let kept = |of: &str| std::fs::read_dir(folder.join("apart.partial").join(of)).unwrap().count();
    assert_eq!((kept("statistics"), kept("streams")), (4, 2), "only the last block's, and what the loss feels");
    done(&folder, &format!("{parts} --assemble"));
    assert_same(&folder.join("apart"), &folder.join("whole"));

    // In two parts, which the layers read as their sum.
    let collected = |parts: usize, out: &str| {
        let samples = (1..=parts).map(|part| {
            let collect = format!("{quick} --out {out} --statistics-of-block 0 --part {part}/{parts}");
            done(&folder, &collect)["samples"].as_u64().unwrap()
        });
        assert_eq!(samples.sum::<u64>(), 7 * 32);
        let file = |stem: &str, part: usize| {
            open(&folder.join(format!("{out}.partial/statistics/{stem}.{part}-of-{parts}.safetensors"))).unwrap()
        };
        let of_stage = |stem: &str| SavedStatistics::new((1..=parts).map(|part| file(stem, part)).collect()).unwrap();
        ["model.layers.0.self_attn.q_proj", "model.layers.0.mlp.down_proj"].map(|stem| (stem, of_stage(stem)))
    };
    let model = language::example();
    for ((stem, one), (_, two)) in collected(1, "one").into_iter().zip(collected(2, "two")) {
        let id = model.layers().find(|&id| model.config().stem(id) == stem).unwrap();
        assert_same_xtx(&two, &one, (stem, model.shape(id).1));
    }
    done(&folder, &format!("{quick} --out two --layers *layers.0.*"));
}

#[test]
fn what_cannot_be_done_apart_is_refused() {
    let folder = folder("apart-refused");
    done(
        &folder,
        "compress --statistics-only --method wanda --calibration-samples 3 --calibration-context 32 --save-calibration s.safetensors",
    );
    let quick = "compress --density 0.4 --method wanda";
    for (line, says) in [
        ("--load-calibration s.safetensors --out x --layers *", "cannot be made apart: add --parallel"),
        ("--load-calibration s.safetensors --out x --assemble", "cannot be made apart: add --parallel"),
        ("--parallel --out x --layers *", "collect them once with --statistics-only"),
        ("--parallel --load-calibration s.safetensors --layers *", "give it with --out DIR"),
        ("--parallel --load-calibration s.safetensors --out x --layers *nothing*", "--list-layers lists their names"),
        ("--parallel --load-calibration s.safetensors --out x --assemble --layers *", "cannot be used with"),
        (
            "--parallel=block --load-calibration s.safetensors --out x --layers *",
            "give it with --calibration-text FILE",
        ),
        ("--parallel=block --load-calibration s.safetensors --out x", "give it with --calibration-text FILE"),
        ("--parallel=block --statistics-only --save-calibration t.safetensors", "use --statistics-of-block"),
        ("--parallel=block --out x --statistics-of-block 0 --distribute", "give the densities with --density-of"),
        ("--parallel --out x --statistics-of-block 0", "add --parallel=block"),
        ("--parallel=block --statistics-of-block 0", "--out"),
        ("--parallel=block --out x --statistics-of-block 0 --statistics-only", "cannot be used with"),
        ("--parallel=blocks", "possible values: no, block, all"),
        ("--statistics-only", "--save-calibration"),
        ("--statistics-only --save-calibration t.safetensors --out x", "cannot be used with"),
        ("--statistics-only --save-calibration t.safetensors --load-calibration s.safetensors", "cannot be used with"),
        ("--part 1/2 --save-calibration t.safetensors", "--statistics-only"),
        ("--statistics-only --save-calibration t.safetensors --part 3/2", "write it as I/N"),
        ("--statistics-only --save-calibration t.safetensors --part 1", "write it as I/N"),
        (
            "--statistics-only --save-calibration t.safetensors --calibration-samples 3 --part 1/4",
            "3 calibration windows cannot be taken in 4 parts",
        ),
    ] {
        let output = run(&folder, &words(&format!("{quick} {line}")));
        let said = text(&output.stderr);
        assert!(matches!(output.status.code(), Some(1 | 2)) && said.contains(says), "{line}: {said}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "{line} leaves nothing");
    }
    // Another compression's layers are not dropped, not even when told to replace.
    let shared = format!("{quick} --parallel --load-calibration s.safetensors --out x");
    done(&folder, &format!("{shared} --layers *.0.mlp.up_proj"));
    for part in ["--layers *", "--assemble", "--layers * --force", "--assemble --force"] {
        let output = run(&folder, &words(&format!("{shared} --density 0.3 {part}").replace("--density 0.4 ", "")));
        assert!(text(&output.stderr).contains("beginnings of another compression"), "{}", text(&output.stderr));
    }
    assert!(folder.join("x.partial/layers/model.layers.0.mlp.up_proj.safetensors").exists());
}
