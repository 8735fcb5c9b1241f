//! Tuning the values of the compressed layers of the open network.

use super::images;
use super::lazy_network::{LazyNetwork, network_set};
use super::network_set::VisionSource;
use super::vision_state::VisionModelState;
use crate::app::state::error::Error;
use crate::app::state::tuning_command::TuningCommand;
use crate::app::tasks::tuning::model_tuning::ModelTuning;
use crate::app::tasks::tuning::tune::TunedSource;
use crate::finetune::{ImageLoss, Images, Settings, Tuning, VisionTask};
use crate::hint::Failure;
use crate::matrix::Replacement;
use crate::vision::VisionModel;
use eframe::egui::Context;
use std::collections::BTreeMap;
use std::sync::Arc;

impl TunedSource for VisionSource {
    const TUNING: &'static str = "tune network";
    type Model = VisionModel;
    type Subject = ImageLoss;

    fn tuning_settings() -> Settings {
        Settings::for_vision()
    }

    fn dense(opened: &LazyNetwork) -> Result<&VisionModel, Failure> {
        network_set(opened).map(|set| &set.model)
    }

    /// On the images that the page does not measure on; for the built-in network on pictures without end.
    fn tuning(
        opened: &LazyNetwork,
        model: VisionModel,
        layers: BTreeMap<usize, Replacement>,
        settings: Settings,
    ) -> Result<Tuning<ImageLoss>, Failure> {
        let set = network_set(opened)?;
        let measured = set.measured.as_ref().ok_or(Error::NoImages)?;
        let images = match opened.source().images.as_ref().filter(|_| set.own_images()) {
            Some(source) => {
                let pictures = Arc::new(images::training(source, &set.model)?);
                Images::Pictures { pictures, augment: set.augment }
            }
            None => Images::Glyphs,
        };
        let held_out = measured.read(0..measured.len())?.pictures;
        Ok(Tuning::new(VisionTask { network: model.network()?, layers, images, held_out }, settings)?)
    }
}

/// Tuning the values of the compressed layers.
impl VisionModelState {
    /// The tuning: its settings, what goes on, what became of the losses.
    pub fn tuning(&self) -> &ModelTuning<VisionSource> {
        &self.tuning
    }

    /// Why the layers cannot be tuned now.
    pub fn no_tuning(&self) -> Option<&'static str> {
        let Some(info) = self.info() else { return Some("no vision model is open") };
        match () {
            () if !info.calibrates() => Some("Give images first, under Images to measure on"),
            () if !info.is_labelled => Some("The images' classes are not known: give a folder with one for each class"),
            () if self.layers.is_empty() => Some("Compress layers first: what replaces them is tuned"),
            () => self.why_busy(),
        }
    }

    /// Does what is asked for of the tuning; in a sentence why not.
    pub fn tune(&mut self, ctx: &Context, command: TuningCommand, threads: Option<usize>) -> Result<(), &'static str> {
        let model = match self.no_tuning() {
            Some(why) => Err(why),
            None => self.open.lazy().cloned().ok_or("no vision model is open"),
        };
        self.tuning.perform((ctx, threads), command, model, &mut self.layers, &mut self.problem)
    }
}
