//! Tuning of a network for images on fixed masks, on the built-in network and its pictures.

use dsf_explorer::compute::ThreadPool;
use dsf_explorer::finetune::{
    Decay, Error, Images, MaskedLayer, OptimizerKind, Progress, Settings, Stop, Train, Tuned, VisionTask, VisionTuning,
};
use dsf_explorer::matrix::{Csr, Factors, Mask, Matrix, Replacement, keep_largest};
use dsf_explorer::vision::{self, Augment, ImageSet, Network, Pictures, Wanted};
use std::collections::BTreeMap;
use std::sync::Arc;

const TRAINED: Wanted = Wanted { batch_statistics: true, output_squares: false };

/// Each inner layer as factors, or one sparse matrix, with so many of its weights in it.
fn layers(share: f64) -> BTreeMap<usize, Replacement> {
    let model = vision::example();
    let kept = |matrix: &Matrix, share: f64| keep_largest(matrix, (share * matrix.len() as f64) as usize);
    let of = |layer: usize| {
        let weight = model.layer(layer).unwrap().weight;
        let rows = weight.rows();
        let identity = Matrix::from_fn(rows, rows, |i, j| if i == j { 1.0 } else { 0.02 * ((i * j) % 3) as f32 });
        let replacement = match layer % 2 {
            0 => Replacement::Sparse(Csr::from_dense(&kept(&weight, share))),
            _ => Replacement::Factors(Factors::from_dense(&kept(&identity, 0.2), &kept(&weight, share))),
        };
        (layer, replacement)
    };
    model.architecture().inner_layers().map(of).collect()
}

fn task(share: f64) -> VisionTask {
    VisionTask {
        network: vision::example().network().unwrap(),
        layers: layers(share),
        images: Images::Glyphs,
        held_out: vision::example_held_out(100),
    }
}

fn settings() -> Settings {
    Settings { steps: Some(6), batch: 16, every: Some(2), ..Settings::for_vision() }
}

fn run(mut tuning: VisionTuning) -> (Tuned<usize>, Vec<Progress>) {
    let mut told = Vec::new();
    while let Some(progress) = tuning.step().unwrap() {
        told.push(progress);
    }
    (tuning.finish().unwrap(), told)
}

/// The built-in network with replacements and other values.
fn network_of(layers: &BTreeMap<usize, Replacement>, tensors: &BTreeMap<String, Vec<f32>>) -> Network {
    let mut network = vision::example().network().unwrap();
    layers.iter().for_each(|(&layer, replacement)| network.replace(layer, &replacement.to_dense()));
    tensors.iter().for_each(|(name, values)| network.replace_values(name, values));
    network
}

fn positions(replacement: &Replacement) -> Vec<Mask> {
    match replacement {
        Replacement::Factors(Factors { a, b }) => vec![Mask::of_csr(a), Mask::of_csr(b)],
        Replacement::Sparse(one) => vec![Mask::of_csr(one)],
        other => panic!("{:?}", other.kind()),
    }
}

/// The loss changes along the gradients of a layer's values by their square.
#[test]
fn gradients_of_factors_are_the_losses_slope() {
    let pictures = Pictures::of_glyphs(11, 0..24);
    let network = network_of(&layers(0.4), &BTreeMap::new());
    let of = network.gradients(&pictures, TRAINED).unwrap();
    for layer in [1, 4, 7, 12] {
        let masked = MaskedLayer::new(&layers(0.4)[&layer]);
        let gradient = masked.gradients(&of.weights[layer]);
        let slope: f64 = gradient.iter().map(|&g| f64::from(g) * f64::from(g)).sum();
        let moved = |step: f64| {
            let (mut masked, mut network) = (masked.clone(), network.clone());
            let values = masked.values_mut().iter_mut().zip(&gradient);
            values.for_each(|(x, &g)| *x = (f64::from(*x) + step * f64::from(g)) as f32);
            network.replace(layer, &masked.merged());
            network.gradients(&pictures, TRAINED).unwrap().loss
        };
        let (mut least, mut change) = (f64::MAX, 3e-2);
        while least > 3e-3 && change > 1e-4 {
            let step = change / slope;
            least = least.min(((moved(step) - moved(-step)) / (2.0 * change) - 1.0).abs());
            change /= 2.0;
        }
        assert!(least < 0.01, "layer {layer}: {least} between steps and gradient");
    }
}

