//! Language models against Hugging Face transformers, and against a plain computation in f64.

use crate::common;
use dsf_explorer::Named;
use dsf_explorer::compute::{Par, Weight};
use dsf_explorer::language::{
    self, BlockStage, CalibrationPass, Error, LanguageModel, LayerId, Linear, Note, ResidualStreams, Sampling,
    StreamCache, Windows, generate, ignore_progress,
};
use dsf_explorer::matrix::Matrix;
use dsf_explorer::model::Orientation;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Small random models with logits by transformers: see `make.py` there.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/llama").join(name)
}

fn small(name: &str) -> (LanguageModel, Value) {
    let expected = fs::read(folder(name).join("expected.json")).unwrap();
    (language::open(&folder(name)).unwrap(), serde_json::from_slice(&expected).unwrap())
}

/// Logits of all tokens of one text.
fn logits(model: &LanguageModel, tokens: &[u32]) -> Matrix {
    let (ends, angles) = (model.embedding_and_head().unwrap(), model.angles(tokens.len()));
    let mut h = ends.embed(tokens, 0).unwrap();
    for block in 0..model.config().blocks {
        model.block(block, &angles).unwrap().forward(&mut h, Par::Seq);
    }
    ends.logits(&h, Par::Seq)
}

#[test]
fn logits_and_losses_are_those_of_transformers() {
    for name in ["llama3", "mistral"] {
        let (model, expected) = small(name);
        let text = expected["text"].as_str().unwrap();
        let tokens = model.tokenizer().encode(text).unwrap();
        let logits = logits(&model, &tokens);
        for (row, key) in [(0, "first"), (tokens.len() - 1, "last")] {
            for (at, want) in expected[key].as_array().unwrap().iter().enumerate() {
                let (got, want) = (f64::from(logits.get(row, at)), want.as_f64().unwrap());
                assert!((got - want).abs() < 2e-5, "{name}, {key} {at}: {got} instead of {want}");
            }
        }
        let windows = Windows::from_text(&model, text, tokens.len(), None).unwrap();
        let loss = model.loss(&windows, &ignore_progress).unwrap();
        assert_eq!(loss.tokens, tokens.len() - 1);
        assert!((loss.nll - expected["loss"].as_f64().unwrap()).abs() < 2e-6, "{name}: {}", loss.nll);
    }
}

/// Of 32 768 tokens, with transformers in f32.
#[test]
fn perplexity_of_a_real_model() {
    let Some(data) = common::test_data() else { return };
    let model = language::open(&data.join("stories260k")).unwrap();
    for (text, context, want) in [("tinystories_val.txt", 256, 1.42049), ("wikitext2_test.txt", 128, 4.90246)] {
        let text = fs::read_to_string(data.join("text").join(text)).unwrap().replace("\r\n", "\n");
        let windows = Windows::from_text(&model, &text, context, Some(32_768)).unwrap();
        let loss = model.loss(&windows, &ignore_progress).unwrap();
        assert_eq!(loss.tokens, 32_768 / context * (context - 1));
        assert!((loss.nll - want).abs() < 2e-5, "{} instead of {want}", loss.nll);
    }
}

#[test]
fn the_same_loss_on_any_number_of_threads_and_from_any_block() {
    let (model, expected) = small("llama3");
    let text = expected["text"].as_str().unwrap().repeat(5).replace("w6w0", "w6 w0");
    let windows = Windows::from_text(&model, &text, 20, None).unwrap();
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| model.loss(&windows, &ignore_progress).unwrap())
    };
    let loss = on(1);
    assert_eq!([on(2), on(5)], [loss, loss]);
    let prepared = StreamCache::new(&model, windows, &ignore_progress).unwrap();
    assert_eq!(prepared.loss(), loss);
    assert!((0..2).all(|block| prepared.loss_from(&model, block, &ignore_progress).unwrap() == loss));
}

