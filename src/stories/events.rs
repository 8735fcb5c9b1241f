//! Events of a story: the next sentence's subject, joint actions, and incidents.

use super::chooser::Chooser;
use super::facts;
use super::songs;
use super::state::Whereabouts;
use super::story::Story;
use super::words::{GOODS, JOINT_ACTS, LOOKS, WEATHER, Word};

/// Weight of ending the story after 0, 1, … events; the words that go on weigh about 100 together.
const WISH_TO_END: [u32; 12] = [0, 0, 0, 0, 10, 30, 60, 100, 200, 400, 800, 1600];

/// Last word index at which an event begins, so that a story fits into 256 tokens.
const LAST_EVENT: usize = 178;
/// Last word index at which a song begins.
const LAST_SONG: usize = 165;
/// Last word index at which a question is asked.
pub const LAST_QUESTION: usize = 220;

/// Weight of a song after 0, 1, … of them.
const WISH_TO_SING: [u32; 3] = [150, 100, 0];

/// Words that begin a sentence before its subject.
const OPENERS: [Word; 2] = ["then", "later"];

/// Subject of a sentence: characters by index.
#[derive(Clone, Copy)]
enum Subject {
    One(usize),
    Both,
}

impl<C: Chooser> Story<'_, C> {
    /// Events until the story ends; the first word of the ending, `at`, is then said.
    pub fn events(&mut self) {
        for wish_to_end in WISH_TO_END {
            if self.said > LAST_EVENT {
                break;
            }
            let mut options = self.subjects();
            let changed = if self.changed.is_empty() { 0 } else { 24 };
            let robbery = if self.most_of_all() > 0 { 5 } else { 0 };
            let habit = if [0, 1].iter().any(|&who| self.untold(who)) { 120 } else { 0 };
            let song = if self.said > LAST_SONG { 0 } else { WISH_TO_SING[self.songs] };
            options.extend([("then", 14), ("later", 5), ("suddenly", robbery), ("now", changed), ("at", wish_to_end)]);
            options.extend([("as", habit), ("soon", song)]);
            match self.pick_word(&options) {
                "at" => return,
                "suddenly" => self.robbery(),
                "now" => self.balance(),
                "as" => self.habit(),
                "soon" => self.song(),
                first => self.act(first),
            }
        }
        self.say("at");
    }

    /// Words that can be the subject of the next sentence, with their weights.
    fn subjects(&self) -> Vec<(Word, u32)> {
        let pronoun = self.topic.map(|who| (self.cast[who].pronoun.subject, 30));
        let both = if self.together() { 15 } else { 0 };
        let mut subjects = vec![(self.cast[0].name, 25), (self.cast[1].name, 20), ("they", both)];
        subjects.extend(pronoun);
        subjects
    }

    /// A sentence about an action of the subject `first`, which has been said.
    fn act(&mut self, first: Word) {
        let word = if OPENERS.contains(&first) { self.pick_word(&self.subjects()) } else { first };
        let subject = match self.cast.iter().position(|character| character.name == word) {
            Some(who) => Subject::One(who),
            None if word == "they" => Subject::Both,
            None => Subject::One(self.topic.expect("a pronoun is on distribution only with a topic")),
        };
        self.changed.clear();
        match subject {
            Subject::One(who) => {
                self.topic = Some(who);
                self.one_acts(who);
            }
            Subject::Both => {
                self.topic = None;
                self.both_act();
                self.say(".");
            }
        }
    }

    /// An action of both characters together.
    fn both_act(&mut self) {
        let place = self.cast[0].place;
        let toy = self.toys.iter().any(|toy| matches!(toy.whereabouts, Whereabouts::With(_)));
        match self.pick_word(JOINT_ACTS) {
            "went" => {
                self.say("to the");
                let there = self.destination(place, None);
                self.cast.iter_mut().for_each(|character| character.place = there);
            }
            "played" => match self.pick_word(&[("in", 4), ("with", if toy { 8 } else { 0 })]) {
                "in" => {
                    self.say("the");
                    self.say(WEATHER[self.weather].2);
                }
                _ => {
                    self.say("the");
                    self.pick_toy(|toy| matches!(toy.whereabouts, Whereabouts::With(_)));
                }
            },
            "saw" => self.sees(place),
            "talked" => {
                self.say("about the");
                self.pick_toy(|_| true);
            }
            _ => {
                self.pick(&[("together", 3), ("again", 1)]);
            }
        }
    }

    /// `suddenly a hungry bird took two apples from tom .`
    fn robbery(&mut self) {
        self.say("a");
        self.pick(LOOKS);
        self.pick_animal(self.cast[0].place);
        self.say("took");
        let count = self.pick_number(&[6, 4, 2], self.most_of_all());
        let has = |story: &Self, who: usize, kind: usize| story.cast[who].count(kind) >= count;
        let weights: Vec<u32> = (0..GOODS.len())
            .map(|kind| if has(self, 0, kind) || has(self, 1, kind) { GOODS[kind].weight } else { 0 })
            .collect();
        let kind = self.pick_good(count, |kind| weights[kind]);
        self.say("from");
        let victims = [0, 1].map(|who| (self.cast[who].name, u32::from(has(self, who, kind))));
        let who = self.pick(&victims);
        self.say(".");
        self.cast[who].change(kind, -(count as isize));
        self.changed = vec![(who, kind)];
        self.topic = None;
    }

    /// `now mia had six apples .`
    fn balance(&mut self) {
        let changed = std::mem::take(&mut self.changed);
        let weight = |who: usize| changed.iter().filter(|change| change.0 == who).count() as u32;
        let options = [(self.cast[0].name, weight(0)), (self.cast[1].name, weight(1))];
        let who = self.pick(&options);
        self.say("had");
        let kinds: Vec<usize> = changed.iter().filter(|change| change.0 == who).map(|change| change.1).collect();
        self.say_count(who, &kinds);
        self.say(".");
        self.topic = Some(who);
    }

    /// `as always in the garden , mia wore a striped shawl and juggled the lazy turnip for a jolly pilot .`
    fn habit(&mut self) {
        self.say("always");
        let open: Vec<usize> = (0..2).filter(|&who| self.untold(who)).collect();
        let places = [0, 1].map(|who| self.cast[who].place);
        let place = self.pick_place(|place| open.iter().filter(|&&who| places[who] == place).count() as u32);
        let options = [0, 1].map(|who| (self.cast[who].name, u32::from(open.contains(&who) && places[who] == place)));
        self.say(",");
        let who = self.pick(&options);
        let habit = facts::habit(self.cast[who].person, place);
        self.say("wore a");
        self.recall(habit.look);
        self.recall(habit.clothes);
        self.say("and");
        self.recall(habit.deed);
        self.say("the");
        self.recall(habit.nature);
        self.recall(habit.object);
        self.say("for a");
        self.recall(habit.mood);
        self.recall(habit.witness);
        self.say(".");
        self.habits.push((who, facts::habit_at(place)));
        self.changed.clear();
        self.topic = Some(who);
    }

    /// Whether the character's habit at its place has not been told yet.
    fn untold(&self, who: usize) -> bool {
        !self.habits.contains(&(who, facts::habit_at(self.cast[who].place)))
    }

    /// `soon mia sang the first verse of the silver mill : the lazy goat danced round the well , ... .`
    fn song(&mut self) {
        self.pick(&[0, 1].map(|who| (self.cast[who].name, 1)));
        self.say("sang the");
        let verse = self.pick(&[("first", 3), ("second", 2)]);
        self.say("verse of the");
        let title = self.pick(&songs::TITLES.map(|title| (title, 1)));
        let thing = self.pick(&songs::title_things(title).map(|thing| (thing, 1)));
        self.say(":");
        for word in songs::verse(title, thing, verse) {
            self.recall(word);
        }
        self.say(".");
        self.songs += 1;
        self.changed.clear();
        self.topic = None;
    }

    /// Largest count of one kind that any character has.
    fn most_of_all(&self) -> usize {
        self.cast.iter().map(|character| character.most(|_| true)).max().unwrap_or(0)
    }
}
