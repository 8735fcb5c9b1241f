//! The end of a story: questions about what was mentioned early.

use super::chooser::Chooser;
use super::events::LAST_QUESTION;
use super::facts;
use super::state::Whereabouts;
use super::story::Story;
use super::words::{GOODS, NUMBERS, Word};

/// Weight of ending the story after 0, 1, … questions; the question words weigh 20 together.
const WISH_TO_STOP: [u32; 4] = [0, 8, 16, 40];

impl<C: Chooser> Story<'_, C> {
    /// The ending from `at dusk` on; `at` has been said.
    pub fn ending(&mut self) {
        let [look, home, _] = self.home;
        self.say("dusk they went back to the");
        self.say(look);
        self.say(home);
        self.say("and");
        self.pick(&[("ate", 4), ("cooked", 3), ("shared", 2)]);
        self.pick(&[0, 1].map(|who| (self.cast[who].food, 1)));
        self.say(".");
        self.promise_kept();
        self.questions();
        self.say("end .");
    }

    /// `mia kept her promise and helped tom climb the tree .`
    fn promise_kept(&mut self) {
        let Some(promise) = self.promise.take() else { return };
        let (by, other) = (&self.cast[promise.by], &self.cast[1 - promise.by]);
        let (name, possessive, other) = (by.name, by.pronoun.possessive, other.name);
        self.say(name);
        self.say("kept");
        self.say(possessive);
        self.say("promise and helped");
        self.say(other);
        self.say(promise.verb);
        self.say("the");
        self.say(promise.object);
        self.say(".");
    }

    /// Questions with their answers; ends with the first word of `the end .`
    fn questions(&mut self) {
        for wish_to_stop in WISH_TO_STOP {
            if self.said > LAST_QUESTION {
                break;
            }
            let options = [("how", 6), ("where", 5), ("what", 6), ("who", 3), ("the", wish_to_stop)];
            match self.pick_word(&options) {
                "how" => self.how_many(),
                "where" => self.whereabouts(),
                "what" => self.what(),
                "who" => self.who(),
                _ => return,
            }
        }
        self.say("the");
    }

    /// `how many apples did mia have ? six .`
    fn how_many(&mut self) {
        self.say("many");
        let had = |story: &Self, who: usize, kind: usize| story.cast[who].kinds().any(|own| own == kind);
        let owners: Vec<[bool; 2]> = (0..GOODS.len()).map(|kind| [0, 1].map(|who| had(self, who, kind))).collect();
        let options: Vec<_> =
            GOODS.iter().zip(&owners).map(|(good, owners)| (good.many, owners.map(u32::from).iter().sum())).collect();
        let kind = self.pick(&options);
        self.say("did");
        let who = self.pick(&[0, 1].map(|who| (self.cast[who].name, u32::from(owners[kind][who]))));
        self.say("have ?");
        self.say(match self.cast[who].count(kind) {
            0 => "none",
            count => NUMBERS[count],
        });
        self.say(".");
    }

    /// `where was the red ball ? under the bench in the garden .`, `where did they live ? near the sea .`
    fn whereabouts(&mut self) {
        if self.pick(&[("was", 4), ("did", 1)]) == 1 {
            self.say("they live ? near the");
            self.say(self.home[2]);
            self.say(".");
            return;
        }
        self.say("the");
        let toy = self.pick_toy(|_| true);
        self.say("?");
        match self.toys[toy].whereabouts {
            Whereabouts::With(who) => {
                self.say(self.cast[who].name);
                self.say("had it");
            }
            Whereabouts::Hidden { place, spot } => {
                self.say_spot(place, spot);
                self.say_place(place);
            }
        }
        self.say(".");
    }

    /// `what colour was the ball ? red .`, `what did tom like ? rice .`,
    /// `what did tom always wear at the beach ? a plain wig .`
    fn what(&mut self) {
        match self.pick_word(&[("colour", 3), ("did", 5)]) {
            "colour" => {
                self.say("was the");
                let toys: Vec<_> = self.toys.iter().map(|toy| (toy.word, 1)).collect();
                let toy = self.pick(&toys);
                self.say("?");
                self.say(self.toys[toy].colour);
            }
            _ => {
                let who = self.pick(&[0, 1].map(|who| (self.cast[who].name, 1)));
                match self.pick_word(&[("like", 2), ("always", 3)]) {
                    "like" => {
                        self.say("?");
                        self.say(self.cast[who].food);
                    }
                    _ => {
                        self.say("wear");
                        let place = self.pick_place(|_| 1);
                        let habit = facts::habit(self.cast[who].person, place);
                        self.say("? a");
                        self.recall(habit.look);
                        self.recall(habit.clothes);
                    }
                }
            }
        }
        self.say(".");
    }

    /// `who liked rice ? tom .`, `who had the red ball ? nobody .`
    fn who(&mut self) {
        let answer: Word = match self.pick_word(&[("liked", 1), ("had", 2)]) {
            "liked" => {
                let who = self.pick(&[0, 1].map(|who| (self.cast[who].food, 1)));
                self.cast[who].name
            }
            _ => {
                self.say("the");
                let toy = self.pick_toy(|_| true);
                match self.toys[toy].whereabouts {
                    Whereabouts::With(who) => self.cast[who].name,
                    Whereabouts::Hidden { .. } => "nobody",
                }
            }
        };
        self.say("?");
        self.say(answer);
        self.say(".");
    }
}
