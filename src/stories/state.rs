//! The state of a story: the characters with their places and goods, and the toys.

use super::words::{BOYS, GIRLS, GOODS, Kin, NUMBERS, PETS, Temper, Word, WordWeights};

/// Largest count of one good that a character can have: the last counting word.
pub const MOST: usize = NUMBERS.len() - 1;

/// A pronoun as subject and as possessive: `she`, `her`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Pronoun {
    pub subject: Word,
    pub possessive: Word,
}

pub const SHE: Pronoun = Pronoun { subject: "she", possessive: "her" };
pub const HE: Pronoun = Pronoun { subject: "he", possessive: "his" };
pub const IT: Pronoun = Pronoun { subject: "it", possessive: "its" };

/// A name of a character.
pub struct Name {
    pub word: Word,
    pub weight: u32,
    pub pronoun: Pronoun,
    /// Number of the person who always bears it.
    pub person: usize,
}

/// Names for a kind of character.
pub fn names(kin: Kin) -> Vec<Name> {
    let with = |table: WordWeights, pronoun: Pronoun, before: usize| {
        (before..).zip(table).map(move |(person, &(word, weight))| Name { word, weight, pronoun, person })
    };
    let (girls, boys) = (with(GIRLS, SHE, 0), with(BOYS, HE, GIRLS.len()));
    match kin {
        Kin::Girl => girls.collect(),
        Kin::Boy => boys.collect(),
        Kin::Anyone => girls.chain(boys).collect(),
        Kin::Pet => with(PETS, IT, GIRLS.len() + BOYS.len()).collect(),
    }
}

/// One of the two characters.
pub struct Character {
    pub name: Word,
    /// Number of the person, the same in every story.
    pub person: usize,
    pub pronoun: Pronoun,
    pub temper: &'static Temper,
    /// Index of the place where the character is.
    pub place: usize,
    /// Favourite food of the character.
    pub food: Word,
    /// Kinds of goods the character has or once had, in order of arrival, with their counts.
    goods: Vec<(usize, usize)>,
}

impl Character {
    pub fn new(name: &Name, temper: &'static Temper) -> Self {
        let Name { word, pronoun, person, .. } = *name;
        Self { name: word, person, pronoun, temper, place: 0, food: "", goods: Vec::new() }
    }

    /// Count of the goods of one kind.
    pub fn count(&self, kind: usize) -> usize {
        self.goods.iter().find(|entry| entry.0 == kind).map_or(0, |entry| entry.1)
    }

    /// Kinds the character has or once had.
    pub fn kinds(&self) -> impl Iterator<Item = usize> + '_ {
        self.goods.iter().map(|entry| entry.0)
    }

    /// Adds `change` to the count of one kind.
    pub fn change(&mut self, kind: usize, change: isize) {
        let entry = match self.goods.iter().position(|entry| entry.0 == kind) {
            Some(index) => index,
            None => {
                self.goods.push((kind, 0));
                self.goods.len() - 1
            }
        };
        let count = &mut self.goods[entry].1;
        *count = count.checked_add_signed(change).expect("nobody gives away what they do not have");
    }

    /// Largest count of the kinds that `fits` accepts.
    pub fn most(&self, fits: impl Fn(usize) -> bool) -> usize {
        self.goods.iter().filter(|entry| fits(entry.0)).map(|entry| entry.1).max().unwrap_or(0)
    }
}

/// Location of a toy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Whereabouts {
    /// Held by this character.
    With(usize),
    /// Hidden at this spot of this place.
    Hidden { place: usize, spot: usize },
}

impl Whereabouts {
    /// Whether it lies somewhere at this place.
    pub fn is_at(self, here: usize) -> bool {
        matches!(self, Self::Hidden { place, .. } if place == here)
    }
}

/// A toy; its noun and its colour each identify it.
pub struct Toy {
    pub word: Word,
    pub colour: Word,
    pub whereabouts: Whereabouts,
}

/// A promise: by whom, and to help with what.
pub struct Promise {
    pub by: usize,
    pub verb: Word,
    pub object: Word,
}

/// The singular or plural of a good, by count.
pub fn good_word(kind: usize, count: usize) -> Word {
    if count == 1 { GOODS[kind].one } else { GOODS[kind].many }
}
