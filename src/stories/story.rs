//! The generator: the state of a story while it is told, and the ways to say something.

use super::chooser::Chooser;
use super::places::{ANIMALS, PLACES};
use super::state::{Character, Promise, Toy, Whereabouts, good_word};
use super::words::{COLOURS, GOODS, NUMBERS, TOYS, TRAITS, Word};

/// Generates one story, with every word chosen by `chooser`.
pub fn generate<C: Chooser>(chooser: &mut C) {
    let mut story = Story {
        chooser,
        cast: Vec::new(),
        toys: Vec::new(),
        promise: None,
        topic: None,
        changed: Vec::new(),
        relation: "",
        home: ["", "", ""],
        weather: 0,
        habits: Vec::new(),
        songs: 0,
        said: 0,
    };
    story.opening();
    story.events();
    story.ending();
}

/// The state of a story being generated: everything that decides what can come next.
pub struct Story<'a, C> {
    chooser: &'a mut C,
    /// The two characters of the story.
    pub cast: Vec<Character>,
    pub toys: Vec<Toy>,
    pub promise: Option<Promise>,
    /// The character that `he`, `she` or `it` means: the subject of the last sentence, if it was one character.
    pub topic: Option<usize>,
    /// Counts that the last sentence changed, as character and kind.
    pub changed: Vec<(usize, usize)>,
    /// Relation of the second character to the first: `friend`, `brother`, `dog`.
    pub relation: Word,
    /// Look and kind of the home, and the landmark near it.
    pub home: [Word; 3],
    /// Index of the weather in the table.
    pub weather: usize,
    /// Habits told so far, as character and habit.
    pub habits: Vec<(usize, usize)>,
    /// Number of verses sung so far.
    pub songs: usize,
    /// Number of words so far.
    pub said: usize,
}

