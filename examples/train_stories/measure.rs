//! What the model is worth: its loss on stories it has not seen, beside the floor, and after pruning.

use std::thread;

use candle_core::{Device, Result, Tensor, Var};
use half::f16;

use crate::model::{LAYERS, LINEAR, Model, Parameters, linear_name};
use crate::ops::cross_entropy;
use crate::text::Tokens;
use dsf_explorer::stories::{Tale, log_prob, mix_seed, sample};

/// The share of the weights that pruning keeps.
pub const KEPT: f64 = 0.25;

/// Stories that no training run sees: their seeds come from a stream of their own.
pub fn held_out(seed: u64, count: u64) -> Vec<Tale> {
    (0..count).map(|index| sample(mix_seed(!seed, index))).collect()
}

/// Mean of `-ln P` per token over the stories: the entropy of the language, estimated.
///
/// A story's tokens are its words and the end mark, which costs nothing; the start mark is given. The probabilities are
/// found again from the texts, which checks on the way that they are those of the telling.
///
/// # Panics
/// If a text has another probability than its telling had.
pub fn floor(tales: &[Tale]) -> f64 {
    let sum: f64 = tales.iter().map(|tale| log_prob(&tale.words).expect("a told story is of the language")).sum();
    let told: f64 = tales.iter().map(|tale| tale.log_prob).sum();
    assert!((sum - told).abs() <= 1e-9 * told.abs(), "a text has more than one derivation");
    -sum / tokens_of(tales)
}

/// Mean loss of the model per token over the same stories, each read on its own.
///
/// # Errors
/// If a tensor operation fails.
pub fn loss(model: &Model, tokens: &Tokens, tales: &[Tale], threads: usize) -> Result<f64> {
    let part = tales.len().div_ceil(threads).max(1);
    let sums: Vec<Result<f64>> = thread::scope(|scope| {
        let handles: Vec<_> =
            tales.chunks(part).map(|tales| scope.spawn(move || summed_loss(model, tokens, tales))).collect();
        handles.into_iter().map(|handle| handle.join().expect("a measuring thread panicked")).collect()
    });
    Ok(sums.into_iter().sum::<Result<f64>>()? / tokens_of(tales))
}

fn summed_loss(model: &Model, tokens: &Tokens, tales: &[Tale]) -> Result<f64> {
    let mut sum = 0.0;
    for tale in tales {
        let text = tokens.encode(tale);
        let (inputs, targets) =
            (&text[..text.len() - 1], text[1..].iter().map(|&token| vec![(token, 1.0)]).collect::<Vec<_>>());
        let count = targets.len() as f64;
        sum += count * f64::from(cross_entropy(&model.forward(inputs, 1)?, targets)?.to_scalar::<f32>()?);
    }
    Ok(sum)
}

/// Mean loss of the model on the words that are to be known by heart, and on all other tokens.
///
/// # Errors
/// If a tensor operation fails.
pub fn by_kind(model: &Model, tokens: &Tokens, tales: &[Tale]) -> Result<(f64, f64)> {
    let mut sums = [(0.0, 0.0); 2];
    for tale in tales {
        let text = tokens.encode(tale);
        let logits = model.forward(&text[..text.len() - 1], 1)?;
        let rest = (0..text.len() - 1).filter(|at| !tale.memorized.contains(at)).collect();
        for (rows, sum) in [&tale.memorized, &rest].into_iter().zip(&mut sums) {
            // The word number `row` comes after the start mark and so many others.
            let numbers: Vec<u32> = rows.iter().map(|&row| row as u32).collect();
            let targets = rows.iter().map(|&row| vec![(text[row + 1], 1.0)]).collect();
            let picked = logits.index_select(&Tensor::new(&numbers[..], &Device::Cpu)?, 0)?;
            let loss = f64::from(cross_entropy(&picked, targets)?.to_scalar::<f32>()?);
            *sum = (sum.0 + loss * rows.len() as f64, sum.1 + rows.len() as f64);
        }
    }
    Ok(sums.map(|(sum, count)| sum / count).into())
}

fn tokens_of(tales: &[Tale]) -> f64 {
    tales.iter().map(|tale| tale.words.len() + 1).sum::<usize>() as f64
}

/// The model as it is saved: all weights rounded to 16 bits. Its parameters are not those that are trained.
///
/// # Errors
/// If a tensor operation fails.
pub fn rounded(model: &Model) -> Result<Model> {
    changed(model, |_, values| values.iter_mut().for_each(|value| *value = f16::from_f32(*value).to_f32()))
}

/// The model with only the largest weights of each linear layer, a share of [`KEPT`].
///
/// # Errors
/// If a tensor operation fails.
pub fn pruned(model: &Model) -> Result<Model> {
    let linear: Vec<String> =
        (0..LAYERS).flat_map(|layer| LINEAR.map(|(linear, ..)| linear_name(layer, linear))).collect();
    changed(model, |name, values| {
        if linear.iter().any(|linear| linear == name) {
            let mut sizes: Vec<f32> = values.iter().map(|value| value.abs()).collect();
            let dropped = values.len() - (KEPT * values.len() as f64).round() as usize;
            let (_, limit, _) = sizes.select_nth_unstable_by(dropped, f32::total_cmp);
            let limit = *limit;
            values.iter_mut().filter(|value| value.abs() < limit).for_each(|value| *value = 0.0);
        }
    })
}

fn changed(model: &Model, change: impl Fn(&str, &mut Vec<f32>)) -> Result<Model> {
    let mut parameters = Parameters::new();
    for (name, variable) in &model.parameters {
        let mut values = variable.flatten_all()?.to_vec1::<f32>()?;
        change(name, &mut values);
        parameters.insert(name.clone(), Var::from_tensor(&Tensor::from_vec(values, variable.shape(), &Device::Cpu)?)?);
    }
    Ok(Model::from_parameters(parameters))
}
