//! A guided tour: cards over the real window. Each sets up what it speaks of, points at it, and leaves the person free.

use crate::app::explorer::Explorer;
use crate::app::state::action::Action;
use crate::app::state::run::Subject;
use crate::app::state::workspace::Pane;
use crate::app::widgets::colors;
use crate::app::widgets::marks::{frame, scroll_to};
use crate::app::widgets::picture::Shade;
use crate::app::widgets::words::{paragraphs, words};
use crate::factorize::{Preset, Schedule, Settings, Start};
use crate::matrix::Arrangement;
use eframe::egui::{Align2, Context, Key, Modifiers, Window};

/// How many cards there are.
const CARDS: usize = 8;

/// Which card is on the table.
#[derive(Default)]
pub struct Tour {
    card: Option<usize>,
    /// Whether its scene is still to be set.
    to_set: bool,
    /// Whether the example was asked for.
    asked: bool,
}

impl Tour {
    /// From the first card.
    pub fn start(&mut self) {
        self.go_to(1);
    }

    /// On to this card, from 1; beyond the last the tour is over.
    pub fn go_to(&mut self, card: usize) {
        self.card = (1..=CARDS).contains(&card).then_some(card);
        (self.to_set, self.asked) = (self.card.is_some(), false);
    }

    /// The card, from 1, and how many there are.
    pub fn card(&self) -> Option<(usize, usize)> {
        self.card.map(|card| (card, CARDS))
    }

    /// Ends it.
    pub fn close(&mut self) -> bool {
        self.card.take().is_some()
    }
}

/// What a card points at.
fn points_at(card: usize) -> &'static [&'static str] {
    match card {
        1 => &["Density", "W − A·B"],
        2 => &["Paths", "A·B"],
        3 => &["Density", "Split", "Own split"],
        4 => &["One half-step", "Pause or resume", "A", "B"],
        5 => &["ρ₀ schedule", "Curves"],
        6 => &["Start", "Curves", "Runs"],
        7 => &["Density", "Curves"],
        _ => &["Model", "Story"],
    }
}

impl Explorer {
    /// The card and its frames; before that its scene, once the example is there.
    pub(in crate::app) fn tour_ui(&mut self, ctx: &Context) {
        let Some(card) = self.tour.card else { return };
        if self.tour.to_set && self.set_scene(ctx, card) {
            self.tour.to_set = false;
            points_at(card).iter().take(1).for_each(|name| scroll_to(ctx, name));
        }
        frame(ctx, points_at(card), colors::DSF);
        let words = words(&format!("tour {card}"));
        let mut to = None;
        let title = format!("{card} of {CARDS}");
        let mut open = true;
        let window = Window::new(title).id(eframe::egui::Id::unique("tour")).open(&mut open);
        let window = window.collapsible(false).resizable(false).default_width(340.0);
        // Over the list of runs, which is the least missed; it can be moved.
        let room = ctx.content_rect();
        let right = if self.workspace.is_narrow() { 8.0 } else { 0.22 * room.width() + 8.0 };
        window.pivot(Align2::RIGHT_BOTTOM).default_pos(room.right_bottom() - eframe::egui::vec2(right, 40.0)).show(
            ctx,
            |ui| {
                ui.heading(words.title);
                paragraphs(ui, words.text);
                ui.separator();
                ui.horizontal_wrapped(|ui| {
                    if ui.add_enabled(card > 1, eframe::egui::Button::new("Back")).clicked() {
                        to = Some(card - 1);
                    }
                    let next = if card < CARDS { "Next" } else { "Done" };
                    if ui.button(next).on_hover_text("Space, or →").clicked() {
                        to = Some(card + 1);
                    }
                    if ui.button("Set this up again").on_hover_text("The scene of this card, as it was").clicked() {
                        to = Some(card);
                    }
                });
            },
        );
        if let Some(card) = to {
            self.tour.go_to(card);
            self.queue.clear();
        }
        if !open {
            self.tour.close();
            self.queue.clear();
        }
    }

    /// Keys of the tour, before those of the window.
    pub(in crate::app) fn tour_keys(&mut self, ctx: &Context, free: bool) {
        let Some(card) = self.tour.card.filter(|_| free) else { return };
        let pressed = |key| ctx.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        let to = match () {
            () if pressed(Key::Space) || pressed(Key::ArrowRight) => card + 1,
            () if pressed(Key::ArrowLeft) => card.saturating_sub(1).max(1),
            () => return,
        };
        self.queue.clear();
        self.tour.go_to(to);
    }

    /// What the card speaks of; false while the example is not there yet.
    fn set_scene(&mut self, ctx: &Context, card: usize) -> bool {
        let of_example = |subject: &Subject| subject.origin == crate::model::EXAMPLE_NAME;
        if !self.is_example() || !self.subject.as_ref().is_some_and(of_example) {
            if !std::mem::replace(&mut self.tour.asked, true) && !self.is_example() {
                self.perform(ctx, Action::Example);
            }
            return false;
        }
        let fast = Settings { density: 0.25, ..Preset::Fast.settings() };
        self.workspace.show(Pane::W);
        (self.saved.looks.shade, self.saved.looks.arrangement) = (Shade::Value, Arrangement::Stored);
        match card {
            1 => self.run_with(ctx, Settings { density: 0.5, ..fast }),
            2 => {
                self.run_with(ctx, fast);
                self.show(Pane::Paths);
                self.views.pin(20, 30);
            }
            3 => self.run_with(ctx, Settings { density: 0.5, outer: 20, ..Preset::Published.settings() }),
            4 => {
                // Many iterations, so that there is something left to step through.
                self.run_with(ctx, Settings { outer: 40, ..fast });
                self.tell_shown(crate::job::Command::Pause);
            }
            5 => {
                let published = Settings { density: 0.25, ..Preset::Published.settings() };
                self.pair(
                    ctx,
                    [
                        (published.clone(), "cubic ρ₀"),
                        (Settings { schedule: Schedule::None, ..published }, "no annealing"),
                    ],
                );
            }
            6 => {
                let published = Settings { density: 0.25, ..Preset::Published.settings() };
                let start = |start| Settings { start, ..published.clone() };
                self.pair(ctx, [(start(Start::Random), "random start"), (start(Start::Svd), "SVD start")]);
            }
            7 => {
                self.run_with(ctx, Settings { density: 0.3, ..fast });
                self.show(Pane::Curves);
            }
            _ => {
                self.run_with(ctx, fast);
                self.show(Pane::Model);
                self.show(Pane::Story);
            }
        }
        true
    }

    fn run_with(&mut self, ctx: &Context, settings: Settings) {
        self.queue.clear();
        self.settings = settings;
        self.start(ctx, true);
    }

    /// Two runs beside each other in the list: the second begins when the first is over.
    fn pair(&mut self, ctx: &Context, runs: [(Settings, &str); 2]) {
        self.show(Pane::Curves);
        self.queue = runs.into_iter().map(|(settings, name)| (settings, name.to_owned())).collect();
        self.next_queued(ctx);
    }

    /// Starts the next of the runs that wait, when none goes on.
    pub(in crate::app) fn next_queued(&mut self, ctx: &Context) {
        if self.queue.is_empty() || self.runs.iter().any(|run| run.is_active() && !run.live) {
            return;
        }
        let (settings, name) = self.queue.remove(0);
        self.settings = settings;
        let number = self.next_number;
        self.start(ctx, false);
        if let Some(run) = self.runs.last_mut().filter(|run| run.number == number) {
            run.name = name;
        }
    }
}
