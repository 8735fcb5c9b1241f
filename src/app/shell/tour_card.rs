//! The card of the tour that is on the table, and frames around what it speaks of.

use crate::app::explorer::Explorer;
use crate::app::state::command::Command;
use crate::app::state::tour::points_at;
use crate::app::widgets::colors;
use crate::app::widgets::marks::frame;
use crate::app::widgets::words::{paragraphs, words};
use eframe::egui::{Align2, Button, Context, Id, Window, vec2};

impl Explorer {
    /// The card and its frames; before that its scene, once the example is there.
    pub(super) fn tour_ui(&mut self, ctx: &Context) {
        self.set_tour_scene(ctx);
        let Some((card, cards)) = self.shell.tour.card() else { return };
        frame(ctx, points_at(card), colors::DSF);
        let words = words(&format!("tour {card}"));
        let (mut to, mut open) = (None, true);
        let window = Window::new(format!("{card} of {cards}")).id(Id::unique("tour")).open(&mut open);
        let window = window.collapsible(false).resizable(false).default_width(340.0);
        // Over the list of runs, which is the least missed; it can be moved.
        let room = ctx.content_rect();
        let right = if self.shell.workspace.is_narrow() { 8.0 } else { 0.22 * room.width() + 8.0 };
        let window = window.pivot(Align2::RIGHT_BOTTOM).default_pos(room.right_bottom() - vec2(right, 40.0));
        window.show(ctx, |ui| {
            ui.heading(words.title);
            paragraphs(ui, words.text);
            ui.separator();
            ui.horizontal_wrapped(|ui| {
                if ui.add_enabled(card > 1, Button::new("Back")).clicked() {
                    to = Some(card - 1);
                }
                let next = if card < cards { "Next" } else { "Done" };
                if ui.button(next).on_hover_text("Space, or →").clicked() {
                    to = Some(card + 1);
                }
                if ui.button("Set this up again").on_hover_text("The scene of this card, as it was").clicked() {
                    to = Some(card);
                }
            });
        });
        // There is no card 0.
        let to = if open { to } else { Some(0) };
        to.into_iter().for_each(|card| self.perform(ctx, Command::GoToCard(card)));
    }
}
