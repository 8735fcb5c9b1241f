//! Whole models compressed: budgets, order, interruption, files.

use dsf_explorer::Named;
use dsf_explorer::compress::{
    CompressedLayer, Compression, Curve, Densities, Error, Folder, Inputs, LayerByLayer, Memory, Output as Written,
    Parallel, Plan, Proxy, Step, Totals, distribute, merged_model,
};
use dsf_explorer::export::Layout;
use dsf_explorer::factorize::{Preset, Settings};
use dsf_explorer::language::{
    self, CalibrationPass, LanguageModel, LayerId, Linear, StageInputs, Windows, ignore_progress,
};
use dsf_explorer::matrix::keep_largest;
use dsf_explorer::methods::Method;
use dsf_explorer::model;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

fn small() -> (LanguageModel, Windows) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/llama/llama3");
    let model = language::open(&folder).unwrap();
    let tokens = (0..400u32).map(|at| (at * at + 3 * at) % 40).collect();
    let windows = Windows::from_tokens(&model, tokens, 20, None).unwrap();
    (model, windows)
}

/// A few iterations: what is tested here does not depend on their number.
fn plan(density: f64) -> Plan {
    let mut plan = Plan::new(Preset::Published, density);
    plan.settings.outer = 6;
    plan
}

/// All steps; the layers that were done, in order, and those that were found.
fn all(mut work: Compression) -> (Vec<Arc<CompressedLayer>>, usize) {
    let (mut layers, mut found) = (Vec::new(), 0);
    while let Some(step) = work.step().unwrap() {
        match step {
            Step::Finished(layer) => layers.push(layer),
            Step::Found(layer) => {
                found += 1;
                layers.push(layer);
            }
            Step::OutputSquares | Step::Statistics(_) | Step::Layer(..) | Step::Tuned(_) | Step::Advanced => {}
        }
    }
    (layers, found)
}

fn compress(model: &LanguageModel, plan: &Plan, inputs: &Inputs) -> Vec<Arc<CompressedLayer>> {
    let store = Box::new(Memory::default());
    all(Compression::new(model, plan.clone(), inputs, store, Box::new(|| 0.0)).unwrap()).0
}

/// A method that is no run tells how far it is inside of a layer, and ends there when it is not wanted any more.
#[test]
fn other_methods_tell_inside_of_a_layer_and_can_be_stopped() {
    let (model, windows) = small();
    let first = model.layers().next().unwrap();
    for method in Method::ALL.iter().copied().filter(|method| !matches!(method, Method::Dsf | Method::Monarch)) {
        let plan = Plan { method, ..plan(0.5) };
        let work = || {
            let store = Box::new(Memory::default());
            let mut work =
                Compression::new(&model, plan.clone(), &Inputs::Windows(windows.clone()), store, Box::new(|| 0.0))
                    .unwrap();
            while !matches!(work.step().unwrap(), Some(Step::Statistics(_))) {}
            work
        };
        let told = Mutex::new(Vec::new());
        let finished = work().step_with_progress(&|id, share| {
            told.lock().unwrap().push((id, share));
            true
        });
        assert!(matches!(finished, Ok(Some(Step::Finished(layer))) if layer.id == first));
        let told = told.into_inner().unwrap();
        assert!(!told.is_empty() && told.iter().all(|&(id, share)| id == first && (0.0..=1.0).contains(&share)));
        assert!(matches!(work().step_with_progress(&|_, _| false), Err(Error::Cancelled)), "{}", method.title());
    }
}

#[test]
fn every_layer_gets_its_budget_in_the_models_order() {
    let (model, windows) = small();
    let mut plan = plan(0.4);
    let (up, single) = (Linear::Up, LayerId::new(1, Linear::Value));
    plan.densities.by_kind.insert(up, 0.3);
    plan.densities.by_layer.insert(single, 1.0);
    let layers = compress(&model, &plan, &Inputs::Windows(windows));
    let ids: Vec<LayerId> = layers.iter().map(|layer| layer.id).collect();
    assert_eq!(ids, model.layers().filter(|&id| id != single).collect::<Vec<_>>(), "all but the one that stays dense");
    for layer in &layers {
        let (rows, cols) = model.shape(layer.id);
        let density = if layer.id.linear == up { 0.3 } else { 0.4 };
        assert_eq!(layer.report.nnz, (density * (rows * cols) as f64).floor() as usize, "{}", layer.report.stem());
        assert!(layer.report.layer_error.unwrap() <= layer.report.layer_error_before_finalize.unwrap());
    }
}

