//! Names that a file's author chose: they are shown, not obeyed, and taken as they are.

use super::*;

/// A line break, a terminal's command, C1's beginning of one, a right-to-left override, a comma.
const NAMES: [&str; 5] =
    ["a\nb.weight", "com,ma.weight", "esc\u{1b}[31mred.weight", "x\u{9b}2J.weight", "y\u{202e}z.weight"];

/// A file with a matrix of each name, in the order of the names, and metadata.
fn named(path: &Path, rows: usize, cols: usize) {
    let (mut header, bytes) = (serde_json::Map::new(), 4 * rows * cols);
    header.insert("__metadata__".into(), serde_json::json!({ "key\u{1b}[2J": "value\u{1b}]0;title\u{7}\nand more" }));
    for (at, name) in NAMES.into_iter().enumerate() {
        let offsets = [at * bytes, (at + 1) * bytes];
        header
            .insert(name.into(), serde_json::json!({ "dtype": "F32", "shape": [rows, cols], "data_offsets": offsets }));
    }
    let header = serde_json::to_vec(&header).unwrap();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend((0..NAMES.len() * rows * cols).flat_map(|at| some_values(at).to_le_bytes()));
    std::fs::write(path, file).unwrap();
}

fn assert_harmless(shown: &str) {
    let harmless = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}');
    assert!(shown.chars().all(harmless), "{shown:?}");
}

#[test]
fn a_name_is_shown_on_one_line_and_not_obeyed() {
    let folder = folder("names");
    named(&folder.join("w.safetensors"), 24, 24);
    let listed = text(&run(&folder, &["inspect", "w.safetensors"]).stdout);
    assert_harmless(&listed);
    let lines: Vec<&str> = listed.lines().collect();
    // A heading, the tensors, the metadata.
    assert_eq!(lines.len(), 1 + NAMES.len() + 1, "{listed}");
    assert!(lines[1].starts_with("a\\nb.weight ") && lines[3].starts_with("esc\\u{1b}[31mred.weight "), "{listed}");
    assert!(lines[6].starts_with("key\\u{1b}[2J: value\\u{1b}]0;title\\u{7} and more"), "{listed}");
    for name in NAMES {
        let of = ["w.safetensors", "--tensor", name, "--density", "0.3"];
        let commands = [
            &["factorize", "--method", "svd"][..],
            &["factorize", "--outer", "2", "--out", "f.safetensors", "--report", "r.html", "--force"],
            &["compare", "--methods", "magnitude,svd", "--chart", "bars.png", "--force"],
        ];
        for command in commands {
            let output = run(&folder, &[command, &of].concat());
            assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
            assert_harmless(&text(&output.stdout));
            assert_harmless(&text(&output.stderr));
        }
        assert_harmless(&std::fs::read_to_string(folder.join("r.html")).unwrap());
        let output = run(&folder, &["inspect", "f.safetensors"]);
        assert_harmless(&text(&output.stdout));
        // In JSON the name is as it is.
        let report = json(&run(&folder, &[&["factorize", "--method", "svd", "--json"][..], &of].concat()));
        assert_eq!(report["tensor"], name);
    }
    let unknown = run(&folder, &["factorize", "w.safetensors", "--tensor", "no\nsuch\u{1b}[2J"]);
    assert_harmless(&text(&unknown.stderr));
    assert_eq!(text(&unknown.stderr).lines().count(), 1);
}

/// The chart and the table of a sweep, which names layers and choices.
#[test]
fn a_comma_is_part_of_a_name_that_exists() {
    let folder = folder("commas");
    named(&folder.join("w.safetensors"), 24, 24);
    let sweep = |tensors: &[&str]| {
        let first = ["sweep", "w.safetensors", "--vary", "density=0.3,0.5", "--method", "magnitude", "--json"];
        let flags: Vec<&str> = tensors.iter().flat_map(|tensor| ["--tensor", *tensor]).collect();
        let records = json(&run(&folder, &[&first[..], &flags].concat()))["records"].take();
        let names: Vec<String> =
            records.as_array().unwrap().iter().map(|record| record["layer"].as_str().unwrap().to_owned()).collect();
        names
    };
    assert_eq!(sweep(&["com,ma.weight"]), ["com,ma.weight"; 2]);
    let both = ["a\nb.weight", "com,ma.weight", "a\nb.weight", "com,ma.weight"];
    assert_eq!(sweep(&["a\nb.weight,com,ma.weight"]), both);
    assert_eq!(sweep(&["a\nb.weight", "com,ma.weight"]), both);
    let sweep = ["sweep", "w.safetensors", "--vary", "density=0.3,0.5", "--method", "magnitude", "--out", "out"];
    let output = run(&folder, &[&sweep[..], &["--tensor", "a\nb.weight,com,ma.weight"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_harmless(&std::fs::read_to_string(folder.join("out/sweep.svg")).unwrap());
    // Quoted where the table's own separators are in it.
    let csv = std::fs::read_to_string(folder.join("out/sweep.csv")).unwrap();
    assert!(csv.contains("\"a\nb.weight\"") && csv.contains("\"com,ma.weight\""), "{csv}");
    assert_refused(
        &folder,
        &["sweep", "w.safetensors", "--vary", "density=0.3", "--tensor", "com,no"],
        "no tensor \"com\"",
    );
}
