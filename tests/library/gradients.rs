//! Gradients of the loss, by finite differences of the loss itself.

use crate::families::families;
use dsf_explorer::compute::ThreadPool;
use dsf_explorer::language::{
    LanguageModel, LayerId, Loss, OuterWanted, ResidualStreams, Target, Wanted, Windows, ignore_progress,
};
use dsf_explorer::matrix::Matrix;
use std::collections::BTreeMap;
use std::sync::Arc;

const ALL: (Wanted, OuterWanted) =
    (Wanted { weights: true, tensors: true, output_squares: true }, OuterWanted { norms: true, matrices: true });

/// Gradients of a model's parameters: of layers, and of other tensors by name.
struct Gradients {
    loss: Loss,
    weights: BTreeMap<LayerId, Matrix>,
    squares: BTreeMap<LayerId, Vec<f64>>,
    tensors: BTreeMap<String, Vec<f32>>,
}

fn gradients(model: &LanguageModel, windows: &Windows, target: Target<'_>) -> Gradients {
    let (mut weights, mut squares, mut tensors) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let block = |_, of: dsf_explorer::language::BlockGradients| {
        weights.extend(of.weights);
        squares.extend(of.output_squares);
        tensors.extend(of.tensors);
    };
    let (loss, outer) = model.backward(windows, target, ALL, block, &ignore_progress).unwrap();
    tensors.extend(outer);
    Gradients { loss, weights, squares, tensors }
}

/// Largest distance of a slope from a difference of the loss, as a share of the slope: along the gradient of each
/// parameter, where the loss changes most.
fn check(name: &str, of: &Gradients, mut moved: impl FnMut(&str, f64) -> f64) {
    let lengths: BTreeMap<String, f64> = of
        .weights
        .iter()
        .map(|(id, g)| (format!("{}/{:?}/{}", id.block, id.expert, id.linear as usize), g.as_slice()))
        .chain(of.tensors.iter().map(|(name, g)| (name.clone(), &g[..])))
        .map(|(name, g)| (name, g.iter().map(|&g| f64::from(g) * f64::from(g)).sum::<f64>().sqrt()))
        .collect();
    let most = lengths.values().copied().fold(0.0, f64::max);
    // Numbers of 24 bits: the loss's last bits are noise of 1e-7 or so, and steps must be large against them.
    for (tensor, length) in lengths.into_iter().filter(|(_, length)| *length > 1e-3 * most) {
        let slope = length * length;
        // Steps short enough for a straight line, and for no token to change its experts, and long enough against the last
        // bits of the loss: which ones those are depends on the parameter.
        let mut off = |change: f64| {
            let step = change / slope;
            ((moved(&tensor, step) - moved(&tensor, -step)) / (2.0 * step * slope) - 1.0).abs()
        };
        let (mut least, mut change) = (f64::MAX, 2e-2);
        while least > 0.01 && change > 1e-5 {
            least = least.min(off(change));
            change /= 3.0;
        }
        assert!(least < 0.01, "{name}: {tensor}: {least} between steps and gradient");
    }
}

/// The model with one parameter moved along its gradient, by `step` times the gradient.
fn moved(model: &LanguageModel, of: &Gradients, parameter: &str, step: f64) -> LanguageModel {
    let mut model = model.clone();
    let add = |values: &[f32], g: &[f32]| -> Vec<f32> {
        values.iter().zip(g).map(|(x, g)| (f64::from(*x) + step * f64::from(*g)) as f32).collect()
    };
    if let Some(g) = of.tensors.get(parameter) {
        let values = model.tensor_values(parameter).unwrap();
        model.replace_values(parameter, Arc::new(add(&values, g)));
        return model;
    }
    let named = |id: &LayerId| format!("{}/{:?}/{}", id.block, id.expert, id.linear as usize) == parameter;
    let (&id, g) = of.weights.iter().find(|(id, _)| named(id)).unwrap();
    let weight = match model.replacement(id) {
        Some(replaced) => replaced.to_dense(),
        None => model.layer(id).unwrap().weight,
    };
    let values = add(weight.as_slice(), g.as_slice());
    model.replace(id, Arc::new(Matrix::from_vec(weight.rows(), weight.cols(), values)));
    model
}

