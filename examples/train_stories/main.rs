//! Trains the built-in language model on [`dsf_explorer::stories`], and writes `assets/stories`.
//!
//! ```text
//! export RAYON_NUM_THREADS=1 MALLOC_MMAP_THRESHOLD_=2000000000 MALLOC_TRIM_THRESHOLD_=4000000000
//! cargo run --release --features train --example train_stories
//! ```
//!
//! The default 16 000 steps, 16 million tokens, take about 50 minutes on two idle x86 cores with AVX-512.
//!
//! Each step goes through a batch of windows of stories that were never seen before. The batch is cut into shards, each
//! with an autograd graph and a thread of its own, and the gradients are added up in the order of the shards: the
//! result does not depend on the number of cores. With threads for the shards, threads within a matrix product are only
//! in the way, hence the first variable. The other two make glibc keep the memory of one step for the next instead of
//! giving it back and asking for it again, which saves a fifth of the time.
//!
//! Three things make so few tokens enough. The language knows the true distribution of each next word, and the model is
//! trained towards that instead of the word that was drawn ([`text::window`]). The attention starts as one that copies
//! what it looks at ([`Model::new`]). And windows with much to look back at come first ([`curriculum`]).
//!
//! One thing makes the model a good patient. After 5/16 of the steps, when most has been learned, the weights of the
//! linear layers are bounded ([`adam`]), so that the knowledge spreads over all of them. A model of this size otherwise
//! hardly suffers when three quarters of its weights are set to zero, unlike the large models that it stands for.
//!
//! Beside the loss stands the floor, the true entropy of the language. (That of the training windows is another one
//! while the curriculum chooses them.) Now and then the loss is also told apart: on the words to be known by heart,
//! whose floor is 0, and on the rest. At the end the run measures the model on stories of a seed of their own: as it is
//! saved, and with three quarters of the weights of each linear layer set to zero.

mod adam;
mod files;
mod measure;
mod model;
mod ops;
mod text;

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use dsf_explorer::stories::mix_seed;

use adam::{Adam, Gradients};
use files::Result;
use model::Model;
use text::Tokens;

/// Trains the built-in language model on stories.
#[derive(Parser)]
struct Arguments {
    /// Number of steps in all; the learning rate falls towards the last one.
    #[arg(long, default_value_t = 16_000)]
    steps: u64,
    /// Stops after so many minutes, with a state to resume from.
    #[arg(long)]
    minutes: Option<f64>,
    /// Seed of the first weights and of the training stories.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Tokens in a window.
    #[arg(long, default_value_t = 256)]
    window: usize,
    /// Windows in a batch.
    #[arg(long, default_value_t = 4)]
    batch: usize,
    /// Parts of a batch that are computed beside each other.
    #[arg(long, default_value_t = 2)]
    shards: usize,
    /// The highest learning rate.
    #[arg(long, default_value_t = 1.5e-3)]
    rate: f64,
    /// Folder of the trained model.
    #[arg(long, default_value = "assets/stories")]
    out: PathBuf,
    /// File of the state of the run.
    #[arg(long, default_value = "target/train_stories.state")]
    state: PathBuf,
    /// Goes on from the state.
    #[arg(long)]
    resume: bool,
    /// Steps between two looks at held-out stories, each of which also saves.
    #[arg(long, default_value_t = 500)]
    every: u64,
    /// Held-out stories for the final measurement.
    #[arg(long, default_value_t = 2000)]
    held_out: u64,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let tokens = Tokens::new();
    let (mut model, mut adam, mut step) = match arguments.resume {
        true => {
            let (parameters, adam, step) = files::read_state(&arguments.state, tokens.texts.len())?;
            (Model::from_parameters(parameters), adam, step)
        }
        false => (Model::new(tokens.texts.len(), arguments.seed)?, Adam::default(), 0),
    };
    let held_out = measure::held_out(arguments.seed, arguments.held_out);
    let floor = measure::floor(&held_out);
    println!("{} tokens in the vocabulary, floor {floor:.4} nats, perplexity {:.3}", tokens.texts.len(), floor.exp());

