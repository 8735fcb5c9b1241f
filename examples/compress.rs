//! Compresses the built-in language model to 30 % of its weights: `cargo run --example compress`

use dsf_explorer::compress::{self, Inputs, Plan};
use dsf_explorer::factorize::Preset;
use dsf_explorer::language::{self, Windows};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // `language::open(folder)` opens a Hugging Face folder, `Windows::from_text` takes any text.
    let model = language::example();
    let calibration = language::example_calibration(&model, 16, 128)?;
    let held_out = language::example_held_out(16, 128);
    let text = Windows::from_text(&model, &held_out.text, 128, None)?;

    let plan = Plan::new(Preset::Fast, 0.3);
    let inputs = Inputs::Windows(calibration);
    let compressed = compress::compress_model(&model, &plan, &inputs, &|_| true)?.ok_or("cancelled")?;

    for layer in &compressed.layers {
        println!("{:32} layer-wise error {:.5}", layer.report.stem(), layer.report.layer_error.unwrap_or(f64::NAN));
    }
    let perplexity =
        |model: &language::LanguageModel| Ok::<_, language::Error>(model.loss(&text, &|_, _| true)?.perplexity());
    println!("perplexity: dense {:.3}, compressed {:.3}", perplexity(&model)?, perplexity(&compressed.model)?);
    println!("the language's own: {:.3}", held_out.floor());
    Ok(())
}
