//! Gradients of a vision network's loss, by finite differences of the loss itself. (Those of `hf_basic`, with batch statistics,
//! are PyTorch's in f64 to 2·10⁻⁶ of each parameter's.)

use crate::common;
use dsf_explorer::compute::ThreadPool;
use dsf_explorer::glyphs::SIDE;
use dsf_explorer::matrix::Matrix;
use dsf_explorer::model;
use dsf_explorer::vision::{Gradients, Network, Pictures, VisionModel, Wanted};
use std::fs;
use std::path::Path;
use std::sync::Arc;

const USED: Wanted = Wanted { batch_statistics: false, output_squares: false };
const TRAINED: Wanted = Wanted { batch_statistics: true, output_squares: false };

/// A parameter of a network.
#[derive(Clone, Copy, Debug)]
enum Parameter {
    Weight(usize),
    Scale(usize),
    Shift(usize),
    Bias,
}

impl Parameter {
    fn all(network: &Network) -> Vec<Self> {
        let classifier = network.architecture().classifier();
        let of_norm = (0..classifier).flat_map(|layer| [Self::Scale(layer), Self::Shift(layer)]);
        (0..=classifier).map(Self::Weight).chain(of_norm).chain([Self::Bias]).collect()
    }

    fn gradient(self, of: &Gradients) -> &[f32] {
        match self {
            Self::Weight(layer) => of.weights[layer].as_slice(),
            Self::Scale(layer) => &of.scales[layer],
            Self::Shift(layer) => &of.shifts[layer],
            Self::Bias => &of.bias,
        }
    }

    fn values(self, network: &Network) -> Vec<f32> {
        match self {
            Self::Weight(layer) => network.weight(layer).into_vec(),
            Self::Scale(layer) => network.norm(layer).unwrap().scale.clone(),
            Self::Shift(layer) => network.norm(layer).unwrap().shift.clone(),
            Self::Bias => network.bias().to_vec(),
        }
    }

    fn replace(self, network: &mut Network, values: Vec<f32>) {
        match self {
            Self::Weight(layer) => {
                let (rows, columns) = network.architecture().layers[layer].shape();
                network.replace(layer, &Matrix::from_vec(rows, columns, values));
            }
            Self::Scale(layer) => network.set_norm(layer, values, Self::Shift(layer).values(network)),
            Self::Shift(layer) => network.set_norm(layer, Self::Scale(layer).values(network), values),
            Self::Bias => network.set_bias(values),
        }
    }
}

fn open(folder: &Path) -> Network {
    let read = |name: &str| fs::read(folder.join(name)).ok();
    let checkpoint = Arc::new(model::open(&folder.join("model.safetensors")).unwrap());
    let model = VisionModel::new(checkpoint, read("config.json").as_deref(), None).unwrap();
    model.network().unwrap()
}

/// Some of our own pictures, with labels below `classes`.
fn pictures(count: u64, classes: usize) -> Pictures {
    let mut pictures = Pictures::of_glyphs(11, 0..count);
    pictures.labels.iter_mut().for_each(|label| *label %= classes);
    pictures
}

