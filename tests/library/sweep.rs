//! Sweeps and the figures: what they vary, how they are resumed, what they draw.

use crate::common;
use dsf_explorer::Named;
use dsf_explorer::compare::{Candidate, Choice, Drawn, Figure, Quantity, Results, Subject, Sweep, View};
use dsf_explorer::export::Look;
use dsf_explorer::factorize::{Preset, Settings};
use dsf_explorer::matrix::{Factor, Matrix, Problem};
use dsf_explorer::methods::Method;
use dsf_explorer::model::{Dtype, Layer};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

fn subject(name: &str, rows: usize, cols: usize) -> Subject {
    let weight = Arc::new(Matrix::from_fn(rows, cols, |i, j| ((i * 31 + j * 17 + i * j) % 23) as f32 - 11.0));
    let (name, file) = (name.into(), "w.safetensors".into());
    let shape = vec![rows, cols];
    let layer = Layer { name, file, shape, dtype: Dtype::F32, transposed: false, weight: weight.clone() };
    Subject { layer: Arc::new(layer), problem: Problem::plain(weight) }
}

fn base() -> Candidate {
    Candidate::new(Method::Dsf, Settings { outer: 6, ..Settings::default() })
}

fn sweep(x: &[(&str, &str)], series: &[(&str, &str)]) -> Sweep {
    let choices =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| Choice::parse(key, value).unwrap()).collect();
    let series: Vec<Choice> = if series.is_empty() { vec![Choice::default()] } else { choices(series) };
    let view = View { x: None, y: Quantity::Error, log_x: false };
    Sweep {
        title: "t".into(),
        x_label: "x".into(),
        x: choices(x),
        series,
        base: base(),
        given: Default::default(),
        view,
        quick: false,
    }
}

#[test]
fn choices_change_one_thing() {
    let subjects = [subject("a", 24, 24)];
    let sweep = sweep(
        &[("density", "0.3"), ("density", "0.5")],
        &[("method", "magnitude"), ("start", "random"), ("outer", "9"), ("warm-start", "false"), ("size", "16")],
    );
    let (points, not) = sweep.points(&subjects).unwrap();
    assert_eq!((points.len(), not.len()), (10, 0));
    let settings = |at: usize| &points[at].candidate.settings;
    assert_eq!((points[0].candidate.method, settings(0).density), (Method::Magnitude, 0.3));
    assert_eq!(settings(1).start.name(), "random");
    assert_eq!((settings(2).outer, settings(3).warm_start, points[4].size), (9, false, Some(16)));
    assert_eq!((settings(5).density, points[5].number), (0.5, Some(0.5)));
    // Everything else is the base's.
    assert_eq!(Settings { density: 0.25, outer: 6, ..settings(7).clone() }, base().settings);
}

/// A preset follows the density where it does by itself.
#[test]
fn presets_follow_the_density() {
    let compact = Candidate::new(Method::Dsf, Preset::Compact.settings());
    let sweep = Sweep { base: compact, ..sweep(&[("density", "0.4")], &[]) };
    let (points, _) = sweep.points(&[subject("a", 24, 24)]).unwrap();
    let expected = Settings { density: 0.4, ..Settings::default() }.with_preset(Preset::Compact);
    assert_eq!(points[0].candidate.settings, expected);
}

/// A preset that is varied leaves what the other axis and the command line say.
#[test]
fn presets_do_not_overwrite_what_else_is_said() {
    let given = serde_json::json!({ "outer": 3 }).as_object().cloned().unwrap();
    let varied = sweep(&[("preset", "published"), ("preset", "fast")], &[("schedule", "none"), ("schedule", "linear")]);
    let (points, _) = Sweep { given, ..varied }.points(&[subject("a", 24, 24)]).unwrap();
    let seen: Vec<(&str, usize, usize)> = points
        .iter()
        .map(|point| &point.candidate.settings)
        .map(|settings| (settings.schedule.name(), settings.outer, settings.inner))
        .collect();
    assert_eq!(seen, [("none", 3, 5), ("linear", 3, 5), ("none", 3, 2), ("linear", 3, 2)]);
}

#[test]
fn what_cannot_be_varied_is_said() {
    for (key, value, says) in [
        ("densty", "0.3", "no setting densty"),
        ("start", "nowhere", "start cannot be"),
        ("outer", "many", "outer cannot be"),
        ("method", "magic", "no method magic"),
        ("size", "-3", "size is -3"),
        ("preset", "worst", "no preset worst"),
    ] {
        let error = Choice::parse(key, value).unwrap_err();
        assert!(error.to_string().contains(says), "{key}={value}: {error}");
    }
    // Wanda without inputs, and a square that is not there.
    let sweep = sweep(&[("size", "16"), ("size", "99")], &[("method", "wanda"), ("method", "svd")]);
    let (points, not) = sweep.points(&[subject("a", 24, 40)]).unwrap();
    assert_eq!((points.len(), not.len()), (1, 3));
    assert!(not.iter().any(|(_, why)| why.to_string().contains("has no square of 99")));
    assert!(not.iter().any(|(_, why)| why.to_string().contains("needs the layer's inputs")));
}