impl<C: Chooser> Story<'_, C> {
    /// Says fixed words, separated by blanks.
    pub fn say(&mut self, words: &'static str) {
        for word in words.split(' ') {
            self.pick(&[(word, 1)]);
        }
    }

    /// Says a word of a fact or a song, certain to a model that memorized it.
    pub fn recall(&mut self, word: Word) {
        self.say(word);
        self.chooser.memorized();
    }

    /// Says one of the words, chosen by weight, and returns its index.
    pub fn pick(&mut self, options: &[(Word, u32)]) -> usize {
        self.said += 1;
        self.chooser.choose(options)
    }

    /// Says one of the words, chosen by weight, and returns it.
    pub fn pick_word(&mut self, options: &[(Word, u32)]) -> Word {
        options[self.pick(options)].0
    }

    /// Says a number from 1 to `weights.len()`, at most `most`, and returns it.
    pub fn pick_number(&mut self, weights: &[u32], most: usize) -> usize {
        let options: Vec<_> = NUMBERS[1..].iter().copied().zip(weights.iter().copied()).take(most).collect();
        1 + self.pick(&options)
    }

    /// Says a good in the form that goes with `count`, chosen by `weight` of its kind, and returns its kind.
    pub fn pick_good(&mut self, count: usize, weight: impl Fn(usize) -> u32) -> usize {
        let options: Vec<_> = (0..GOODS.len()).map(|kind| (good_word(kind, count), weight(kind))).collect();
        self.pick(&options)
    }

    /// Says `red ball` for one of the toys that `fits` accepts, and returns its index.
    pub fn pick_toy(&mut self, fits: impl Fn(&Toy) -> bool) -> usize {
        // The first toy is the favourite, so that it comes up again and again.
        let weight = |index: usize, toy: &Toy| if !fits(toy) { 0 } else { 4 - index.min(3) as u32 };
        let options: Vec<_> =
            self.toys.iter().enumerate().map(|(index, toy)| (toy.colour, weight(index, toy))).collect();
        let index = self.pick(&options);
        self.say(self.toys[index].word);
        index
    }

    /// Says `a red ball` without the article for a toy new in the story, and gives it to a character.
    pub fn new_toy(&mut self, owner: usize) {
        let fresh = |word: Word, weight: u32, used: &dyn Fn(&Toy) -> Word| {
            let taken = self.toys.iter().any(|toy| used(toy) == word);
            (word, if taken { 0 } else { weight })
        };
        let colours: Vec<_> = COLOURS.iter().map(|&(word, weight)| fresh(word, weight, &|toy| toy.colour)).collect();
        let words: Vec<_> = TOYS.iter().map(|&(word, weight)| fresh(word, weight, &|toy| toy.word)).collect();
        let colour = self.pick_word(&colours);
        let word = self.pick_word(&words);
        self.toys.push(Toy { word, colour, whereabouts: Whereabouts::With(owner) });
    }

    /// Whether both characters are at the same place.
    pub fn together(&self) -> bool {
        self.cast[0].place == self.cast[1].place
    }

    /// Says `beside the fountain`, a spot of a place.
    pub fn say_spot(&mut self, place: usize, spot: usize) {
        let (preposition, _, noun) = PLACES[place].spots[spot];
        self.say(preposition);
        self.say("the");
        self.say(noun);
    }

    /// Says one of the spots of a place, and returns its index.
    pub fn pick_spot(&mut self, place: usize) -> usize {
        let spots: Vec<_> = PLACES[place].spots.iter().map(|&(preposition, weight, _)| (preposition, weight)).collect();
        let spot = self.pick(&spots);
        self.say("the");
        self.pick_thing(&[(PLACES[place].spots[spot].2, 1)]);
        spot
    }

    /// Says one of the things, in two of three cases after an adjective, and returns it.
    pub fn pick_thing(&mut self, things: &[(Word, u32)]) -> Word {
        // All adjectives together get twice the shares of all things: each table is scaled by the other's sum.
        let sum = |table: &[(Word, u32)]| table.iter().map(|entry| entry.1).sum::<u32>();
        let (traits, own) = (sum(TRAITS), sum(things));
        let mut options: Vec<_> = things.iter().map(|&(word, weight)| (word, weight * traits)).collect();
        options.extend(TRAITS.iter().map(|&(word, weight)| (word, 2 * weight * own)));
        let choice = self.pick(&options);
        if choice < things.len() { things[choice].0 } else { self.pick_word(things) }
    }

    /// Says `in the garden`, a place by index.
    pub fn say_place(&mut self, place: usize) {
        self.say(PLACES[place].preposition);
        self.say("the");
        self.say(PLACES[place].name);
    }

    /// Says one of the places, as in `in the garden`, and returns its index.
    pub fn pick_place(&mut self, weight: impl Fn(usize) -> u32) -> usize {
        // First `in` or `at`, then a place that goes with it.
        let mut prepositions: Vec<(Word, u32)> = Vec::new();
        for (index, place) in PLACES.iter().enumerate() {
            match prepositions.iter_mut().find(|entry| entry.0 == place.preposition) {
                Some(entry) => entry.1 += weight(index),
                None => prepositions.push((place.preposition, weight(index))),
            }
        }
        let preposition = self.pick_word(&prepositions);
        self.say("the");
        let fits = |index: usize| if PLACES[index].preposition == preposition { weight(index) } else { 0 };
        let options: Vec<_> = (0..PLACES.len()).map(|index| (PLACES[index].name, fits(index))).collect();
        self.pick(&options)
    }

    /// Says a place to go to from `here`, mostly one next to it or that of a friend.
    pub fn destination(&mut self, here: usize, friend: Option<usize>) -> usize {
        let weight = |there: usize| match PLACES[there].weight {
            _ if there == here => 0,
            weight if friend == Some(there) => weight + 40,
            weight if PLACES[here].near.contains(&PLACES[there].name) => weight + 10,
            weight => weight,
        };
        let options: Vec<_> = (0..PLACES.len()).map(|there| (PLACES[there].name, weight(there))).collect();
        self.pick(&options)
    }

    /// Says an animal, mostly one of the place, and returns its index.
    pub fn pick_animal(&mut self, place: usize) -> usize {
        let bonus = |name: Word| if PLACES[place].animals.contains(&name) { 20 } else { 0 };
        let options: Vec<_> = ANIMALS.iter().map(|&(name, weight, _)| (name, weight + bonus(name))).collect();
        self.pick(&options)
    }

    /// Says `six apples`: the count of one of the kinds that the character has.
    pub fn say_count(&mut self, who: usize, kinds: &[usize]) {
        // Kinds with the same count share the number; which of them is meant shows in the noun.
        let count_of = |kind: &usize| self.cast[who].count(*kind);
        let options: Vec<_> = NUMBERS
            .iter()
            .enumerate()
            .map(|(count, &number)| (number, kinds.iter().filter(|kind| count_of(kind) == count).count() as u32))
            .collect();
        let counts: Vec<usize> = kinds.iter().map(count_of).collect();
        let count = self.pick(&options);
        let meant = |kind: usize| kinds.iter().zip(&counts).any(|(&own, &has)| own == kind && has == count);
        self.pick_good(count, |kind| u32::from(meant(kind)));
    }
}
