//! The guided tour: which card is on the table.

use super::action::Action;
use super::pane::Pane;

/// Number of cards.
pub const CARDS: usize = 10;

/// The card about the vision model.
pub const VISION_CARD: usize = 10;

/// State of the tour: the card on the table.
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

    /// The card whose scene is still to be set.
    pub fn to_set(&self) -> Option<usize> {
        self.card.filter(|_| self.to_set)
    }

    /// The scene of the card is set.
    pub fn is_set(&mut self) {
        self.to_set = false;
    }

    /// Whether the example is to be asked for: once for each card.
    pub fn asks_for_example(&mut self) -> bool {
        !std::mem::replace(&mut self.asked, true)
    }

    /// Ends the tour; returns whether it was open.
    pub fn close(&mut self) -> bool {
        self.card.take().is_some()
    }
}

/// What a card points at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// A whole panel.
    Panel(Pane),
    /// The control with this label, in this panel.
    Control(Pane, &'static str),
    /// The button of an action, in the panel of the settings.
    Button(Action),
}

impl Target {
    /// The panel that must be in front.
    pub fn pane(self) -> Pane {
        match self {
            Self::Panel(pane) | Self::Control(pane, _) => pane,
            Self::Button(_) => Pane::Settings,
        }
    }

    /// Under which name its place is known.
    pub fn mark(self) -> String {
        match self {
            Self::Panel(pane) => pane.title().to_owned(),
            Self::Control(_, label) => label.to_owned(),
            Self::Button(action) => action.mark(),
        }
    }
}

/// What a card points at, the most important first: where not all panels fit, that one is in front.
pub fn points_at(card: usize) -> &'static [Target] {
    const DENSITY: Target = Target::Control(Pane::Settings, "Density");
    match card {
        1 => &[DENSITY, Target::Panel(Pane::Error)],
        2 => &[Target::Panel(Pane::Paths), Target::Panel(Pane::Product)],
        3 => &[DENSITY, Target::Control(Pane::Settings, "Split"), Target::Control(Pane::Settings, "Own split")],
        4 => &[
            Target::Button(Action::Step),
            Target::Button(Action::Pause),
            Target::Panel(Pane::A),
            Target::Panel(Pane::B),
        ],
        5 => &[Target::Control(Pane::Settings, "ρ₀ schedule"), Target::Panel(Pane::Curves)],
        6 => &[Target::Control(Pane::Settings, "Start"), Target::Panel(Pane::Curves), Target::Panel(Pane::Runs)],
        7 => &[DENSITY, Target::Panel(Pane::Curves)],
        8 => &[Target::Control(Pane::Model, "Compress all"), Target::Panel(Pane::Story)],
        9 => &[Target::Control(Pane::Model, "Tune"), Target::Panel(Pane::Story)],
        _ => &[Target::Control(Pane::Vision, "Compress network"), Target::Panel(Pane::Images)],
    }
}
