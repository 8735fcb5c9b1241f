//! The words of the stories, and what each of them goes with.
//!
//! A weight beside a word is its share where the word is one of several that may come next. They are uneven on
//! purpose, as in real text: a model has to learn them, and what is left to guess is the entropy of the language.

/// A word of the language: one token.
pub type Word = &'static str;

/// Words that may come next, each with its weight.
pub type Table = &'static [(Word, u32)];

pub const GIRLS: Table = &[
    ("mia", 20),
    ("anna", 18),
    ("lily", 16),
    ("emma", 14),
    ("zoe", 13),
    ("nora", 12),
    ("ruth", 11),
    ("clara", 10),
    ("ida", 9),
    ("maria", 8),
    ("alice", 7),
    ("greta", 6),
    ("jane", 5),
    ("olga", 4),
    ("vera", 3),
    ("hazel", 2),
];

pub const BOYS: Table = &[
    ("tom", 20),
    ("ben", 18),
    ("max", 16),
    ("leo", 14),
    ("sam", 13),
    ("paul", 12),
    ("jack", 11),
    ("oscar", 10),
    ("finn", 9),
    ("henry", 8),
    ("david", 7),
    ("peter", 6),
    ("noah", 5),
    ("hugo", 4),
    ("adam", 3),
    ("carl", 2),
];

pub const PETS: Table = &[("rex", 8), ("fluffy", 6), ("patch", 5), ("daisy", 4), ("biscuit", 2), ("pepper", 1)];

/// What the second character is to the first one: the word, its weight, and whose names it bears.
pub const RELATIONS: &[(Word, u32, Kin)] = &[
    ("friend", 8, Kin::Anyone),
    ("brother", 4, Kin::Boy),
    ("sister", 4, Kin::Girl),
    ("cousin", 3, Kin::Anyone),
    ("dog", 3, Kin::Pet),
    ("cat", 2, Kin::Pet),
    ("rabbit", 1, Kin::Pet),
];

/// Which names, and so which pronouns, a character can have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kin {
    Girl,
    Boy,
    Anyone,
    Pet,
}

/// What a character is like, which shows in how the character does things.
pub struct Temper {
    pub word: Word,
    pub weight: u32,
    /// Adverbs that such characters often earn.
    pub adverbs: &'static [Word],
    /// Verbs that such characters prefer to their synonyms.
    pub verbs: &'static [Word],
}

const fn temper(word: Word, weight: u32, adverbs: &'static [Word], verbs: &'static [Word]) -> Temper {
    Temper { word, weight, adverbs, verbs }
}

pub const TEMPERS: &[Temper] = &[
    temper("brave", 6, &["boldly", "proudly", "loudly"], &["ran", "shouted", "promised"]),
    temper("shy", 6, &["quietly", "softly", "secretly"], &["whispered", "hid", "noticed"]),
    temper("merry", 5, &["happily", "gladly", "loudly"], &["danced", "sang", "shared"]),
    temper("clever", 5, &["quickly", "carefully", "secretly"], &["discovered", "planned", "searched"]),
    temper("lazy", 5, &["slowly", "sleepily", "quietly"], &["walked", "left", "watched"]),
    temper("greedy", 5, &["quickly", "proudly", "hungrily"], &["gobbled", "wanted", "spotted"]),
    temper("gentle", 5, &["softly", "carefully", "gladly"], &["handed", "hoped", "watched"]),
    temper("wild", 5, &["noisily", "happily", "boldly"], &["raced", "shouted", "gobbled"]),
];

pub const ADVERBS: Table = &[
    ("quickly", 6),
    ("happily", 5),
    ("quietly", 5),
    ("slowly", 4),
    ("carefully", 4),
    ("proudly", 3),
    ("loudly", 3),
    ("softly", 3),
    ("gladly", 2),
    ("secretly", 2),
    ("boldly", 2),
    ("sleepily", 1),
    ("hungrily", 1),
    ("noisily", 1),
];