#[test]
fn generating_with_kept_keys_is_generating_without() {
    for name in ["llama3", "mistral"] {
        let (model, _) = small(name);
        let prompt = vec![0, 5, 9, 13];
        let likeliest = Sampling { temperature: 0.0, seed: 3, tokens: 12 };
        let told = generate(&model, &prompt, likeliest, &ignore_progress).unwrap();
        let mut text = prompt;
        for &token in &told {
            let logits = logits(&model, &text);
            let row = logits.row(text.len() - 1);
            let best = (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
            assert_eq!(token as usize, best, "{name} after {text:?}");
            text.push(token);
        }
        assert!(!told.is_empty());
        // The same seed tells the same.
        let drawn = Sampling { temperature: 1.0, seed: 11, tokens: 12 };
        assert_eq!(generate(&model, &text, drawn, &ignore_progress), generate(&model, &text, drawn, &ignore_progress));
    }
}

/// A Llama in f64, one token after the other, written for its clearness; `seen` gets what every linear layer reads.
fn plainly(model: &LanguageModel, tokens: &[u32], seen: &mut impl FnMut(LayerId, &[f64])) {
    let config = model.config().clone();
    let checkpoint = model.checkpoint();
    let values = |name: &str| -> Vec<f64> { checkpoint.values(name).unwrap().into_iter().map(f64::from).collect() };
    let weight = |id: LayerId| -> Matrix {
        let stored = || checkpoint.layer(&config.tensor(id), Orientation::AsStored).unwrap().weight;
        match model.replacement(id) {
            Some(Weight::Dense(dense)) => dense.as_ref().clone(),
            _ => stored().as_ref().clone(),
        }
    };
    let norm = |x: &[f64], weight: &[f64]| -> Vec<f64> {
        let mean = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
        let scale = (mean + f64::from(config.norm_eps)).sqrt().recip();
        x.iter().zip(weight).map(|(x, w)| x * scale * w).collect()
    };
    let embedding = values("model.embed_tokens.weight");
    let mut stream: Vec<Vec<f64>> =
        tokens.iter().map(|&t| embedding[t as usize * config.hidden..][..config.hidden].to_vec()).collect();
    let angles = model.angles(tokens.len());
    for block in 0..config.blocks {
        let mut linear = |linear: Linear, x: &[f64]| -> Vec<f64> {
            let id = LayerId::new(block, linear);
            seen(id, x);
            let w = weight(id);
            let bias = match config.has_bias(linear) {
                true => values(&format!("{}.bias", config.stem(id))),
                false => vec![0.0; w.rows()],
            };
            let dot = |row: usize| w.row(row).iter().zip(x).map(|(&w, x)| f64::from(w) * x).sum::<f64>();
            (0..w.rows()).map(|row| dot(row) + bias[row]).collect()
        };
        let turned = |heads: Vec<f64>, position: usize| -> Vec<f64> {
            let mut heads: Vec<f32> = heads.into_iter().map(|x| x as f32).collect();
            angles.rotate(0, &mut heads, config.head_dim, position);
            heads.into_iter().map(f64::from).collect()
        };
        let first = values(&format!("model.layers.{block}.input_layernorm.weight"));
        let second = values(&format!("model.layers.{block}.post_attention_layernorm.weight"));
        let (mut keys, mut all_values) = (Vec::new(), Vec::new());
        for (position, h) in stream.iter_mut().enumerate() {
            let x = norm(h, &first);
            let q = turned(linear(Linear::Query, &x), position);
            keys.push(turned(linear(Linear::Key, &x), position));
            all_values.push(linear(Linear::Value, &x));
            let d = config.head_dim;
            let mut mixed = Vec::new();
            for head in 0..config.heads {
                let (q, shared) = (&q[head * d..][..d], head / (config.heads / config.kv_heads) * d);
                let score =
                    |k: &Vec<f64>| q.iter().zip(&k[shared..]).map(|(q, k)| q * k).sum::<f64>() / (d as f64).sqrt();
                let weights: Vec<f64> = keys.iter().map(|k| score(k).exp()).collect();
                let sum: f64 = weights.iter().sum();
                mixed.extend(
                    (0..d)
                        .map(|at| weights.iter().zip(&all_values).map(|(w, v)| w / sum * v[shared + at]).sum::<f64>()),
                );
            }
            let out = linear(Linear::Output, &mixed);
            h.iter_mut().zip(out).for_each(|(h, out)| *h += out);
            let x = norm(h, &second);
            let (gate, up) = (linear(Linear::Gate, &x), linear(Linear::Up, &x));
            let gated: Vec<f64> = gate.iter().zip(up).map(|(g, up)| g / (1.0 + (-g).exp()) * up).collect();
            let out = linear(Linear::Down, &gated);
            h.iter_mut().zip(out).for_each(|(h, out)| *h += out);
        }
    }
}

/// XᵀX of what a layer reads in all windows, up to scale.
fn directly(model: &LanguageModel, windows: &Windows, wanted: LayerId) -> Vec<f64> {
    let inputs = model.shape(wanted).1;
    let mut sum = vec![0.0; inputs * inputs];
    for window in windows.iter() {
        plainly(model, window, &mut |id, x| {
            if id == wanted {
                for i in 0..inputs {
                    (0..inputs).for_each(|j| sum[i * inputs + j] += x[i] * x[j]);
                }
            }
        });
    }
    sum
}

#[test]
fn statistics_are_those_of_a_direct_computation() {
    let (model, expected) = small("llama3");
    let text = expected["text"].as_str().unwrap();
    let windows = Windows::from_text(&model, text, 10, None).unwrap();
    // Dense, and with every layer replaced when its stage has been seen, as sequential compression does it.
    for replacing in [false, true] {
        let (mut pass, mut changed, mut stages) = (CalibrationPass::new(&model, &windows).unwrap(), model.clone(), 0);
        loop {
            let layers = pass.layers();
            let Some(&first) = layers.first() else { break };
            let got = pass.statistics().unwrap().statistics.unwrap();
            let want = directly(&changed, &windows, first);
            let scale = f64::from(got.xtx().get(0, 0)) / want[0];
            let largest = want.iter().fold(0.0f64, |most, x| most.max(x.abs())) * scale;
            for (got, want) in got.xtx().as_slice().iter().zip(want) {
                assert!((f64::from(*got) - want * scale).abs() < 2e-5 * largest, "{first:?}: {got}");
            }
            if replacing {
                for id in layers {
                    let stored = model.layer(id).unwrap().weight;
                    let other = Arc::new(Matrix::from_fn(stored.rows(), stored.cols(), |i, j| {
                        if (i + j) % 3 == 0 { 0.0 } else { 1.1 * stored.get(i, j) }
                    }));
                    pass.replace(id, other.clone());
                    changed.replace(id, other);
                }
            }
            pass.advance().unwrap();
            stages += 1;
        }
        assert_eq!(stages, BlockStage::ALL.len() * model.config().blocks);
    }
}

#[test]
fn layers_put_back_leave_no_trace() {
    let (model, expected) = small("mistral");
    let windows = Windows::from_text(&model, expected["text"].as_str().unwrap(), 16, None).unwrap();
    let loss = |model: &LanguageModel| model.loss(&windows, &ignore_progress).unwrap().nll;
    let mut changed = model.clone();
    let id = LayerId::new(1, Linear::Down);
    changed.replace(id, Arc::new(Matrix::zeros(16, 24)));
    assert_ne!(loss(&changed), loss(&model));
    changed.restore(id);
    assert_eq!(loss(&changed), loss(&model));
}

/// A copy of a small model's folder, with something changed.
fn broken(change: impl FnOnce(&Path)) -> Error {
    let copy = tempfile::tempdir().unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        fs::copy(folder("llama3").join(file), copy.path().join(file)).unwrap();
    }
    change(copy.path());
    language::open(copy.path()).err().expect("it is broken")
}

fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let text = fs::read_to_string(folder.join(file)).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    fs::write(folder.join(file), text.replace(from, to)).unwrap();
}

#[test]
fn broken_folders_are_refused_with_the_reason() {
    let missing = broken(|folder| fs::remove_file(folder.join("tokenizer.json")).unwrap());
    assert!(matches!(missing, Error::Missing { file: "tokenizer.json", .. }), "{missing}");
    let missing = broken(|folder| fs::remove_file(folder.join("config.json")).unwrap());
    assert!(missing.to_string().contains("has no config.json"), "{missing}");
    let weights = broken(|folder| fs::remove_file(folder.join("model.safetensors")).unwrap());
    assert!(weights.to_string().contains("config.json, tokenizer.json"), "{weights}");
    let other = broken(|folder| edit(folder, "config.json", "LlamaForCausalLM", "BertForMaskedLM"));
    assert!(matches!(&other, Error::Architecture { architecture, .. } if architecture == "BertForMaskedLM"), "{other}");
    let shape = broken(|folder| edit(folder, "config.json", "\"intermediate_size\": 24", "\"intermediate_size\": 32"));
    assert!(
        shape.to_string().contains("gate_proj.weight has shape [24, 16] where config.json asks for [32, 16]"),
        "{shape}"
    );
    let blocks = broken(|folder| edit(folder, "config.json", "\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"));
    assert!(blocks.to_string().contains("model.layers.2"), "{blocks}");
    let tokenizer = broken(|folder| fs::write(folder.join("tokenizer.json"), "{}").unwrap());
    assert!(matches!(tokenizer, Error::Tokenizer { .. }), "{tokenizer}");
    let shard = broken(|folder| {
        fs::remove_file(folder.join("model.safetensors")).unwrap();
        let index = r#"{"weight_map":{"model.norm.weight":"model-00001-of-00002.safetensors"}}"#;
        fs::write(folder.join("model.safetensors.index.json"), index).unwrap();
    });
    assert!(shard.to_string().contains("model-00001-of-00002.safetensors"), "{shard}");
}