#[test]
fn later_layers_see_the_compressed_ones_unless_told_otherwise() {
    let (model, windows) = small();
    let sequential = compress(&model, &plan(0.3), &Inputs::Windows(windows.clone()));
    let parallel = compress(&model, &Plan { parallel: Parallel::All, ..plan(0.3) }, &Inputs::Windows(windows.clone()));
    // The first stage reads the same in both, the last one does not.
    assert!(sequential[..3].iter().zip(&parallel[..3]).all(|(a, b)| a.replacement == b.replacement));
    assert_ne!(sequential[13].replacement, parallel[13].replacement);
    let loss = |layers: &[Arc<CompressedLayer>]| {
        let mut model = model.clone();
        layers.iter().for_each(|layer| model.replace(layer.id, layer.weight.clone()));
        model.loss(&windows, &ignore_progress).unwrap().nll
    };
    assert_ne!(loss(&sequential), loss(&parallel));

    // Side by side in a block: its layers read what those of the dense model read, behind the compressed blocks before it.
    let blocks = compress(&model, &Plan { parallel: Parallel::Block, ..plan(0.3) }, &Inputs::Windows(windows.clone()));
    assert!(blocks[..7].iter().zip(&parallel[..7]).all(|(a, b)| a.replacement == b.replacement));
    let mut behind = model.clone();
    blocks[..7].iter().for_each(|layer| behind.replace(layer.id, layer.weight.clone()));
    let mut of_second = Plan { parallel: Parallel::All, ..plan(0.3) };
    of_second.densities.by_layer.extend(blocks[..7].iter().map(|layer| (layer.id, 1.0)));
    let second = compress(&behind, &of_second, &Inputs::Windows(windows.clone()));
    assert_eq!((blocks.len(), second.len()), (14, 7));
    assert!(blocks[7..].iter().zip(&second).all(|(a, b)| a.id == b.id && a.replacement == b.replacement));
    assert_ne!(loss(&blocks), loss(&sequential));
    assert_ne!(loss(&blocks), loss(&parallel));
}

#[test]
fn magnitude_pruning_keeps_the_largest_entries() {
    let (model, _) = small();
    let plan = Plan { method: Method::Magnitude, ..plan(0.3) };
    for layer in compress(&model, &plan, &Inputs::Unknown) {
        let weight = model.layer(layer.id).unwrap().weight;
        assert_eq!(*layer.weight, keep_largest(&weight, (0.3 * weight.len() as f64) as usize));
        assert_eq!((layer.report.method.as_str(), layer.report.nnz_a), ("magnitude", None));
    }
    let factors = Plan { layout: Layout::Dense, ..plan };
    assert!(matches!(factors.check(), Err(Error::NoFactors { method: "Magnitude", layout: "dense" })));
}

#[test]
fn one_file_holds_the_compressed_layers_and_everything_else() {
    let (model, _) = small();
    let plan = Plan { method: Method::Magnitude, ..plan(0.3) };
    let layers = compress(&model, &plan, &Inputs::Unknown);
    let file = merged_model(&model, &layers, &Default::default()).unwrap();
    let merged = model::Checkpoint::from_bytes("model.safetensors", file).unwrap();
    assert_eq!(merged.tensors().len(), model.checkpoint().tensors().len());
    for tensor in model.checkpoint().tensors() {
        let (dense, now) = (model.checkpoint(), merged.bytes(&tensor.name).unwrap());
        match layers.iter().find(|layer| layer.report.tensor == tensor.name) {
            Some(layer) => assert_eq!(merged.values(&tensor.name).unwrap(), layer.weight.as_slice(), "{}", tensor.name),
            None => assert_eq!(dense.bytes(&tensor.name).unwrap(), now, "{}", tensor.name),
        }
    }
}