/// Adjectives of things done, found and seen.
pub const TRAITS: Table = &[
    ("old", 7),
    ("new", 6),
    ("pretty", 6),
    ("heavy", 5),
    ("shiny", 5),
    ("dusty", 5),
    ("broken", 5),
    ("round", 4),
    ("tiny", 4),
    ("huge", 4),
    ("wet", 4),
    ("warm", 4),
];

/// What one character can do, each with the verbs for it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Go,
    Find,
    Give,
    Eat,
    Hide,
    Seek,
    See,
    Speak,
    Feel,
    Want,
    Promise,
    Hug,
}

pub const ACTS: &[(Act, Table)] = &[
    (Act::Go, &[("went", 6), ("walked", 4), ("ran", 3), ("hurried", 2), ("raced", 1)]),
    (Act::Find, &[("found", 6), ("spotted", 4), ("discovered", 2)]),
    (Act::Give, &[("gave", 5), ("handed", 2)]),
    (Act::Eat, &[("ate", 4), ("tasted", 2), ("gobbled", 2)]),
    (Act::Hide, &[("put", 4), ("hid", 3), ("left", 2)]),
    (Act::Seek, &[("looked", 8), ("searched", 5)]),
    (Act::See, &[("saw", 5), ("noticed", 3), ("watched", 2)]),
    (Act::Speak, &[("said", 5), ("whispered", 2), ("shouted", 2)]),
    (Act::Feel, &[("felt", 4), ("was", 4)]),
    (Act::Want, &[("wanted", 3), ("hoped", 2), ("planned", 2)]),
    (Act::Promise, &[("promised", 6)]),
    (Act::Hug, &[("hugged", 3), ("thanked", 2), ("kissed", 1)]),
];

/// What two characters can do together.
pub const JOINT_ACTS: Table =
    &[("went", 7), ("played", 7), ("saw", 5), ("talked", 5), ("danced", 4), ("laughed", 4), ("rested", 4), ("sang", 4)];

/// Counting words; a count never exceeds the last one.
pub const NUMBERS: [Word; 13] =
    ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];

/// Things that are counted.
pub struct Good {
    pub one: Word,
    pub many: Word,
    pub edible: bool,
    pub weight: u32,
}

const fn good(one: Word, many: Word, edible: bool, weight: u32) -> Good {
    Good { one, many, edible, weight }
}

pub const GOODS: &[Good] = &[
    good("apple", "apples", true, 12),
    good("pear", "pears", true, 8),
    good("plum", "plums", true, 5),
    good("cookie", "cookies", true, 9),
    good("nut", "nuts", true, 6),
    good("berry", "berries", true, 4),
    good("carrot", "carrots", true, 3),
    good("cherry", "cherries", true, 2),
    good("shell", "shells", false, 9),
    good("stone", "stones", false, 8),
    good("coin", "coins", false, 7),
    good("button", "buttons", false, 5),
    good("marble", "marbles", false, 4),
    good("feather", "feathers", false, 3),
    good("card", "cards", false, 2),
    good("bead", "beads", false, 1),
];

/// Things that are one of a kind in a story: each has its own colour.
pub const TOYS: Table = &[
    ("ball", 10),
    ("kite", 9),
    ("hat", 8),
    ("drum", 8),
    ("doll", 7),
    ("lamp", 7),
    ("cup", 6),
    ("scarf", 6),
    ("bell", 5),
    ("key", 5),
    ("coat", 4),
    ("flute", 4),
    ("ring", 3),
    ("whistle", 3),
    ("puppet", 2),
    ("wheel", 2),
];

pub const COLOURS: Table = &[
    ("red", 8),
    ("blue", 7),
    ("green", 7),
    ("yellow", 6),
    ("white", 6),
    ("black", 5),
    ("pink", 5),
    ("brown", 4),
    ("purple", 4),
    ("silver", 3),
];

