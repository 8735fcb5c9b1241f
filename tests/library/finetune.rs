//! Values tuned on fixed masks: gradients, masks, interruption, files.

use dsf_explorer::finetune::{
    Decay, Distill, Error, OptimizerKind, Progress, Settings, Stop, Task, Text, Train, Tuned, Tuning,
};
use dsf_explorer::language::{self, LanguageModel, LayerId, Linear, Windows, ignore_progress};
use dsf_explorer::matrix::{Csr, Factors, Mask, Matrix, Replacement, keep_largest};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Two blocks of random weights.
fn small() -> LanguageModel {
    language::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/llama/llama3")).unwrap()
}

fn tokens(count: u32) -> Vec<u32> {
    (0..count).map(|at| (at * at + 3 * at) % 40).collect()
}

/// Each layer as another kind of replacement: factors, one sparse matrix, two of low rank, a chain.
fn layers(model: &LanguageModel) -> BTreeMap<LayerId, Replacement> {
    let of = |id: LayerId| {
        let weight = model.layer(id).unwrap().weight;
        let (rows, cols) = weight.shape();
        let kept = |matrix: &Matrix, share: f64| keep_largest(matrix, (share * matrix.len() as f64) as usize);
        let identity = Matrix::from_fn(rows, rows, |i, j| if i == j { 1.0 } else { 0.02 * ((i * j) % 3) as f32 });
        let factors = || Factors::from_dense(&kept(&identity, 0.3), &kept(&weight, 0.4));
        match id.linear {
            Linear::Query | Linear::Down => Replacement::Sparse(Csr::from_dense(&kept(&weight, 0.4))),
            Linear::Key => Replacement::LowRank {
                a: Matrix::from_fn(rows, 3, |i, j| ((i + 2 * j) % 5) as f32 * 0.2 - 0.4),
                b: Matrix::from_fn(3, cols, |i, j| ((3 * i + j) % 7) as f32 * 0.1 - 0.3),
            },
            Linear::Value => {
                let Factors { a, b } = factors();
                Replacement::Chain(vec![a.clone(), a, b])
            }
            _ => Replacement::Factors(factors()),
        }
    };
    model.layers().map(|id| (id, of(id))).collect()
}

fn task(model: &LanguageModel) -> Task {
    let held_out = Windows::from_tokens(model, tokens(500)[400..].to_vec(), 20, None).unwrap();
    Task {
        model: model.clone(),
        layers: layers(model),
        text: Text::Tokens(Arc::new(tokens(400))),
        held_out,
        teacher: None,
    }
}

fn settings() -> Settings {
    Settings {
        steps: Some(8),
        context: Some(20),
        batch: 4,
        learning_rate: Some(0.005),
        every: Some(2),
        ..Settings::default()
    }
}

fn run(mut tuning: Tuning) -> (Tuned, Vec<Progress>) {
    let mut told = Vec::new();
    while let Some(progress) = tuning.step().unwrap() {
        told.push(progress);
    }
    (tuning.finish().unwrap(), told)
}

/// A model with replacements and other values.
fn model_of(
    model: &LanguageModel,
    layers: &BTreeMap<LayerId, Replacement>,
    tensors: &BTreeMap<String, Vec<f32>>,
) -> LanguageModel {
    let mut model = model.clone();
    layers.iter().for_each(|(&id, replacement)| model.replace(id, Arc::new(replacement.to_dense())));
    tensors.iter().for_each(|(name, values)| model.replace_values(name, Arc::new(values.clone())));
    model
}

