//! What the panels say while there is no vision model.

use crate::app::panels::state::State;
use crate::app::state::command::Command;
use crate::app::state::hints::sentence;
use crate::app::state::vision_command::VisionCommand;
use crate::app::tasks::vision::network_set::NetworkInfo;
use eframe::egui::Ui;

/// Description of what can be opened as a vision model.
const WHICH: &str = "A residual network is one: the weights of torchvision, timm or Hugging Face's ResNetForImageClassification, \
                     of any width and depth";

/// Returns the facts about the network; shows why there is none, and what can be done about it.
pub fn info_ui<'a>(ui: &mut Ui, state: &'a State) -> Result<&'a NetworkInfo, Option<Command>> {
    let model = state.vision.model();
    match model.read_info() {
        Some(Ok(info)) => {
            let open = state.document.checkpoint.as_ref().filter(|open| !model.is_of(open));
            if let (Some(open), Some(name)) = (open, model.name()) {
                ui.weak(format!("{name}, which was opened before {}", open.name()));
            }
            return Ok(info);
        }
        Some(Err(why)) => {
            ui.weak("What is open is not used as a vision model").on_hover_text(WHICH);
            ui.label(sentence(why));
        }
        None if model.is_there() => {
            ui.weak("Reading the network…");
            return Err(None);
        }
        None => {
            ui.label("No vision model is open");
            ui.weak(WHICH);
        }
    }
    let button =
        ui.button("Open the built-in network").on_hover_text("A small one that tells drawn shapes and letters apart");
    Err(button.clicked().then_some(Command::Vision(VisionCommand::OpenExample)))
}
