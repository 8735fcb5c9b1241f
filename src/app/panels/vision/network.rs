//! The vision model: its layers, what is done with them, and what becomes of its accuracy.

use super::accuracy::{accuracy_ui, trail_ui};
use super::budget::budget_ui;
use super::compression::commands_ui;
use super::info::info_ui;
use super::layers::layers_ui;
use super::tradeoff::tradeoff_ui;
use super::tuning::tuning_ui;
use crate::app::panels::save_to::SaveTo;
use crate::app::panels::state::State;
use crate::app::panels::whole_model::commands::{pending_ui, progress_ui};
use crate::app::panels::whole_model::typed_source::TypedSource;
use crate::app::platform::{HAS_FOLDERS, SaveTarget};
use crate::app::state::command::Command;
use crate::app::state::model_command::ModelCommand;
use crate::app::state::vision_command::VisionCommand;
use crate::app::tasks::vision::network_set::NetworkInfo;
use crate::app::widgets::regions::scroll_ui;
use eframe::egui::{CollapsingHeader, ScrollArea, Ui};
use std::collections::BTreeSet;

/// The panel's own state.
#[derive(Default)]
pub struct NetworkPanel {
    /// Number of the network that it is about: with another one it begins anew.
    network: usize,
    ticked: BTreeSet<usize>,
    images: TypedSource,
    save_to: SaveTo,
    /// Whether the losses of a tuning are shown in nats, not as accuracies.
    as_loss: bool,
    /// Whether compressions are compared by multiplications, not by weights.
    over_work: bool,
}

impl NetworkPanel {
    /// Returns the target that the network is to be written to.
    pub fn save_target(&self) -> SaveTarget {
        self.save_to.target()
    }

    /// Draws the panel of the network's layers.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Option<Command> {
        let network = state.vision.model().models();
        if self.network != network {
            *self = Self { network, ..Self::default() };
        }
        let info = match info_ui(ui, state) {
            Ok(info) => info,
            Err(command) => return command,
        };
        let pending = pending_ui(ui, &state.vision, "Stay with this network").map(VisionCommand::from);
        // In a small panel what it is about scrolls away, so that the layers can be seen.
        let scroll = ScrollArea::both().id_salt("network").auto_shrink(false);
        let (asked, layer) = scroll_ui(ui, scroll, |ui| self.contents(ui, state, info));
        pending.or(asked).map(Command::Vision).or(layer)
    }

    fn contents(&mut self, ui: &mut Ui, state: &State, info: &NetworkInfo) -> (Option<VisionCommand>, Option<Command>) {
        let measure = accuracy_ui(ui, state, info);
        let row = ui.horizontal_wrapped(|ui| {
            let asked = commands_ui(ui, state, info, &self.ticked);
            budget_ui(ui, state, info).or(asked)
        });
        progress_ui(ui, &state.vision, NetworkInfo::label);
        let header = CollapsingHeader::new("Images to measure on").default_open(info.images.is_none());
        let images = header.show(ui, |ui| ui.horizontal_wrapped(|ui| self.images_ui(ui, state, info)).inner);
        let save = self.save_ui(ui, state);
        let tune = tuning_ui(ui, state, &mut self.as_loss);
        trail_ui(ui, state);
        tradeoff_ui(ui, state, &mut self.over_work);
        let layer = layers_ui(ui, state, info, &mut self.ticked);
        let of_any = measure.or(row.inner).or(tune).map(VisionCommand::from);
        (of_any.or(images.body_returned.flatten()).or(save), layer)
    }

    fn save_ui(&mut self, ui: &mut Ui, state: &State) -> Option<VisionCommand> {
        let possible = !state.vision.layers().is_empty() && !state.vision.is_working();
        let why_not = state.vision.why_busy().unwrap_or("Compress layers first, and name a folder");
        let hint = "A network that timm, torchvision or transformers load, with batch normalization estimated anew where there are \
                    images and it was not tuned, and with the factors beside it";
        self.save_to.ui(ui, "Save the network", hint, (possible, why_not)).then_some(VisionCommand::Save)
    }

    /// Draws the choice of images.
    fn images_ui(&mut self, ui: &mut Ui, state: &State, info: &NetworkInfo) -> Option<VisionCommand> {
        let mut command = None;
        let kinds = "One of CIFAR-10's binary files (.bin), or an array of bytes [n, 3, height, width] (.npy)";
        if ui.button("Images…").on_hover_text(kinds).clicked() {
            command = Some(VisionCommand::BrowseImages);
        }
        let folders = "With a folder for the PNG and JPEG files of each class, or with CIFAR-10's binary files";
        if HAS_FOLDERS && ui.button("Folder…").on_hover_text(folders).clicked() {
            command = Some(VisionCommand::BrowseImageFolder);
        }
        let why = "Images from all over it measure the network, others among them give the layers' inputs";
        if let Some(images) = self.images.ui(ui, "Image file", "Use these images", why) {
            command = Some(ModelCommand::ReadData(Some(images)).into());
        }
        let own = info.own_images || info.images_problem.is_some();
        if own && state.vision.model().is_example() && ui.button("Back to the network's own images").clicked() {
            command = Some(ModelCommand::ReadData(None).into());
        }
        command
    }
}
