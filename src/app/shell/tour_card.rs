//! The card of the tour that is on the table, and frames around what it speaks of.

use crate::app::explorer::Explorer;
use crate::app::state::command::Command;
use crate::app::state::tour::points_at;
use crate::app::widgets::beside::beside;
use crate::app::widgets::colors;
use crate::app::widgets::marks::{frame, seen};
use crate::app::widgets::regions::{TOUR_CARD, region};
use crate::app::widgets::words::{paragraphs, words};
use eframe::egui::{Align, Button, Context, Id, Layout, Panel, Rect, ScrollArea, Ui, Vec2, Window, WindowDrag, vec2};

/// Size of a card that was not drawn yet.
const CARD: Vec2 = vec2(330.0, 270.0);

impl Explorer {
    /// In a narrow window, where there is no place beside the panels: the card below them, which make room for it.
    pub(super) fn docked_tour_ui(&mut self, ui: &mut Ui) {
        let Some((card, cards)) = self.shell.tour.card().filter(|_| self.shell.workspace.is_narrow()) else { return };
        let most = 0.4 * ui.ctx().content_rect().height();
        let to = Panel::bottom("tour card").resizable(false).show(ui, |ui| {
            region(ui, TOUR_CARD, |ui| {
                let mut closed = false;
                ui.horizontal(|ui| {
                    ui.strong(words(&format!("tour {card}")).title);
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        closed = ui.button("✖").on_hover_text("End the tour").clicked();
                        ui.label(format!("{card} of {cards}"));
                    });
                });
                let text = ScrollArea::vertical().max_height(most - 70.0).min_scrolled_height(40.0);
                text.show(ui, |ui| paragraphs(ui, words(&format!("tour {card}")).text));
                let to = buttons_ui(ui, card, cards);
                // There is no card 0.
                if closed { Some(0) } else { to }
            })
        });
        to.inner.into_iter().for_each(|card| self.perform(ui.ctx(), Command::GoToCard(card)));
    }

    /// The frames, and the card beside them in the room of the panels; before that its scene, once the example is there.
    pub(super) fn tour_ui(&mut self, ctx: &Context, room: Rect) {
        // What it points at moves to its place first.
        if self.set_tour_scene(ctx) {
            return;
        }
        let Some((card, cards)) = self.shell.tour.card() else { return };
        let places: Vec<Rect> = points_at(card).iter().filter_map(|target| seen(ctx, &target.mark())).collect();
        frame(ctx, &places, colors::DSF);
        if self.shell.workspace.is_narrow() {
            return;
        }
        let (mut to, mut open) = (None, true);
        let window = Window::new(format!("{card} of {cards}")).id(Id::unique(("tour", card))).open(&mut open);
        let window = window.collapsible(false).resizable(false).default_width(CARD.x);
        card_window(ctx, window, card, room, &places).show(ctx, |ui| {
            region(ui, TOUR_CARD, |ui| {
                ui.heading(words(&format!("tour {card}")).title);
                paragraphs(ui, words(&format!("tour {card}")).text);
                ui.separator();
                to = buttons_ui(ui, card, cards);
            });
        });
        let to = if open { to } else { Some(0) };
        to.into_iter().for_each(|card| self.perform(ctx, Command::GoToCard(card)));
    }
}

/// Puts the card where it covers nothing that it speaks of. It can be moved, but not over that.
fn card_window<'a>(ctx: &Context, window: Window<'a>, card: usize, room: Rect, places: &[Rect]) -> Window<'a> {
    let area = ctx.memory(|memory| memory.area_rect(Id::unique(("tour", card))));
    let Some(area) = area else { return window.default_pos(beside(room, CARD, places)) };
    let covers = places.iter().any(|place| place.intersects(area)) || !room.expand(2.0).contains_rect(area);
    let held = ctx.input(|input| input.pointer.any_down());
    if !covers || held {
        return window;
    }
    // egui 0.37 moves no window that is dragged by its title only.
    window.drag_area(WindowDrag::Anywhere).current_pos(beside(room, area.size(), places))
}

/// Back, next, once more; gives the card to go to.
fn buttons_ui(ui: &mut Ui, card: usize, cards: usize) -> Option<usize> {
    let mut to = None;
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
    to
}
