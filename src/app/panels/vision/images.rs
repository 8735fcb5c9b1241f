//! Images with the dense network's answers and those of the changed one.

use super::answers::Answers;
use super::changed::{changed, changed_ui};
use super::info::info_ui;
use crate::app::panels::state::State;
use crate::app::state::command::Command;
use crate::app::state::hints::sentence;
use crate::app::state::vision_command::VisionCommand;
use crate::app::tasks::vision::network_set::NetworkInfo;
use crate::app::tasks::vision::samples::Samples;
use crate::app::widgets::atlas::Atlas;
use crate::app::widgets::regions::scroll_ui;
use crate::vision::{Evaluation, Pictures};
use eframe::egui::{Color32, ColorImage, ScrollArea, Ui, vec2};
use std::sync::Arc;

/// Images that are shown at first, and that come with each *More*.
const PORTION: usize = 48;

/// Which images are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Shown {
    #[default]
    All,
    Changed,
    Wrong,
}

/// The panel's own state.
#[derive(Default)]
pub struct ImagesPanel {
    shown: Shown,
    /// Number of portions.
    more: usize,
    atlas: Option<(Arc<Samples>, Atlas)>,
}

impl ImagesPanel {
    /// Draws the grid of images; those whose answer has changed come first.
    pub fn ui(&mut self, ui: &mut Ui, state: &State) -> Option<Command> {
        let info = match info_ui(ui, state) {
            Ok(info) => info,
            Err(command) => return command,
        };
        let Some(dense) = state.vision.dense() else {
            let words =
                if info.images.is_some() { "Not measured yet" } else { "Give images to see what the network sees" };
            ui.centered_and_justified(|ui| ui.weak(words));
            return None;
        };
        let now = changed(state).filter(|now| now.images() == dense.images());
        let asked = changed_ui(ui, state, info);
        ui.horizontal_wrapped(|ui| self.shown_ui(ui, dense, now));
        let places = places(dense, now, self.shown);
        let count = places.len().min(PORTION * (1 + self.more));
        let wanted = places[..count].to_vec();
        scroll_ui(ui, ScrollArea::vertical().auto_shrink(false), |ui| {
            self.grid_ui(ui, state, info, dense, now);
            if count < places.len() && ui.button("More").clicked() {
                self.more += 1;
            }
        });
        let command = asked.unwrap_or(VisionCommand::ShowImages(wanted));
        Some(Command::Vision(command))
    }

    /// Which images, and how many there are of each kind.
    fn shown_ui(&mut self, ui: &mut Ui, dense: &Evaluation, now: Option<&Evaluation>) {
        for (shown, title, why) in [
            (Shown::All, "All", "Those whose answer has changed first"),
            (Shown::Changed, "Changed", "Those whose answer is another one than the dense network's"),
            (Shown::Wrong, "Wrong", "Those whose answer is wrong now"),
        ] {
            if shown == Shown::Wrong && !dense.is_labelled() {
                continue;
            }
            let text = format!("{title} ({})", places(dense, now, shown).len());
            if ui.selectable_label(self.shown == shown, text).on_hover_text(why).clicked() {
                (self.shown, self.more) = (shown, 0);
            }
        }
    }

    fn grid_ui(
        &mut self,
        ui: &mut Ui,
        state: &State,
        info: &NetworkInfo,
        dense: &Evaluation,
        now: Option<&Evaluation>,
    ) {
        let Some((places, samples)) = state.vision.samples() else {
            ui.weak("Reading images…");
            return;
        };
        let pictures = match &**samples {
            Ok(pictures) => pictures,
            Err(why) => {
                ui.colored_label(ui.visuals().error_fg_color, sentence(why));
                return;
            }
        };
        if self.atlas.as_ref().is_none_or(|(of, _)| !Arc::ptr_eq(of, samples)) {
            self.atlas = Some((samples.clone(), Atlas::new(ui.ctx(), "images", &tiles(pictures))));
        }
        let Some((_, atlas)) = &self.atlas else { return };
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(6.0, 6.0);
            for (at, &place) in places.iter().enumerate() {
                let answers = Answers::of(info, dense, now, place);
                answers.ui(ui, atlas.tile(at));
            }
        });
    }
}

/// Places of the images to show. Those whose answer has changed come first: of these those that were right, so that what was
/// lost is seen at once.
fn places(dense: &Evaluation, now: Option<&Evaluation>, shown: Shown) -> Vec<usize> {
    let now = now.unwrap_or(dense);
    let is_changed = |at: usize| dense.answers[at] != now.answers[at];
    let is_right = |of: &Evaluation, at: usize| of.labels.get(at) == Some(&of.answers[at]);
    let mut places: Vec<usize> = (0..dense.images())
        .filter(|&at| match shown {
            Shown::All => true,
            Shown::Changed => is_changed(at),
            Shown::Wrong => !is_right(now, at),
        })
        .collect();
    places.sort_by_key(|&at| (!is_changed(at), !is_right(dense, at)));
    places
}

/// The pictures as images.
fn tiles(pictures: &Pictures) -> Vec<ColorImage> {
    let (height, width) = (pictures.height, pictures.width);
    let plane = height * width;
    let of = |picture: &[u8]| {
        let pixels = (0..plane).map(|at| Color32::from_rgb(picture[at], picture[plane + at], picture[2 * plane + at]));
        ColorImage::new([width, height], pixels.collect())
    };
    pictures.pixels.chunks_exact(pictures.values().max(1)).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matrix::Matrix;

    fn evaluation(answers: &[usize], labels: &[usize]) -> Evaluation {
        let logits = Matrix::from_fn(answers.len(), 3, |at, class| if answers[at] == class { 1.0 } else { 0.0 });
        let mut made = Evaluation::default();
        made.add(&logits, labels).unwrap();
        made
    }

    #[test]
    fn what_has_changed_comes_first() {
        let labels = [0, 0, 1, 2, 2];
        let dense = evaluation(&[0, 1, 1, 2, 0], &labels);
        let now = evaluation(&[0, 0, 2, 1, 0], &labels);
        // 2 and 3 were right, 1 was wrong; 0 and 4 stay.
        assert_eq!(places(&dense, Some(&now), Shown::All), [2, 3, 1, 0, 4]);
        assert_eq!(places(&dense, Some(&now), Shown::Changed), [2, 3, 1]);
        assert_eq!(places(&dense, Some(&now), Shown::Wrong), [2, 3, 4]);
        assert_eq!(places(&dense, None, Shown::Changed), [0; 0]);
        let unlabelled = [evaluation(&[0, 1], &[]), evaluation(&[1, 1], &[])];
        assert_eq!(places(&unlabelled[0], Some(&unlabelled[1]), Shown::Changed), [0]);
    }

    #[test]
    fn pictures_become_images() {
        let pictures =
            Pictures { height: 1, width: 2, pixels: vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], labels: vec![] };
        let tiles = tiles(&pictures);
        assert_eq!((tiles.len(), tiles[1].size), (2, [2, 1]));
        assert_eq!(tiles[1].pixels, [Color32::from_rgb(7, 9, 11), Color32::from_rgb(8, 10, 12)]);
    }
}