/// A step of plain gradient descent is −rate times the gradient, which finite differences give as well.
#[test]
fn a_step_follows_the_losses_slope() {
    let model = small();
    let one = tokens(60);
    let windows = Windows::from_tokens(&model, one.clone(), 20, None).unwrap();
    let task = Task { text: Text::Tokens(Arc::new(one)), held_out: windows.clone(), ..task(&model) };
    let before = task.layers.clone();
    let settings = Settings {
        steps: Some(1),
        batch: 3,
        learning_rate: Some(0.01),
        optimizer: OptimizerKind::Sgd,
        momentum: 0.0,
        weight_decay: Some(0.0),
        clip: 0.0,
        decay: Decay::Constant,
        warm_up: Some(1),
        train: Train::All,
        ..settings()
    };
    let (tuned, _) = run(Tuning::new(task, settings).unwrap());
    assert_eq!(tuned.best_step, 1, "{} to {}", tuned.held_out_before, tuned.held_out_after);
    let loss =
        |layers: &_, tensors: &_| model_of(&model, layers, tensors).loss(&windows, &ignore_progress).unwrap().nll;
    let none = BTreeMap::new();
    assert!((loss(&before, &none) - tuned.held_out_before).abs() < 1e-9);
    assert!((loss(&tuned.layers, &tuned.tensors) - tuned.held_out_after).abs() < 1e-9);
    let check = |what: &str, step: f64, difference: [f64; 2], h: f64| {
        let (slope, expected) = (-step / 0.01, (difference[0] - difference[1]) / (2.0 * h));
        assert!((slope - expected).abs() < 0.03 * expected.abs() + 4e-4, "{what}: {slope}, not {expected}");
    };
    // The entry with the largest gradient of each layer that is one matrix, or two dense ones.
    for (&id, was) in &before {
        let largest = |was: &[f32], now: &[f32]| {
            let steps = was.iter().zip(now).map(|(was, now)| f64::from(now - was));
            steps.enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).unwrap()
        };
        let (at, step) = match (was, &tuned.layers[&id]) {
            (Replacement::Sparse(was), Replacement::Sparse(now)) => largest(was.values(), now.values()),
            (Replacement::LowRank { a: was, .. }, Replacement::LowRank { a: now, .. }) => {
                largest(was.as_slice(), now.as_slice())
            }
            _ => continue,
        };
        let moved = [1e-2, -1e-2].map(|h: f32| {
            let mut layers = before.clone();
            match layers.get_mut(&id) {
                Some(Replacement::Sparse(one)) => one.values_mut()[at] += h,
                Some(Replacement::LowRank { a, .. }) => a.as_mut_slice()[at] += h,
                _ => {}
            }
            loss(&layers, &none)
        });
        check(&model.config().stem(id), step, moved, 1e-2);
    }
    // The same of what is no layer: embedding, norms, head.
    assert!(tuned.tensors.len() > 4, "{:?}", tuned.tensors.keys());
    for (name, now) in &tuned.tensors {
        let was = model.tensor_values(name).unwrap();
        let steps = was.iter().zip(now).map(|(was, now)| f64::from(now - was));
        let (at, step) = steps.enumerate().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).unwrap();
        let moved = [1e-2, -1e-2].map(|h: f32| {
            let mut values = was.to_vec();
            values[at] += h;
            loss(&before, &BTreeMap::from([(name.clone(), values)]))
        });
        check(name, step, moved, 1e-2);
    }
}

fn positions(replacement: &Replacement) -> Vec<Mask> {
    match replacement {
        Replacement::Factors(Factors { a, b }) | Replacement::Blocks(Factors { a, b }) => {
            vec![Mask::of_csr(a), Mask::of_csr(b)]
        }
        Replacement::Sparse(one) => vec![Mask::of_csr(one)],
        Replacement::Chain(chain) => chain.iter().map(Mask::of_csr).collect(),
        Replacement::LowRank { .. } => Vec::new(),
    }
}