/// A step of plain gradient descent is −rate times the gradient, which the library gives as well, and running means and
/// variances go a tenth of the way to the batch's.
#[test]
fn a_step_is_one_along_the_gradients() {
    let pictures = Pictures::of_glyphs(12, 0..24);
    let images = Images::Pictures { pictures: Arc::new(pictures.clone()), augment: None };
    let settings = Settings {
        steps: Some(1),
        batch: 24,
        learning_rate: Some(0.01),
        momentum: 0.0,
        weight_decay: Some(0.0),
        decay: Decay::Constant,
        train: Train::All,
        ..settings()
    };
    let task = VisionTask { images, held_out: pictures.clone(), ..task(0.3) };
    let before = network_of(&task.layers, &BTreeMap::new());
    let of = before.gradients(&pictures, TRAINED).unwrap();
    let (tuned, _) = run(VisionTuning::new(task, settings).unwrap());
    assert_eq!(tuned.best_step, 1, "{} to {}", tuned.held_out_before, tuned.held_out_after);
    assert!((tuned.loss_before - of.loss).abs() < 1e-5 * of.loss, "another order of the same pictures");
    let check = |name: &str, step: &dyn Fn(f32, usize) -> f32| {
        let (was, now) = (before.tensor_values(name).unwrap(), &tuned.tensors[name]);
        for (at, (&was, &now)) in was.iter().zip(now).enumerate() {
            let expected = step(was, at);
            assert!((now - was - expected).abs() < 1e-5 + 1e-2 * expected.abs(), "{name}, {at}: {was} to {now}");
        }
    };
    let architecture = before.architecture();
    check(&architecture.bias_tensor(), &|_, at| -0.01 * of.bias[at]);
    // What is not compressed: the first convolution and the classifier.
    for layer in [0, architecture.classifier()] {
        check(&architecture.layers[layer].tensor(), &|_, at| -0.01 * of.weights[layer].as_slice()[at]);
    }
    for layer in 0..architecture.classifier() {
        let [scale, shift, mean, variance] = architecture.layers[layer].norm_tensors().unwrap();
        check(&scale, &|_, at| -0.01 * of.scales[layer][at]);
        check(&shift, &|_, at| -0.01 * of.shifts[layer][at]);
        check(&mean, &|was, at| 0.1 * (of.batch[layer].mean[at] - was));
        check(&variance, &|was, at| 0.1 * (of.batch[layer].variance[at] - was));
    }
    assert_eq!(tuned.tensors.len(), 4 * architecture.classifier() + 3);
    for layer in architecture.inner_layers().filter(|layer| layer % 2 == 0) {
        let (was, now) = (before.weight(layer), tuned.layers[&layer].to_dense());
        for ((was, now), g) in was.as_slice().iter().zip(now.as_slice()).zip(of.weights[layer].as_slice()) {
            let expected = if *was == 0.0 { 0.0 } else { -0.01 * g };
            assert!((now - was - expected).abs() < 1e-5 + 1e-2 * expected.abs(), "layer {layer}");
        }
    }
}

#[test]
fn the_loss_falls_accuracy_comes_back_and_no_position_moves() {
    let task = task(0.15);
    let before = task.layers.clone();
    let held_out = ImageSet::of(task.held_out.clone());
    let settings = Settings { steps: Some(30), batch: 32, every: Some(10), ..settings() };
    let (tuned, told) = run(VisionTuning::new(task, settings).unwrap());
    assert!(tuned.loss_after < tuned.loss_before, "{} to {}", tuned.loss_before, tuned.loss_after);
    let [first, last] = [tuned.accuracy_before.unwrap(), tuned.accuracy_after.unwrap()];
    println!("accuracy {first} to {last}");
    assert!(last > first + 0.2, "{first} to {last}");
    assert_eq!((tuned.nnz_before, tuned.steps, told.len()), (tuned.nnz_after, 30, 31));
    let measured = told.iter().filter_map(|progress| progress.held_out).fold(f64::INFINITY, f64::min);
    assert_eq!(measured, tuned.held_out_after, "the best is kept");
    for (layer, was) in &before {
        let now = &tuned.layers[layer];
        assert_eq!((now.kind(), now.entries(), positions(now)), (was.kind(), was.entries(), positions(was)));
        assert_ne!(now, was, "layer {layer}");
    }
    // What comes of it is what was measured.
    let evaluation = network_of(&tuned.layers, &tuned.tensors).classify(&held_out, &|_, _| true).unwrap().evaluation;
    assert_eq!(evaluation.accuracy(), tuned.accuracy_after);
    assert!((evaluation.loss().unwrap() - tuned.held_out_after).abs() < 1e-5);
}

#[test]
fn only_running_values_change_at_a_rate_of_0() {
    let task = task(0.3);
    let before = task.layers.clone();
    let settings = Settings { learning_rate: Some(0.0), ..settings() };
    let (tuned, _) = run(VisionTuning::new(task, settings).unwrap());
    assert_eq!(tuned.layers, before);
    let network = vision::example().network().unwrap();
    for (name, values) in &tuned.tensors {
        let is_running = name.contains("running");
        assert_eq!(network.tensor_values(name).unwrap() == *values, !is_running || tuned.best_step == 0, "{name}");
    }
    // The layers were replaced, and running values of the dense network are not theirs.
    assert!(tuned.best_step > 0 && tuned.held_out_after < tuned.held_out_before);
}

fn saved(tuning: &VisionTuning) -> Vec<u8> {
    let mut state = Vec::new();
    tuning.save(&mut state).unwrap();
    state
}