/// Moves each parameter along its gradient, and weights along one half of its entries too, and compares the loss's change
/// with the gradient's square.
fn check(name: &str, network: &Network, pictures: &Pictures, wanted: Wanted) {
    let of = network.gradients(pictures, wanted).unwrap();
    let half = |g: &[f32], parity| -> Vec<f64> {
        let hash = |at: usize| (at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 63;
        g.iter()
            .enumerate()
            .map(|(at, &g)| if parity == 2 || hash(at) == parity { f64::from(g) } else { 0.0 })
            .collect()
    };
    let square = |g: &[f64]| g.iter().map(|g| g * g).sum::<f64>();
    let parameters = Parameter::all(network);
    let most = parameters.iter().map(|parameter| square(&half(parameter.gradient(&of), 2))).fold(0.0, f64::max);
    let (mut worst, mut checked) = (0.0f64, 0);
    for parameter in parameters {
        // Norms and biases have too few entries: single relus' bends show in halves of them.
        let parities = if matches!(parameter, Parameter::Weight(_)) { &[0, 2][..] } else { &[2] };
        for &parity in parities {
            let direction = half(parameter.gradient(&of), parity);
            let slope = square(&direction);
            // Smaller ones are lost in the loss's last bits: numbers of 24.
            if slope < 1e-6 * most {
                continue;
            }
            let moved = |step: f64| {
                let mut network = network.clone();
                let values = parameter.values(&network).into_iter().zip(&direction);
                parameter.replace(&mut network, values.map(|(x, g)| (f64::from(x) + step * g) as f32).collect());
                network.gradients(pictures, wanted).unwrap().loss
            };
            // Steps short enough for a straight line, between few relus' bends, and long enough against the last bits.
            let (mut least, mut change) = (f64::MAX, 3e-2);
            while least > 3e-3 && change > 1e-5 {
                let step = change / slope;
                least = least.min(((moved(step) - moved(-step)) / (2.0 * change) - 1.0).abs());
                change /= 2.0;
            }
            assert!(least < 0.01, "{name}, {wanted:?}: {parameter:?}: {least} between steps and gradient");
            (worst, checked) = (worst.max(least), checked + 1);
        }
    }
    println!("{name}, {wanted:?}: {checked} directions, at most {worst:.1e}");
    assert!(checked > Parameter::all(network).len(), "{name}: {checked} of {}", Parameter::all(network).len());
}

#[test]
fn four_layouts() {
    let Some(data) = common::test_data() else { return };
    for name in ["torchvision_basic", "torchvision_bottleneck", "hf_basic", "hf_bottleneck"] {
        let network = open(&data.join("resnets").join(name));
        let pictures = pictures(12, network.architecture().classes());
        check(name, &network, &pictures, USED);
        check(name, &network, &pictures, TRAINED);
    }
}

#[test]
fn a_network_for_cifar() {
    let Some(data) = common::test_data() else { return };
    let network = open(&data.join("resnet20"));
    let pictures = pictures(4, 10);
    check("resnet20", &network, &pictures, USED);
    check("resnet20", &network, &pictures, TRAINED);
}

#[test]
fn the_same_on_any_number_of_threads() {
    let Some(data) = common::test_data() else { return };
    let network = open(&data.join("resnets/torchvision_bottleneck"));
    let pictures = pictures(40, network.architecture().classes());
    let wanted = Wanted { batch_statistics: true, output_squares: true };
    let [one, three] = [1, 3].map(|threads| {
        let pool = ThreadPool::new(Some(threads)).unwrap();
        pool.run(|| network.gradients(&pictures, wanted).unwrap())
    });
    assert!(one == three);
    assert!(one.output_squares.iter().flatten().all(|square| *square > 0.0 && square.is_finite()));
}

/// The last stage has one position of a picture of 20×20. There a norm's shift has the gradient of its output, and that of
/// the convolution's is scale/σ of it.
#[test]
fn squares_of_output_gradients() {
    let Some(data) = common::test_data() else { return };
    let network = open(&data.join("resnets/torchvision_basic"));
    let pictures = pictures(1, network.architecture().classes());
    let of = network.gradients(&pictures, Wanted { output_squares: true, ..USED }).unwrap();
    let layer = *network.architecture().blocks.last().unwrap().main.last().unwrap();
    assert_eq!(network.architecture().output_sizes((SIDE, SIDE))[layer], (1, 1));
    let norm = network.norm(layer).unwrap();
    for (channel, square) in of.output_squares[layer].iter().enumerate() {
        let deviation = (f64::from(norm.running.variance[channel]) + 1e-5).sqrt();
        let expected = (f64::from(norm.scale[channel]) / deviation * f64::from(of.shifts[layer][channel])).powi(2);
        assert!((square - expected).abs() <= 1e-5 * expected, "{square} is not {expected}");
    }
    assert!(network.gradients(&pictures, USED).unwrap().output_squares.is_empty());
}

#[test]
fn running_values_follow_the_batches() {
    let Some(data) = common::test_data() else { return };
    let mut network = open(&data.join("resnet20"));
    let pictures = pictures(16, 10);
    let batch = network.gradients(&pictures, TRAINED).unwrap().batch;
    let mut estimated = network.clone();
    estimated.estimate_norms(&pictures, 16, None).unwrap();
    let before = network.norm(3).unwrap().running.clone();
    let mut replaced = network.clone();
    replaced.follow(&batch, 1.0);
    network.follow(&batch, 0.25);
    let (before, after) = (before.variance[2], network.norm(3).unwrap().running.variance[2]);
    let [estimated, replaced] = [estimated, replaced].map(|network| network.norm(3).unwrap().running.variance[2]);
    assert!((replaced / estimated - 1.0).abs() < 1e-5);
    assert!((after - (0.75 * before + 0.25 * estimated)).abs() < 1e-5 * after);
}
