//! What the loss feels, and blocks that are tuned while a model is compressed.

use dsf_explorer::compress::{
    CompressedLayer, Compression, Folder, Inputs, Memory, Output, OutputSquares, Parallel, Plan, Step, Totals,
    TunedBlock, compress_model,
};
use dsf_explorer::export::Layout;
use dsf_explorer::factorize::Preset;
use dsf_explorer::finetune::{Blockwise, tune_blocks};
use dsf_explorer::language::{self, LanguageModel, LayerId, Linear, ResidualStreams, Windows, ignore_progress};
use dsf_explorer::matrix::Replacement;
use dsf_explorer::methods::Method;
use dsf_explorer::model;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A tiny model of random weights, and windows that mean nothing to it.
fn small() -> (LanguageModel, Windows) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/llama/llama3");
    let model = language::open(&folder).unwrap();
    let tokens = (0..640u32).map(|at| (at * at + 3 * at) % 40).collect();
    let windows = Windows::from_tokens(&model, tokens, 20, None).unwrap();
    (model, windows)
}

fn plan(blockwise: bool) -> Plan {
    let mut plan = Plan::new(Preset::Best, 0.3);
    plan.settings.outer = 6;
    plan.blockwise = blockwise.then(Blockwise::default);
    plan
}

fn work(model: &LanguageModel, plan: &Plan, inputs: &Inputs) -> Compression {
    Compression::new(model, plan.clone(), inputs, Box::new(Memory::default()), Box::new(|| 0.0)).unwrap()
}

/// The layers as they are at the end, by name, and the tunings of blocks.
fn all(mut work: Compression) -> (BTreeMap<String, Arc<CompressedLayer>>, Vec<TunedBlock>) {
    let (mut layers, mut blocks) = (BTreeMap::new(), Vec::new());
    while let Some(step) = work.step().unwrap() {
        let mut keep = |layer: &Arc<CompressedLayer>| drop(layers.insert(layer.report.tensor.clone(), layer.clone()));
        match step {
            Step::Finished(layer) | Step::Found(layer) => keep(&layer),
            Step::Tuned(block) => {
                block.layers.iter().for_each(&mut keep);
                blocks.push(*block);
            }
            _ => {}
        }
    }
    (layers, blocks)
}

/// Streams after the last block.
fn streams(model: &LanguageModel, windows: &Windows) -> ResidualStreams {
    let mut streams = ResidualStreams::embed(&model.embedding_and_head().unwrap(), windows).unwrap();
    for number in 0..model.config().blocks {
        streams.forward(&model.block(number, &model.angles(windows.context())).unwrap(), number).unwrap();
    }
    streams
}

/// Distance of a compressed model's streams after the last block from the dense model's, as a share of them.
fn distance(dense: &LanguageModel, compressed: &LanguageModel, windows: &Windows) -> f64 {
    let wanted = streams(dense, windows);
    streams(compressed, windows).distance(&wanted, None) / wanted.squares(None)
}

#[test]
fn tuned_blocks_come_closer_and_keep_their_masks() {
    let (model, windows) = small();
    let inputs = Inputs::Windows(windows.clone());
    for method in [Method::Dsf, Method::Wanda] {
        let of = |blockwise| all(work(&model, &Plan { method, ..plan(blockwise) }, &inputs));
        let ((plain, none), (tuned, blocks)) = (of(false), of(true));
        assert!(none.is_empty());
        // Four stages each, of which a later one never makes worse what it is judged by.
        assert_eq!(blocks.len(), 4 * model.config().blocks);
        assert!(blocks.iter().all(|block| block.after <= block.before), "{method:?}");
        assert!(blocks.iter().any(|block| block.after < 0.9 * block.before), "{method:?}");
        let with = |layers: &BTreeMap<String, Arc<CompressedLayer>>, blocks: &[TunedBlock]| {
            let mut model = model.clone();
            layers.values().for_each(|layer| model.replace(layer.id, layer.weight.clone()));
            for (name, values) in blocks.iter().flat_map(|block| &block.tensors) {
                model.replace_values(name, Arc::new(values.clone()));
            }
            model
        };
        let (before, after) =
            (distance(&model, &with(&plain, &[]), &windows), distance(&model, &with(&tuned, &blocks), &windows));
        assert!(after < 0.8 * before, "{method:?}: {after} of {before}");
        for (name, layer) in &tuned {
            assert_eq!(layer.report.nnz, plain[name].report.nnz, "{method:?} {name}");
            assert_eq!(layer.replacement.nnz(), plain[name].replacement.nnz(), "{method:?} {name}");
        }
    }
}