#[test]
fn what_is_interrupted_goes_on_to_the_same_bits() {
    let pictures = Arc::new(Pictures::of_glyphs(13, 0..70));
    let moved = Images::Pictures { pictures, augment: Some(Augment { shift: 2, mirror: true }) };
    for (optimizer, train, images) in [
        (OptimizerKind::Sgd, Train::ValuesAndNorms, moved),
        (OptimizerKind::AdamW, Train::All, Images::Glyphs),
        (OptimizerKind::Sgd, Train::Values, Images::Glyphs),
    ] {
        let settings = Settings { optimizer, train, ..settings() };
        let new = || VisionTuning::new(VisionTask { images: images.clone(), ..task(0.2) }, settings.clone()).unwrap();
        let (whole, _) = run(new());
        for cut in [1, 4] {
            let mut first = new();
            while first.done() < cut {
                first.step().unwrap();
            }
            let state = saved(&first);
            drop(first);
            let mut second = new();
            second.restore(&mut &state[..]).unwrap();
            assert_eq!(second.done(), cut);
            let (tuned, _) = run(second);
            assert_eq!((&tuned.layers, &tuned.tensors), (&whole.layers, &whole.tensors), "{optimizer:?} from {cut}");
            assert_eq!((&tuned.history, tuned.loss_after), (&whole.history, whole.loss_after));
        }
        let mut other = task(0.2);
        other.layers.pop_first();
        let state = saved(&VisionTuning::new(other, settings.clone()).unwrap());
        assert!(matches!(new().restore(&mut &state[..]), Err(Error::State { .. })));
        assert!(matches!(new().restore(&mut &[1, 2, 3][..]), Err(Error::State { .. })));
    }
}

#[test]
fn results_do_not_depend_on_threads() {
    let [one, three] = [1, 3].map(|threads| {
        let pool = ThreadPool::new(Some(threads)).unwrap();
        pool.run(|| run(VisionTuning::new(task(0.2), Settings { steps: Some(3), ..settings() }).unwrap()).0)
    });
    assert_eq!((&one.layers, &one.tensors, &one.history), (&three.layers, &three.tensors, &three.history));
}

#[test]
fn it_ends_where_nothing_is_better_or_a_loss_is_no_number() {
    let still = Settings { learning_rate: Some(0.0), patience: Some(1), steps: Some(50), every: Some(1), ..settings() };
    // With the dense network's own running values nothing has to follow: what a few batches say is worse.
    let network = vision::example().network().unwrap();
    let layers = |layer: usize| (layer, Replacement::Sparse(Csr::from_dense(&network.weight(layer))));
    let dense = VisionTask { layers: network.architecture().inner_layers().map(layers).collect(), ..task(0.3) };
    let (tuned, _) = run(VisionTuning::new(dense, still).unwrap());
    assert!(matches!(tuned.stopped, Some(Stop::NoBetter { .. })), "{:?}", tuned.stopped);
    let wild = Settings { learning_rate: Some(100.0), weight_decay: Some(1e3), steps: Some(60), ..settings() };
    let (tuned, told) = run(VisionTuning::new(task(0.3), wild).unwrap());
    assert!(matches!(tuned.stopped, Some(Stop::NotFinite { .. })), "{:?}", told.last());
    assert!(tuned.loss_after.is_finite() && tuned.held_out_after <= tuned.held_out_before);
}

#[test]
fn what_cannot_be_tuned_is_refused() {
    let new =
        |task: VisionTask, settings: Settings| VisionTuning::new(task, settings).map(drop).unwrap_err().to_string();
    assert!(new(VisionTask { layers: BTreeMap::new(), ..task(0.3) }, settings()).contains("sparse or made of factors"));
    let mut wrong = task(0.3);
    wrong.layers.insert(1, Replacement::Sparse(Csr::from_dense(&Matrix::zeros(2, 3))));
    assert!(new(wrong, settings()).contains("(2, 3)"));
    let mut beyond = task(0.3);
    beyond.layers.insert(99, Replacement::Sparse(Csr::from_dense(&Matrix::zeros(2, 3))));
    assert!(new(beyond, settings()).contains("layer 99"));
    let unlabelled = Pictures { labels: Vec::new(), ..vision::example_held_out(5) };
    assert!(VisionTuning::new(VisionTask { held_out: unlabelled.clone(), ..task(0.3) }, settings()).is_err());
    let images = Images::Pictures { pictures: Arc::new(unlabelled), augment: None };
    assert!(VisionTuning::new(VisionTask { images, ..task(0.3) }, settings()).is_err());
    let images = Images::Pictures { pictures: Arc::default(), augment: None };
    assert!(VisionTuning::new(VisionTask { images, ..task(0.3) }, settings()).is_err());
    let other = Pictures { labels: vec![12; 5], ..vision::example_held_out(5) };
    assert!(new(VisionTask { held_out: other, ..task(0.3) }, settings()).contains("12"));
    let epochs = Settings { steps: None, epochs: Some(1.0), ..settings() };
    assert!(new(task(0.3), epochs).contains("no end"));
}