#[test]
fn lines_are_means_over_the_layers_and_dots_the_layers() {
    let subjects = [subject("a", 20, 28), subject("b", 28, 20)];
    let sweep = sweep(&[("density", "0.3"), ("density", "0.6")], &[("method", "magnitude"), ("method", "svd")]);
    let (points, _) = sweep.points(&subjects).unwrap();
    let records = points.iter().map(|point| point.measure(&subjects[point.subject], 1, &|_| true).unwrap()).collect();
    let results = Results { sweep, records };
    let Drawn::Lines(chart) = results.drawn(results.sweep.view) else { panic!("bars") };
    let looks: Vec<Look> = chart.series.iter().map(|series| series.look).collect();
    assert_eq!(looks, [Look::Dots, Look::Marked, Look::Dots, Look::Marked]);
    assert_eq!((chart.series[0].points.len(), chart.series[1].points.len()), (4, 2));
    let mean = (chart.series[0].points[0].1 + chart.series[0].points[1].1) / 2.0;
    assert!((chart.series[1].points[0].1 - mean).abs() < 1e-12);
    assert_eq!(chart.series[1].color, Method::Magnitude.color());
    // Magnitude pruning is its own measure; more nonzeros, less error.
    assert!(
        results
            .records
            .iter()
            .filter(|record| record.method == Method::Magnitude)
            .all(|record| record.ratio == Some(1.0))
    );
    assert!(chart.series[1].points[0].1 > chart.series[1].points[1].1);
    // By bytes: of 16-bit values with a bit a position, 2·nnz + 560/8 of 1120.
    let by_bytes = View { x: Some(Quantity::Bytes), ..results.sweep.view };
    let Drawn::Lines(chart) = results.drawn(by_bytes) else { panic!("bars") };
    assert!((chart.series[1].points[0].0 - 100.0 * (2.0 * 168.0 + 70.0) / 1120.0).abs() < 1e-9);
    let csv = results.to_csv();
    assert_eq!(csv.lines().count(), 9);
    assert!(csv.contains("a,0.3,Magnitude,magnitude,20,28,0.3,,168,"), "{csv}");
}

#[test]
fn names_without_places_become_bars() {
    let subjects = [subject("a", 24, 24)];
    let sweep = sweep(&[("start", "identity"), ("start", "random")], &[]);
    let (points, _) = sweep.points(&subjects).unwrap();
    let records = points.iter().map(|point| point.measure(&subjects[0], 1, &|_| true).unwrap()).collect();
    let results = Results { sweep, records };
    let Drawn::Bars(bars) = results.drawn(results.sweep.view) else { panic!("lines") };
    let names: Vec<&str> = bars.bars.iter().map(|bar| bar.name.as_str()).collect();
    assert_eq!(names, ["identity", "random"]);
    assert_eq!(bars.bars[0].value, results.records[0].error);
}

