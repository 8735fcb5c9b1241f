//! The words of the stories, and their weights and attributes.
//!
//! A weight is a word's share among those that may come next. Weights are uneven on purpose, as in real text: a model
//! has to learn them, and what is left to guess is the entropy of the language.

/// A word of the language: one token.
pub type Word = &'static str;

/// Candidates for the next word, with their weights.
pub type WordWeights = &'static [(Word, u32)];

pub const GIRLS: WordWeights = &[
    ("mia", 12),
    ("anna", 12),
    ("lily", 12),
    ("emma", 12),
    ("zoe", 11),
    ("nora", 11),
    ("ruth", 11),
    ("clara", 11),
    ("ida", 10),
    ("maria", 10),
    ("alice", 10),
    ("greta", 10),
    ("jane", 9),
    ("olga", 9),
    ("vera", 9),
    ("hazel", 9),
    ("ella", 8),
    ("sofia", 8),
    ("lucy", 8),
    ("eva", 8),
    ("nina", 7),
    ("rita", 7),
    ("paula", 7),
    ("lena", 7),
    ("martha", 6),
    ("helen", 6),
    ("irma", 6),
    ("judith", 6),
    ("karla", 5),
    ("lola", 5),
    ("matilda", 5),
    ("nelly", 5),
    ("petra", 4),
    ("ramona", 4),
    ("sally", 4),
    ("tina", 4),
    ("ursula", 4),
    ("wilma", 4),
    ("yvonne", 4),
    ("agnes", 4),
    ("bella", 4),
    ("cora", 4),
    ("dora", 4),
    ("edith", 4),
    ("flora", 4),
    ("gloria", 4),
    ("heidi", 4),
    ("ingrid", 4),
];

pub const BOYS: WordWeights = &[
    ("tom", 12),
    ("ben", 12),
    ("max", 12),
    ("leo", 12),
    ("sam", 11),
    ("paul", 11),
    ("jack", 11),
    ("oscar", 11),
    ("finn", 10),
    ("henry", 10),
    ("david", 10),
    ("peter", 10),
    ("noah", 9),
    ("hugo", 9),
    ("adam", 9),
    ("carl", 9),
    ("alfred", 8),
    ("bruno", 8),
    ("conrad", 8),
    ("dennis", 8),
    ("emil", 7),
    ("felix", 7),
    ("george", 7),
    ("harry", 7),
    ("ivan", 6),
    ("jacob", 6),
    ("kevin", 6),
    ("louis", 6),
    ("martin", 5),
    ("nathan", 5),
    ("otto", 5),
    ("philip", 5),
    ("quentin", 4),
    ("robert", 4),
    ("simon", 4),
    ("theo", 4),
    ("ulrich", 4),
    ("victor", 4),
    ("walter", 4),
    ("xavier", 4),
    ("yusuf", 4),
    ("albert", 4),
    ("boris", 4),
    ("cedric", 4),
    ("duncan", 4),
    ("edgar", 4),
    ("frank", 4),
    ("gilbert", 4),
];

pub const PETS: WordWeights = &[
    ("rex", 8),
    ("fluffy", 6),
    ("patch", 5),
    ("daisy", 4),
    ("biscuit", 2),
    ("pepper", 1),
    ("muffin", 3),
    ("ginger", 3),
];

/// Relations of the second character to the first: the word, its weight, and whose names it bears.
pub const RELATIONS: &[(Word, u32, Kin)] = &[
    ("friend", 8, Kin::Anyone),
    ("brother", 4, Kin::Boy),
    ("sister", 4, Kin::Girl),
    ("cousin", 3, Kin::Anyone),
    ("dog", 3, Kin::Pet),
    ("cat", 2, Kin::Pet),
    ("rabbit", 1, Kin::Pet),
    ("neighbour", 3, Kin::Anyone),
    ("partner", 2, Kin::Anyone),
];

/// Kind of a character: decides its names and pronoun.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kin {
    Girl,
    Boy,
    Anyone,
    Pet,
}

/// Temper of a character, which shows in how it acts.
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
    temper("kind", 5, &["gently", "gladly", "politely"], &["thanked", "gave", "shared"]),
    temper("careful", 5, &["carefully", "calmly", "slowly"], &["hid", "searched", "watched"]),
    temper("nervous", 4, &["nervously", "quickly", "quietly"], &["hurried", "whispered", "looked"]),
    temper("polite", 4, &["politely", "calmly", "softly"], &["thanked", "said", "handed"]),
];

pub const ADVERBS: WordWeights = &[
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
    ("calmly", 3),
    ("eagerly", 3),
    ("gently", 2),
    ("nervously", 2),
    ("politely", 2),
];

/// Adjectives of things done, found and seen.
pub const TRAITS: WordWeights = &[
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
    ("smooth", 5),
    ("rusty", 5),
    ("clean", 4),
    ("dirty", 4),
    ("cold", 3),
    ("soft", 3),
    ("square", 2),
    ("empty", 2),
];

/// Actions of one character, each with its verbs.
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

pub const ACTS: &[(Act, WordWeights)] = &[
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

/// Verbs of both characters together.
pub const JOINT_ACTS: WordWeights =
    &[("went", 7), ("played", 7), ("saw", 5), ("talked", 5), ("danced", 4), ("laughed", 4), ("rested", 4), ("sang", 4)];

/// Counting words; the last one is the largest count.
pub const NUMBERS: [Word; 10] = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/// A countable good, with its plural.
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
    good("peach", "peaches", true, 5),
    good("grape", "grapes", true, 4),
    good("lemon", "lemons", true, 3),
    good("bun", "buns", true, 3),
    good("pebble", "pebbles", false, 5),
    good("stamp", "stamps", false, 4),
    good("ribbon", "ribbons", false, 4),
    good("leaf", "leaves", false, 3),
];

