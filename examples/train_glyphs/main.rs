//! Trains the built-in vision network on [`dsf_explorer::glyphs`], and writes `assets/glyphs`.
//!
//! ```text
//! cargo run --release --example train_glyphs
//! ```
//!
//! Each step goes through pictures that were never seen before, those of one seed in order; every other seed is held out.
//! So nothing can be learned by heart, and pictures are neither moved nor mirrored as those of data sets are: batches with
//! black edges have other means and variances, and the network would be used with norms that it was not trained with.
//!
//! Gradients are the library's ([`dsf_explorer::vision::Network::gradients`]), the same on any number of threads. The
//! weights are those of the last step, and the means and variances of the norms are then estimated anew as plain averages.
//!
//! At the end the run measures the network as it is saved, and with all but the largest weights of each inner convolution
//! set to zero.

mod files;
mod initial;
mod trainer;

use clap::Parser;
use dsf_explorer::matrix::Matrix;
use dsf_explorer::vision::{ImageSet, Network, Pictures};
use std::path::PathBuf;
use std::time::Instant;
use trainer::Trainer;

/// Trains the built-in vision network.
#[derive(Parser)]
struct Arguments {
    /// Number of steps.
    #[arg(long, default_value_t = 2_000)]
    steps: usize,
    /// Pictures in a batch.
    #[arg(long, default_value_t = 64)]
    batch: usize,
    /// Seed of the first weights and of the pictures.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The highest learning rate; it falls linearly to 0.
    #[arg(long, default_value_t = 0.1)]
    rate: f64,
    /// Weight decay.
    #[arg(long, default_value_t = 5e-4)]
    decay: f64,
    /// Steps between two looks at held-out pictures.
    #[arg(long, default_value_t = 500)]
    every: usize,
    /// Seed of the held-out pictures.
    #[arg(long, default_value_t = 2)]
    held_out: u64,
    /// Held-out pictures for the final measurement.
    #[arg(long, default_value_t = 10_000)]
    images: usize,
    /// Folder of the trained network.
    #[arg(long, default_value = "assets/glyphs")]
    out: PathBuf,
}

/// Anything that can go wrong.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Batches that the means and variances of the norms are averaged over.
const NORM_BATCHES: usize = 50;

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    assert_ne!(arguments.seed, arguments.held_out, "held-out pictures are of another seed");
    let Arguments { steps, batch, seed, .. } = arguments;
    let mut trainer = Trainer::new(initial::network(seed)?, steps, arguments.rate, arguments.decay);
    let few = pictures(arguments.held_out, 0, 1000);
    let (start, mut losses) = (Instant::now(), Vec::new());
    for step in 0..steps {
        losses.push(trainer.step(&pictures(seed, step * batch, batch))?);
        if (step + 1) % arguments.every == 0 {
            let loss = losses.iter().sum::<f64>() / losses.len() as f64;
            losses.clear();
            let speed = ((step + 1) * batch) as f64 / start.elapsed().as_secs_f64();
            let accuracy = accuracy(trainer.network(), &few)?;
            println!("step {}: loss {loss:.4}, held-out accuracy {accuracy:.1} %, {speed:.0} pictures/s", step + 1);
        }
    }

    let mut network = trainer.network().clone();
    let norms = |network: &mut Network| {
        // Pictures after those of the training.
        network.estimate_norms(&pictures(seed, steps * batch, 128 * NORM_BATCHES), 128, None)
    };
    norms(&mut network)?;
    let network = files::write(&arguments.out, &network, seed)?;

    let held_out = pictures(arguments.held_out, 0, arguments.images);
    println!(
        "after {steps} steps, on {} held-out pictures, accuracy as it is, and with norms estimated anew:",
        held_out.len()
    );
    for percent in [100, 50, 30, 20, 10] {
        let mut pruned = pruned(&network, percent);
        let before = accuracy(&pruned, &held_out)?;
        norms(&mut pruned)?;
        println!("{percent} %: {before:.2} %, {:.2} %", accuracy(&pruned, &held_out)?);
    }
    Ok(())
}

/// Pictures `from..from + count` of a seed.
fn pictures(seed: u64, from: usize, count: usize) -> Pictures {
    Pictures::of_glyphs(seed, from as u64..(from + count) as u64)
}

/// Percentage of right answers.
fn accuracy(network: &Network, pictures: &Pictures) -> Result<f64> {
    let classified = network.classify(&ImageSet::of(pictures.clone()), &|_, _| true)?;
    Ok(100.0 * classified.evaluation.accuracy().unwrap_or_default())
}

/// The network with only the largest `percent` of the weights of each inner convolution.
fn pruned(network: &Network, percent: usize) -> Network {
    let mut pruned = network.clone();
    for layer in network.architecture().inner_layers() {
        let weight = network.weight(layer);
        let mut sizes: Vec<f32> = weight.as_slice().iter().map(|x| x.abs()).collect();
        sizes.sort_by(|a, b| b.total_cmp(a));
        let least = sizes[sizes.len() * percent / 100 - 1];
        let kept = weight.as_slice().iter().map(|&x| if x.abs() >= least { x } else { 0.0 }).collect();
        pruned.replace(layer, &Matrix::from_vec(weight.rows(), weight.cols(), kept));
    }
    pruned
}