#[test]
fn finished_layers_are_taken_up_again() {
    let (model, windows) = small();
    let (plan, inputs) = (plan(0.4), Inputs::Windows(windows));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model");
    let whole = compress(&model, &plan, &inputs);
    // Cut in the middle of a layer.
    let opened = Folder::open(&model, &plan, &inputs, &out, false, false).unwrap();
    let mut work = Compression::new(&model, plan.clone(), &inputs, opened.store(), Box::new(|| 0.0)).unwrap();
    let mut finished = 0;
    while finished < 5 {
        finished += usize::from(matches!(work.step().unwrap(), Some(Step::Finished(_))));
    }
    for _ in 0..4 {
        work.step().unwrap();
    }
    drop((work, opened));
    let opened = Folder::open(&model, &plan, &inputs, &out, false, false).unwrap();
    assert!(matches!(Folder::open(&model, &plan, &inputs, &out, false, false), Err(Error::Busy { .. })));
    let work = Compression::new(&model, plan.clone(), &inputs, opened.store(), Box::new(|| 0.0)).unwrap();
    let (layers, found) = all(work);
    assert_eq!(found, 5);
    assert!(
        layers.iter().zip(&whole).all(|(a, b)| a.id == b.id && a.replacement == b.replacement && a.weight == b.weight)
    );
    drop(opened);
    // Another budget is another compression, and so is another model of the same name.
    let other = Folder::open(&model, &self::plan(0.5), &inputs, &out, false, false).err().unwrap();
    assert!(matches!(other, Error::OtherPlan { .. }), "{other}");
    assert!(Folder::open(&model, &self::plan(0.5), &inputs, &out, true, false).is_ok(), "dropped when told to");
}

#[test]
fn a_curve_is_straight_in_the_logarithm() {
    let curve = Curve::new(vec![(0.4, 0.01), (0.2, 0.04), (0.8, 0.02)]);
    assert!((curve.error(0.2) - 0.04).abs() < 1e-12 && (curve.error(0.4) - 0.01).abs() < 1e-12);
    assert!((curve.error(0.3) - 0.02).abs() < 1e-12, "the geometric mean in the middle");
    assert!((curve.error(0.1) - 0.08).abs() < 1e-12, "and goes on like that");
    assert!((curve.error(0.6) - 0.01).abs() < 1e-12, "an error that rises is an accident");
    assert_eq!(curve.error(1.0), 0.0);
}

#[test]
fn the_budget_goes_where_it_helps_most() {
    let (model, _) = small();
    // e(d) = 2^(−10 d) everywhere: the best division has equal slopes αₗ·2^(−10 dₗ)/nₗ.
    let curve = Curve::new(vec![(0.1, 0.5), (0.9, 0.5 / 256.0)]);
    let alphas: BTreeMap<LayerId, f64> =
        model.layers().map(|id| (id, if id.linear == Linear::Key { 4.0 } else { 1.0 })).collect();
    let curves = model.layers().map(|id| (id, curve.clone())).collect();
    let proxy = Proxy { dense: 1.0, alphas: alphas.clone(), curves };
    let shares = distribute(model.config(), &proxy, 0.4);
    let size = |id: LayerId| (model.shape(id).0 * model.shape(id).1) as f64;
    let total: f64 = shares.iter().map(|(&id, share)| share * size(id)).sum();
    assert!((total / model.config().layer_weights() as f64 - 0.4).abs() < 1e-6, "all of the budget, and no more");
    let slope = |id: LayerId| alphas[&id] * 2f64.powf(-10.0 * shares[&id]) / size(id);
    let slopes: Vec<f64> = model.layers().map(slope).collect();
    let (least, most) = slopes.iter().fold((f64::MAX, 0.0f64), |(a, b), &x| (a.min(x), b.max(x)));
    assert!(most / least < 1.08, "{slopes:?}");
    let uniform = proxy.loss_at(model.layers().map(|id| (id, 0.4)));
    assert!(proxy.loss_at(shares) < uniform);
}

#[test]
fn the_proxy_foretells_which_compression_costs_more() {
    let (model, windows) = small();
    let proxy = Proxy::measure(&model, &windows, &ignore_progress).unwrap();
    assert_eq!(proxy.alphas.len(), 14);
    assert!((proxy.dense - model.loss(&windows, &ignore_progress).unwrap().nll).abs() < 1e-12);
    let at = |density: f64| proxy.loss_at(model.layers().map(|id| (id, density)));
    assert!(at(0.2) > at(0.4) && at(0.4) > at(0.7) && at(0.7) > proxy.dense && at(1.0) == proxy.dense);
}