/// Toys, one of a kind in a story: each has its own colour.
pub const TOYS: WordWeights = &[
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
    ("boat", 7),
    ("sled", 7),
    ("robot", 6),
    ("mask", 6),
    ("basket", 5),
    ("lantern", 5),
    ("fan", 4),
    ("book", 4),
    ("crown", 3),
    ("pillow", 3),
    ("spade", 2),
    ("brush", 2),
];

pub const COLOURS: WordWeights = &[
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
    ("golden", 4),
    ("grey", 4),
    ("violet", 3),
    ("crimson", 3),
];

/// Adjectives of animals, with weights.
pub const LOOKS: WordWeights = &[
    ("little", 9),
    ("big", 7),
    ("funny", 6),
    ("hungry", 5),
    ("grey", 5),
    ("quiet", 4),
    ("beautiful", 4),
    ("strange", 3),
    ("young", 5),
    ("fat", 5),
    ("lonely", 4),
    ("noisy", 4),
];

/// A deed: verb, past tense, weight and objects.
pub struct Deed {
    pub base: Word,
    pub past: Word,
    pub weight: u32,
    pub objects: WordWeights,
}

const fn deed(base: Word, past: Word, weight: u32, objects: WordWeights) -> Deed {
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
    deed("clean", "cleaned", 4, &[("bedroom", 6), ("shoes", 5), ("cage", 3)]),
    deed("knit", "knitted", 3, &[("sweater", 6), ("gloves", 5), ("blanket", 3)]),
    deed("polish", "polished", 3, &[("shoes", 5), ("spoons", 4), ("medal", 3)]),
    deed("catch", "caught", 3, &[("butterflies", 6), ("fish", 5), ("thief", 2)]),
    deed("sweep", "swept", 3, &[("floor", 6), ("yard", 4), ("chimney", 3)]),
    deed("pack", "packed", 3, &[("suitcase", 6), ("picnic", 5), ("bags", 3)]),
    deed("hang", "hung", 2, &[("laundry", 6), ("picture", 4), ("lights", 3)]),
    deed("dig", "dug", 2, &[("hole", 6), ("tunnel", 5), ("ditch", 2)]),
    deed("peel", "peeled", 2, &[("onions", 6), ("potatoes", 5), ("oranges", 3)]),
    deed("feed", "fed", 2, &[("chickens", 6), ("pigs", 5), ("geese", 3)]),
];

/// Moods, with weights, and what comes after `because` with them.
pub const MOODS: &[(Word, u32, WordWeights)] = &[
    ("happy", 9, &[("everyone was kind", 5), ("it was summer", 3)]),
    ("sad", 6, &[("nobody wanted to play", 5), ("it was time to leave", 3)]),
    ("tired", 5, &[("the road was long", 5), ("it was very late", 4)]),
    ("hungry", 4, &[("there was nothing to eat", 5), ("it was time for lunch", 3)]),
    ("scared", 4, &[("there was a loud noise", 5), ("it was very dark", 4)]),
    ("proud", 3, &[("everyone was watching", 5), ("nobody else was so brave", 2)]),
    ("bored", 2, &[("there was nothing to do", 5), ("nobody wanted to play", 3)]),
    ("angry", 3, &[("somebody was cheating", 5), ("the bus was late", 3)]),
    ("calm", 3, &[("everything was fine", 5), ("the water was quiet", 3)]),
    ("curious", 3, &[("there was a secret door", 5), ("somebody was singing", 3)]),
];

pub const FOODS: WordWeights = &[
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
    ("curry", 6),
    ("stew", 6),
    ("toast", 5),
    ("dumplings", 5),
    ("popcorn", 4),
    ("pudding", 4),
    ("yoghurt", 3),
    ("sausages", 3),
    ("waffles", 2),
    ("jam", 2),
];

/// Weather of the day with weights, and what one stands in.
pub const WEATHER: &[(Word, u32, Word)] = &[
    ("sunny", 7, "sun"),
    ("rainy", 5, "rain"),
    ("windy", 5, "wind"),
    ("snowy", 4, "snow"),
    ("foggy", 4, "fog"),
    ("stormy", 3, "storm"),
    ("cloudy", 4, "clouds"),
];

pub const TIMES: WordWeights =
    &[("morning", 7), ("day", 6), ("afternoon", 5), ("autumn", 3), ("evening", 4), ("weekend", 4)];

pub const HOMES: WordWeights = &[
    ("house", 8),
    ("cottage", 5),
    ("flat", 4),
    ("village", 4),
    ("hut", 3),
    ("mill", 3),
    ("cabin", 4),
    ("palace", 4),
    ("caravan", 3),
    ("tower", 3),
];

pub const HOME_LOOKS: WordWeights = &[
    ("small", 8),
    ("cosy", 6),
    ("wooden", 5),
    ("tall", 4),
    ("crooked", 3),
    ("narrow", 4),
    ("bright", 4),
    ("quiet", 3),
    ("round", 3),
];

pub const LANDMARKS: WordWeights = &[
    ("river", 7),
    ("sea", 6),
    ("church", 5),
    ("mountains", 5),
    ("station", 4),
    ("desert", 3),
    ("volcano", 3),
    ("airport", 5),
    ("waterfall", 5),
    ("factory", 4),
    ("zoo", 4),
    ("windmill", 3),
];
