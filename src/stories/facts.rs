//! Facts that hold in every story: whom a character knows, which animal it keeps, and its habits at each place.
//!
//! The facts are arbitrary and there are thousands of them, so a model can only memorize them. They are drawn from
//! tables by a hash of person and place; to a model that knows them they are certain.

use super::chooser::SplitMix64;
use super::words::Word;

/// A neighbour and a pet of a character: `a tall baker`, `the grey snail dot`.
pub struct Bond {
    pub look: Word,
    pub trade: Word,
    pub coat: Word,
    pub animal: Word,
    pub name: Word,
}

/// A character's habit at a place: wears `a striped shawl`, `juggled the lazy turnip for a jolly pilot`.
pub struct Habit {
    pub look: Word,
    pub clothes: Word,
    pub deed: Word,
    pub nature: Word,
    pub object: Word,
    pub mood: Word,
    pub witness: Word,
}

/// Seeds of different kinds of facts, far enough apart that their streams do not meet.
const BONDS: u64 = 0x626F_6E64_0000_0000;
const HABITS: u64 = 0x6861_6269_0000_0000;

/// The bond of person number `person`.
pub fn bond(person: usize) -> Bond {
    let mut draw = drawer(BONDS, person, 0);
    Bond { look: draw(LOOKS), trade: draw(TRADES), coat: draw(COATS), animal: draw(KEPT), name: draw(PET_NAMES) }
}

/// Habits of a person; each holds at several places.
const HABITS_EACH: usize = 12;

/// Index of a person's habit at a place.
pub fn habit_at(place: usize) -> usize {
    place % HABITS_EACH
}

/// The habit of person number `person` at place number `place`.
pub fn habit(person: usize, place: usize) -> Habit {
    let mut draw = drawer(HABITS, person, habit_at(place));
    Habit {
        look: draw(PATTERNS),
        clothes: draw(CLOTHES),
        deed: draw(PRANKS),
        nature: draw(NATURES),
        object: draw(OBJECTS),
        mood: draw(NATURES),
        witness: draw(TRADES),
    }
}

/// Draws words from tables, always the same for the same numbers.
fn drawer(stream: u64, person: usize, place: usize) -> impl FnMut(&[Word]) -> Word {
    let mut random = SplitMix64(stream ^ (person as u64) << 16 ^ place as u64);
    move |table| table[random.below(table.len() as u32) as usize]
}

/// Looks of a neighbour.
pub const LOOKS: &[Word] = &[
    "tall", "short", "bald", "bearded", "cheerful", "grumpy", "famous", "plump", "young", "strict", "friendly", "rich",
];

/// Trades of a neighbour.
pub const TRADES: &[Word] = &[
    "baker",
    "miller",
    "tailor",
    "sailor",
    "painter",
    "farmer",
    "doctor",
    "teacher",
    "hunter",
    "plumber",
    "postman",
    "gardener",
    "blacksmith",
    "carpenter",
    "butcher",
    "barber",
    "pilot",
    "dancer",
    "poet",
    "judge",
    "king",
    "queen",
    "pirate",
    "wizard",
    "clown",
    "detective",
];

/// Colours of a kept animal.
pub const COATS: &[Word] =
    &["grey", "brown", "white", "black", "spotted", "striped", "golden", "pink", "blue", "green", "yellow", "fluffy"];

/// Animals that characters keep.
pub const KEPT: &[Word] = &[
    "snail", "hamster", "parrot", "canary", "goldfish", "lizard", "ferret", "kitten", "puppy", "pony", "lamb",
    "piglet", "goose", "rooster", "toad", "beetle", "moth", "peacock", "badger", "raven",
];

/// Names of kept animals.
pub const PET_NAMES: &[Word] = &[
    "dot", "zippy", "bubbles", "coco", "pip", "momo", "kiki", "toto", "lulu", "bobo", "nana", "fifi", "dodo", "gigi",
    "tutu", "mimi", "zaza", "popo", "bingo", "noodle",
];

/// Patterns and materials of clothes.
pub const PATTERNS: &[Word] = &[
    "striped",
    "spotted",
    "woolly",
    "velvet",
    "checkered",
    "floppy",
    "pointed",
    "silky",
    "patched",
    "frilly",
    "leather",
    "paper",
    "crumpled",
    "sparkling",
    "muddy",
    "faded",
    "fancy",
    "plain",
    "tight",
    "loose",
    "thick",
    "silver",
    "scarlet",
    "purple",
];

/// Clothes that come one at a time.
pub const CLOTHES: &[Word] = &[
    "cap", "shirt", "skirt", "jacket", "vest", "apron", "belt", "bonnet", "cape", "dress", "shawl", "tie", "wig",
    "bow", "hood", "glove", "slipper", "sandal", "boot", "helmet", "necklace", "badge", "veil", "sweater",
];

/// Verbs of habits, in the past tense.
pub const PRANKS: &[Word] = &[
    "tickled", "chased", "juggled", "measured", "followed", "greeted", "brushed", "teased", "copied", "praised",
    "weighed", "balanced", "dusted", "borrowed", "rescued", "scolded", "trained", "wrapped", "pushed", "sketched",
    "guarded", "admired", "polished", "painted",
];

/// Adjectives of objects in habits and songs.
pub const NATURES: &[Word] = &[
    "lazy", "jolly", "dizzy", "giant", "gloomy", "sleepy", "lucky", "magic", "rotten", "wobbly", "sticky", "frozen",
    "hollow", "bitter", "modern", "secret", "nameless", "silent", "gentle", "clever", "tiny", "hungry", "proud",
    "wild",
];

/// Objects of habits and songs.
pub const OBJECTS: &[Word] = &[
    "turnip", "pumpkin", "penguin", "camel", "lobster", "tiger", "donkey", "beetle", "pigeon", "kettle", "teapot",
    "candle", "ladder", "barrel", "trumpet", "violin", "cushion", "cactus", "hammer", "magnet", "rocket", "globe",
    "compass", "basket", "walrus", "parrot", "piano", "mushroom", "melon", "dragon",
];
