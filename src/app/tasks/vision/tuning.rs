//! What the values of a network are tuned on.

use super::images;
use super::lazy_network::{LazyNetwork, network_set};
use super::network_set::VisionSource;
use crate::app::state::error::Error;
use crate::app::tasks::whole_model::tuning::tune::TunedSource;
use crate::finetune::{ImageLoss, Images, Settings, Tuning, VisionTask};
use crate::hint::Failure;
use crate::matrix::Replacement;
use crate::vision::VisionModel;
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