#[test]
fn an_interrupted_compression_by_blocks_gives_the_same_model() {
    let (model, windows) = small();
    let (plan, inputs) = (plan(true), Inputs::Windows(windows));
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, interrupted: bool| {
        let out = folder.path().join(name);
        let open = || Folder::open(&model, &plan, &inputs, &out, false, false).unwrap();
        let start = |folder: &Folder| {
            Compression::new(&model, plan.clone(), &inputs, folder.store(), Box::new(|| 0.0)).unwrap()
        };
        if interrupted {
            let opened = open();
            let mut work = start(&opened);
            // In the middle of the second block.
            while !matches!(work.step().unwrap(), Some(Step::Finished(layer)) if layer.id.block == 1) {}
        }
        let opened = open();
        let (layers, blocks) = all(start(&opened));
        let taken_up = blocks.iter().all(|block| block.block > 0);
        assert_eq!(taken_up, interrupted, "{name}");
        let reports = layers.values().map(|layer| layer.report.clone()).collect();
        let output = Output { layouts: vec![Layout::Merged, Layout::Bitmask], ..Output::default() };
        opened.finish(&plan, &Totals::new(reports, 0, 0.3, 0.0), &output, false).unwrap();
        ["model.safetensors", "factors-bitmask.safetensors"].map(|file| {
            let file = model::open(&out.join(file)).unwrap();
            let bytes = |name: &String| file.bytes(name).unwrap().to_vec();
            let names: Vec<String> = file.tensors().iter().map(|tensor| tensor.name.clone()).collect();
            names.into_iter().map(|name| (name.clone(), bytes(&name))).collect::<BTreeMap<_, _>>()
        })
    };
    let (whole, resumed) = (write("whole", false), write("resumed", true));
    assert_eq!(whole, resumed);
    // Norms are tuned too, and written.
    let norm = "model.layers.0.input_layernorm.weight";
    assert_ne!(whole[0][norm], model.checkpoint().bytes(norm).unwrap().to_vec());
}

#[test]
fn output_weights_are_what_the_loss_feels() {
    let (model, windows) = small();
    let squares = OutputSquares::measure(&model, &windows, &ignore_progress).unwrap();
    assert_eq!(squares.iter().count(), model.layers().count());
    // An output that the loss feels more costs more: half of a row of W taken off where it is felt most, and least.
    let id = model.layers().last().unwrap();
    let (_, of_layer) = squares.iter().find(|(other, _)| *other == id).unwrap();
    let by = |a: &usize, b: &usize| of_layer[*a].total_cmp(&of_layer[*b]);
    let most = (0..of_layer.len()).max_by(by).unwrap();
    let least = (0..of_layer.len()).min_by(by).unwrap();
    let dense = model.loss(&windows, &ignore_progress).unwrap().nll;
    let weight = model.layer(id).unwrap().weight;
    let size = |row: usize| weight.row(row).iter().map(|x| x * x).sum::<f32>().sqrt();
    let change = |row: usize| {
        // Of the same size in both.
        let part = 0.5 * size(most).min(size(least)) / size(row);
        let mut changed = (*weight).clone();
        let width = changed.cols();
        changed.as_mut_slice()[row * width..][..width].iter_mut().for_each(|x| *x *= 1.0 - part);
        let mut model = model.clone();
        model.replace(id, Arc::new(changed));
        (model.loss(&windows, &ignore_progress).unwrap().nll - dense).abs()
    };
    assert!(change(most) > change(least));
}