#[test]
fn the_loss_falls_and_no_position_moves() {
    let model = small();
    for (optimizer, rate) in [(OptimizerKind::AdamW, 0.005), (OptimizerKind::Sgd, 0.1)] {
        let settings = Settings { optimizer, learning_rate: Some(rate), steps: Some(30), ..settings() };
        let task = task(&model);
        let before = task.layers.clone();
        let (tuned, told) = run(Tuning::new(task, settings).unwrap());
        assert!(tuned.loss_after < tuned.loss_before, "{optimizer:?}: {} to {}", tuned.loss_before, tuned.loss_after);
        assert!(tuned.held_out_after <= tuned.held_out_before);
        assert_eq!((tuned.nnz_before, tuned.steps, told.len()), (tuned.nnz_after, 30, 31));
        let measured = told.iter().filter_map(|progress| progress.held_out).fold(f64::INFINITY, f64::min);
        assert_eq!(measured, tuned.held_out_after, "the best is kept");
        for (id, was) in &before {
            let now = &tuned.layers[id];
            assert_eq!((now.kind(), now.entries(), positions(now)), (was.kind(), was.entries(), positions(was)));
            assert_ne!(now, was, "{id:?}");
        }
        assert!(tuned.tensors.is_empty());
    }
}

/// What is there at a held-out loss has that loss, and at the end it is the result.
#[test]
fn the_best_values_are_there_on_the_way() {
    let model = small();
    let task = task(&model);
    let held_out = task.held_out.clone();
    let mut tuning = Tuning::new(task, Settings { train: Train::ValuesAndNorms, ..settings() }).unwrap();
    while let Some(progress) = tuning.step().unwrap() {
        let (layers, tensors) = tuning.best();
        let loss = model_of(&model, &layers, &tensors).loss(&held_out, &ignore_progress).unwrap().nll;
        assert!((loss - progress.best).abs() < 1e-5, "{loss} at step {}, not {}", progress.step, progress.best);
    }
    let best = tuning.best();
    let tuned = tuning.finish().unwrap();
    assert!(tuned.best_step > 0 && !tuned.tensors.is_empty());
    assert_eq!(best, (tuned.layers, tuned.tensors));
}

#[test]
fn a_rate_of_0_changes_nothing() {
    let model = small();
    for optimizer in [OptimizerKind::AdamW, OptimizerKind::Sgd] {
        let task = task(&model);
        let before = task.layers.clone();
        let settings = Settings { optimizer, learning_rate: Some(0.0), train: Train::All, ..settings() };
        let (tuned, told) = run(Tuning::new(task, settings).unwrap());
        assert_eq!(tuned.layers, before);
        assert!(tuned.tensors.iter().all(|(name, values)| *model.tensor_values(name).unwrap() == *values));
        assert_eq!(tuned.loss_before, tuned.loss_after);
        assert!(told.iter().all(|progress| progress.held_out.is_none_or(|loss| loss == tuned.held_out_before)));
    }
}

fn saved(tuning: &Tuning) -> Vec<u8> {
    let mut state = Vec::new();
    tuning.save(&mut state).unwrap();
    state
}

#[test]
fn what_is_interrupted_goes_on_to_the_same_bits() {
    let model = small();
    for (optimizer, train) in [(OptimizerKind::AdamW, Train::All), (OptimizerKind::Sgd, Train::ValuesAndNorms)] {
        let settings = Settings { optimizer, train, ..settings() };
        let (whole, _) = run(Tuning::new(task(&model), settings.clone()).unwrap());
        for cut in [1, 4, 6] {
            let mut first = Tuning::new(task(&model), settings.clone()).unwrap();
            while first.done() < cut {
                first.step().unwrap();
            }
            let state = saved(&first);
            drop(first);
            let mut second = Tuning::new(task(&model), settings.clone()).unwrap();
            second.restore(&mut &state[..]).unwrap();
            assert_eq!(second.done(), cut);
            let (tuned, _) = run(second);
            assert_eq!((&tuned.layers, &tuned.tensors), (&whole.layers, &whole.tensors), "{optimizer:?} from {cut}");
            assert_eq!((&tuned.history, tuned.loss_after), (&whole.history, whole.loss_after));
        }
        // The state of another model, or of nothing.
        let mut other = task(&model);
        other.layers.pop_first();
        let state = saved(&Tuning::new(other, settings.clone()).unwrap());
        let mut tuning = Tuning::new(task(&model), settings).unwrap();
        assert!(matches!(tuning.restore(&mut &state[..]), Err(Error::State { .. })));
        assert!(matches!(tuning.restore(&mut &[1, 2, 3][..]), Err(Error::State { .. })));
    }
}