/// The small model `llama3` with its tensors changed, under other names or with other values.
fn with_tensors(config: &str, change: impl Fn(&str, &mut Vec<f32>) -> Option<String>) -> Result<LanguageModel, Error> {
    let (model, _) = small("llama3");
    let copy = tempfile::tempdir().unwrap();
    let mut tensors = Vec::new();
    for info in model.checkpoint().tensors() {
        let mut values = model.checkpoint().values(&info.name).unwrap();
        if let Some(name) = change(&info.name, &mut values) {
            tensors.push((name, info.shape.clone(), values));
        }
        // `change` is asked for tensors that are not there yet, by the name of the embedding.
        if info.name == "model.embed_tokens.weight" {
            let mut more = vec![0.5; values_in(&info.shape)];
            if let Some(name) = change("new", &mut more) {
                tensors.push((name, info.shape.clone(), more));
            }
        }
    }
    let views = tensors.iter().map(|(name, shape, values)| {
        let bytes = bytemuck::cast_slice(values);
        (name.clone(), safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes).unwrap())
    });
    fs::write(copy.path().join("model.safetensors"), safetensors::serialize(views, None).unwrap()).unwrap();
    fs::copy(folder("llama3").join("tokenizer.json"), copy.path().join("tokenizer.json")).unwrap();
    let mut json: Value = serde_json::from_slice(&fs::read(folder("llama3").join("config.json")).unwrap()).unwrap();
    let changes: Value = serde_json::from_str(config).unwrap();
    json.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    fs::write(copy.path().join("config.json"), json.to_string()).unwrap();
    language::open(copy.path())
}

fn values_in(shape: &[usize]) -> usize {
    shape.iter().product()
}

#[test]
fn names_may_lack_their_start_or_have_another_before_it() {
    let (model, expected) = small("llama3");
    let windows = Windows::from_text(&model, expected["text"].as_str().unwrap(), 16, None).unwrap();
    let dense = model.loss(&windows, &ignore_progress).unwrap();
    let renamed: [fn(&str) -> String; 4] = [
        |name| name.strip_prefix("model.").unwrap_or(name).to_owned(),
        |name| format!("_orig_mod.{name}"),
        |name| format!("base_model.model.{name}"),
        |name| name.replace("model.", "model.language_model."),
    ];
    for (at, rename) in renamed.iter().enumerate() {
        let same = with_tensors("{}", |name, _| (name != "new").then(|| rename(name))).unwrap();
        assert_eq!(same.loss(&windows, &ignore_progress).unwrap(), dense, "renaming {at}");
        assert_eq!(same.notes(), [], "renaming {at}");
        let id = LayerId::new(1, Linear::Key);
        assert_eq!(same.config().tensor(id), rename(&model.config().tensor(id)));
        assert_eq!(same.config().layers_in(&rename(&model.config().tensor(id))), [id]);
    }
}

