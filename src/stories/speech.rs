//! Speech and feelings of a character.

use super::chooser::Chooser;
use super::places::PLACES;
use super::story::Story;
use super::words::{MOODS, WEATHER};

impl<C: Chooser> Story<'_, C> {
    /// `said " i have four apples "`.
    pub fn speaks(&mut self, who: usize) {
        self.say("\"");
        match self.pick_word(&[("i", 8), ("let", 5), ("hello", 3), ("what", 3)]) {
            "i" => match self.pick_word(&[("have", 5), ("like", 5)]) {
                "have" => {
                    let kinds: Vec<usize> = self.cast[who].kinds().collect();
                    self.say_count(who, &kinds);
                }
                _ => match self.pick_word(&[("the", 5), (self.cast[who].food, 4)]) {
                    "the" => {
                        self.pick_toy(|_| true);
                    }
                    _ => self.say("very much"),
                },
            },
            "let" => {
                self.say("us go to the");
                let there = self.destination(self.cast[who].place, None);
                self.cast.iter_mut().for_each(|character| character.place = there);
                self.say("\" and they went to the");
                self.say(PLACES[there].name);
                return;
            }
            "hello" => self.say(self.cast[1 - who].name),
            _ => {
                self.say("a");
                self.say(WEATHER[self.weather].0);
                self.say("day");
            }
        }
        self.say("\"");
    }

    /// `felt sad because nobody wanted to play`.
    pub fn feels(&mut self, who: usize) {
        let moods: Vec<_> = MOODS.iter().map(|&(mood, weight, _)| (mood, weight)).collect();
        let mood = self.pick(&moods);
        self.say("because");
        let first = |phrase: &'static str| phrase.split(' ').next().unwrap_or(phrase);
        let mut options: Vec<_> = MOODS[mood].2.iter().map(|&(phrase, weight)| (first(phrase), weight)).collect();
        // `it` is also a pet's pronoun, which would give a text two derivations.
        let own = self.cast[who].pronoun.subject;
        let rich = ["happy", "proud"].contains(&moods[mood].0) && own != "it" && self.cast[who].most(|_| true) > 0;
        options.push((own, if rich { 4 } else { 0 }));
        match MOODS[mood].2.get(self.pick(&options)) {
            Some(&(phrase, _)) => {
                if let Some((_, rest)) = phrase.split_once(' ') {
                    self.say(rest);
                }
            }
            None => {
                self.say("had");
                let kinds: Vec<usize> = self.cast[who].kinds().filter(|&kind| self.cast[who].count(kind) > 0).collect();
                self.say_count(who, &kinds);
            }
        }
    }
}
