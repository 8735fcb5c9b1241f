//! Decoder families: tiny random models of each, whose losses transformers 5.24 gives in f32.

use crate::common;
use dsf_explorer::compress::{self, Inputs, Plan};
use dsf_explorer::compute::Par;
use dsf_explorer::factorize::Preset;
use dsf_explorer::language::{
    self, BlockStage, CalibrationPass, LanguageModel, Linear, Sampling, Windows, generate, ignore_progress,
};
use dsf_explorer::matrix::Matrix;
use dsf_explorer::methods::Method;
use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// Each model with its windows and the loss of transformers.
pub fn families() -> Option<Vec<(String, LanguageModel, Windows, f64)>> {
    let folder: PathBuf = common::test_data()?.join("families");
    let text = fs::read_to_string(folder.join("text.txt")).unwrap();
    let expected: Value = serde_json::from_slice(&fs::read(folder.join("expect.json")).unwrap()).unwrap();
    let each = expected.as_object().unwrap().iter().map(|(name, expected)| {
        let model = language::open(&folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let windows = Windows::from_text(&model, &text, 64, None).unwrap();
        assert_eq!(windows.predicted() as u64, expected["tokens"].as_u64().unwrap(), "{name}");
        (name.clone(), model, windows, expected["nll"].as_f64().unwrap())
    });
    Some(each.collect())
}

#[test]
fn losses_are_those_of_transformers() {
    for (name, model, windows, expected) in families().into_iter().flatten() {
        let loss = model.loss(&windows, &ignore_progress).unwrap().nll;
        assert!((loss - expected).abs() < 2e-4, "{name}: {loss}, not {expected}");
        assert_eq!(model.notes(), [], "{name}");
    }
}

/// Names of layers go both ways, and the layers that a tensor holds make it up.
#[test]
fn every_layer_is_found_by_its_name() {
    for (name, model, _, _) in families().into_iter().flatten() {
        let config = model.config();
        let mut rows: std::collections::BTreeMap<String, Vec<usize>> = Default::default();
        for id in model.layers() {
            assert_eq!(config.layer_named(&config.stem(id)), Some(id), "{name}");
            assert_eq!(config.layer_named(&config.tensor(id)), Some(id), "{name}");
            assert!(config.layers_in(&config.tensor_with(id)).contains(&id), "{name}");
            assert_eq!(config.linear_named(&config.short_name(id.linear)), Some(id.linear), "{name}");
            let outputs: Vec<usize> = match config.place(id).outputs {
                Some(outputs) => outputs.into_iter().flatten().collect(),
                None => (0..config.shape(id).0).collect(),
            };
            assert_eq!(outputs.len(), config.shape(id).0, "{name}");
            rows.entry(config.tensor_with(id)).or_default().extend(outputs);
        }
        for (tensor, mut rows) in rows {
            rows.sort_unstable();
            assert!(rows.iter().copied().eq(0..rows.len()), "{name}: {tensor}");
            assert!(model.checkpoint().tensor(&tensor).unwrap().shape.contains(&rows.len()), "{name}: {tensor}");
        }
    }
}

/// What the layers read leads to what the next ones read, up to the end: a pass through all stages is the model.
#[test]
fn a_pass_through_all_stages_computes_what_the_model_computes() {
    for (name, model, windows, _) in families().into_iter().flatten() {
        let loss = model.loss(&windows, &ignore_progress).unwrap();
        let mut pass = CalibrationPass::new(&model, &windows).unwrap();
        let (mut seen, mut routed) = (0, 0);
        while let Some(&first) = pass.layers().first() {
            let inputs = pass.statistics().unwrap();
            if first.expert.is_some() && first.stage() == BlockStage::FeedForward {
                routed += inputs.tokens;
            }
            seen += pass.layers().len();
            pass.advance().unwrap();
        }
        assert_eq!(seen, model.layers().count(), "{name}");
        // Each token of each block uses so many experts.
        let per_token = model.config().experts.map_or(0, |experts| experts.per_token);
        assert_eq!(routed, per_token * windows.len() * windows.context() * model.config().blocks, "{name}");
        let end = pass.streams().loss(&model.embedding_and_head().unwrap(), &windows);
        assert_eq!(end, loss, "{name}");
    }
}

#[test]
fn generating_with_kept_keys_is_generating_without() {
    for (name, model, windows, _) in families().into_iter().flatten() {
        let prompt = windows.iter().next().unwrap()[..9].to_vec();
        let likeliest = Sampling { temperature: 0.0, seed: 3, tokens: 30 };
        let told = generate(&model, &prompt, likeliest, &ignore_progress).unwrap();
        let mut text = prompt;
        for &token in &told {
            let (ends, angles) = (model.embedding_and_head().unwrap(), model.angles(text.len()));
            let mut h = ends.embed(&text, 0).unwrap();
            for block in 0..model.config().blocks {
                model.block(block, &angles).unwrap().forward(&mut h, Par::Seq);
            }
            let logits = ends.logits(&h, Par::Seq);
            let row = logits.row(text.len() - 1);
            let best = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert!(row[token as usize] > best - 1e-4, "{name} after {text:?}");
            text.push(token);
        }
    }
}

/// A layer that is one of several in a tensor, or stored as a transpose, is replaced as what it computes.
#[test]
fn every_layer_can_be_replaced_and_written_back() {
    for (name, model, windows, _) in families().into_iter().flatten() {
        let mut changed = model.clone();
        let mut weights = std::collections::BTreeMap::new();
        for (at, id) in model.layers().enumerate() {
            let stored = model.layer(id).unwrap().weight;
            let other = Matrix::from_fn(stored.rows(), stored.cols(), |i, j| {
                if (i + j + at) % 3 == 0 { 0.0 } else { stored.get(i, j) }
            });
            weights.insert(id, Arc::new(other));
            changed.replace(id, weights[&id].clone());
        }
        let loss = changed.loss(&windows, &ignore_progress).unwrap().nll;
        let layers: Vec<_> = weights.iter().map(|(&id, weight)| compressed(&model, id, weight)).collect();
        let merged = compress::merged_model(&model, &layers, &Default::default()).unwrap();
        let copy = tempfile::tempdir().unwrap();
        fs::write(copy.path().join("model.safetensors"), merged).unwrap();
        let folder = common::test_data().unwrap().join("families").join(&name);
        for file in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
            fs::copy(folder.join(file), copy.path().join(file)).unwrap();
        }
        let read = language::open(copy.path()).unwrap();
        assert_eq!(read.loss(&windows, &ignore_progress).unwrap().nll, loss, "{name}");
    }
}