/// αₗ = ½ Σᵢ E[gᵢ²]·E[yᵢ²], with each output's mean square y summed up here entry by entry.
#[test]
fn gradients_foretell_what_an_error_costs() {
    let (model, windows) = small();
    let proxy = Proxy::from_gradients(&model, &windows, 0.5, &ignore_progress).unwrap();
    let squares = model.loss_squares(&windows, &ignore_progress).unwrap().outputs;
    let mut pass = CalibrationPass::new(&model, &windows).unwrap();
    while !pass.layers().is_empty() {
        let StageInputs { tokens, statistics } = pass.statistics().unwrap();
        let statistics = statistics.unwrap();
        let (xtx, scale) = (statistics.xtx(), 4f64.powi(statistics.exponent()) / tokens as f64);
        for id in pass.layers() {
            let weight = model.layer(id).unwrap().weight;
            let square = |row: &[f32]| -> f64 {
                let all =
                    row.iter().enumerate().flat_map(|(i, &a)| row.iter().enumerate().map(move |(j, &b)| (i, a, j, b)));
                all.map(|(i, a, j, b)| f64::from(a) * f64::from(xtx.get(i, j)) * f64::from(b)).sum::<f64>() * scale
            };
            let felt = squares[&id].iter().enumerate().map(|(i, &g)| f64::from(g) * square(weight.row(i)));
            let expected = 0.5 * felt.sum::<f64>();
            let alpha = proxy.alphas[&id];
            assert!((alpha / expected - 1.0).abs() < 1e-4, "{id:?}: {alpha}, by hand {expected}");
        }
        pass.advance().unwrap();
    }
    let at = |density: f64| proxy.loss_at(model.layers().map(|id| (id, density)));
    assert!(at(0.2) > at(0.4) && at(0.4) > at(0.7) && at(0.7) > proxy.dense && at(1.0) == proxy.dense);
}

#[test]
fn densities_out_of_range_are_refused() {
    for density in [0.0, 1.5, f64::NAN] {
        assert!(Densities::<LayerId>::uniform(density).check().is_err());
    }
    let wrong = Plan { settings: Settings { inner: 0, ..Settings::default() }, ..plan(0.3) };
    assert!(wrong.check().is_err());
}

// The command line.

fn empty(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compress").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn command(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dsf-explorer"));
    command.args(arguments.split(' ')).stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &str) -> Output {
    command(arguments).current_dir(folder).output().unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn error(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr.clone()).unwrap()
}

const QUICK: &str = "compress --density 0.4 --calibration-samples 8 --preset fast";

