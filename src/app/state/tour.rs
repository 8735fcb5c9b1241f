//! The guided tour: which card is on the table.

/// Number of cards.
pub const CARDS: usize = 8;

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

/// Names of the controls that a card points at.
pub fn points_at(card: usize) -> &'static [&'static str] {
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