#[test]
fn figures_vary_what_the_paper_varies() {
    let subjects = [subject("a", 128, 200), subject("b", 96, 96)];
    let names = |choices: &[Choice]| choices.iter().map(|choice| choice.name.clone()).collect::<Vec<_>>();
    let figure = |figure: Figure| figure.sweep(&subjects, &Candidate::new(Method::Dsf, Settings::default()));
    let sizes = figure(Figure::Sizes);
    assert_eq!(names(&sizes.x), ["64", "96", "128"]);
    assert_eq!(names(&sizes.series), ["DSF", "Magnitude", "SVD", "Monarch", "palm4msa", "palm4msa ×3"]);
    let ablation = figure(Figure::Ablation);
    assert_eq!(names(&ablation.series), ["40×5", "20×10", "no annealing", "no warm start"]);
    let (points, not) = ablation.points(&subjects).unwrap();
    // The second layer has no square of 128.
    assert_eq!((points.len(), not.len()), (20, 4));
    let of = |name: &str| &points.iter().find(|point| point.series == name).unwrap().candidate.settings;
    assert_eq!((of("20×10").outer, of("20×10").inner), (20, 10));
    assert_eq!((of("no annealing").iteration_params(0).rho0, of("no annealing").outer), (1.0, 40));
    assert!(!of("no warm start").warm_start && of("40×5") == &Settings::default());
    assert_eq!(names(&figure(Figure::Starts).series), ["identity", "random", "svd"]);
    // Error by density and error by bytes are the same points.
    let (density, pareto) = (figure(Figure::Density), figure(Figure::Pareto));
    assert_eq!((&density.x, &density.series), (&pareto.x, &pareto.series));
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sweep").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn run(folder: &Path, arguments: &str) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_dsf-explorer"))
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_sweep_is_resumed_and_another_one_refused() {
    let folder = folder("resumed");
    let command = "sweep --vary density=0.3,0.5 --vary method=dsf,magnitude --outer 4 --out out";
    let (status, out, err) = run(&folder, command);
    assert_eq!(status, Some(0), "{err}");
    assert!(out.contains("magnitude") || out.contains("Magnitude"), "{out}");
    let file = |name: &str| folder.join("out").join(name);
    assert_eq!(std::fs::read(file("sweep.png")).unwrap()[1..4], *b"PNG");
    let (json, csv) = (std::fs::read_to_string(file("sweep.json")).unwrap(), std::fs::read(file("sweep.csv")).unwrap());

    // Cut short: one record is missing, and only that one is measured.
    let mut cut: serde_json::Value = serde_json::from_str(&json).unwrap();
    cut["records"].as_array_mut().unwrap().remove(1);
    std::fs::write(file("sweep.json"), cut.to_string()).unwrap();
    let (status, _, err) = run(&folder, command);
    assert!(status == Some(0) && err.contains("3 of 4 points are there already"), "{err}");
    let again: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file("sweep.json")).unwrap()).unwrap();
    let whole: serde_json::Value = serde_json::from_str(&json).unwrap();
    let errors = |value: &serde_json::Value| -> Vec<serde_json::Value> {
        value["records"].as_array().unwrap().iter().map(|record| record["error"].clone()).collect()
    };
    assert_eq!(errors(&again), errors(&whole));
    assert!(!csv.is_empty());

    let other = command.replace("--outer 4", "--outer 5");
    let (status, out, err) = run(&folder, &other);
    assert!(status == Some(1) && out.is_empty() && err.contains("--force to replace it"), "{err}");
    assert_eq!(run(&folder, &format!("{other} --force")).0, Some(0));
    // What is broken, or somebody else's, is not replaced unasked.
    for broken in ["[]", "3", "{", "{\"records\": 1}"] {
        std::fs::write(file("sweep.json"), broken).unwrap();
        let (status, _, err) = run(&folder, command);
        assert!(status == Some(1) && err.contains("is broken"), "{broken}: {err}");
    }
    std::fs::remove_file(file("sweep.json")).unwrap();
    let (status, _, err) = run(&folder, command);
    assert!(status == Some(1) && err.contains("sweep.csv exists"), "{err}");
    let (status, _, err) = run(&folder, "sweep --vary outer=2 --vary outer=3");
    assert!(status == Some(1) && err.contains("varied twice"), "{err}");
    let (status, _, err) = run(&folder, "sweep --vary outer=2 --y held-out");
    assert!(status == Some(1) && err.contains("--held-out"), "{err}");
    let (status, _, err) = run(&folder, "sweep --vary densty=1");
    assert!(status == Some(2) && err.contains("no setting densty"), "{err}");
    let (status, _, err) = run(&folder, "sweep --vary method=obc");
    assert!(status == Some(1) && err.contains("needs the layer's inputs"), "{err}");
}

/// The split that is found is not worse than the paper's rule, on real weights, and keeps the budget.
#[test]
fn the_best_split_is_found() {
    let Some(data) = common::test_data() else { return };
    let checkpoint = dsf_explorer::model::open(&data.join("matrices/weights.safetensors")).unwrap();
    // 50 %: there the rule gives the first factor too little of the budget (DATA: the paper's Fig. 5).
    // (The errors of `planted_256` scatter by more than there is to gain.)
    for (name, gain) in [("minilm_l0_q_t64", 0.005), ("planted_256", 0.0), ("gauss_256", 0.0)] {
        let w = checkpoint.layer(name, dsf_explorer::model::Orientation::AsStored).unwrap().weight;
        let settings = Settings { density: 0.5, ..Settings::default() };
        let searched = Settings { split: dsf_explorer::factorize::Split::Auto, ..settings.clone() };
        let error = |settings: &Settings| {
            let candidate = Candidate::new(Method::Dsf, settings.clone());
            let layer = Layer {
                name: name.into(),
                file: "w".into(),
                shape: vec![w.rows(), w.cols()],
                dtype: Dtype::F32,
                transposed: false,
                weight: w.clone(),
            };
            let made = candidate.replace(&layer, &Problem::plain(w.clone()), 1, &|_| true).unwrap();
            assert_eq!(made.report.nnz, w.len() / 2);
            let first =
                if Factor::first(w.rows(), w.cols()) == Factor::A { made.report.nnz_a } else { made.report.nnz_b };
            assert!(first.is_some_and(|first| first > 0));
            made.report.relative_error
        };
        let (rule, found) = (error(&settings), error(&searched));
        println!("{name} at 50 %: {:.4} of the rule's error", found / rule);
        assert!(found <= (1.0 - gain) * rule, "{name}: {found} against {rule}");
    }
}