#[test]
fn every_family_of_models() {
    for (name, model, windows, expected) in families().into_iter().flatten() {
        let windows = windows.evenly_spaced(3);
        let of = gradients(&model, &windows, Target::Tokens);
        assert!((of.loss.nll - model.loss(&windows, &ignore_progress).unwrap().nll).abs() < 1e-6, "{name} {expected}");
        check(&name, &of, |parameter, step| {
            moved(&model, &of, parameter, step).loss(&windows, &ignore_progress).unwrap().nll
        });
        // Every parameter has its gradient.
        assert_eq!(of.weights.len(), model.layers().count(), "{name}");
        assert_eq!(of.squares.len(), of.weights.len(), "{name}");
        let layers: Vec<String> = model.layers().map(|id| model.config().tensor_with(id)).collect();
        for tensor in model.checkpoint().tensors().iter().filter(|tensor| !layers.contains(&tensor.name)) {
            let known = of.tensors.get(&tensor.name).map(Vec::len);
            assert_eq!(known, Some(tensor.shape.iter().product()), "{name}: {}", tensor.name);
        }
    }
}

/// Distillation: the divergence from another model, and none from itself.
#[test]
fn another_models_predictions() {
    for (name, model, windows, _) in
        families().into_iter().flatten().filter(|(name, ..)| name == "llama" || name == "gemma2")
    {
        let windows = windows.evenly_spaced(2);
        let outer_layers = model.embedding_and_head().unwrap();
        let streams = |model: &LanguageModel| {
            let mut streams = ResidualStreams::embed(&outer_layers, &windows).unwrap();
            for number in 0..model.config().blocks {
                streams.forward(&model.block(number, &model.angles(windows.context())).unwrap(), number).unwrap();
            }
            streams
        };
        let teacher_streams = streams(&model);
        let teacher = Target::Teacher { outer_layers: &outer_layers, streams: &teacher_streams };
        let same = gradients(&model, &windows, teacher);
        assert!(same.loss.nll.abs() < 1e-6, "{name}: {}", same.loss.nll);
        assert!(same.weights.values().all(|g| g.as_slice().iter().all(|g| g.abs() < 1e-5)), "{name}");
        // A model with half of a layer.
        let mut student = model.clone();
        let id = model.layers().next().unwrap();
        let weight = model.layer(id).unwrap().weight;
        student.replace(id, Arc::new(Matrix::from_fn(weight.rows(), weight.cols(), |i, j| 0.5 * weight.get(i, j))));
        let of = gradients(&student, &windows, teacher);
        assert!(of.loss.nll > 1e-4, "{name}: {}", of.loss.nll);
        let divergence = |student: &LanguageModel| {
            outer_layers.loss_gradients(&streams(student), &windows, teacher, OuterWanted::default()).0.nll
        };
        let only = |id: &LayerId| id.block == 0;
        let some = Gradients {
            weights: of.weights.into_iter().filter(|(id, _)| only(id)).collect(),
            tensors: BTreeMap::new(),
            ..of
        };
        check(&name, &some, |parameter, step| divergence(&moved(&student, &some, parameter, step)));
    }
}

/// The same bits on any number of threads.
#[test]
fn on_any_number_of_threads() {
    for (name, model, windows, _) in families().into_iter().flatten().filter(|(name, ..)| name == "qwen3_moe") {
        let on = |threads| {
            let pool = ThreadPool::new(Some(threads)).unwrap();
            pool.run(|| gradients(&model, &windows, Target::Tokens))
        };
        let (one, three) = (on(1), on(3));
        assert!(one.weights == three.weights && one.tensors == three.tensors, "{name}");
        assert_eq!(one.squares, three.squares, "{name}");
    }
}