#[test]
fn results_do_not_depend_on_threads() {
    let model = small();
    let tuned = [1, 3].map(|threads| {
        let pool = dsf_explorer::compute::ThreadPool::new(Some(threads)).unwrap();
        pool.run(|| run(Tuning::new(task(&model), Settings { train: Train::All, ..settings() }).unwrap()).0)
    });
    assert_eq!((&tuned[0].layers, &tuned[0].tensors), (&tuned[1].layers, &tuned[1].tensors));
    assert_eq!(tuned[0].history, tuned[1].history);
}

/// A window that is seen again and again is learned by heart.
#[test]
fn a_single_window_overfits() {
    let model = small();
    let one = tokens(20);
    let held_out = Windows::from_tokens(&model, one.clone(), 20, None).unwrap();
    let task = Task { text: Text::Tokens(Arc::new(one)), held_out, ..task(&model) };
    let settings = Settings { steps: Some(60), batch: 1, learning_rate: Some(0.02), train: Train::All, ..settings() };
    let (tuned, _) = run(Tuning::new(task, settings).unwrap());
    assert!(tuned.loss_after < 0.5 * tuned.loss_before, "{} to {}", tuned.loss_before, tuned.loss_after);
}

#[test]
fn another_models_predictions_are_learned() {
    let model = small();
    let settings = Settings { distill: Distill::Logits, steps: Some(20), ..settings() };
    let task_of = |teacher| Task { teacher, ..task(&model) };
    let (_, told) = run(Tuning::new(task_of(Some(model.clone())), settings.clone()).unwrap());
    let losses: Vec<f64> = told.iter().filter_map(|progress| progress.loss).collect();
    assert!(losses[19] < 0.9 * losses[0] && losses.iter().all(|&loss| loss >= 0.0), "{losses:?}");
    assert!(matches!(Tuning::new(task_of(None), settings), Err(Error::NoTeacher)));
    // The model has nothing to learn from itself.
    let mut itself = task_of(Some(model_of(&model, &layers(&model), &BTreeMap::new())));
    itself.layers.retain(|id, _| id.block == 0);
    itself.model = model_of(&model, &layers(&model), &BTreeMap::new());
    let settings = Settings { distill: Distill::Logits, learning_rate: Some(0.0), ..self::settings() };
    let (tuned, _) = run(Tuning::new(itself, settings).unwrap());
    assert!(tuned.loss_before.abs() < 1e-5, "{}", tuned.loss_before);
}

#[test]
fn it_ends_early_where_nothing_becomes_better() {
    let model = small();
    let settings = Settings { patience: Some(2), learning_rate: Some(0.0), steps: Some(50), ..settings() };
    let (tuned, told) = run(Tuning::new(task(&model), settings).unwrap());
    assert_eq!((tuned.stopped, tuned.steps), (Some(Stop::NoBetter { step: 4 }), 4));
    assert_eq!(told.last().unwrap().stopped, tuned.stopped);
}

/// One word over and over is learned at once, and a text of all words forgotten: at the rate that nobody has given, at a quarter of
/// it, and so on. Each time it begins with the untuned values.
#[test]
fn what_gets_worse_begins_again_at_a_quarter_of_the_rate() {
    let model = small();
    let task_of = || Task { text: Text::Tokens(Arc::new(vec![7; 20])), ..task(&model) };
    let open = Settings { learning_rate: None, decay: Decay::Constant, warm_up: Some(1), batch: 1, ..settings() };
    let (tuned, told) = run(Tuning::new(task_of(), open.clone()).unwrap());
    // Measured after every second of eight steps; after the last there is nothing to go on with.
    let restarts: Vec<usize> =
        told.iter().filter(|progress| progress.restarted).map(|progress| progress.step).collect();
    assert_eq!(restarts, [2, 4, 6]);
    let rates: Vec<f64> = tuned.history[1..].iter().map(|moment| moment.rate).collect();
    let peak = open.peak();
    assert_eq!(rates, [1.0, 1.0, 0.25, 0.25, 0.0625, 0.0625, 0.015625, 0.015625].map(|share| share * peak));
    let losses: Vec<f64> = tuned.history[1..].iter().map(|moment| moment.loss.unwrap()).collect();
    assert!(losses.chunks(2).all(|pair| pair[0] == losses[0] && pair[1] < losses[0]), "{losses:?}");
    assert_eq!((tuned.best_step, tuned.held_out_after), (0, tuned.held_out_before));
    // Interrupted in the middle of the second attempt.
    let mut first = Tuning::new(task_of(), open.clone()).unwrap();
    while first.done() < 3 {
        first.step().unwrap();
    }
    let mut second = Tuning::new(task_of(), open.clone()).unwrap();
    second.restore(&mut &saved(&first)[..]).unwrap();
    assert_eq!(run(second).0.history, tuned.history);
    // A rate that was given is meant.
    let given = Settings { learning_rate: Some(peak), ..open };
    let (_, told) = run(Tuning::new(task_of(), given).unwrap());
    assert!(told.iter().all(|progress| !progress.restarted));
}