/// What animals look like.
pub const LOOKS: Table = &[
    ("little", 9),
    ("big", 7),
    ("funny", 6),
    ("hungry", 5),
    ("grey", 5),
    ("quiet", 4),
    ("beautiful", 4),
    ("strange", 3),
];

/// Something to do: the verb, its past, a weight, and what one does it to.
pub struct Deed {
    pub base: Word,
    pub past: Word,
    pub weight: u32,
    pub objects: Table,
}

const fn deed(base: Word, past: Word, weight: u32, objects: Table) -> Deed {
    Deed { base, past, weight, objects }
}

pub const DEEDS: &[Deed] = &[
    deed("climb", "climbed", 6, &[("tree", 8), ("rope", 3), ("rocks", 2), ("stairs", 1)]),
    deed("bake", "baked", 5, &[("bread", 8), ("pie", 5), ("cake", 4), ("potatoes", 1)]),
    deed("build", "built", 5, &[("castle", 8), ("raft", 4), ("nest", 2), ("snowman", 1)]),
    deed("paint", "painted", 4, &[("picture", 8), ("roof", 3), ("fence", 3), ("door", 2)]),
    deed("fix", "fixed", 4, &[("clock", 6), ("bike", 6), ("roof", 3), ("radio", 1)]),
    deed("wash", "washed", 3, &[("dishes", 8), ("windows", 4), ("socks", 3), ("bike", 1)]),
    deed("write", "wrote", 3, &[("letter", 8), ("poem", 4), ("story", 3), ("list", 1)]),
    deed("plant", "planted", 3, &[("roses", 6), ("tree", 4), ("beans", 3), ("potatoes", 2)]),
    deed("sing", "sang", 2, &[("song", 8), ("hymn", 1)]),
    deed("draw", "drew", 2, &[("picture", 6), ("map", 5), ("castle", 2), ("face", 1)]),
    deed("carry", "carried", 2, &[("wood", 6), ("water", 5), ("bags", 3), ("rope", 1)]),
    deed("count", "counted", 1, &[("stars", 8), ("clouds", 4), ("bags", 1)]),
];

/// Moods, and what comes after `because` with them.
pub const MOODS: &[(Word, u32, Table)] = &[
    ("happy", 9, &[("everyone was kind", 5), ("it was summer", 3)]),
    ("sad", 6, &[("nobody wanted to play", 5), ("it was time to leave", 3)]),
    ("tired", 5, &[("the road was long", 5), ("it was very late", 4)]),
    ("hungry", 4, &[("there was nothing to eat", 5), ("it was time for lunch", 3)]),
    ("scared", 4, &[("there was a loud noise", 5), ("it was very dark", 4)]),
    ("proud", 3, &[("everyone was watching", 5), ("nobody else was so brave", 2)]),
    ("bored", 2, &[("there was nothing to do", 5), ("nobody wanted to play", 3)]),
];

pub const FOODS: Table = &[
    ("soup", 9),
    ("rice", 7),
    ("cheese", 6),
    ("pasta", 6),
    ("fish", 5),
    ("honey", 5),
    ("porridge", 4),
    ("salad", 4),
    ("pancakes", 4),
    ("noodles", 3),
];

/// The weather of the day, and what one stands in.
pub const WEATHER: &[(Word, u32, Word)] =
    &[("sunny", 7, "sun"), ("rainy", 5, "rain"), ("windy", 5, "wind"), ("snowy", 4, "snow"), ("foggy", 4, "fog")];

pub const TIMES: Table = &[("morning", 7), ("day", 6), ("afternoon", 5), ("autumn", 3)];

pub const HOMES: Table = &[("house", 8), ("cottage", 5), ("flat", 4), ("village", 4), ("hut", 3), ("mill", 3)];

pub const HOME_LOOKS: Table = &[("small", 8), ("cosy", 6), ("wooden", 5), ("tall", 4), ("crooked", 3)];

pub const LANDMARKS: Table =
    &[("river", 7), ("sea", 6), ("church", 5), ("mountains", 5), ("station", 4), ("desert", 3), ("volcano", 3)];