#[test]
fn what_the_files_hold_beside_the_model_is_said() {
    let (model, expected) = small("llama3");
    let windows = Windows::from_text(&model, expected["text"].as_str().unwrap(), 16, None).unwrap();
    let loss = |model: &LanguageModel| model.loss(&windows, &ignore_progress).unwrap();
    // A head of its own counts although the configuration says that the embedding is one.
    let keep = |name: &str, _: &mut Vec<f32>| (name != "new").then(|| name.to_owned());
    let own = with_tensors(r#"{"tie_word_embeddings": true}"#, keep).unwrap();
    assert_eq!(loss(&own), loss(&model));
    assert_eq!(own.notes(), [Note::OwnHead { tensor: "lm_head.weight".into() }]);
    // One that is the same is no news, and none at all neither.
    let without = |name: &str, _: &mut Vec<f32>| (name != "new" && name != "lm_head.weight").then(|| name.to_owned());
    let tied = with_tensors(r#"{"tie_word_embeddings": true}"#, without).unwrap();
    assert_eq!(tied.notes(), []);
    assert_ne!(loss(&tied), loss(&model));
    let missing = with_tensors("{}", without).err().unwrap();
    assert!(missing.to_string().contains("lm_head.weight"), "{missing}");
    let more = |name: &str, _: &mut Vec<f32>| Some(if name == "new" { "extra.weight" } else { name }.to_owned());
    let more = with_tensors("{}", more).unwrap();
    assert_eq!(loss(&more), loss(&model));
    assert_eq!(more.notes()[0].to_string(), "1 tensor is not used by the computation: extra.weight");
    // What older versions of transformers saved and nobody needs is not worth a word.
    let computed = |name: &str, _: &mut Vec<f32>| {
        Some(if name == "new" { "model.layers.0.self_attn.rotary_emb.inv_freq" } else { name }.to_owned())
    };
    assert_eq!(with_tensors("{}", computed).unwrap().notes(), []);
}

#[test]
fn a_number_that_is_none_is_refused_where_it_is_used() {
    let (model, expected) = small("llama3");
    let text = expected["text"].as_str().unwrap();
    let windows = Windows::from_text(&model, text, 16, None).unwrap();
    let seen: std::collections::BTreeSet<u32> = windows.iter().flatten().copied().collect();
    let (used, unused) = (*seen.first().unwrap(), (0..40).find(|token| !seen.contains(token)).unwrap());
    let loss = |tensor: &'static str, at: usize| {
        let model = with_tensors("{}", move |name, values| {
            if name == tensor {
                values[at] = f32::NAN;
            }
            (name != "new").then(|| name.to_owned())
        });
        model.unwrap().loss(&windows, &ignore_progress)
    };
    for (tensor, at) in [
        ("model.norm.weight", 3),
        ("model.layers.1.input_layernorm.weight", 0),
        ("model.layers.0.self_attn.q_proj.bias", 2),
        ("model.layers.1.mlp.up_proj.weight", 5),
        ("lm_head.weight", 16 * unused as usize),
        ("model.embed_tokens.weight", 16 * used as usize + 1),
    ] {
        let error = loss(tensor, at).unwrap_err().to_string();
        assert!(error.contains(tensor) && error.contains("NaN"), "{error}");
    }
    // Of a token that the text does not have.
    let fine = loss("model.embed_tokens.weight", 16 * unused as usize).unwrap();
    assert_eq!(fine, model.loss(&windows, &ignore_progress).unwrap());
}

#[test]
fn texts_that_do_not_fit_are_refused() {
    let (model, _) = small("llama3");
    let error = |text, context| Windows::from_text(&model, text, context, None).unwrap_err();
    assert_eq!(error("w1 w2", 8), Error::TooShort { tokens: 3, context: 8 });
    assert_eq!(error("w1 w2", 1), Error::Context { context: 1 });
    let foreign = Windows::from_tokens(&model, vec![0, 40], 2, None).unwrap_err();
    assert_eq!(foreign, Error::Token { token: 40, vocabulary: 40 });
    // A last window that is not full is left out; spread ones are at equal distances.
    let windows = Windows::from_tokens(&model, (0..39).collect(), 5, None).unwrap();
    assert_eq!((windows.len(), windows.predicted()), (7, 28));
    let spread: Vec<u32> = windows.evenly_spaced(3).iter().map(|window| window[0]).collect();
    assert_eq!(spread, [0, 10, 20]);
}

#[test]
fn numbers_that_run_away_are_noticed() {
    let (mut model, expected) = small("llama3");
    let windows = Windows::from_text(&model, expected["text"].as_str().unwrap(), 16, None).unwrap();
    model.replace(LayerId::new(1, Linear::Down), Arc::new(Matrix::from_fn(16, 24, |_, _| f32::INFINITY)));
    assert_eq!(model.loss(&windows, &ignore_progress), Err(Error::NotFinite { block: 1 }));
    let ends = model.embedding_and_head().unwrap();
    assert!(ResidualStreams::embed(&ends, &windows).is_ok());
}

/// What the built-in model is for: near what its language allows, and hurt by pruning.
#[test]
fn the_built_in_model_is_near_its_floor_and_needs_its_weights() {
    let model = language::example();
    let excerpt = language::example_held_out(40, 256);
    let windows = Windows::from_text(&model, &excerpt.text, 256, None).unwrap();
    assert_eq!((windows.len(), windows.predicted()), (40, excerpt.predicted));
    let dense = model.loss(&windows, &ignore_progress).unwrap().perplexity();
    assert!(dense > excerpt.floor() && dense < 1.15 * excerpt.floor(), "{dense}, floor {}", excerpt.floor());
    let mut pruned = model.clone();
    for id in model.layers() {
        let weight = model.layer(id).unwrap().weight;
        pruned.replace(id, Arc::new(dsf_explorer::matrix::keep_largest(&weight, weight.len() / 4)));
    }
    let pruned = pruned.loss(&windows, &ignore_progress).unwrap().perplexity();
    assert!(pruned > 2.0 * dense, "{pruned} after pruning, {dense} before");
}