/// A layer with this weight in its place.
fn compressed(model: &LanguageModel, id: language::LayerId, weight: &Arc<Matrix>) -> Arc<compress::CompressedLayer> {
    let plan: Plan = Plan::new(Preset::Fast, 0.5);
    let layer = model.layer(id).unwrap();
    let problem = dsf_explorer::matrix::Problem {
        weight: layer.weight.clone(),
        calibration: None,
        held_out: None,
        output_weights: None,
    };
    let csr = dsf_explorer::matrix::Csr::from_dense(weight);
    let replacement = Arc::new(dsf_explorer::matrix::Replacement::Sparse(csr));
    let export = dsf_explorer::export::Export::new(&layer, &replacement, plan.layout, None).unwrap();
    let report = dsf_explorer::export::RunReport::new(
        &layer,
        &problem,
        (dsf_explorer::methods::Method::Magnitude, 0.5),
        &export,
        (0.0, 1),
    );
    let (weight, settings) = (weight.clone(), plan.settings);
    Arc::new(compress::CompressedLayer { id, replacement, weight, settings, report })
}

/// Compressed in order, with what each layer reads, every family keeps a share of what it knew that half of its largest
/// entries do not.
#[test]
fn every_family_is_compressed() {
    for (name, model, windows, dense) in families().into_iter().flatten() {
        let inputs = Inputs::Windows(windows.clone());
        let plan = Plan { densities: compress::Densities::uniform(0.6), ..Plan::new(Preset::Fast, 0.6) };
        let ours = compress::compress_model(&model, &plan, &inputs, &|_| true).unwrap().unwrap();
        assert_eq!(ours.layers.len(), model.layers().count(), "{name}");
        for layer in &ours.layers {
            let (rows, cols) = model.shape(layer.id);
            assert!(layer.report.nnz <= (0.6 * (rows * cols) as f64).ceil() as usize, "{name} {:?}", layer.id);
            assert!(layer.report.layer_error.unwrap() < 0.25, "{name} {:?}: {:?}", layer.id, layer.report.layer_error);
        }
        let loss = ours.model.loss(&windows, &ignore_progress).unwrap().nll;
        assert!(loss != dense && (loss - dense).abs() < 3.0, "{name}: {loss}, dense {dense}");
    }
}

/// Experts that hardly a token reaches are told, and one that none reaches is replaced all the same, by methods that need
/// inputs too.
#[test]
fn experts_without_tokens_are_replaced_and_told() {
    let Some((_, model, windows, _)) = families().into_iter().flatten().find(|family| family.0 == "qwen3_moe") else {
        return;
    };
    let two = windows.iter().next().unwrap()[..2].to_vec();
    let inputs = Inputs::Windows(Windows::from_tokens(&model, two, 2, None).unwrap());
    for method in [Method::Dsf, Method::Wanda] {
        let plan = Plan { method, ..Plan::new(Preset::Fast, 0.5) };
        let store = Box::new(compress::Memory::default());
        let mut work = compress::Compression::new(&model, plan, &inputs, store, Box::new(|| 0.0)).unwrap();
        let mut finished = 0;
        while let Some(step) = work.step().unwrap() {
            finished += usize::from(matches!(step, compress::Step::Finished(_)));
        }
        assert_eq!(finished, model.layers().count());
        // Two tokens use two of four experts each.
        let reached: usize = work.scarce().iter().filter(|(id, _)| id.linear == Linear::Gate).map(|(_, n)| n).sum();
        assert_eq!(reached, 2 * 2 * model.config().blocks);
        assert!(work.scarce().keys().all(|id| id.expert.is_some()));
        assert_eq!(work.scarce().len(), 2 * 4 * model.config().blocks, "both stages of every expert");
        assert!(work.scarce().values().any(|&tokens| tokens == 0), "{:?}", work.scarce());
    }
}
