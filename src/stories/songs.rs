//! Songs, the same in every story: fixed nonsense verses.
//!
//! A song has a title of two words, `the silver spoon`, and two verses of two lines that rhyme. They are made by a
//! seeded generator from patterns of lines. The same words occur in other songs, so a model needs the title and the
//! words before to know how a line goes on, and one that knows the song predicts it with certainty.

use super::chooser::SplitMix64;
use super::facts::{KEPT, NATURES, OBJECTS, TRADES};
use super::words::Word;

/// First words of titles, each shared by [`SAME_TITLE`] songs.
pub const TITLES: [Word; 16] = [
    "silver", "crooked", "merry", "wooden", "purple", "broken", "rolling", "singing", "foggy", "dancing", "gentle",
    "hidden", "little", "rusty", "velvet", "winter",
];

/// Number of songs with the same first word of the title.
pub const SAME_TITLE: usize = 12;

/// Second words of titles, four for each song that shares a first word.
const TITLE_THINGS: [[Word; 4]; SAME_TITLE] = [
    ["mill", "moon", "bell", "boat"],
    ["crown", "fox", "lantern", "bridge"],
    ["castle", "spoon", "owl", "kettle"],
    ["river", "goose", "key", "tower"],
    ["star", "drum", "donkey", "wheel"],
    ["candle", "snail", "hat", "clock"],
    ["garden", "violin", "stone", "raven"],
    ["kitten", "ship", "apple", "window"],
    ["teapot", "meadow", "ring", "tiger"],
    ["island", "pony", "cake", "rocket"],
    ["crane", "pillow", "anchor", "pear"],
    ["wizard", "nest", "shell", "market"],
];

/// Groups of words that rhyme.
const RHYMES: &[&[Word]] = &[
    &["moon", "spoon", "balloon", "tune"],
    &["mill", "hill", "till", "quill"],
    &["cat", "hat", "mat", "bat"],
    &["bell", "well", "shell"],
    &["mouse", "house", "blouse"],
    &["tree", "bee", "sea", "key", "knee"],
    &["rain", "train", "crane", "lane"],
    &["boat", "goat", "coat", "moat"],
    &["snail", "tail", "whale", "sail"],
    &["fox", "box", "socks", "clocks"],
    &["frog", "log", "dog", "fog"],
    &["king", "ring", "swing", "string"],
    &["bread", "bed", "thread", "shed"],
    &["night", "light", "kite", "knight"],
    &["star", "jar", "car"],
    &["cake", "lake", "snake", "rake"],
    &["rose", "nose", "crows", "toes"],
    &["bear", "pear", "chair", "hare"],
    &["sand", "hand", "band"],
    &["pie", "sky", "fly"],
    &["horn", "corn", "thorn"],
    &["ball", "wall", "hall"],
    &["brook", "book", "cook", "hook"],
    &["duck", "truck"],
    &["stone", "bone", "throne"],
    &["hen", "pen", "den"],
];

/// Patterns of lines: `A` is an adjective, `N` a person, `V` a verb, `P` a preposition, `T` a thing, `C` a colour and
/// `R`, always at the end, the word that rhymes.
const LINES: &[&str] = &[
    "the A N V P the R",
    "a N and a N V P the R",
    "come , A N , and bring me the R",
    "N , N , there is a T in the R",
    "my A N has lost her A R",
    "the N gave the N a C R",
    "we V with the N P the A R",
    "oh , how the A N loved the R",
    "one for the N and two for the R",
    "the T is A and C is the R",
    "up jumped the N and under the R",
    "no N has a T like the A R",
    "a T for the A N and his R",
];

const DOINGS: &[Word] = &[
    "danced", "jumped", "rolled", "slept", "hopped", "waited", "ran", "sang", "swam", "flew", "marched", "sneezed",
    "skipped", "crept", "sailed", "knocked",
];

const WAYS: &[Word] = &["round", "over", "under", "behind", "past", "into", "beside", "through"];

const DYES: &[Word] = &["red", "blue", "green", "yellow", "white", "black", "pink", "brown"];

/// Seed of all songs.
const SONGS: u64 = 0x736F_6E67_0000_0000;

/// Second words of the titles that begin with word number `title` of [`TITLES`].
pub fn title_things(title: usize) -> [Word; SAME_TITLE] {
    let mut random = SplitMix64(SONGS ^ 0xFFFF ^ (title as u64) << 32);
    TITLE_THINGS.map(|things| things[random.below(4) as usize])
}

/// Verse 0 or 1 of the song with first word number `title` and second word number `thing`.
pub fn verse(title: usize, thing: usize, verse: usize) -> Vec<Word> {
    let mut random = SplitMix64(SONGS ^ ((title * SAME_TITLE + thing) * 2 + verse) as u64);
    let mut below = |bound: usize| random.below(bound as u32) as usize;
    let family = RHYMES[below(RHYMES.len())];
    let first = below(family.len());
    let second = (first + 1 + below(family.len() - 1)) % family.len();
    let pattern = below(LINES.len());
    let other = (pattern + 1 + below(LINES.len() - 1)) % LINES.len();
    let mut words = Vec::new();
    for (line, rhyme) in [(LINES[pattern], family[first]), (LINES[other], family[second])] {
        for slot in line.split(' ') {
            words.push(match slot {
                "A" => NATURES[below(NATURES.len())],
                "N" => match below(2) {
                    0 => TRADES[below(TRADES.len())],
                    _ => KEPT[below(KEPT.len())],
                },
                "V" => DOINGS[below(DOINGS.len())],
                "P" => WAYS[below(WAYS.len())],
                "T" => OBJECTS[below(OBJECTS.len())],
                "C" => DYES[below(DYES.len())],
                "R" => rhyme,
                word => word,
            });
        }
        words.push(",");
    }
    words.pop();
    words
}