    let start = Instant::now();
    let out_of_time = || arguments.minutes.is_some_and(|minutes| start.elapsed().as_secs_f64() > 60.0 * minutes);
    let mut recent = Recent::default();
    while step < arguments.steps && !out_of_time() {
        let (loss, gradients) = gradients(&model, &tokens, &arguments, step)?;
        let rate = adam::rate(step, arguments.steps, arguments.rate);
        step += 1;
        let bounded = step > arguments.steps * 5 / 16;
        let length = adam.step(&model.parameters, &gradients, rate, step, bounded)?;
        recent.add(loss);
        if step.is_multiple_of(20) {
            let (loss, seconds) = recent.take();
            let speed = (arguments.batch * arguments.window) as f64 / seconds;
            let left = Duration::from_secs_f64(seconds * (arguments.steps - step) as f64).as_secs() / 60;
            println!("step {step}: loss {loss:.4}, gradient {length:.2}, {speed:.0} tokens/s, {left} min left");
        }
        if step.is_multiple_of(arguments.every) {
            let few = &held_out[..held_out.len().min(100)];
            let loss = measure::loss(&model, &tokens, few, arguments.shards)?;
            let (known, rest) = measure::by_kind(&model, &tokens, few)?;
            println!(
                "step {step}: held-out loss {loss:.4}, floor {:.4}; by heart {known:.4}, the rest {rest:.4}",
                measure::floor(few)
            );
            files::write_state(&arguments.state, &model.parameters, &adam, step)?;
            files::write_model(&arguments.out, &model.parameters, &tokens)?;
        }
    }
    files::write_state(&arguments.state, &model.parameters, &adam, step)?;
    files::write_model(&arguments.out, &model.parameters, &tokens)?;

    model = measure::rounded(&model)?;
    let perplexity =
        |model: &Model| Ok::<_, candle_core::Error>(measure::loss(model, &tokens, &held_out, arguments.shards)?.exp());
    let (dense, pruned) = (perplexity(&model)?, perplexity(&measure::pruned(&model)?)?);
    println!("after {step} steps, on {} held-out stories, perplexity:", held_out.len());
    println!("  floor  {:.4}", floor.exp());
    println!("  dense  {dense:.4}, {:.1} % above the floor", 100.0 * (dense / floor.exp() - 1.0));
    println!("  pruned {pruned:.4}, {:.2} times the dense one", pruned / dense);
    let one = &held_out[..1];
    let loss = measure::loss(&model, &tokens, one, 1)?;
    println!("for comparison, the loss of this text followed by </s> is {loss:.6}:\n{}", one[0].text());
    Ok(())
}

/// By what factor windows are shorter at this step (and a batch has more of them), and of how many stories the one
/// with the most questions is taken.
///
/// A network learns to look back before anything else is worth learning, and the fewer words there are to look at, the
/// sooner it does. The first windows hold beginnings, where only names come again; the next ones hold whole stories in
/// which more than usual is asked for that was said before.
fn curriculum(step: u64, steps: u64) -> (usize, u64) {
    match step as f64 / steps as f64 {
        ..0.03 => (4, 1),
        ..0.3 => (1, 8),
        _ => (1, 1),
    }
}

/// Loss and gradients of a batch.
fn gradients(
    model: &Model,
    tokens: &Tokens,
    arguments: &Arguments,
    step: u64,
) -> candle_core::Result<(f64, Gradients)> {
    let (shortening, candidates) = curriculum(step, arguments.steps);
    let length = arguments.window / shortening;
    let rows = arguments.batch * shortening / arguments.shards;
    let shard = |index: usize| -> candle_core::Result<(f64, Gradients)> {
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        for row in 0..rows {
            let number = (step << 16) + (index * rows + row) as u64;
            let window = text::window(tokens, mix_seed(arguments.seed, number), length, candidates);
            inputs.extend(window.inputs);
            targets.extend(window.targets);
        }
        let loss = ops::cross_entropy(&model.forward(&inputs, rows)?, targets)?;
        let store = loss.backward()?;
        let mut gradients = Gradients::new();
        for (name, variable) in &model.parameters {
            let gradient = store.get(variable).expect("every parameter takes part in the loss");
            gradients.insert(name.clone(), gradient.flatten_all()?.to_vec1::<f32>()?);
        }
        Ok((f64::from(loss.to_scalar::<f32>()?), gradients))
    };
    let parts: Vec<_> = thread::scope(|scope| {
        let handles: Vec<_> = (0..arguments.shards).map(|index| scope.spawn(move || shard(index))).collect();
        handles.into_iter().map(|handle| handle.join().expect("a shard panicked")).collect()
    });
    let share = 1.0 / arguments.shards as f32;
    let (mut loss, mut sum) = (0.0, Gradients::new());
    for part in parts {
        let (part_loss, part) = part?;
        loss += part_loss * f64::from(share);
        for (name, gradient) in part {
            let sum = sum.entry(name).or_insert_with(|| vec![0.0; gradient.len()]);
            sum.iter_mut().zip(gradient).for_each(|(sum, gradient)| *sum += share * gradient);
        }
    }
    Ok((loss, sum))
}

/// Losses and time since the last line of the log.
struct Recent {
    since: Instant,
    losses: Vec<f64>,
}

impl Default for Recent {
    fn default() -> Self {
        Self { since: Instant::now(), losses: Vec::new() }
    }
}

impl Recent {
    fn add(&mut self, loss: f64) {
        self.losses.push(loss);
    }

    /// Mean loss and seconds per step.
    fn take(&mut self) -> (f64, f64) {
        let recent = std::mem::take(self);
        let count = recent.losses.len() as f64;
        (recent.losses.iter().sum::<f64>() / count, recent.since.elapsed().as_secs_f64() / count)
    }
}