/// The built-in model, killed while it works, and whole.
#[test]
fn a_killed_compression_goes_on_where_it_was() {
    let folder = empty("killed");
    let whole = json(&run(&folder, &format!("{QUICK} --out whole --layout merged,bitmask --json")));
    let arguments = format!("{QUICK} --out cut --layout merged,bitmask");
    let mut child =
        command(&arguments).current_dir(&folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let layers = folder.join("cut.partial/layers");
    let count = || {
        fs::read_dir(&layers).map_or(0, |entries| {
            entries
                .filter(|entry| {
                    entry.as_ref().is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("model."))
                })
                .count()
        })
    };
    let begun = Instant::now();
    while count() < 4 {
        assert!(begun.elapsed() < Duration::from_secs(120) && child.try_wait().unwrap().is_none(), "it goes on");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!folder.join("cut").exists(), "nothing half-written");
    let kept = count();
    let again = run(&folder, &format!("{arguments} --json"));
    assert!(String::from_utf8_lossy(&again.stderr).contains("was there already"));
    let cut = json(&again);
    assert!(kept >= 4 && !folder.join("cut.partial").exists());
    for file in ["model.safetensors", "factors-bitmask.safetensors", "config.json", "tokenizer.json"] {
        assert!(
            fs::read(folder.join("cut").join(file)).unwrap() == fs::read(folder.join("whole").join(file)).unwrap(),
            "{file}"
        );
    }
    let keys = |value: &Value| {
        value["layers"].as_array().unwrap().iter().map(|layer| layer["nnz"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(keys(&cut), keys(&whole));
    assert_eq!(whole["layers"].as_array().unwrap().len(), 28);
    let nnz: u64 = keys(&whole).iter().map(|nnz| nnz.as_u64().unwrap()).sum();
    assert_eq!(whole["nnz"], nnz);

    // The model that was written is the one that was meant.
    let (dense, merged) = (language::example(), language::open(&folder.join("whole")).unwrap());
    for tensor in dense.checkpoint().tensors() {
        let written = merged.checkpoint().tensor(&tensor.name).unwrap();
        assert_eq!((&written.shape, &written.dtype), (&tensor.shape, &tensor.dtype));
        let same = dense.checkpoint().bytes(&tensor.name).unwrap() == merged.checkpoint().bytes(&tensor.name).unwrap();
        assert_eq!(same, dense.config().layers_in(&tensor.name).is_empty(), "{}", tensor.name);
    }
    // The factors have the nonzeros that were reported.
    let factors = model::open(&folder.join("whole/factors-bitmask.safetensors")).unwrap();
    let stems = factors.factorizations();
    assert_eq!(stems.len(), 28);
    let kept: usize = stems.iter().map(|stem| factors.factors(stem).unwrap().nnz()).sum();
    assert_eq!(kept as u64, nnz);

    // An output is not replaced unless asked for, and a foreign folder in no case.
    assert!(error(&run(&folder, &format!("{QUICK} --out whole"))).contains("--force"));
    fs::create_dir(folder.join("mine")).unwrap();
    fs::write(folder.join("mine/letter.txt"), "dear").unwrap();
    assert!(error(&run(&folder, &format!("{QUICK} --out mine --force"))).contains("not written by this program"));
    assert!(folder.join("mine/letter.txt").exists());
    // Nor one of ours with something of theirs in it.
    fs::write(folder.join("whole/notes.txt"), "mine").unwrap();
    assert!(error(&run(&folder, &format!("{QUICK} --out whole --force"))).contains("not written by this program"));
    assert!(folder.join("whole/notes.txt").exists());
}

/// A folder that keeps its factors, or one sparse matrix, is a model: it runs as it is, and computes what the folder with the
/// products computes, which differ by the rounding of those to f16.
#[test]
fn a_model_runs_on_its_factors() {
    let folder = empty("runs");
    let quick = "compress --density 0.4 --calibration-samples 4";
    let text = "mia saw a red ball . the ball was big . mia and tom played all day";
    fs::write(folder.join("text.txt"), text.repeat(40)).unwrap();
    for (method, layouts) in
        [("--preset fast --outer 3", &["bitmask", "dense"][..]), ("--method wanda", &["bitmask", "csr"])]
    {
        let nll = |out: &str| {
            let measured = run(&folder, &format!("perplexity {out} --text text.txt --context 64 --json"));
            json(&measured)["nll"].as_f64().unwrap()
        };
        let written = |out: &str| {
            let written = run(&folder, &format!("generate {out} --tokens 24 --temperature 0 --prompt mia --json"));
            json(&written)
        };
        json(&run(&folder, &format!("{quick} {method} --out merged --force --json")));
        assert!(!LanguageModel::keeps_factors(language::open(&folder.join("merged")).unwrap().checkpoint()));
        let (loss, merged) = (nll("merged"), written("merged"));
        assert!(loss.is_finite() && merged["tokens"] == 24);
        for layout in layouts {
            let dtype = if *layout == "bitmask" { "f16" } else { "f32" };
            let own = format!("--layout {layout} --dtype {dtype} --out own --force --json");
            json(&run(&folder, &format!("{quick} {method} {own}")));
            let model = language::open(&folder.join("own")).unwrap();
            assert!(model.is_sparse() && LanguageModel::keeps_factors(model.checkpoint()), "{layout}");
            let difference = (nll("own") - loss).abs();
            assert!(difference < 2e-3, "{method} {layout}: {difference}");
            let own = written("own");
            // Not the same text: where two words are as likely, rounding chooses.
            assert!(own["tokens"].as_u64() > Some(0) && own["decode_tokens_per_second"].as_f64() > Some(0.0), "{own}");
            // f16 values with positions against f16 with zeros.
            if *layout == "bitmask" {
                let share = own["weight_bytes"].as_f64().unwrap() / merged["weight_bytes"].as_f64().unwrap();
                assert!(share < 0.8, "{method}: {share}");
            }
            let config: Value = serde_json::from_slice(&fs::read(folder.join("own/config.json")).unwrap()).unwrap();
            assert_eq!(config["auto_map"]["AutoModelForCausalLM"], "modeling_dsf.DsfForCausalLM");
            assert_eq!(config["dsf"]["layout"], *layout);
            assert!(config.get("sparsity_config").is_none() && folder.join("own/modeling_dsf.py").exists());
        }
    }
    let again = run(&folder, "compress own --density 0.3 --method magnitude --out twice");
    assert!(error(&again).contains("kept as factors already") && !folder.join("twice").exists());
    // What a layout cannot hold is refused before anything is done, and a lost file is named.
    let refused = run(&folder, &format!("{quick} --method wanda --layout dense --out never"));
    assert_eq!(refused.status.code(), Some(2));
    assert!(!folder.join("never").exists());
    fs::remove_file(folder.join("own/factors-csr.safetensors")).unwrap();
    let said = error(&run(&folder, "generate own --tokens 4"));
    assert!(said.contains("factors-csr.safetensors"), "{said}");
}

#[test]
fn saved_statistics_give_the_same_layers() {
    let folder = empty("saved");
    let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/llama/llama3");
    let words: Vec<String> = (0..600).map(|at| format!("w{}", (at * at + 5 * at) % 38)).collect();
    fs::write(folder.join("text.txt"), words.join(" ")).unwrap();
    let model = small.display();
    let text = "--calibration-text text.txt --calibration-context 20 --calibration-samples 20";
    let first = format!("compress {model} --density 0.5 {text} --parallel --save-calibration xtx.safetensors --json");
    let first = json(&run(&folder, &first));
    let second =
        json(&run(&folder, &format!("compress {model} --density 0.5 --load-calibration xtx.safetensors --json")));
    assert_eq!(second["layers"].as_array().unwrap().len(), 14);
    for (a, b) in first["layers"].as_array().unwrap().iter().zip(second["layers"].as_array().unwrap()) {
        assert_eq!((&a["layer_error"], &a["relative_error"]), (&b["layer_error"], &b["relative_error"]));
    }
    // They serve a single layer as well.
    let weights = small.join("model.safetensors");
    let one = format!(
        "factorize {} --tensor model.layers.1.self_attn.v_proj.weight --density 0.5 --calibration xtx.safetensors --layout merged --json",
        weights.display()
    );
    let one = json(&run(&folder, &one));
    let same = first["layers"].as_array().unwrap().iter().find(|layer| layer["tensor"] == one["tensor"]).unwrap();
    assert_eq!(one["layer_error"], same["layer_error"]);
    // Without an output nothing is written but what was asked for.
    let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["text.txt", "xtx.safetensors"]);
}

/// The table's figures are those of the commands that do one thing each.
#[test]
fn the_table_says_what_compress_and_perplexity_say() {
    let folder = empty("table");
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/llama/llama3").display().to_string();
    let words = |from: usize| (from..from + 500).map(|at| format!("w{}", (at * at + 5 * at) % 38)).collect::<Vec<_>>();
    fs::write(folder.join("calibration.txt"), words(0).join(" ")).unwrap();
    fs::write(folder.join("text.txt"), words(701).join(" ")).unwrap();
    let calibrated = "--calibration-text calibration.txt --calibration-context 20";
    let measured = "--text text.txt --context 25 --json";
    let table = json(&run(&folder, &format!("table {model} {calibrated} {measured} --densities 0.5")));
    let perplexity = |model: &str| json(&run(&folder, &format!("perplexity {model} {measured}")))["perplexity"].clone();
    assert_eq!(table["dense"], perplexity(&model));
    for (method, arguments) in [
        ("magnitude", "--method magnitude"),
        ("DSF, one mask fixed", "--fixed-mask"),
        ("DSF, no finalisation", "--no-finalize"),
        ("DSF as published", ""),
        ("DSF best", "--preset best"),
        ("DSF best, distributed", "--preset best --distribute"),
    ] {
        let out = format!("compress {model} --density 0.5 {calibrated} --out out --force {arguments}");
        assert!(run(&folder, out.trim_end()).status.success(), "{method}");
        let row = table["rows"].as_array().unwrap().iter().find(|row| row["method"] == method).unwrap();
        assert_eq!(row["perplexity"], perplexity("out"), "{method}");
        // ⌊0.5·n⌋ of each of 14 layers; distributed, no more in all.
        let nnz = row["nnz"].as_u64().unwrap();
        assert!(if method.ends_with("distributed") { nnz <= 2688 } else { nnz == 2688 }, "{method}: {nnz}");
    }
}

#[test]
fn wrong_requests_say_what_to_do() {
    let folder = empty("wrong");
    let says = |arguments: &str, what: &str| {
        let said = error(&run(&folder, arguments));
        assert!(said.lines().filter(|line| line.starts_with("error:")).count() == 1 && said.contains(what), "{said}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "{arguments} left something");
    };
    says("compress nowhere --density 0.5", "nowhere");
    says("compress --density 1.5 --out x", "density is 1.5");
    says("compress --density 0.5 --calibration-text none.txt --out x", "none.txt cannot be read");
    says("compress --density 0.5 --density-of model.layers.9.mlp.up_proj=0.2 --out x", "has 4 blocks");
    says("compress --density 0.5 --out no/such/place", "not a folder");
    // What would fail at a later layer fails before the first.
    says("compress --density 0.25 --factor-density 0.9 --out x", "self_attn.q_proj");
    says("compress --density 0.5 --out x --save-calibration x/statistics.safetensors", "beside it");
    says("perplexity --context 18446744073709551615", "too many");
    says("perplexity --tokens 100", "100 tokens");
    says("perplexity --context 1", "at least 2");
    let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/llama/llama3").display().to_string();
    says(&format!("perplexity {small}"), "--text FILE");
    says(&format!("table {small}"), "--calibration-text FILE");
}

/// Several processes work in one folder, whose locks are the handles' here; who is alone waits for all of them.
#[test]
fn a_folder_is_shared() {
    let (model, windows) = small();
    let (plan, inputs) = (Plan { parallel: Parallel::All, ..plan(0.4) }, Inputs::Windows(windows));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model");
    let share = |plan: &Plan| Folder::share(&model, plan, &inputs, &out, false);
    let partial = folder.path().join("model.partial");
    let (one, two) = (share(&plan).unwrap(), share(&plan).unwrap());
    assert!(matches!(Folder::open(&model, &plan, &inputs, &out, true, false), Err(Error::Busy { .. })));
    assert!(matches!(Folder::finished(&model, &plan, &inputs, &out, false), Err(Error::Busy { .. })));
    assert!(matches!(share(&self::plan(0.5)), Err(Error::OtherPlan { shared: true, .. })));
    drop(one);
    assert!(partial.exists(), "another works there");
    drop(two);
    assert!(!partial.exists(), "nothing is finished");

    let chosen = model.layers().find(|id| id.block == 1).unwrap();
    let one = share(&plan).unwrap();
    let mut work = Compression::new(&model, plan.clone(), &inputs, one.store(), Box::new(|| 0.0)).unwrap();
    work.keep_only([chosen].into());
    let (layers, _) = all(work);
    assert_eq!(layers.len(), 1);
    drop(one);
    let missing = Folder::finished(&model, &plan, &inputs, &out, true).err().unwrap();
    let first = model.config().stem(model.layers().next().unwrap());
    assert!(
        matches!(&missing, Error::Unfinished { missing: 13, all: 14, first: named } if *named == first),
        "{missing}"
    );
    assert!(share(&plan).unwrap().store().find(chosen).unwrap().is_some());
}

/// Statistics wanted only when a compression is taken up again are collected for the finished layers too.
#[test]
fn statistics_are_whole_after_an_interruption() {
    let (model, windows) = small();
    let (plan, inputs) = (plan(0.4), Inputs::Windows(windows));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("model");
    let opened = Folder::open(&model, &plan, &inputs, &out, false, false).unwrap();
    let mut work = Compression::new(&model, plan.clone(), &inputs, opened.store(), Box::new(|| 0.0)).unwrap();
    while !matches!(work.step().unwrap(), Some(Step::Finished(layer)) if layer.id.block == 1) {}
    drop((work, opened));
    let opened = Folder::open(&model, &plan, &inputs, &out, false, true).unwrap();
    let work = Compression::new(&model, plan.clone(), &inputs, opened.store(), Box::new(|| 0.0)).unwrap();
    let (layers, _) = all(work);
    let totals = Totals::new(layers.iter().map(|layer| layer.report.clone()).collect(), 0, 0.4, 0.0);
    let statistics = folder.path().join("xtx.safetensors");
    let output = Written { layouts: vec![Layout::Merged], statistics: Some(statistics.clone()), ..Written::default() };
    opened.finish(&plan, &totals, &output, false).unwrap();
    let saved = model::open(&statistics).unwrap();
    for id in model.layers() {
        let stem = model.config().stem(id);
        assert!(saved.calibration_of(&stem, model.shape(id).1).is_ok(), "{stem}");
    }
    assert!(out.join("model.safetensors").exists() && !folder.path().join("model.partial").exists());
}
