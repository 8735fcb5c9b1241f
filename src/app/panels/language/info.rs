//! What the panels say while there is no language model.

use crate::app::panels::state::State;
use crate::app::state::hints::sentence;
use crate::app::tasks::language::eval_set::ModelInfo;
use eframe::egui::Ui;

/// Description of what can be opened as a language model.
const WHICH: &str = "A Hugging Face folder is one: config.json, tokenizer.json and the weights of a decoder such as Llama, Qwen, \
                     Gemma, Phi, OPT or GPT-2";

/// Returns the facts about the model; shows why there is none.
pub fn info_ui<'a>(ui: &mut Ui, state: &'a State) -> Option<&'a ModelInfo> {
    let model = state.language.model();
    match model.read_info() {
        Some(Ok(info)) => {
            let open = state.document.checkpoint.as_ref().filter(|open| !model.is_of(open));
            if let (Some(open), Some(name)) = (open, model.name()) {
                ui.label(format!("{name}, which was opened before: {} is no language model", open.name()));
            }
            return Some(info);
        }
        Some(Err(why)) => {
            ui.weak("What is open is not used as a language model").on_hover_text(WHICH);
            ui.label(sentence(why));
        }
        None if model.is_there() => _ = ui.weak("Reading the model…"),
        None => {
            ui.label("No language model is open");
            ui.weak(WHICH);
        }
    }
    None
}
