//! The places of the stories, what lies hidden there, and the animals.

use super::words::{Table, Word};

/// Where the story goes: how one is there, from where one goes where, what lies there, and who lives there.
pub struct Place {
    pub name: Word,
    pub weight: u32,
    /// `in the garden`, `at the beach`.
    pub preposition: Word,
    /// The places next to it.
    pub near: &'static [Word],
    /// Spots to hide something: each preposition names one of them.
    pub spots: &'static [(Word, u32, Word)],
    /// Goods often found here.
    pub goods: &'static [Word],
    /// Animals often seen here.
    pub animals: &'static [Word],
}

pub const PLACES: &[Place] = &[
    Place {
        name: "garden",
        weight: 10,
        preposition: "in",
        near: &["kitchen", "park", "meadow"],
        spots: &[("under", 5, "bench"), ("behind", 4, "bush"), ("beside", 3, "pond"), ("on", 2, "fence")],
        goods: &["apple", "plum", "carrot"],
        animals: &["bird", "mouse"],
    },
    Place {
        name: "kitchen",
        weight: 7,
        preposition: "in",
        near: &["garden", "attic"],
        spots: &[("in", 5, "cupboard"), ("on", 4, "shelf"), ("under", 3, "table"), ("behind", 2, "stove")],
        goods: &["cookie", "pear"],
        animals: &["mouse", "spider"],
    },
    Place {
        name: "park",
        weight: 9,
        preposition: "in",
        near: &["garden", "school", "market"],
        spots: &[("beside", 5, "fountain"), ("behind", 4, "statue"), ("under", 3, "swing"), ("on", 2, "wall")],
        goods: &["nut", "coin"],
        animals: &["duck", "squirrel"],
    },
    Place {
        name: "forest",
        weight: 7,
        preposition: "in",
        near: &["meadow", "cave", "hill"],
        spots: &[("behind", 5, "log"), ("under", 4, "oak"), ("in", 3, "hollow"), ("beside", 2, "stream")],
        goods: &["berry", "nut", "feather"],
        animals: &["fox", "owl", "squirrel"],
    },
    Place {
        name: "beach",
        weight: 7,
        preposition: "at",
        near: &["harbour", "cave"],
        spots: &[("in", 5, "sand"), ("behind", 4, "rock"), ("under", 3, "umbrella"), ("beside", 2, "pier")],
        goods: &["shell", "stone"],
        animals: &["crab", "bird"],
    },
    Place {
        name: "barn",
        weight: 5,
        preposition: "in",
        near: &["meadow", "farm"],
        spots: &[("in", 5, "hay"), ("under", 4, "wagon"), ("behind", 3, "ladder"), ("on", 2, "beam")],
        goods: &["feather", "carrot"],
        animals: &["horse", "owl", "mouse"],
    },
    Place {
        name: "attic",
        weight: 4,
        preposition: "in",
        near: &["kitchen", "library"],
        spots: &[("in", 5, "trunk"), ("behind", 4, "mirror"), ("under", 3, "blanket"), ("on", 2, "sofa")],
        goods: &["button", "bead", "card"],
        animals: &["spider", "mouse"],
    },
    Place {
        name: "school",
        weight: 5,
        preposition: "at",
        near: &["park", "library"],
        spots: &[("in", 5, "desk"), ("behind", 4, "door"), ("on", 3, "piano"), ("under", 2, "chair")],
        goods: &["marble", "card"],
        animals: &["bird", "squirrel"],
    },
    Place {
        name: "market",
        weight: 5,
        preposition: "at",
        near: &["park", "harbour", "farm"],
        spots: &[("behind", 5, "stall"), ("in", 4, "crate"), ("under", 3, "cart"), ("on", 2, "counter")],
        goods: &["coin", "pear", "cherry"],
        animals: &["goat", "duck"],
    },
    Place {
        name: "library",
        weight: 3,
        preposition: "in",
        near: &["school", "attic"],
        spots: &[("behind", 5, "curtain"), ("in", 4, "drawer"), ("on", 3, "shelf"), ("under", 2, "carpet")],
        goods: &["card", "button"],
        animals: &["spider"],
    },
    Place {
        name: "farm",
        weight: 4,
        preposition: "at",
        near: &["barn", "market", "meadow"],
        spots: &[("beside", 5, "well"), ("behind", 4, "tractor"), ("in", 3, "bucket"), ("on", 2, "gate")],
        goods: &["plum", "apple", "carrot"],
        animals: &["goat", "horse", "duck"],
    },
    Place {
        name: "cave",
        weight: 2,
        preposition: "in",
        near: &["forest", "beach", "hill"],
        spots: &[("behind", 5, "rock"), ("in", 4, "crack"), ("beside", 3, "lake"), ("under", 2, "bridge")],
        goods: &["stone", "bead"],
        animals: &["fox", "spider"],
    },
    Place {
        name: "hill",
        weight: 4,
        preposition: "on",
        near: &["forest", "meadow", "cave"],
        spots: &[("under", 5, "pine"), ("behind", 4, "tower"), ("on", 3, "stump"), ("in", 2, "tent")],
        goods: &["stone", "berry"],
        animals: &["goat", "fox"],
    },
    Place {
        name: "meadow",
        weight: 5,
        preposition: "in",
        near: &["garden", "forest", "barn"],
        spots: &[("in", 5, "grass"), ("beside", 4, "creek"), ("under", 3, "willow"), ("behind", 2, "hedge")],
        goods: &["berry", "cherry", "feather"],
        animals: &["horse", "bird"],
    },
    Place {
        name: "harbour",
        weight: 3,
        preposition: "at",
        near: &["beach", "market"],
        spots: &[("on", 5, "boat"), ("in", 4, "net"), ("behind", 3, "barrel"), ("under", 2, "sail")],
        goods: &["shell", "coin"],
        animals: &["crab", "duck"],
    },
];

/// Animals, and what they are mostly seen doing.
pub const ANIMALS: &[(Word, u32, Table)] = &[
    ("bird", 6, &[("singing", 8), ("resting", 3), ("hiding", 1)]),
    ("mouse", 5, &[("hiding", 8), ("nibbling", 4), ("running", 2)]),
    ("duck", 4, &[("swimming", 8), ("resting", 3), ("calling", 2)]),
    ("fox", 4, &[("sleeping", 6), ("hiding", 5), ("waiting", 2)]),
    ("owl", 3, &[("calling", 8), ("sleeping", 4), ("waiting", 1)]),
    ("squirrel", 3, &[("climbing", 8), ("nibbling", 4), ("jumping", 2)]),
    ("horse", 3, &[("running", 6), ("grazing", 6), ("sleeping", 1)]),
    ("goat", 2, &[("grazing", 6), ("jumping", 5), ("climbing", 3)]),
    ("spider", 2, &[("waiting", 8), ("climbing", 4), ("sleeping", 1)]),
    ("crab", 2, &[("digging", 8), ("hiding", 3), ("waiting", 1)]),
];