#[test]
fn a_loss_that_is_no_number_ends_it_with_the_best_values() {
    let model = small();
    let settings = Settings {
        // Each step multiplies the values by 1 − 10⁵.
        learning_rate: Some(100.0),
        weight_decay: Some(1e3),
        warm_up: Some(1),
        steps: Some(60),
        decay: Decay::Constant,
        ..settings()
    };
    let task = task(&model);
    let held_out = task.held_out.clone();
    let (tuned, told) = run(Tuning::new(task, settings).unwrap());
    assert!(matches!(tuned.stopped, Some(Stop::NotFinite { .. })), "{:?}", told.last());
    assert!(tuned.loss_after.is_finite() && tuned.held_out_after <= tuned.held_out_before);
    let kept = model_of(&model, &tuned.layers, &tuned.tensors).loss(&held_out, &ignore_progress).unwrap().nll;
    assert!((kept - tuned.held_out_after).abs() < 1e-9);
}

/// Where nobody gave the rate, no number is one more reason for a lower one.
#[test]
fn a_loss_that_is_no_number_lowers_a_rate_that_nobody_gave() {
    let model = small();
    // At the usual rate of 0.05 each step multiplies the values by −49, at a quarter of it by −11.5.
    let settings = Settings {
        learning_rate: None,
        optimizer: OptimizerKind::Sgd,
        weight_decay: Some(1e3),
        warm_up: Some(1),
        steps: Some(120),
        every: Some(120),
        decay: Decay::Constant,
        ..settings()
    };
    let (tuned, told) = run(Tuning::new(task(&model), settings).unwrap());
    let restarts: Vec<usize> =
        told.iter().filter(|progress| progress.restarted).map(|progress| progress.step).collect();
    assert!(restarts.len() >= 2 && restarts.windows(2).all(|pair| pair[0] < pair[1]), "{restarts:?}");
    assert!(tuned.history[restarts[1]].rate < tuned.history[restarts[0]].rate);
    assert_eq!((tuned.best_step, tuned.held_out_after), (0, tuned.held_out_before));
}

#[test]
fn what_cannot_be_tuned_is_refused() {
    let model = small();
    let new = |task: Task, settings: Settings| Tuning::new(task, settings).map(drop).unwrap_err().to_string();
    let short = Task { text: Text::Tokens(Arc::new(tokens(19))), ..task(&model) };
    assert_eq!(new(short, settings()), "the text has 19 tokens, and a window takes 20");
    let nothing = Task { layers: BTreeMap::new(), ..task(&model) };
    assert!(new(nothing, settings()).contains("sparse or made of factors"));
    let mut wrong = task(&model);
    let first = *wrong.layers.keys().next().unwrap();
    wrong.layers.insert(first, Replacement::Sparse(Csr::from_dense(&Matrix::zeros(2, 3))));
    assert!(new(wrong, settings()).contains("(2, 3)"));
    assert!(new(task(&model), Settings { batch: 0, ..settings() }).contains("batch is 0"));
}