#[test]
fn output_weights_are_saved_with_the_statistics() {
    let (model, windows) = small();
    let (plan, inputs) = (Plan { parallel: Parallel::All, ..plan(false) }, Inputs::Windows(windows));
    let folder = tempfile::tempdir().unwrap();
    let opened = Folder::open(&model, &plan, &inputs, &folder.path().join("model"), false, true).unwrap();
    let work_there = Compression::new(&model, plan.clone(), &inputs, opened.store(), Box::new(|| 0.0)).unwrap();
    let (layers, _) = all(work_there);
    let file = folder.path().join("statistics.safetensors");
    opened.finish_statistics(&file, false).unwrap();
    let saved = model::open(&file).unwrap();
    for id in model.layers() {
        let weights = saved.output_weights(&model.config().stem(id), model.shape(id).0);
        assert!(weights.is_ok(), "{id:?}");
    }
    // The same layers from what was saved, others without weights.
    let saved = Arc::new(model::SavedStatistics::new(vec![saved]).unwrap());
    let (again, _) = all(work(&model, &plan, &Inputs::Saved(saved)));
    let mut alike = plan.clone();
    alike.settings.output_power = 0.0;
    let (without, _) = all(work(&model, &alike, &inputs));
    for (name, layer) in &layers {
        assert_eq!(layer.replacement, again[name].replacement, "{name}");
    }
    assert!(layers.iter().any(|(name, layer)| layer.replacement != without[name].replacement));
}

#[test]
fn blocks_are_not_tuned_without_a_text() {
    let (model, windows) = small();
    let refused = |plan: &Plan, inputs: &Inputs| {
        let store = Box::new(Memory::default());
        Compression::new(&model, plan.clone(), inputs, store, Box::new(|| 0.0)).err().map(|error| error.to_string())
    };
    let plan = plan(true);
    assert!(refused(&plan, &Inputs::Unknown).unwrap().contains("on a text"));
    let inputs = Inputs::Windows(windows);
    assert!(refused(&Plan { parallel: Parallel::All, ..plan.clone() }, &inputs).is_some());
    assert_eq!(refused(&plan, &inputs), None);
}

/// What stays dense is not moved, for nobody would write it: the model that comes out is the one that was tuned.
#[test]
fn layers_that_stay_dense_stay_as_they_are() {
    let (model, windows) = small();
    let mut plan = plan(true);
    plan.settings.output_power = 0.0;
    // Of each block the first layer alone is compressed.
    let kept = model.layers().filter(|id| id.linear != Linear::Query);
    plan.densities.by_layer = kept.map(|id| (id, 1.0)).collect();
    let (layers, blocks) = all(work(&model, &plan, &Inputs::Windows(windows.clone())));
    assert_eq!(layers.len(), model.config().blocks);
    let mut compressed = model.clone();
    layers.values().for_each(|layer| compressed.replace(layer.id, layer.weight.clone()));
    for (name, values) in blocks.iter().flat_map(|block| &block.tensors) {
        compressed.replace_values(name, Arc::new(values.clone()));
    }
    // One window in eight is not tuned on; values are rounded as the file has them.
    let held_out: Vec<usize> = (7..windows.len()).step_by(8).collect();
    let (wanted, given) = (streams(&model, &windows).some(&held_out), streams(&compressed, &windows).some(&held_out));
    let (found, said) = (given.distance(&wanted, None) / wanted.squares(None), blocks.last().unwrap().after);
    assert!((found / said - 1.0).abs() < 0.05, "{found}, and the tuning saw {said}");
}

#[test]
fn a_compressed_models_blocks_are_tuned_afterwards() {
    let (model, windows) = small();
    let compressed =
        compress_model(&model, &plan(false), &Inputs::Windows(windows.clone()), &|_| true).unwrap().unwrap();
    let layers: BTreeMap<LayerId, Replacement> =
        compressed.layers.iter().map(|layer| (layer.id, (*layer.replacement).clone())).collect();
    let how = Blockwise::default();
    let tune = |teacher: &LanguageModel| tune_blocks(&compressed.model, &layers, teacher, &windows, &how, &|_| true);
    let tuned = tune(&model).unwrap();
    assert!(tuned.errors.iter().all(|[before, after]| after <= before));
    let mut better = compressed.model.clone();
    for (id, replacement) in &tuned.layers {
        assert_eq!(replacement.nnz(), layers[id].nnz(), "{id:?}");
        better.replace(*id, Arc::new(replacement.to_dense()));
    }
    for (name, values) in &tuned.tensors {
        better.replace_values(name, Arc::new(values.clone()));
    }
    let (before, after) = (distance(&model, &compressed.model, &windows), distance(&model, &better, &windows));
    assert!(after < 0.9 * before, "{after} of {before}");
    // A model of other blocks has nothing to teach.
    let other = tune(&language::example()).err().map(|error| error.to_string());
    assert!(other.is_some_and(|error| error.contains("blocks of width")));
}
